"""A user's own table: odd but common files, what is found in them, how rows are divided, and what is refused."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnnbench import datasets
from bnnbench.datasets import DataError, DataSet, make
from bnnbench.study.cells import DatasetSpec

N = 60


def frame(n: int = N, **columns) -> pd.DataFrame:
    """Two columns of numbers, others that are given, and a target y that is a number."""
    rng = np.random.default_rng(1)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(5, 2, n)} | columns | {"y": rng.normal(size=n)})


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Function of a data frame, or of text or bytes, that writes t.csv into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(content, name="t.csv", **options) -> str:
        if isinstance(content, pd.DataFrame):
            content.to_csv(name, index=False, **options)
        else:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write


def table(file: str, seeds=(0,), target="y", **options) -> DataSet:
    return make("table", {"file": file, "target": target} | options, seeds)


def refused(file: str, **options) -> str:
    """What is said where a file is refused: when planning, and in the same words when data is made."""
    options = {"file": file, "target": "y"} | options
    (fault,) = datasets.file_faults("table", options)
    with pytest.raises(DataError) as error:
        make("table", options, [0])
    assert str(error.value) == fault
    return fault


GERMAN = {"sep": ";", "decimal": ","}


@pytest.mark.parametrize(
    "dialect",
    [{}, GERMAN, {"sep": "\t"}, {"sep": "\t", "decimal": ","}, {"sep": "|"}, {"sep": ";", "encoding": "utf-8-sig"},
     {"lineterminator": "\r\n"}, {"encoding": "utf-16", "sep": "\t"}, {"quoting": 2}, GERMAN | {"quoting": 1}],
    ids=str,
)  # fmt: skip
def test_the_dialect_is_found_from_the_file(written, dialect):
    expected = frame(**{"Größe in m": np.arange(N) / 4, "Text, frei": np.resize(["ä, b", "c;d", 'e "f"\ng'], N)})
    data = table(written(expected, **dialect))
    levels = [f"Text, frei={level}" for level in ("c;d", 'e "f"\ng', "ä, b")]
    assert data.feature_names == ("a", "b", "Größe in m", *levels)
    np.testing.assert_allclose(data.x_pool[:, 2], np.arange(N) / 4)
    np.testing.assert_allclose(data.y_pool, expected.y, rtol=1e-6)


def test_latin_1_must_be_named_and_a_wrong_encoding_is_refused_with_its_place(written):
    file = written(frame(Maße=range(N)), encoding="latin-1")
    assert "0xdf in line 1 is not utf-8" in refused(file) and "encoding: latin-1" in refused(file)
    assert table(file, encoding="latin-1").feature_names[2] == "Maße"
    assert "there is no encoding 'latin-x'" in refused(file, encoding="latin-x")


def test_parquet_is_read_and_a_damaged_file_refused(written, tmp_path):
    file = written(frame(c=np.resize(["u", "v", "w"], N)))
    pd.read_csv(file).astype({"c": "category", "a": "float32"}).to_parquet("t.parquet")
    np.testing.assert_allclose(table("t.parquet").x_pool, table(file).x_pool, rtol=1e-6)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    assert "no Parquet file, or damaged" in refused("bad.parquet")


def test_kinds_of_columns(written, caplog):
    columns = {
        "flag": np.resize([True, False, False], N),
        "pair": np.resize(["yes", "no"], N),
        "code": np.resize([1, 2, 3], N),
        "colour": np.resize(["red", "green", None], N),
        "constant": 3,
        "empty": np.nan,
        "name": [f"n{i}" for i in range(N)],
        "half": np.where(np.arange(N) < 6, np.nan, np.arange(N)),
    }
    with caplog.at_level(logging.INFO):
        data = table(written(frame(**columns)))
    levels = "colour=green", "colour=red", "colour missing"
    assert data.feature_names == ("a", "b", "flag", "pair=yes", "code", *levels, "half", "half missing")
    colours = data.x_pool[:, 5:8]
    assert (colours.sum(1) == 1).all() and set(np.unique(colours)) == {0, 1}
    assert np.isnan(data.x_pool[:6, -2]).all() and data.x_pool[:, -1].sum() == 6
    for said in ("'constant' never varies (3): it is left out", "'empty' is empty: it is left out", "'half' 6",
                 "column 'name' has 60 levels", "regression: the target 'y' has 60 different numbers"):  # fmt: skip
        assert said in caplog.text


def test_missing_inputs_become_the_median_of_the_seeds_own_training_rows(written):
    a = np.where(np.arange(N) % 4 == 0, np.nan, np.arange(N) ** 2.0)
    file = written(frame(n=N).assign(a=a))
    data = table(file, [0, 1])
    scaling = [data.scaling(seed) for seed in (0, 1)]
    for seed, own in zip((0, 1), scaling, strict=True):
        x, y, x_validation, _ = data.split(seed)
        assert own.fill[0] == np.nanmedian(x[:, 0]) and np.isnan(own.fill[1])
        filled = own.filled(x)
        np.testing.assert_allclose(own.x(x), (filled - filled.mean(0)) / filled.std(0), atol=1e-5)
        assert np.isfinite(own.x(x_validation)).all() and np.isfinite(own.x(data.test(seed)[0])).all()
        assert abs(own.y(y).mean()) < 1e-5
    assert scaling[0].fill[0] != scaling[1].fill[0]
    said = refused(file, missing="refuse")
    assert said.startswith("t.csv, row 1: column 'a' has no value, as in 15 rows") and "missing: impute" in said


def test_a_column_that_does_not_vary_in_a_seeds_training_rows_is_nothing_there(written, caplog):
    part = np.repeat(["train", "test"], [N - 12, 12])
    file = written(frame(rare=[0.0] * (N - 1) + [7.0], part=part))
    with caplog.at_level(logging.WARNING):
        data = table(file, split="part")
    x_test = data.scaling(0).x(data.test(0)[0])
    assert (x_test[:, 2] == 0).all() and "'rare' does not vary in the training rows of seed 0" in caplog.text


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (np.resize(["b", "ä", "a c"], N), "classification", ("a c", "b", "ä")),
        (np.resize([True, False], N), "classification", ("False", "True")),
        (np.resize([7, 3, 12], N), "classification", ("3", "7", "12")),
        (np.resize(np.arange(21), N * 2)[:N], "regression", ()),
        (np.array([1, 2] * (N // 2 - 1) + [3, 3]), "regression", ()),  # one value is seen too seldom
        (np.resize([1.5, 2.5], N), "regression", ()),
    ],
    ids=["texts", "booleans", "whole numbers", "many", "seldom", "real"],
)
def test_the_task_by_the_targets_values(written, y, task, classes):
    file = written(frame().assign(y=y))
    options = {"file": file, "target": "y"}
    data = table(file)
    assert datasets.task("table", options) == data.task == task
    assert data.class_names == classes and data.n_classes == max(1, len(classes))
    if classes:
        assert data.y_pool.dtype == np.int64 and [classes[label] for label in data.y_pool] == [str(v) for v in y]
        assert data.scaling(0).y(data.y_pool) is data.y_pool  # labels are no numbers to scale
        assert data.scaling(0).x(data.split(0)[0]).std() == pytest.approx(1, abs=1e-4)
    else:
        assert data.y_pool.dtype == np.float32
    if y.dtype.kind == "U":
        assert "row 1: the target 'y' is 'b', no number" in refused(file, task="regression")
    else:
        assert table(file, task="regression").task == "regression"


def test_parts_are_a_fifth_and_a_tenth_of_the_rest_and_each_classs_share(written):
    y = np.array(["many"] * 47 + ["some"] * 10 + ["few"] * 3)
    data = table(written(frame().assign(y=y)), [0, 1, 2])
    assert (data.train_index.shape[1], data.validation_index.shape[1], data.n_test) == (43, 5, 12)
    names = np.array(data.class_names)
    for train, test in zip(data.train_index, data.test_index, strict=True):
        assert (names[data.y_pool[test]] == "some").sum() == 2
        assert {*names[data.y_pool[train]]} == {"many", "some", "few"}
    assert not np.array_equal(data.test_index[0], data.test_index[1])
    np.testing.assert_array_equal(table("t.csv", [2]).test_index[0], data.test_index[2])
    shape = datasets.shape("table", {"file": "t.csv", "target": "y"})
    assert shape == ((2,), 3, 43, 5, 12)


def test_a_column_says_which_part_a_row_is_in(written):
    part = np.repeat(["train", "Validation", "TEST"], [30, 10, 20])
    data = table(written(frame(part=part)), [0, 1], split="part")
    assert data.feature_names == ("a", "b")
    for seed in (0, 1):
        np.testing.assert_array_equal(np.sort(data.test_index[seed]), np.arange(40, 60))
        np.testing.assert_array_equal(np.sort(data.validation_index[seed]), np.arange(30, 40))
    written(frame(part=np.where(part == "Validation", "train", part)))
    drawn = table("t.csv", [0, 1], split="part")
    assert drawn.validation_index.shape == (2, 4) and (drawn.validation_index < 40).all()
    written(frame(part=np.where(np.arange(N) == 6, "tset", part)))
    assert refused("t.csv", split="part").startswith("t.csv, row 7: column 'part' is 'tset': write train")


def test_a_file_of_its_own_is_tested_on(written):
    written(frame(c=np.resize(["u", "v"], N)))
    written(frame(20, c=["v"] * 20).iloc[:, ::-1], "t2.csv")
    data = table("t.csv", test_file="t2.csv")
    np.testing.assert_array_equal(np.sort(data.test_index[0]), np.arange(60, 80))
    assert len(data.train_index[0]) == 54 and data.feature_names[-1] == "c=v"
    written(frame(20), "t2.csv")
    assert refused("t.csv", test_file="t2.csv").startswith("t2.csv: lacks the column 'c' of t.csv")
    written(frame(20, c=["v"] * 20).assign(y=[0.5] * 19 + [np.nan]), "t2.csv")
    assert refused("t.csv", test_file="t2.csv").startswith("t2.csv, row 20: the target 'y' has no value")


@pytest.mark.parametrize("sizes", [[4] * 15, [1, 2, 3, 4, 5] * 4, [1] * N])
def test_groups_are_never_divided(written, sizes):
    groups = np.repeat([f"patient {i}" for i in range(len(sizes))], sizes)
    rng = np.random.default_rng(0)
    data = table(written(frame(who=rng.permutation(groups))), range(5), groups="who")
    who = pd.read_csv("t.csv").who.to_numpy()
    assert data.feature_names == ("a", "b")
    for parts in zip(data.train_index, data.validation_index, data.test_index, strict=True):
        train, validation, test = ({*who[rows]} for rows in parts)
        assert not train & test and not train & validation and not validation & test
    n_kept = data.train_index.shape[1] + data.validation_index.shape[1] + data.n_test
    assert n_kept == N if len(set(sizes)) == 1 else n_kept >= N - 8
    assert data.n_test == 12
    written(frame(who=np.repeat([1, 2], N // 2)))
    assert "too few or too large to be kept apart: 2, the largest of 30" in refused("t.csv", groups="who")


def test_row_numbers_are_left_out_and_other_columns_without_a_name_refused(written):
    frame().to_csv("t.csv")
    assert table("t.csv").feature_names == ("a", "b")
    frame().to_csv("t.csv", sep=";")
    rows = Path("t.csv").read_text(encoding="utf-8").split("\n", 1)[1]
    written("a;b;y\n" + rows)  # as R writes the numbers of rows
    assert table("t.csv").feature_names == ("a", "b")
    frame().rename(columns={"b": ""}).to_csv("t.csv", index=False)
    assert refused("t.csv") == "t.csv: column 2 has no name: write one in the first line"
    text = frame().to_csv(index=False).replace("\n", ",\n")  # as a trailing comma leaves an empty column
    assert table(written(text)).feature_names == ("a", "b")
    frame(id=np.arange(N), note="x").to_csv("t.csv", index=False)
    assert table("t.csv", index="id").feature_names == ("a", "b")
    assert table("t.csv", index=["id", "a"]).feature_names == ("b",)
    assert "index is 'di', which is no column: its columns are 'a', 'b'" in refused("t.csv", index="di")


def table_of(row: str, first: int = 0) -> str:
    """Columns a, b and y in twenty rows of a pattern with their number."""
    return "a,b,y\n" + "".join(row % (first + i) + "\n" for i in range(20))


ROWS = "".join(f"{i % 7},{i},{i / 8}\n" for i in range(20))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "t.csv: is empty"),
        ("a,b,y\n", "t.csv: holds no rows"),
        ("a,b,y\n1,2,3\n", "t.csv: holds 1 rows: 10 are the fewest"),
        ("a,a,y\n" + ROWS, "t.csv: 2 columns are called 'a', number 1, 2: rename"),
        (ROWS, "t.csv: its first line holds numbers: put a line with the columns' names above it"),
        ("a,b,z\n" + ROWS, "t.csv: target is 'y', which is no column: its columns are 'a', 'b', 'z'"),
        ("a,b,y\n" + ROWS + "1,2\n", "t.csv: row 21 has 2 fields, and there are 3 names"),
        ("a,b,y\n" + ROWS + "1,2,3,4\n", "t.csv: row 21 has 4 fields, and there are 3 names"),
        ("a,b,y\n" + ROWS + "1,?,3\n", "t.csv, row 21: column 'b' holds '?', and numbers in most rows"),
        ("a,b,y\n" + ROWS + "1,inf,3\n", "t.csv, row 21: column 'b' is inf, beyond single precision"),
        ("a,b,y\n" + ROWS + "1,1e300,3\n", "t.csv, row 21: column 'b' is 1e+300, beyond single precision"),
        ("a,b,y\n" + ROWS + "1,2,\n", "t.csv, row 21: the target 'y' has no value, as in 1 rows"),
        ("a,b,y\n" + ROWS.replace(".", ",").replace(",", ";", 1), "t.csv"),
        (table_of("2020-01-02,1,%d.5"), "t.csv, row 1: column 'a' holds dates or times, such as '2020-01-02'"),
        (table_of("3.12.1999,1,%d.5"), "t.csv, row 1: column 'a' holds dates"),
        (table_of('"1,5",1,%d.5'), "t.csv, row 1: column 'a' holds numbers written as '1,5': remove"),
        (table_of("12 %%,1,%d.5"), "t.csv, row 1: column 'a' holds numbers written as '12 %'"),
        ("a,b,y\n" + "1,2,3\n" * 20, "t.csv: the target 'y' is 3 in all rows"),
        (table_of("1,2,word %d"), "t.csv: the target 'y' has 20 classes in 20 rows"),
        (table_of("1,2,%d.5"), "t.csv: no column is left to predict from"),
        (table_of("1,2,%d.5", 10**9), "t.csv: the target 'y' varies too little"),
        ('a,b,y\n1,"2,3\n' + ROWS, "t.csv: a quotation mark is not closed"),
        (b"PK\x03\x04 and so on", "t.csv: is a workbook or an archive"),
        (b"\x00\x01\x02\x00", "t.csv: is no text"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) and value.startswith("t.csv") else "",
)
def test_what_is_refused_names_file_column_row_and_remedy(written, content, said):
    assert refused(written(content)).startswith(said)


def test_a_file_that_is_not_there_is_refused_by_its_name(written, tmp_path, monkeypatch):
    assert refused("none.csv").startswith("none.csv: there is no such file; it is looked for from the folder ")
    assert "is a folder" in refused(str(tmp_path))
    assert "$NOWHERE is not set" in refused("$NOWHERE/t.csv")
    written(frame())
    monkeypatch.setenv("MY_TABLES", str(tmp_path))
    assert table("$MY_TABLES/t.csv").name == "t"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "a/b"}, "name is 'a/b'"),
        ({"sep": ";;"}, "sep is ';;'"),
        ({"decimal": ";"}, "decimal is ';'"),
        ({"split": "a", "groups": "b"}, "split and groups are both given"),
        ({"split": "y"}, "split is 'y', the target"),
        ({"missing": "drop"}, "missing is 'drop': it must be one of impute, refuse"),
        ({"task": "ranking"}, "task is 'ranking'"),
        ({"index": 3}, "index is 3"),
    ],
)
def test_options_that_make_no_sense_are_refused_without_the_file(options, said):
    (fault,) = datasets.faults("table", {"file": "t.csv", "target": "y"} | options)
    assert said in fault


@pytest.mark.parametrize(
    ("file", "name"),
    [("a/Große Wagen (neu).csv", "grosse_wagen_neu"), ("sales-2023.v2.csv", "sales_2023_v2"), ("数据.csv", "table")],
)
def test_names_are_fit_for_files(file, name):
    assert datasets.dataset_name("table", {"file": file, "target": "y"}) == name
    assert datasets.group("table", {"file": file, "target": "y", "name": "own"}) == "own"


def spec(file: str, **options) -> DatasetSpec:
    return DatasetSpec("s", "t", "table", {"file": file, "target": "y"} | options)


def test_keys_are_of_the_content_and_not_of_the_place(written, tmp_path):
    first = spec(written(frame()))
    (tmp_path / "other").mkdir()
    there = tmp_path / "other" / "t.csv"
    there.write_bytes((tmp_path / "t.csv").read_bytes())
    for same in (spec(str(there)), spec("t.csv", missing="impute")):
        assert (same.key, same.digest) == (first.key, first.digest)
    assert spec("t.csv", missing="refuse").key != first.key
    changed = frame()
    changed.loc[3, "a"] += 1
    written(changed)
    after = spec("t.csv")
    assert after.key != first.key and after.digest != first.digest
    np.testing.assert_allclose(table("t.csv").x_pool[:, 0], changed.a, rtol=1e-6)
    written(frame(20), "t2.csv")
    assert spec("t.csv", test_file="t2.csv").key != after.key


def test_many_columns_and_rows_work(written):
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(2000, 200)), columns=[f"x{i}" for i in range(200)]).assign(
        y=rng.normal(size=2000)
    )
    wide.to_parquet("wide.parquet")
    assert table("wide.parquet").x_pool.shape == (2000, 200)
    long = pd.DataFrame({"a": rng.normal(size=100_000), "y": rng.choice(["u", "v"], 100_000)})
    assert table(written(long)).train_index.shape == (1, 72_000)
