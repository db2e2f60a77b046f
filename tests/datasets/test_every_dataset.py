"""What every data set must satisfy, for each file in `bnnbench/datasets`."""

import inspect
import os
from pathlib import Path
from typing import Literal, get_args, get_origin

import numpy as np
import pandas as pd
import pytest

from bnnbench import datasets
from bnnbench.base import settings
from bnnbench.datasets import DataSet

SEEDS = [3, 5]


def example(family: str, folder: Path | None = None) -> dict:
    """Options with which a family makes a small data set: what must be given, by its type, and small counts.

    Of a family that reads a user's file, one that is written into the folder.
    """
    known = settings.parameters(datasets._module(family).generate, leaving_out=datasets.GIVEN)
    if "file" in known:
        rng = np.random.default_rng(0)
        table = pd.DataFrame({"a": rng.normal(size=60), "b": rng.integers(9, size=60), "y": rng.normal(size=60)})
        table.mask(table == 3).to_csv(folder / "rows.csv", index=False)
        return {"file": str(folder / "rows.csv"), "target": "y"}
    must = {key: kind for key, (kind, default) in known.items() if default is ...}
    options = {key: get_args(kind)[0] if get_origin(kind) is Literal else 0.4 for key, kind in must.items()}
    options = {key: 2 if datasets.option_faults(family, key, value) else value for key, value in options.items()}
    return options | {key: n for key, n in {"n_train": 60, "n_validation": 40, "n_test": 200}.items() if key in known}


@pytest.fixture(scope="module", params=datasets.FAMILIES)
def made(request, tmp_path_factory) -> tuple[str, dict, DataSet]:
    family = request.param
    needs_files = "data_dir" in inspect.signature(datasets._module(family).generate).parameters
    if needs_files and not os.environ.get("BNNBENCH_DATA"):
        pytest.skip("BNNBENCH_DATA names no data folder")
    options = example(family, tmp_path_factory.mktemp("files"))
    try:
        return family, options, datasets.make(family, options, SEEDS)
    except datasets.DataError as error:
        if "name this one by the option sha256" not in str(error):
            raise
        options |= {"sha256": str(error).rpartition(" ")[2]}  # the folder holds another edition, which the error names
        return family, options, datasets.make(family, options, SEEDS)


def test_it_is_what_its_options_say(made):
    family, options, data = made
    assert datasets.faults(family, options) == []
    assert data.name == datasets.dataset_name(family, options)
    assert data.seeds.tolist() == SEEDS
    assert data.task == datasets.task(family, options)
    shape = datasets.shape(family, options)
    if shape is not None:
        found = data.x_pool.shape[1:], data.n_classes, data.train_index.shape[1], data.validation_index.shape[1]
        assert shape == (*found, data.n_test)


def test_each_seed_splits_its_own_way_and_the_same_each_time(made):
    family, options, data = made
    x, y, x_validation, _ = data.split(SEEDS[0])
    assert len(x) == len(y) and len(x_validation)
    assert not np.array_equal(x, data.split(SEEDS[1])[0])
    again = datasets.make(family, options, SEEDS[:1])
    np.testing.assert_array_equal(again.split(SEEDS[0])[0], x)
    np.testing.assert_array_equal(again.test(SEEDS[0])[0], data.test(SEEDS[0])[0])


def test_its_file_holds_all_of_it(made, tmp_path):
    _, _, data = made
    optional = [] if data.test_index is None else ["test_index"]
    data.to_netcdf(tmp_path / f"{data.name}.nc")
    read = DataSet.from_netcdf(tmp_path / f"{data.name}.nc")
    for array in ("x_pool", "y_pool", "train_index", "validation_index", "seeds", "x_test", "y_test", *optional):
        np.testing.assert_array_equal(getattr(read, array), getattr(data, array))
        assert getattr(read, array).dtype == getattr(data, array).dtype
    assert (read.name, read.n_classes, read.x_divisor) == (data.name, data.n_classes, data.x_divisor)
    assert (read.task, read.standardise) == (data.task, data.standardise)


def test_the_exact_posterior_where_it_is_known_is_one_and_calibrated(made):
    family, options, data = made
    x, y = data.test(SEEDS[0])
    proba = datasets.bayes_proba(family, options, x)
    if proba is None:
        return
    assert proba.shape == (len(x), data.n_classes)
    np.testing.assert_allclose(proba.sum(1), 1)
    # The labels follow it: their mean deviation from it is within four standard errors.
    hits = np.eye(data.n_classes)[y] - proba
    error = np.sqrt((proba * (1 - proba)).mean(0) / len(x))
    assert (abs(hits.mean(0)) < 4 * error + 1e-12).all()
