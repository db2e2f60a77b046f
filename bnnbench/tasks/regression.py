"""Real targets: the predictive distribution as a mixture over draws.

Stored are the location and the scale of every draw at every point, from which any metric of the distribution follows.
They are coded in few bits: locations as the asinh of their distance from the draws' median in units of their spread, to
.0012 of that spread near it and in proportion to the distance far from it; log scales, where they differ from point to
point, to a 254th of their range over draws.
"""

import numpy as np

from bnnbench.tasks._base import Encoded, Task

LIKELIHOODS = ("gaussian", "gaussian_heteroscedastic", "beta_gaussian_heteroscedastic", "student_t")
LOCATION_CODES, LOCATION_RANGE = 8_191, 20.0
"""Codes on either side, and the largest asinh that they reach: 2e8 spreads."""
SCALE_CODES = 127


class Regression(Task):
    """y real, one column. Predictions are in the targets' own units."""

    controls = {"chance": "targets' mean and sd", "bayes_rule": "true law"}
    control_definitions = {
        "chance": "Predicts a Gaussian with the mean and the sd of the training targets for every point.",
        "bayes_rule": "The true distribution of the target, known where the data are generated. No model can have a "
        "lower expected NLL.",
    }
    targets = "real"
    predicted = "Of the predictive distribution, an equal-weight mixture over posterior draws, on test points."
    law = "law"
    error = "RMSE"

    def target_fault(self, y, n_classes):
        return None if y.dtype == np.float32 else (f"has type {y.dtype}", "make the targets float32")

    def encode(self, arrays, n_draws, halves):
        found = _encoded_locations(arrays["location"])
        if arrays["scale"].shape[1] == 1:
            found["scale"] = ("cell", "draw"), arrays["scale"][:, 0].astype(np.float32)
        else:
            found |= _encoded_scales(arrays["scale"])
        if "df" in arrays:
            found["df"] = ("cell",), arrays["df"]
        return found

    def stored_bytes(self, inputs, n_classes, n_draws):
        return n_draws * (2 + 1) + 4 * 4  # codes of locations and scales, and what they are to be read with

    def decode(self, group, i):
        values = {name: group[name].values[i].astype(float) for name in group.data_vars}
        location = _decoded_locations(values)
        scale = values["scale"][None] if "scale" in values else _decoded_scales(values)
        return _mixture(location, scale, float(values["df"]) if "df" in values else None)

    def summarise(self, arrays, i, n_draws):
        df = float(arrays["df"][i]) if "df" in arrays else None
        return _mixture(arrays["location"][i].astype(float), arrays["scale"][i].astype(float), df)

    def rescaled(self, arrays, location, scale):
        location, scale = (a[:, None, None].astype(np.float64) for a in (location, scale))
        moved = {"location": arrays["location"] * scale + location, "scale": arrays["scale"] * scale}
        return arrays | moved

    def compared(self, summary):
        return summary

    def halves(self, group, i):
        return self.decode(group, i).halves()

    def truth(self, law):
        return _mixture(*law)

    def of_truth(self, truth):
        return truth

    def chance(self, y_train, n_classes, n):
        y = np.asarray(y_train, float)
        return _mixture(np.full((n, 1), y.mean()), np.full((1, 1), y.std()))

    def errors(self, arrays, y):
        """Root mean squared error of the mean over draws."""
        return np.sqrt(((arrays["location"].mean(2) - y) ** 2).mean(1))


def _mixture(location: np.ndarray, scale: np.ndarray, df: float | None = None):
    """A `Mixture`; imported when it is needed, since planning reads tasks too and must be quick."""
    from bnnbench.metrics import Mixture

    return Mixture(location, scale, df)


def _encoded_locations(location: np.ndarray) -> Encoded:
    """Of locations (cells, points, draws)."""
    middle = np.median(location, axis=2, keepdims=True)
    spread = 1.4826 * np.median(np.abs(location - middle), axis=2, keepdims=True)
    # Of a point estimate, or where most draws agree, the spread is 0: then it is the largest distance, or nothing.
    spread = np.where(spread > 0, spread, np.abs(location - middle).max(2, keepdims=True))
    middle, spread = middle.astype(np.float32), spread.astype(np.float32)
    distance = np.divide(location - middle, spread, out=np.zeros_like(location, dtype=float), where=spread > 0)
    code = np.rint(np.arcsinh(distance) * (LOCATION_CODES / LOCATION_RANGE)).clip(-LOCATION_CODES, LOCATION_CODES)
    return {
        "location_code": (("cell", "point", "draw"), code.astype(np.int16)),
        "location_middle": (("cell", "point"), middle[:, :, 0]),
        "location_spread": (("cell", "point"), spread[:, :, 0]),
    }


def _decoded_locations(values: dict[str, np.ndarray]) -> np.ndarray:
    """(points, draws)."""
    distance = np.sinh(values["location_code"] * (LOCATION_RANGE / LOCATION_CODES))
    return values["location_middle"][:, None] + values["location_spread"][:, None] * distance


def _encoded_scales(scale: np.ndarray) -> Encoded:
    """Of scales (cells, points, draws)."""
    log_scale = np.log(scale)
    least = log_scale.min(2, keepdims=True).astype(np.float32)
    step = ((log_scale.max(2, keepdims=True) - least) / SCALE_CODES).astype(np.float32)
    code = np.divide(log_scale - least, step, out=np.zeros_like(log_scale), where=step > 0)
    return {
        "log_scale_code": (("cell", "point", "draw"), np.rint(code).clip(0, SCALE_CODES).astype(np.uint8)),
        "log_scale_least": (("cell", "point"), least[:, :, 0]),
        "log_scale_step": (("cell", "point"), step[:, :, 0]),
    }


def _decoded_scales(values: dict[str, np.ndarray]) -> np.ndarray:
    """(points, draws)."""
    return np.exp(values["log_scale_least"][:, None] + values["log_scale_step"][:, None] * values["log_scale_code"])


TASK = Regression()
