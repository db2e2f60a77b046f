"""Constructor parameters as users give them, checked when `fit` needs them: ValueError says what is allowed."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np

from bnnbench import hyperpriors, likelihoods, priors, tasks
from bnnbench.inference import Method, make
from bnnbench.likelihoods import Likelihood
from bnnbench.model.prior import Model


def _is(value, kind: type) -> bool:
    """Whether a parameter is a number of this kind; True and False are none."""
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def whole(parameter: str, value) -> int:
    """A whole number from 1 on."""
    if not _is(value, Integral) or value < 1:
        raise ValueError(f"{parameter} must be a whole number of at least 1, got {value!r}")
    return int(value)


def flag(parameter: str, value) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{parameter} must be True or False, got {value!r}")
    return bool(value)


def verbosity(value) -> int:
    """How much is said: 0 or False for nothing."""
    if not isinstance(value, Integral | np.bool_) or value < 0:
        raise ValueError(f"verbose must be 0 for silence or 1 for lines on the progress of training, got {value!r}")
    return int(value)


def share(parameter: str, value) -> float:
    """A number between 0 and 1, both excluded."""
    if not _is(value, Real) or not 0 < value < 1:
        raise ValueError(f"{parameter} must be a number between 0 and 1, such as 0.9, got {value!r}")
    return float(value)


def _name(parameter: str, value) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{parameter} must be a name, got {value!r}")
    return value


def widths(hidden) -> tuple[int, ...]:
    """Widths of the hidden layers."""
    given = [hidden] if _is(hidden, Integral) else hidden
    if not isinstance(given, list | tuple | np.ndarray) or not all(_is(w, Integral) and w >= 1 for w in given):
        raise ValueError(
            f"hidden must be the widths of the hidden layers, whole numbers from 1 on, such as (5, 5), got {hidden!r}"
        )
    return tuple(int(width) for width in given)


def method(inference, settings, defaults: dict[str, dict]) -> Method:
    """The method of that name with its settings; `defaults` by method, in the place of its own."""
    if settings is not None and not isinstance(settings, Mapping):
        raise ValueError(f"settings must be a dictionary of the method's settings, or None, got {settings!r}")
    name = _name("inference", inference)
    return make(name, defaults.get(name, {}) | dict(settings or {}))


def likelihood(name, task: str) -> Likelihood:
    """The likelihood of that name, which must be of the task."""
    found, known = likelihoods.find(_name("likelihood", name)), tasks.likelihoods(task)
    if name not in known:
        raise ValueError(f"likelihood '{name}' is of {found.task}: known for {task} are {', '.join(known)}")
    return likelihoods.make(name)


def model(prior, hyperprior, scale) -> Model:
    """The prior of the weights, with `scale` or with a hyperprior on it."""
    family, hyperprior = priors.make(_name("prior", prior)), _name("hyperprior", hyperprior)
    if not 0 < _single(scale) < np.inf:
        raise ValueError(f"prior_scale must be positive and within single precision, 1e-45 to 3e38, got {scale!r}")
    if hyperprior == "fixed":
        if family.fixed_scale is not None and scale != 1:
            raise ValueError(
                f"prior '{prior}' has the fixed scale {family.fixed_scale:g}, so prior_scale={scale!r} would "
                "have no effect: leave it at 1.0"
            )
        return Model(family, float(scale))
    learned = hyperpriors.make(hyperprior)
    if family.fixed_scale is not None:
        raise ValueError(f"prior '{prior}' has no scale to learn: use hyperprior='fixed'")
    if scale != 1:
        raise ValueError(
            f"hyperprior='{hyperprior}' learns the scale, so prior_scale={scale!r} would have no effect: leave it "
            "at 1.0, or use hyperprior='fixed'"
        )
    return Model(family, hyperprior=learned)


def _single(value) -> float:
    """A number in single precision; NaN for what is none."""
    try:
        with np.errstate(over="ignore"):
            return float(np.float32(float(value))) if _is(value, Real) else np.nan
    except OverflowError:
        return np.inf


def seed(random_state) -> int:
    """The seed itself, or one that is drawn from a generator."""
    if random_state is None or random_state is np.random:
        random_state = np.random.mtrand._rand
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if not _is(random_state, Integral):
        raise ValueError(
            "random_state must be a whole number, a NumPy RandomState or Generator, or None for NumPy's global one, "
            f"got {random_state!r}"
        )
    return int(random_state)
