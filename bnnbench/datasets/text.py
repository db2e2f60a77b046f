"""Text to predict character by character: the descriptions of data sets that scikit-learn carries with it.

They are English prose of some 40,000 characters, there wherever this package runs (scikit-learn's licence, BSD-3).
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import DataError, check_fit, check_seeds
from bnnbench.datasets._symbols import Cut

TASK = "language"
VOCABULARY = "abcdefghijklmnopqrstuvwxyz0 .,-()'"
"""Letters are small ones, 0 stands for a number, and whatever else there is for a space; spaces are single."""
TEST_SHARE = 0.15
"""Of each text, its end: no test symbol is read in training."""


def generate(
    seeds: Iterable[int] = range(5),
    n_train: Count = 500,
    n_validation: Count = 100,
    length: Count = 40,
    context: Count = 10,
) -> DataSet:
    """Pieces (n, steps) uint8, of which `length` symbols are predicted after `context` that are read.

    `n_train` and `n_validation` count pieces; each seed draws its own from the texts' first 85%. Raises ValueError
    where there are not so many.
    """
    seeds, cut = check_seeds("text", seeds), Cut(length, context)
    x_pool, y_pool, x_test, y_test = _pieces(cut)
    train, validation = split_pool("text", len(x_pool), seeds, n_train, n_validation)
    return DataSet(
        name="text",
        x_pool=x_pool,
        y_pool=y_pool,
        train_index=train,
        validation_index=validation,
        seeds=seeds,
        x_test=x_test,
        y_test=y_test,
        n_classes=len(VOCABULARY),
        task=TASK,
        class_names=tuple(VOCABULARY),
    )


def check(n_train: int, n_validation: int, length: int, context: int) -> None:
    """Raise ValueError where there are not so many pieces."""
    check_fit(n_train, n_validation, len(_pieces(Cut(length, context))[0]))


def shape(n_train: int, n_validation: int, length: int, context: int) -> Shape:
    """Codes of a piece's steps."""
    cut = Cut(length, context)
    return Shape((cut.steps,), len(VOCABULARY), n_train, n_validation, len(_pieces(cut)[2]))


def identity(**options) -> dict:
    """What the texts hold stands in keys, since another version of scikit-learn may say it in other words."""
    return options | {"content": hashlib.sha256("\n".join(texts()).encode()).hexdigest()}


@cache
def texts() -> tuple[str, ...]:
    """The texts in the symbols of VOCABULARY. Raises DataError where they are not found."""
    found = importlib.util.find_spec("sklearn")
    folder = Path(found.submodule_search_locations[0]) / "datasets" / "descr" if found else Path()
    files = sorted(folder.glob("*.rst")) if found else []
    if not files:
        raise DataError(f"data set 'text': no descriptions in {folder or 'scikit-learn'}; install scikit-learn")
    return tuple(plain(file.read_text(encoding="utf-8")) for file in files)


def plain(text: str) -> str:
    """A text in the symbols of VOCABULARY."""
    text = re.sub("[0-9]+", "0", text.lower())
    text = re.sub(r"([-.])\1+", " ", text)  # lines that are drawn with them
    return re.sub(f"[^{re.escape(VOCABULARY.replace(' ', ''))}]+", " ", text).strip()


def codes_of(text: str) -> NDArray[np.int64]:
    """Codes (n,) of a text's symbols; ValueError on one that is not in the vocabulary."""
    if unknown := sorted(set(text) - set(VOCABULARY)):
        raise ValueError(f"symbols that are not in the vocabulary: {' '.join(map(repr, unknown))}; use `plain` first")
    return np.array([VOCABULARY.index(symbol) for symbol in text], dtype=np.int64)


@cache
def _pieces(cut: Cut) -> tuple[np.ndarray, ...]:
    """x and y of the pool, x and y of the test set. ValueError where no text has a piece for either."""
    parts = ([], [])
    for text in texts():
        codes = codes_of(text)
        middle = round(len(codes) * (1 - TEST_SHARE))
        for found, part in zip(parts, (codes[:middle], codes[middle:]), strict=True):
            if len(part) >= cut.symbols(1):
                found.append(cut.pieces(part))
    if not all(parts):
        raise ValueError(f"pieces of {cut.symbols(1)} symbols are longer than the texts: lower length or context")
    return tuple(np.concatenate(arrays) for found in parts for arrays in zip(*found, strict=True))
