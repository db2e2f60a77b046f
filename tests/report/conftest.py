"""The report of the small run, and copies of the run that a test may spoil."""

from pathlib import Path

import pytest
from fake_reference import copy_of

from bnnbench.report import render
from bnnbench.study.grid import Plan


@pytest.fixture
def copied(small_plan, tmp_path) -> Plan:
    """The plan of a copy of the toy run, to be changed."""
    return copy_of(small_plan, tmp_path / "results")


@pytest.fixture(scope="session")
def rendered(small_plan, tmp_path_factory) -> Path:
    """The report of the toy run, a notebook's page among it."""
    plan = copy_of(small_plan, tmp_path_factory.mktemp("report") / "results")
    (plan.results / "notebooks").mkdir()
    remote = '<script src="https://cdnjs.cloudflare.com/require.min.js"></script>'
    page = f"<html><head>{remote}</head><body>plots</body></html>"
    (plan.results / "notebooks" / "toy.html").write_text(page, encoding="utf-8")
    return render(plan)
