"""Image sets in the IDX format as points of a density: vectors of pixels, each with a uniform number of its own."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets._base import DataSet, split_pool
from bnnbench.datasets._idx import POOL, TEST, generate_idx


def spread_out(pixels: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Grey levels of 0 to 255 as numbers from 0 to 1, each anywhere within its level (Theis et al. 2016)."""
    return (pixels + uniform) / np.float32(256)


def generate_vectors(
    name: str,
    folder: str,
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    seeds: Iterable[int],
    data_dir: str | Path | None,
    n_train: int,
    n_validation: int,
    n_test: int,
    strangers: str | None = None,
) -> DataSet:
    """Images of `folder` as (n, pixels) of function(pixels from 0 to 255, uniform numbers), of the task density.

    An image has the same uniform numbers whatever else is asked for. `strangers` and faults as of `generate_idx`.
    """
    data = generate_idx(name, folder, seeds, data_dir, n_train, n_validation, n_test, strangers=strangers)
    used = np.unique(np.concatenate(split_pool(name, POOL, data.seeds, n_train, n_validation), axis=1))
    tested = np.sort(generator(name, "test").permutation(TEST)[:n_test])
    parts = {"x_pool": (data.x_pool, "pool", POOL, used), "x_test": (data.x_test, "test", TEST, tested)}
    made = {}
    for key, (images, part, n, rows) in parts.items():
        pixels = images.reshape(len(images), -1)
        uniform = generator(name, f"uniform-{part}").random((n, pixels.shape[1]), np.float32)
        made[key] = function(pixels, uniform[rows])
    novel = {}
    for kind, images in data.novel.items():
        pixels = images.reshape(len(images), -1)
        novel[kind] = function(pixels, generator(name, f"uniform-{kind}").random(pixels.shape, np.float32))
    return replace(data, **made, novel=novel, x_divisor=1.0, n_classes=1, task="density")
