"""Inputs and targets in units of their spread: what a network sees, whatever units the columns of a table are in."""

from dataclasses import dataclass

import numpy as np

DOUBLE_UNITS, SINGLE_UNITS = 64, 4
"""Units of rounding below which a column's spread is taken for rounding. A number that is computed in two ways differs
by a few; double precision has digits to spare, while in single precision times and temperatures differ by a few too."""

NARROW = 1e-7
"""Spread as a share of a column's size below which the last digits of an input decide."""

FARTHEST = 1e6
"""Spreads from the mean beyond which an input says no more: its products with weights stay finite."""


@dataclass(frozen=True)
class Standardiser:
    """(x - mean) / sd of each column of a table, as its training rows have them; arrays are (features,).

    Columns are scaled by 2^-exponent first, which is exact, so that no unit over- or underflows when it is squared.
    `mean` and `sd` are those of the scaled columns' differences from `origin`, their first row: where numbers are large
    and differ little, the differences are exact and a mean of the numbers themselves is not.

    `constant` columns do not vary but for rounding and become 0, whatever they hold. `narrow` columns vary by less than
    NARROW of their size: new rows are held between `low` and `high`, the ends of what was seen, since a change of their
    last digits would lie any number of sds away.
    """

    exponent: np.ndarray
    origin: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    constant: np.ndarray
    narrow: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, resolution: np.ndarray) -> "Standardiser":
        """That of training rows x (n, features), finite and float64; `resolution` (features,) as of `resolutions`."""
        exponent = np.frexp(np.abs(x).max(0))[1]
        scaled = np.ldexp(x, -exponent)
        moved, size = scaled - scaled[0], np.abs(scaled).max(0)
        mean, sd = moved.mean(0), moved.std(0)
        constant = (x.max(0) == x.min(0)) | (sd <= resolution * size)
        narrow = ~constant & (sd < NARROW * size)
        sd = np.where(constant, 1.0, sd)
        ends = [(end - mean) / sd for end in (moved.min(0), moved.max(0))]
        low, high = (np.where(narrow, end, far) for end, far in zip(ends, (-FARTHEST, FARTHEST), strict=True))
        return cls(exponent, scaled[0], mean, sd, constant, narrow, low, high)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Rows x (n, features) as a network sees them, float32 and finite where x is."""
        with np.errstate(over="ignore"):  # far beyond what was seen in training: cut off below
            units = (np.ldexp(x, -self.exponent) - self.origin - self.mean) / self.sd
        units = np.where(self.constant, 0.0, np.clip(units, self.low, self.high))
        return units.astype(np.float32)

    @property
    def log_sd(self) -> np.ndarray:
        """Log of each column's sd, (features,); 0 of constant columns."""
        return np.where(self.constant, 0.0, np.log(self.sd) + self.exponent * np.log(2.0))

    def remarks(self) -> dict[str, np.ndarray]:
        """What a user should know of features, (features,) of booleans."""
        return {
            "features that do not vary in training but for rounding are left out": self.constant,
            f"features that vary by less than {NARROW:g} of their size are held within what was seen in training "
            "(subtract an offset to have them followed beyond)": self.narrow,
        }


@dataclass(frozen=True)
class Unscaled:
    """Columns as they are, in single precision; some that vary may be `lost` to it, (features,)."""

    lost: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> "Unscaled":
        """That of training rows x (n, features). ValueError where they are beyond single precision."""
        single = cls(np.zeros(x.shape[1], bool))(x)
        return cls((single.max(0) == single.min(0)) & (x.max(0) > x.min(0)))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Rows x (n, features) as float32. ValueError where they are beyond single precision."""
        beyond = np.flatnonzero(np.abs(x).max(0) > np.finfo(np.float32).max)
        if beyond.size:
            raise ValueError(
                f"features number {', '.join(map(str, beyond))} hold values beyond single precision, 3.4e38: rescale "
                "them, or use standardize=True"
            )
        return x.astype(np.float32)

    def remarks(self) -> dict[str, np.ndarray]:
        """As of `Standardiser`."""
        return {"features that vary too little for single precision are constant: use standardize=True": self.lost}


def resolutions(table, n_features: int) -> np.ndarray:
    """Spread as a share of size, (features,), that is no more than rounding in each column of an array or data frame.

    0 for whole numbers and booleans, in which any difference is one. What is of no such kind counts as double.
    """
    kinds = getattr(table, "dtypes", None)
    if kinds is None:
        kinds = [np.asarray(table).dtype] * n_features
    return np.array([_resolution(kind) for kind in kinds])


def _resolution(kind) -> float:
    if getattr(kind, "kind", "O") in "iub":
        return 0.0
    if getattr(kind, "kind", "O") == "f" and kind.itemsize < 8:
        return SINGLE_UNITS * float(np.finfo(f"f{kind.itemsize}").eps)
    return DOUBLE_UNITS * float(np.finfo(float).eps)


@dataclass(frozen=True)
class Units:
    """(y - location) / scale and back. `scale` is 0 where the target does not vary but for rounding."""

    location: float
    scale: float

    @classmethod
    def standardised(cls, y: np.ndarray) -> tuple["Units", np.ndarray]:
        """The units of training targets y (n,), finite, of any size and type; and y in them, float32.

        In the place of a target that does not vary stands one that does: the posterior of a noise's sd is improper
        where there is no noise, and what is predicted counts `scale` times, which is 0.
        """
        column = y.astype(np.float64)[:, None]
        scaler = Standardiser.of(column, resolutions(y, 1))
        location = float(np.ldexp(scaler.origin + scaler.mean, scaler.exponent)[0])
        if scaler.constant[0]:
            return cls(location, 0.0), np.resize(np.float32([-1, 1]), len(y))
        return cls(location, float(np.ldexp(scaler.sd, scaler.exponent)[0])), scaler(column)[:, 0]

    def values(self, standardised: np.ndarray) -> np.ndarray:
        """Standardised values in the target's own units."""
        return self.location + self.scale * standardised
