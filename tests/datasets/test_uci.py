"""The UCI tables: their splits, which are published, and gaps in a feature."""

import os

import numpy as np
import pytest

from bnnbench import datasets
from bnnbench.datasets import DataError, _files, uci
from bnnbench.study import grid

REAL = pytest.mark.skipif(not os.environ.get(_files.ENVIRONMENT), reason=f"{_files.ENVIRONMENT} names no data folder")


def test_a_gap_is_the_middle_third_of_a_feature():
    feature = np.array([3.0, 1.0, 2.0, 2.0, 5.0, 4.0, 0.0])
    assert uci.gap_rows(feature).tolist() == [0, 2, 3]  # of 0 1 | 2 2 3 | 4 5


@REAL
@pytest.mark.parametrize("splits", ["customary", "gap"])
@pytest.mark.parametrize("table", uci.TABLES)
def test_the_published_files_have_the_sizes_that_planning_counts_on(table, splits):
    data = datasets.make("uci", {"table": table, "splits": splits}, range(20))
    assert len(data.seeds) == min(20, uci.n_seeds(table, splits))
    shape = uci.shape(table, splits)
    assert shape[0] == data.x_pool.shape[1:]
    assert shape[2:] == (data.train_index.shape[1], data.validation_index.shape[1], data.n_test)
    scaling = data.scaling(0)
    inputs = scaling.x(data.split(0)[0])
    assert np.isfinite(inputs).all() and abs(inputs).max() < 100  # columns that do not vary are not blown up
    assert abs(scaling.y(data.split(0)[1]).std() - 1) < 1e-3


@REAL
def test_nothing_is_trained_within_the_gap_of_a_split():
    data = datasets.make("uci", {"table": "boston", "splits": "gap"}, [5])
    train, test = data.split(5)[0][:, 5], data.test(5)[0][:, 5]
    assert not ((train > test.min()) & (train < test.max())).any()


def test_splits_that_were_not_published_are_no_cells():
    only_map = dict.fromkeys(("mean_field", "mc_dropout", "ensemble", "laplace_approximation", "sghmc", "hmc"))
    tables = {"uci": {"table": ["boston", "protein"]}}
    study = {"datasets": tables, "inference": only_map | {"map": {"only": None}}}
    plan = grid.load({"studies": ["uci"], "seeds": list(range(7)), "overrides": {"uci": study}})
    seeds = {name: sorted({c.seed for c in plan.cells if c.dataset.name == name}) for name in ("boston", "protein")}
    assert seeds == {"boston": list(range(7)), "protein": list(range(5))}
    with pytest.raises(ValueError, match="'protein': there is no split 5; seeds are 0 to 4"):
        uci.generate("protein", seeds=[5])


def test_other_files_than_the_published_are_refused(tmp_path):
    folder = tmp_path / "uci" / "yacht"
    folder.mkdir(parents=True)
    names = ["data", "index_features", "index_target", *(f"index_test_{i}" for i in range(20))]
    for name in names:
        (folder / f"{name}.txt").write_text("0 1 2 3 4 5 6\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"data.txt is not the published file"):
        uci.generate("yacht", data_dir=tmp_path)
    (folder / "data.txt").unlink()
    with pytest.raises(DataError, match=r"lacks .*data.txt; place the published files there"):
        uci.generate("yacht", data_dir=tmp_path)
