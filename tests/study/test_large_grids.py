"""What planning a large grid costs: calls are counted, since times are not to be relied on."""

import sys
from collections import Counter
from functools import cache

from small_run import NOTHING_ELSE

from bnnbench.study import grid, planning
from bnnbench.study.batches import batches

SLACK = 1.3
"""Of calls in proportion to cells, for what is rounded, such as the last batch."""


def calls(n_seeds: int) -> tuple[int, Counter]:
    """Cells of a plan, and the calls of the package's functions that making, digesting and summing it up takes."""
    found, package = Counter(), grid.__file__.rsplit("study", 1)[0]

    def count(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(package):
            found[f"{code.co_filename.removeprefix(package)}:{code.co_qualname}"] += 1

    inference = NOTHING_ELSE | {"map": {}, "mean_field": {"recipes": None}, "hmc": {"only": {"model": ["normal-1"]}}}
    config = {"studies": ["toy"], "seeds": list(range(n_seeds)), "overrides": {"toy": {"inference": inference}}}
    sys.setprofile(count)
    try:
        plan = grid.load(config, thorough=False)
        planning.summary(plan)
        batches(plan)
        for shard in plan.shards.values():
            assert shard.digest and plan.reference_shards(shard) is not None
    finally:
        sys.setprofile(None)
    return len(plan.cells), found


@cache
def grown() -> tuple[float, Counter, Counter]:
    """By what the cells grow from one grid to another, and the calls that both take."""
    calls(10)  # what is read and kept once
    (few, before), (many, after) = calls(10), calls(40)
    return many / few, before, after


def test_planning_costs_no_more_than_in_proportion_to_the_cells():
    factor, before, after = grown()
    assert 3.5 < factor < 4.5
    assert not {name: (before[name], n) for name, n in after.items() if n > SLACK * factor * max(before[name], 10)}


def test_what_cells_of_all_seeds_share_is_made_once_for_them():
    """Ids, keys and sources are put together of what the seeds share: the most of what planning costs."""
    _, few, many = grown()
    for name in ("_Kind.key", "_Kind.place", "_Kind.entry", "_Kind.likelihood_word", "_source"):
        name = f"study/cells.py:{name}"
        assert few[name] == many[name] > 0, name
