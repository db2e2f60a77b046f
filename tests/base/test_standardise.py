"""Columns in units of their spread, whatever units they come in, and without those that do not vary."""

import numpy as np
import pandas as pd
import pytest

from bnnbench.base.standardise import FARTHEST, Standardiser, Unscaled, resolutions

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal(200)
NOON = 1.6e9
"""Seconds since 1970."""


def scaler_of(column) -> Standardiser:
    table = np.asarray(column)[:, None]
    return Standardiser.of(table.astype(float), resolutions(table, 1))


def scaled(column) -> np.ndarray:
    return scaler_of(column)(np.asarray(column, float)[:, None])[:, 0]


@pytest.mark.parametrize(
    "column",
    [
        NORMAL,
        NORMAL * 1e200,
        NORMAL * 1e-200,
        NORMAL * 1e300 + 1e305,
        NORMAL.clip(-3, 3) * 5e307,
        np.round(NORMAL * 100) * 5e-324,
        NOON + NORMAL,
        NOON + 1e-3 * NORMAL,
        (NOON + 1e5 * NORMAL).astype(np.float32),
        (300 + 0.01 * NORMAL).astype(np.float32),
        NORMAL > 0.5,
        NORMAL.round().astype(int),
        10**15 + (NORMAL > 0).astype(int),
        10**18 + 10**6 * NORMAL.round().astype(int),
    ],
)
def test_what_varies_has_mean_zero_and_sd_one_in_any_unit(column):
    found, exact = scaled(column), np.asarray(column, dtype=np.longdouble)
    exact = exact / np.abs(exact).max()
    exact = (exact - exact.mean()) / exact.std()
    np.testing.assert_allclose(found, exact.astype(float), atol=2e-3, rtol=1e-6)


@pytest.mark.parametrize(
    "column",
    [
        np.full(200, 0.1),
        np.full(200, 0.1, np.float32),
        np.full(200, 1e300),
        np.full(200, -1e-300),
        np.full(200, 5e-324),
        np.zeros(200),
        np.ones(200, bool),
        np.full(200, 7),
        0.1 + 1e-17 * NORMAL,
        0.1 * (1 + 1e-15 * NORMAL),
        np.cumsum(np.full(200, 0.1)) / np.arange(1, 201),
        (0.1 * (1 + 1e-7 * NORMAL)).astype(np.float32),
        RNG.dirichlet(np.ones(50), 200).sum(1),
        NOON + 1e-7 * NORMAL,
    ],
)
def test_what_varies_by_rounding_alone_is_left_out_whatever_it_is_later(column):
    scaler = scaler_of(column)
    assert scaler.constant.all() and not scaled(column).any()
    later = np.asarray(column, float)[:, None] * (1 + 1e-6)
    assert not scaler(np.concatenate([later, [[1e308]], [[-5.0]]])).any()


def test_a_change_of_the_last_digits_of_a_column_that_hardly_varies_leads_no_further_than_training():
    column = 0.1 * (1 + 1e-11 * NORMAL)
    scaler = scaler_of(column)
    assert scaler.narrow.all() and np.abs(scaled(column)).max() > 2
    later = scaler(column[:, None] * (1 + 1e-6))
    assert later.max() <= scaled(column).max() and np.isfinite(later).all()
    assert not scaler_of(NORMAL).narrow.any()
    assert scaler_of(NORMAL)(np.full((1, 1), 50.0))[0, 0] > 40  # an ordinary column is followed beyond training


def test_no_finite_input_leaves_single_precision():
    for unit in (1e-200, 1.0, 1e200):
        far = scaler_of(NORMAL * unit)(np.array([[1e308], [-1e308]]))
        assert np.isfinite(far).all() and np.abs(far).max() <= FARTHEST and far[0] > 0 > far[1]


def test_columns_of_a_frame_have_the_resolution_of_their_own_type():
    frame = pd.DataFrame({"double": [1.0], "single": np.float32([1]), "whole": [1], "nullable": [1]})
    frame = frame.astype({"nullable": "Float32"})
    double, single, whole, nullable = resolutions(frame, 4)
    assert whole == 0 < double < single == nullable
    assert resolutions(frame.to_numpy(), 4).tolist() == [double] * 4
    assert resolutions([[1.0, 2.0]], 2).tolist() == [double] * 2


def test_columns_that_are_left_as_they_are_are_refused_or_named_where_single_precision_cannot_hold_them():
    with pytest.raises(ValueError, match="features number 1 hold values beyond single precision"):
        Unscaled.of(np.stack([NORMAL, NORMAL * 1e200], 1))
    assert Unscaled.of(np.stack([NORMAL, NORMAL * 1e-200, NOON + NORMAL, NORMAL * 0], 1)).lost.tolist() == [
        False, True, True, False]  # fmt: skip
