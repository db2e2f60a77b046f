"""SWA-Gaussian (Maddox et al. 2019): a Gaussian fitted to the path of stochastic gradient descent around a mode.

Starts from a MAP run (Adam, as in `map`). Then minibatch SGD with momentum at a constant learning rate l ascends the
log joint U, estimated by N / batch size: v <- momentum v + (l / N) grad U, latents <- latents + v. After each epoch,
or more often where there are fewer than 2 rank epochs, the running first and second moments are updated and the
deviation from the running mean is kept, the last `rank` of them. A draw is
loc + sqrt(variance / 2) z1 + deviations' z2 / sqrt(2 (rank - 1)) (Maddox et al., eq. 1).

Its spread is that of the path, which depends on l, momentum and batch size, and equals the posterior's by luck only.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive, ProperShare
from bnnbench.inference._base import Fit, Method, PointPosterior, Posterior
from bnnbench.inference._optimise import TRACE_POINTS, Initial, initial_latents
from bnnbench.inference.map import Map


class SwagPosterior(Posterior):
    """Low rank plus diagonal Gaussians: `loc` and `variance` (cells, latents), `deviations` (cells, rank, latents)."""

    def draws(self, streams, purpose):
        loc, deviations = self.arrays["loc"], self.arrays["deviations"]
        rank, sd = deviations.shape[1], (self.arrays["variance"] / 2).sqrt()
        noise = streams.normals(purpose, (self.prior.n_latents + rank,))

        def draw(s):
            diagonal, low_rank = noise.step(s).split([self.prior.n_latents, rank], dim=1)
            return loc + sd * diagonal + (low_rank.unsqueeze(1) @ deviations)[:, 0] / math.sqrt(2 * (rank - 1))

        return draw


@dataclass(frozen=True)
class Swag(Method):
    """`steps` in all, of which the last share `collect` is SGD at `swa_learning_rate`; Adam's is `learning_rate`.

    `map_batch_size` is that of the MAP run; None: all points at once.
    """

    steps: Count = 4000
    learning_rate: Positive = 0.02
    collect: ProperShare = 0.5
    swa_learning_rate: Positive = 0.02
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    batch_size: Count = 32
    map_batch_size: Count | None = None
    rank: Annotated[int, Field(ge=2)] = 20
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0

    posterior_class = SwagPosterior
    reaches = "other"  # its spread is that of SGD's path

    def fit(self, joint, streams, progress=SILENT):
        collecting = max(1, min(self.steps - 1, round(self.collect * self.steps)))
        start = self._start(joint, streams, progress, self.steps - collecting)
        latents, batches = start.posterior.arrays["loc"], streams.batches(joint.n_points, self.batch_size)
        # The moments are taken about the MAP estimate in double precision: differences of large squares lose digits.
        origin, n, velocity = latents.double(), 0, torch.zeros_like(latents)
        total, squares, deviations = torch.zeros_like(origin), torch.zeros_like(origin), []
        stretch, trace, trace_steps, window = max(1, collecting // TRACE_POINTS), [], [], 0.0
        every = max(1, min(joint.n_points // self.batch_size, collecting // (2 * self.rank)))
        begin = 1
        if state := progress.restored("swag"):
            begin, latents, velocity, origin, total, squares, n, *kept = state["values"]
            deviations, trace, trace_steps, window = kept
        for t in range(begin, collecting + 1):
            value, gradient = joint.value_and_gradient(latents, joint.batch(batches(t)))
            velocity = self.momentum * velocity + self.swa_learning_rate / joint.n_points * gradient
            latents, window = latents + velocity, window + value
            if t % every == 0:
                moved = latents.double() - origin
                total, squares, n = total + moved, squares + moved.square(), n + 1
                deviations = [*deviations[1 - self.rank :], moved - total / n]
            if t % stretch == 0 or t == collecting:
                trace.append(window / (t - (trace_steps[-1] if trace_steps else 0)))
                trace_steps.append(t)
                window = 0.0
                progress(start.steps + t, self.steps)
                values = [t + 1, latents, velocity, origin, total, squares, n, deviations, trace, trace_steps, window]
                progress.keep("swag", lambda values=values: {"values": values})
        deviations += [torch.zeros_like(origin)] * (self.rank - len(deviations))  # of very short runs
        mean = total / n
        arrays = {
            "loc": origin + mean,
            "variance": (squares / n - mean.square()).clamp_min(0),
            "deviations": torch.stack(deviations, 1),
        }
        posterior = SwagPosterior(joint.prior, {name: a.to(latents) for name, a in arrays.items()})
        # Every other point of both stretches, so that the trace is as short as other methods'; the last one stays.
        steps = np.concatenate([start.trace_steps[1::2], start.steps + np.array(trace_steps)[::-2][::-1]])
        values = np.concatenate([start.trace[:, 1::2], torch.stack(trace, 1).cpu().numpy()[:, ::-2][:, ::-1]], axis=1)
        return Fit(posterior, self.steps, steps, values)

    def _start(self, joint, streams, progress, steps):
        """The MAP run of so many steps; of none, where there is but one step in all, what it would begin with."""
        if not steps:
            latents = initial_latents(joint, streams, self.initial, self.initial_scale)
            return Fit(PointPosterior(joint.prior, {"loc": latents}), 0, trace=np.zeros((joint.n_cells, 0), np.float32))
        settings = {name: getattr(self, name) for name in ("learning_rate", "initial", "initial_scale")}
        return Map(steps=steps, batch_size=self.map_batch_size, **settings).fit(joint, streams, progress)


METHOD = Swag
