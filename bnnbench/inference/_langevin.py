"""What the stochastic gradient samplers share: cyclical schedule, chains, the loop, and which states are kept."""

import math
from collections.abc import Callable

import numpy as np
import torch

from bnnbench.inference._base import DrawsPosterior, Fit
from bnnbench.inference._diagnostics import of_chains
from bnnbench.inference._optimise import initial_latents
from bnnbench.inference._trace import Trace

Update = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float, float, torch.Tensor], tuple]


def cyclical(step: int, steps: int, cycles: int, learning_rate: float, share: float) -> tuple[float, bool]:
    """Learning rate, and whether the step samples (Zhang et al. 2020, eq. 1 and algorithm 1).

    The rate falls as a cosine from `learning_rate` to 0 in each cycle; the last `share` of the cycle samples.
    """
    length = math.ceil(steps / cycles)
    within = (step % length) / length
    return 0.5 * learning_rate * (math.cos(math.pi * within) + 1), within >= 1 - share


def check(settings) -> None:
    """ValueError where settings that both samplers have make no sense together."""
    if settings.burn_in >= settings.cycles:
        raise ValueError(
            f"burn_in is {settings.burn_in}: it must be fewer cycles than the {settings.cycles} of 'cycles'"
        )


def schedule(settings, step: int) -> tuple[float, bool]:
    """`cyclical`, with a learning rate that rises linearly over the first `warm_up` of the first cycle.

    The first steps from random initial values are the steepest: at the full rate they can leave rectified units at
    zero for all inputs, from where no gradient brings them back.
    """
    rate, samples = cyclical(step, settings.steps, settings.cycles, settings.learning_rate, settings.sampling)
    rising = settings.warm_up * math.ceil(settings.steps / settings.cycles)
    return (rate * (step + 1) / rising if step < rising - 1 else rate), samples


def kept_steps(settings) -> list[int]:
    """Steps whose states are kept, `keep` over all chains, at even distances in summed learning rate.

    Only steps that sample, after `burn_in` whole cycles. An average over them weights a step by its size (Welling & Teh
    2011, eq. 11).
    """
    rates = (schedule(settings, t) for t in range(settings.steps))
    first = settings.burn_in * math.ceil(settings.steps / settings.cycles)
    sampling = [(t, rate) for t, (rate, samples) in enumerate(rates) if samples and t >= first]
    if not sampling:
        return [settings.steps - 1]
    n, travelled = -(-settings.keep // settings.chains), np.cumsum([rate for _, rate in sampling])
    wanted = np.searchsorted(travelled, travelled[-1] * (np.arange(n) + 1) / n * (1 - 1e-12))
    return [sampling[i][0] for i in dict.fromkeys(wanted.tolist())]


def sample(settings, joint, streams, progress, update: Update) -> Fit:
    """Run update(latents, velocity, gradient of the log joint, learning rate, temperature, noise) on every chain.

    It returns the latents and the velocity that follow; the velocity starts at 0.

    The temperature is 0 where the cycle explores. Chains of a cell start at initial values of their own.
    """
    wide, streams = joint.repeat(settings.chains), streams.repeat(settings.chains)
    kept, trace = _walk(settings, wide, streams, progress, update)
    cells = (joint.n_cells, settings.chains)
    draws = torch.stack(kept, 1).unflatten(0, cells)
    means = trace.means.unflatten(0, cells).mean(1)
    # Steps beyond reason can leave finite numbers behind, which are draws of nothing.
    draws = torch.where(means.isfinite().all(1)[:, None, None, None], draws, torch.nan)
    posterior = DrawsPosterior.of_chains(joint.prior, draws)
    facts = of_chains(joint, draws) if settings.chains > 1 else {}  # one chain has none to agree with
    return Fit(posterior, settings.steps, trace.steps, means.cpu().numpy(), facts)


def _walk(settings, wide, streams, progress, update: Update) -> tuple[list[torch.Tensor], Trace]:
    """The states that are kept, each (chains of all cells, latents), and the trace of the log joint."""
    latents = initial_latents(wide, streams, settings.initial, settings.initial_scale)
    velocity = torch.zeros((), device=latents.device)
    noise = streams.normals("langevin", (wide.prior.n_latents,))
    data = wide.batches(streams, settings.batch_size)
    active = wide.prior.active.to(latents)
    wanted, kept, trace, first = set(kept_steps(settings)), [], Trace(settings.steps), 0
    if state := progress.restored("langevin"):
        first, latents, velocity, kept = (state[name] for name in ("step", "latents", "velocity", "kept"))
        trace.restore(state["trace"])
    for t in range(first, settings.steps):
        rate, samples = schedule(settings, t)
        value, gradient = wide.value_and_gradient(latents, data(t))
        temperature = settings.temperature if samples else 0.0
        latents, velocity = update(latents, velocity, gradient, rate, temperature, noise.step(t) * active)
        if t in wanted:
            kept.append(latents)
        if trace.add(t + 1, value):
            progress(t + 1, settings.steps)
            state = {"step": t + 1, "latents": latents, "velocity": velocity, "kept": kept, "trace": trace.state}
            progress.keep("langevin", lambda state=state: state)
    return kept, trace
