"""The models of `joint.LogJoint` in PyMC, one at a time: for witnesses of the stacked methods, and for the tests.

Each parameter tensor is a variable of its name, such as `dense1.weight`. Under a hyperprior `dense1.weight.scale` is
its scale, on which PyMC puts its own log transform, `dense1.weight.unit` is z, and `dense1.weight` their product. A
scale that all of them share is called `scale`. Under a prior that is centred on weights `dense1.weight.deviation` is
what the weights differ from them by. PyMC takes seconds to import, so that is done where it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bnnbench.hyperpriors import Hyperprior
from bnnbench.likelihoods import Likelihood
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model.prior import Model
from bnnbench.networks import Network, Parameter
from bnnbench.networks._layers import Activation, Dense
from bnnbench.priors import Prior

if TYPE_CHECKING:
    import pymc as pm


def unsupported(network: Network, model: Model, likelihood: Likelihood | None = None) -> str | None:
    """Why there is no PyMC form of a model on a network under a likelihood; None where there is one."""
    if likelihood is not None and type(likelihood).pymc is Likelihood.pymc:
        return f"likelihood '{likelihood.name}' has no PyMC form: give its class a method 'pymc'"
    if network.is_convolutional or network.is_recurrent or not network.has_units:
        return "PyMC models are written for dense networks only"
    if type(model.prior).pymc is Prior.pymc:
        return f"prior '{model.prior.name}' has no PyMC form: give its class a method 'pymc'"
    if model.hyperprior is not None and type(model.hyperprior).pymc is Hyperprior.pymc:
        return f"hyperprior '{model.hyperprior.name}' has no PyMC form: give its class a method 'pymc'"
    return None


def build(
    network: Network, model: Model, x: np.ndarray, y: np.ndarray, likelihood: Likelihood | None = None
) -> pm.Model:
    """PyMC model of one cell on inputs x (n, ...) and targets y (n,), of classes unless a likelihood is given.

    ValueError where there is no PyMC form.
    """
    import pymc as pm

    likelihood = likelihood or Categorical()
    reason = unsupported(network, model, likelihood)
    if reason:
        raise ValueError(reason)
    with pm.Model() as built:
        names = [_scale_name(parameter.name, model) for parameter in network.parameters]
        scales = {name: _scale(name, model) for name in dict.fromkeys(names)}
        of_each = zip(network.parameters, names, strict=True)
        weights = [_weight(p, model, scales[name]) for p, name in of_each]
        likelihood.pymc(_forward(network, weights, np.reshape(x, (len(x), -1))), np.asarray(y))
    return built


def _scale(name: str, model: Model):
    if model.hyperprior is None:
        return model.fixed
    return model.hyperprior.pymc(name)


def _weight(p: Parameter, model: Model, scale):
    import pymc as pm

    key = _weight_key(p.name, model)
    if model.centre is None:
        if model.hyperprior is None:
            return model.prior.pymc(key, scale, p.shape)
        return pm.Deterministic(p.name, scale * model.prior.pymc(key, 1.0, p.shape))
    centre, spread = (
        array[p.start : p.stop].reshape(p.shape).astype(float) for array in (model.centre.weights, model.centre.spread)
    )
    if model.hyperprior is None:
        return pm.Deterministic(p.name, centre + model.prior.pymc(key, scale * spread, p.shape))
    return pm.Deterministic(p.name, centre + scale * spread * model.prior.pymc(key, 1.0, p.shape))


def _forward(network: Network, weights: list, x: np.ndarray):
    """Outputs (n, n_outputs)."""
    import pytensor.tensor as pt

    h, remaining = pt.as_tensor(x), iter(weights)
    for layer in network.layers:
        match layer:
            case Dense():
                h = h @ next(remaining).T + next(remaining)
            case Activation():
                h = pt.tanh(h) if layer.function == "tanh" else pt.maximum(h, 0)
    return h


def latents_to_point(
    network: Network, model: Model, latents: np.ndarray, likelihood: Likelihood | None = None
) -> dict[str, np.ndarray]:
    """One cell's flat latents (n_weights + n_scales + n_own,) as a point of PyMC's unconstrained variables."""
    latents = np.asarray(latents, dtype=float)
    point = {_weight_key(p.name, model): latents[p.start : p.stop].reshape(p.shape) for p in network.parameters}
    if model.hyperprior is not None:
        log_scales = latents[network.n_weights : network.n_weights + len(network.parameters)]
        # Backwards, so that of tensors that share a scale the first has the last word.
        backwards = zip(network.parameters[::-1], log_scales[::-1], strict=True)
        point |= {_scale_key(p.name, model): s for p, s in backwards}
    own = likelihood.latents if likelihood else ()
    return point | dict(zip(map(_log_key, own), latents[len(latents) - len(own) :], strict=True))


def point_to_latents(
    network: Network, model: Model, point: dict[str, np.ndarray], likelihood: Likelihood | None = None
) -> np.ndarray:
    """The inverse of `latents_to_point`; inert log scales are 0."""
    weights = [np.ravel(point[_weight_key(p.name, model)]) for p in network.parameters]
    scales = np.zeros(len(network.parameters))
    if model.hyperprior is not None:
        n = 1 if model.hyperprior.shared else len(scales)
        scales[:n] = [float(point[_scale_key(p.name, model)]) for p in network.parameters[:n]]
    own = [float(point[_log_key(name)]) for name in likelihood.latents] if likelihood else []
    return np.concatenate([*weights, scales, own])


def _weight_key(name: str, model: Model) -> str:
    if model.hyperprior is not None:
        return f"{name}.unit"
    return name if model.centre is None else f"{name}.deviation"


def _scale_name(name: str, model: Model) -> str:
    return "scale" if model.hyperprior is not None and model.hyperprior.shared else f"{name}.scale"


def _scale_key(name: str, model: Model) -> str:
    return _log_key(_scale_name(name, model))


def _log_key(name: str) -> str:
    """What PyMC calls the logarithm of a positive variable."""
    return f"{name}_log__"
