"""clean.py CONFIG: remove what the workflow wrote for a config, and nothing else that lies in its results folder."""

import shutil
import sys

from bnnbench import grid
from bnnbench.config import ConfigError

WRITTEN = ["data", "shards", "metrics", "probes", "notebooks", "report", "logs", "metrics.parquet", "cells.parquet",
           "probes.parquet", "tuned.parquet", "references.parquet", "claims.parquet", "checked",
           "config.resolved.yaml"]  # fmt: skip

try:
    results = grid.load(sys.argv[1], thorough=False).results
except ConfigError as error:
    sys.exit(str(error))
if not (results / "config.resolved.yaml").is_file():
    print(f"Nothing to clean: {results} holds no results.")
    sys.exit()
for path in (results / name for name in WRITTEN):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
if not any(results.iterdir()):
    results.rmdir()
print(f"Removed the results in {results}.")
