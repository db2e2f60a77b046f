"""Claims of the source documents, each a sentence with a function that turns results into a verdict.

One file a study, named like it, with its claims in `CLAIMS`. A claim is *reproduced* where the 95% interval of its
effect over paired seeds lies beyond a margin fixed beforehand, *not reproduced* where it lies short of it, and
*undecided* otherwise. With fewer than 10 seeds the interval is Student's t, and the verdict is provisional.
"""

import importlib
import importlib.util

from bnnbench.claims._base import (
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    Claim,
    Measured,
    Statistic,
    Verdict,
    frame,
    judge,
    overall,
    verdicts,
)
from bnnbench.evaluation.results import load_results
from bnnbench.files.tables import about, write_table
from bnnbench.study.grid import Plan

__all__ = [
    "NOT_REPRODUCED",
    "REPRODUCED",
    "UNDECIDED",
    "Claim",
    "Measured",
    "Statistic",
    "Verdict",
    "judge",
    "of_study",
    "overall",
    "verdicts",
    "write",
]


def of_study(study: str) -> tuple[Claim, ...]:
    """The claims that a study tests; none where it has no file here."""
    name = f"{__name__}.{study.replace('-', '_')}"
    return importlib.import_module(name).CLAIMS if importlib.util.find_spec(name) else ()


def write(plan: Plan) -> None:
    """Test the claims of every study of a run and write claims.parquet, one row a statistic.

    Raises FileNotFoundError where the run has not been gathered yet.
    """
    results = load_results(plan.results)
    found = [v for study in plan.studies for claim in of_study(study) for v in verdicts(claim, results, study)]
    config = about(plan.results / "cells.parquet")["config"]
    write_table(frame(found), plan.results / "claims.parquet", config=config)
