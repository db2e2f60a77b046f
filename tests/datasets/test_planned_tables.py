"""What planning asks of a large table is remembered by the table's content, and never believed of another."""

import json

import numpy as np
import pandas as pd
import pytest

from bnnbench import datasets
from bnnbench.datasets import _planned, _reading, table

OPTIONS = {"file": "t.csv", "target": "y"}


@pytest.fixture
def reads(tmp_path, monkeypatch):
    """Function that plans as a new process does and returns how often a file was read for that, and the answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_planned, "LARGE", 1)
    monkeypatch.setattr(_planned, "folder", lambda: tmp_path / "cache")
    count, read = [], _reading.read
    monkeypatch.setattr(_reading, "read", lambda *arguments: count.append(1) or read(*arguments))

    def plan(**options):
        table._loaded.cache_clear()
        _reading.content.cache_clear()
        count.clear()
        given = OPTIONS | options
        answers = datasets.task("table", given), datasets.shape("table", given), datasets.file_faults("table", given)
        return len(count), answers

    return plan


def write(n=90, **columns) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)} | columns | {"y": rng.normal(size=n)})
    found.to_csv("t.csv", index=False)
    return found


def test_a_second_plan_reads_nothing_and_says_the_same(reads):
    write()
    first, answers = reads()
    assert first == 1 and answers == ("regression", datasets.Shape((2,), 1, 65, 7, 18), [])
    assert reads() == (0, answers)
    assert datasets.shape("table", OPTIONS) == answers[1]
    data = datasets.make("table", OPTIONS, [0])
    assert (data.train_index.shape[1], data.n_test) == answers[1][2::2]


def test_another_content_name_or_option_is_read_anew(reads):
    write()
    reads()
    write(c=np.arange(90.0))
    n, (_, shape, _) = reads()
    assert n == 1 and shape.inputs == (3,)
    assert reads(index="c")[1][1].inputs == (2,)
    assert reads(task="regression")[0] == 1 and reads(task="regression")[0] == 0
    pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0], "y": [4.0]}).to_csv("u.csv", index=False)
    assert reads(test_file="u.csv")[1][1].test == 1


def test_other_source_is_read_anew(reads, monkeypatch):
    write()
    reads()
    monkeypatch.setattr(_planned.digest, "of_source", lambda *starts: "another")
    assert reads()[0] == 1


@pytest.mark.parametrize("content", ["", "{", '["regression", [[2], 1, 65, 7, 0]]', '["regression", [2]]', "[1, 2]"])
def test_what_is_damaged_is_not_believed(reads, content):
    write()
    _, answers = reads()
    (path,) = _planned.folder().iterdir()
    path.write_text(content, encoding="utf-8")
    assert reads() == (1, answers)
    assert json.loads(path.read_text(encoding="utf-8")) and reads()[0] == 0


def test_where_nothing_can_be_kept_it_is_read(reads, tmp_path):
    write()
    (tmp_path / "cache").write_text("a file in the folder's place", encoding="utf-8")
    assert reads()[1] == reads()[1] and reads()[0] == 1


def test_faults_are_not_kept_and_small_tables_leave_nothing(reads, tmp_path, monkeypatch):
    write(c="2020-01-02")
    assert "dates" in reads(task="regression")[1][2][0] and reads(task="regression")[0] >= 1
    assert not (tmp_path / "cache").exists()
    write()
    monkeypatch.setattr(_planned, "LARGE", 1e9)
    assert reads()[0] == 1 and not (tmp_path / "cache").exists()
