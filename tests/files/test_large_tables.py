"""Tables of many cells: written in parts, read with words as categories, in little more memory than of few."""

import numpy as np
import pandas as pd
import pytest
from peak import peak

from bnnbench.files import tables

ROWS = pd.DataFrame(
    {"id": ["b/1", "b/1", "a/2"], "metric": ["nll", "ece", "nll"], "seed": [0, 0, 1], "value": [0.1, np.nan, 0.3]}
)


def test_parts_make_the_table_that_the_whole_makes(tmp_path, monkeypatch):
    whole = pd.concat([ROWS] * 5, ignore_index=True)
    tables.write_table(whole, tmp_path / "whole.parquet", config="c")
    for at_once in (1, 4, 100):
        monkeypatch.setattr(tables, "ROWS_AT_ONCE", at_once)
        tables.write_parts(iter([ROWS] * 5), tmp_path / "parts.parquet", config="c")
        pd.testing.assert_frame_equal(tables.read_table(tmp_path / "parts.parquet"), whole)
        assert tables.about(tmp_path / "parts.parquet") == tables.about(tmp_path / "whole.parquet")


def test_a_part_of_other_columns_leaves_no_file(tmp_path):
    parts = [pd.concat([ROWS] * 20_000), ROWS.rename(columns={"seed": "sd"})]
    with pytest.raises(Exception, match=r"sd|seed"):
        tables.write_parts(parts, tmp_path / "table.parquet")
    assert not list(tmp_path.iterdir())


def test_categories_sort_as_words_and_are_words_again_when_written(tmp_path):
    tables.write_table(ROWS, tmp_path / "table.parquet")
    compact = tables.read_table(tmp_path / "table.parquet", compact=True)
    assert compact.dtypes.map(str).to_dict() == {
        "id": "category", "metric": "category", "seed": "int64", "value": "float64"
    }  # fmt: skip
    assert list(compact.sort_values("metric", kind="stable").metric) == ["ece", "nll", "nll"]
    assert list(compact.groupby("id").value.count().index) == ["a/2", "b/1"]
    tables.write_table(compact, tmp_path / "again.parquet")
    pd.testing.assert_frame_equal(tables.read_table(tmp_path / "again.parquet"), ROWS)


PEAK = """
import sys
import pandas as pd
from bnnbench.evaluation import evaluate
from bnnbench.files import tables

cells, path = int(sys.argv[1]), sys.argv[2]
place = ["toy", "moons-0.4", "mlp-5-5", "", "normal", "half_cauchy", float("nan"), "mean_field", ""]
rows = [[f"toy/moons-0.4/mlp-5-5/normal-half_cauchy/mean_field/seed-{i}", *place, i, split, f"metric_{k}", 0.5]
        for i in range(100) for split in ("validation", "test") for k in range(40)]
columns = ["id", *evaluate.COORDINATES, "split", "metric", "value"]
shard = pd.DataFrame(rows, columns=columns)
parts = (shard.assign(id=shard.id + f"-{k}", recipe=f"recipe-{k}") for k in range(cells // 100))
tables.write_parts(parts, path)
tables.read_table(path, compact=True)
"""


@pytest.mark.slow
def test_ten_times_as_many_cells_take_little_more_memory(tmp_path):
    few, many = (peak(PEAK, cells, tmp_path / "table.parquet") for cells in (1_000, 10_000))
    assert many < 1.3 * few
