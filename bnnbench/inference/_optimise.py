"""Initial values and the optimisation loop that the gradient-based methods share."""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch

from bnnbench.base.progress import Progress
from bnnbench.inference._trace import Trace
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams

Schedule = Literal["cosine", "constant"]
"""Of the learning rate: to zero, or not at all."""
Initial = Literal["fan_in", "unit_normal"]
"""What weights begin with: see `initial_latents`."""
SD_FLOOR = 1e-8
"""Least standard deviation of a variational posterior: where the entropy has no weight they would shrink to 0 / 0."""


def initial_latents(joint: LogJoint, streams: Streams, kind: str, scale: float) -> torch.Tensor:
    """Initial latents (cells, latents), shared by the cells of a pair.

    kind "fan_in": N(0, g² / fan_in) for weights and N(0, 1 / fan_in) for biases, with gain g² = 2 for ReLU (He et al.
    2015) and (5/3)² for tanh networks. kind "unit_normal": N(0, 1) for all, as the source notebook began; sound for
    layers of a few units only. Learned scales start at `scale`, and the likelihood's own latents where it says. Weights
    of a model with a `start`, such as one whose prior is centred on pretrained weights, begin there.
    """
    network, prior = joint.network, joint.prior
    noise = streams.paired_normals("initial", (prior.n_weights,))
    if kind == "fan_in":
        relu = any(getattr(layer, "function", "") == "relu" for layer in network.layers)
        gain = math.sqrt(2) if relu else 5 / 3
        each = [p.gain * (1 if p.is_bias else gain) / math.sqrt(p.fan_in) for p in network.parameters]
        sds = [noise.new_full((p.size,), sd) for p, sd in zip(network.parameters, each, strict=True)]
        noise = noise * torch.cat(sds)
    elif kind != "unit_normal":
        raise ValueError(f"initial: unknown kind '{kind}': known are fan_in, unit_normal")
    log_scales = noise.new_full((noise.shape[0], prior.n_scales), math.log(scale))
    of_scales = slice(prior.n_weights, prior.n_weights + prior.n_scales)
    latents = torch.cat([noise, torch.where(prior.active[:, of_scales], log_scales, 0.0)], dim=1)
    if prior.n_own:
        own = joint.likelihood.initial(joint.y)[joint.which]
        latents = torch.cat([latents, own.to(latents)], dim=1)
    if any(model.start is not None or model.centre is not None for model in joint.models):
        return prior.with_weights(latents, _started(joint, noise))
    multiplier = prior.multiplier(latents)
    if multiplier is not None:
        latents[:, : prior.n_weights] /= multiplier
    return latents


def _started(joint: LogJoint, drawn: torch.Tensor) -> torch.Tensor:
    """Initial weights (cells, n_weights): those that models name, and the drawn ones elsewhere."""
    rows = [np.full(joint.network.n_weights, np.nan) if m.start is None else m.start for m in joint.models]
    starts = torch.from_numpy(np.stack(rows)).to(drawn)
    return torch.where(starts.isnan(), drawn, starts)


def initial_gaussian(joint: LogJoint, streams: Streams, kind: str, scale: float, sd: float):
    """Initial loc, as `initial_latents`, and rho of N(loc, softplus(rho)²), each (cells, latents).

    `sd` is that of the weights themselves, whether or not a learned scale multiplies them, and of the log scales; of
    priors that are centred on weights no more than the prior's own.
    """
    loc = initial_latents(joint, streams, kind, scale)
    rho = torch.full_like(loc, _inverse_softplus(sd))
    learned = joint.prior.learned.expand(-1, joint.prior.n_weights)
    rho[:, : joint.prior.n_weights].masked_fill_(learned, _inverse_softplus(sd / scale))
    if joint.prior.kinds.centred:
        _limit(joint.prior, rho)
    return loc, rho


def _limit(prior: LogPrior, rho: torch.Tensor) -> None:
    """Let no weight of a cell whose prior is centred on weights begin wider than its prior: it would have to shrink."""
    most = prior.weight_scales().expand(-1, prior.n_weights)
    # softplus and its inverse are not each other's to the last bit: what is narrow enough stays as it is.
    narrow, of_weights = torch.nn.functional.softplus(rho[:, : prior.n_weights]) <= most, rho[:, : prior.n_weights]
    limited = most + torch.log(-torch.expm1(-most))
    centred = torch.tensor([[m.centre is not None] for m in prior.models], device=rho.device)
    of_weights.copy_(torch.where(narrow | ~centred, of_weights, limited))


def _inverse_softplus(x: float) -> float:
    return x + math.log(-math.expm1(-x))


def maximise(
    objective: Callable[[int], torch.Tensor],
    parameters: list[torch.Tensor],
    *,
    steps: int,
    learning_rate: float,
    schedule: str,
    n_points: int,
    progress: Progress,
    posterior: Callable[[], object] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Adam (Kingma & Ba 2015) on objective(step) -> (cells,), every cell on its own though in one stack.

    `schedule` is "cosine" (to zero) or "constant". The gradient is that of objective / n_points. `posterior` makes the
    posterior of the parameters as they are, for who watches the progress. Returns the steps
    and the mean objective of the stretches of steps that end there, (cells, stretches).
    """
    climb, trace, first = _Climb(parameters, learning_rate, schedule, steps, n_points), Trace(steps), 0
    if state := progress.restored("optimise"):
        first = state["step"]
        trace.restore(state["trace"])
        climb.restore(state["climb"])
    for step in range(first, steps):
        if trace.add(step + 1, climb.step(step, objective)):
            progress(step + 1, steps)
            with torch.no_grad():
                progress.watch(step + 1, steps, posterior)
            progress.keep("optimise", lambda done=step + 1: {"step": done, "trace": trace.state, "climb": climb.state})
    for p in parameters:
        p.requires_grad_(False)
    return trace.steps, trace.means.cpu().numpy()


class _Climb:
    """Adam upwards on all cells at once, by a schedule of the learning rate."""

    def __init__(self, parameters, learning_rate: float, schedule: str, steps: int, n_points: int):
        if schedule not in ("cosine", "constant"):
            raise ValueError(f"schedule: unknown '{schedule}': known are cosine, constant")
        for p in parameters:
            p.requires_grad_()
        self._parameters, self._rate, self._schedule, self._steps = parameters, learning_rate, schedule, steps
        self._optimiser = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        self._descent = parameters[0].new_full(parameters[0].shape[:1], -1 / n_points)

    def step(self, step: int, objective) -> torch.Tensor:
        """One step; returns the objective (cells,) from where it was taken."""
        if self._schedule == "cosine":
            rate = self._rate * 0.5 * (1 + math.cos(math.pi * step / self._steps))
            self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        value = objective(step)
        value.backward(self._descent)
        self._optimiser.step()
        return value.detach()

    @property
    def state(self) -> dict:
        """What a checkpoint keeps of it."""
        return {"optimiser": self._optimiser.state_dict(), "parameters": [p.detach() for p in self._parameters]}

    def restore(self, state: dict) -> None:
        """Go on from a `state`."""
        self._optimiser.load_state_dict(state["optimiser"])
        with torch.no_grad():
            for p, stored in zip(self._parameters, state["parameters"], strict=True):
                p.copy_(stored)


def warmed_up(step: int, steps: int, share: float) -> float:
    """Weight of the KL term, from 0 to 1 linearly over that share of the steps: so units are not pruned before use."""
    return min(1.0, (step + 1) / max(1.0, share * steps))
