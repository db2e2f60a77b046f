"""Pieces of work that share a process."""

import weakref

import pytest

from bnnbench.base.pieces import one_by_one


def worker(faults: dict[str, Exception], done: list[str]):
    def work(name):
        if name in faults:
            raise faults[name]
        done.append(name)

    return work


def test_a_piece_that_raises_does_not_keep_the_others_from_being_done(caplog):
    done = []
    with pytest.raises(ValueError, match=r"^2 of 4 failed: a: ValueError: no data; c: KeyError: 'key'$"):
        one_by_one("abcd", worker({"a": ValueError("no data"), "c": KeyError("key")}, done))
    assert done == ["b", "d"]
    told = {record.getMessage(): bool(record.exc_info) for record in caplog.records}
    assert told == {"a: no data": False, "c: 'key'": True}


def test_what_the_system_refuses_stays_an_error_of_the_system():
    with pytest.raises(OSError, match=r"1 of 2 failed: a: OSError: .*No space left"):
        one_by_one("ab", worker({"a": OSError(28, "No space left on device")}, []))


def test_a_fatal_error_ends_the_job_at_once():
    done = []
    with pytest.raises(MemoryError):
        one_by_one("abc", worker({"b": MemoryError()}, done), (MemoryError,))
    assert done == ["a"]


def test_what_the_only_piece_raises_is_raised_as_it_is():
    fault = RuntimeError("as it is")
    with pytest.raises(RuntimeError) as raised:
        one_by_one(["a"], worker({"a": fault}, []))
    assert raised.value is fault


def test_what_a_piece_has_loaded_is_dropped_before_the_next():
    class Loaded:
        def __init__(self):
            self.itself = self

    seen = []

    def work(name):
        assert all(one() is None for one in seen)
        loaded = Loaded()
        seen.append(weakref.ref(loaded))
        if name == "b":
            raise ValueError(name)

    with pytest.raises(ValueError, match="1 of 3"):
        one_by_one("abc", work)
    assert len(seen) == 3
