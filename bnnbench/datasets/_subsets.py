"""Parts of image sets: some of the classes, and a few of the training images."""

from typing import Annotated

import numpy as np
from pydantic import Field

from bnnbench.base.settings import repeated

Class = Annotated[int, Field(ge=0, le=9)]
Classes = Annotated[tuple[Class, ...], Field(min_length=2)]
"""Classes to keep of ten."""


def named(base: str, classes: Classes | None = None, subset: int | None = None) -> str:
    """The name with what is kept: `digits-5-to-9-n-50`, `digits-0-3-8`."""
    parts = [base]
    if classes is not None:
        first, last = classes[0], classes[-1]
        in_a_row = len(classes) > 2 and tuple(classes) == tuple(range(first, last + 1))
        parts += [f"{first}-to-{last}"] if in_a_row else map(str, classes)
    return "-".join([*parts, *([f"n-{subset}"] if subset else [])])


def size_of(n_train: int, subset: int | None) -> int:
    """How many images are trained on."""
    return n_train if subset is None else subset


def check_classes(classes: Classes | None) -> None:
    """Raise ValueError for classes that are there twice."""
    if classes is not None and (found := repeated(classes)):
        raise ValueError(f"classes: {'; '.join(found)}")


def less(x: np.ndarray, y: np.ndarray, classes: Classes | None) -> tuple[np.ndarray, np.ndarray]:
    """Those of these classes (n, ...), (n,), numbered from 0 in their order."""
    if classes is None:
        return x, y
    number = np.full(10, -1)
    number[list(classes)] = range(len(classes))
    kept = number[y] >= 0
    return x[kept], number[y[kept]]
