"""Initial values and the optimisation loop that the gradient-based methods share."""

import math
from collections.abc import Callable

import numpy as np
import torch

from bnnbench.joint import LogJoint
from bnnbench.streams import Streams

TRACE_POINTS = 100


def initial_latents(joint: LogJoint, streams: Streams, kind: str, scale: float) -> torch.Tensor:
    """Initial latents (cells, latents), shared by the cells of a pair.

    kind "fan_in": weights N(0, g / fan_in), g = 2 for ReLU networks (He et al. 2015) and 1 otherwise, biases zero.
    kind "unit_normal": all weights N(0, 1), as the source notebook began. Learned scales start at `scale`.
    """
    network, prior = joint.network, joint.prior
    noise = streams.paired_normals("initial", (prior.n_weights,))
    if kind == "fan_in":
        gain = 2.0 if any(getattr(layer, "function", "") == "relu" for layer in network.layers) else 1.0
        sds = [0.0 if p.is_bias else math.sqrt(gain / p.fan_in) for p in network.parameters for _ in range(p.size)]
        noise = noise * noise.new_tensor(sds)
    elif kind != "unit_normal":
        raise ValueError(f"initial: unknown kind '{kind}': known are fan_in, unit_normal")
    log_scales = noise.new_full((noise.shape[0], prior.n_scales), math.log(scale))
    latents = torch.cat([noise, torch.where(prior.learned, log_scales, 0.0)], dim=1)
    multiplier = prior.multiplier(latents)
    if multiplier is not None:
        latents[:, : prior.n_weights] /= multiplier
    return latents


def maximise(
    objective: Callable[[int], torch.Tensor],
    parameters: list[torch.Tensor],
    *,
    steps: int,
    learning_rate: float,
    schedule: str,
    n_points: int,
    progress: Callable[[int, int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Adam (Kingma & Ba 2015) on objective(step) -> (cells,), every cell on its own though in one stack.

    `schedule` is "cosine" (to zero) or "constant". The gradient is that of objective / n_points. Returns the steps
    and the mean objective of the stretches of steps that end there, (cells, stretches).
    """
    if schedule not in ("cosine", "constant"):
        raise ValueError(f"schedule: unknown '{schedule}': known are cosine, constant")
    for p in parameters:
        p.requires_grad_()
    optimiser = torch.optim.Adam(parameters, lr=learning_rate, fused=parameters[0].device.type == "cuda")
    stretch = max(1, steps // TRACE_POINTS)
    trace_steps, trace, window = [], [], 0.0
    for step in range(steps):
        if schedule == "cosine":
            optimiser.param_groups[0]["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad(set_to_none=True)
        value = objective(step)
        (-value.sum() / n_points).backward()
        optimiser.step()
        window = window + value.detach()
        if (step + 1) % stretch == 0:
            trace.append(window / stretch)
            trace_steps.append(step + 1)
            window = 0.0
            progress(step + 1, steps)
    for p in parameters:
        p.requires_grad_(False)
    return np.array(trace_steps), torch.stack(trace, dim=1).cpu().numpy()
