"""clean.py CONFIG: remove what runs wrote for a config, and nothing else that lies in its results folder."""

import sys
from pathlib import Path

from bnnbench.base import lifetime
from bnnbench.report import leftovers
from bnnbench.study import grid
from bnnbench.study.config import ConfigError

try:
    plan = grid.load(sys.argv[1], thorough=False)
    with lifetime.claimed(Path(".snakemake"), f"process clean, make clean CONFIG={sys.argv[1]}", patience=5):
        removed, left = leftovers.remove(plan)
except (ConfigError, lifetime.Busy) as error:
    sys.exit(str(error))
print(f"Removed {removed} files of the results in {plan.results}." if removed else f"{plan.results} holds no results.")
if left:
    shown = ", ".join(map(str, left[:10])) + (f" and {len(left) - 10} more" if len(left) > 10 else "")
    print(f"Left, since no run of this config is known to have written it: {shown}")
