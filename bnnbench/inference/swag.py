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
from bnnbench.inference._optimise import Initial, initial_latents
from bnnbench.inference._trace import stretch_of
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


@dataclass
class _Path:
    """Where SGD stands after `done` steps, and the moments of its path, all (cells, latents).

    The moments are taken about the MAP estimate, `origin`, in double precision: differences of large squares lose
    digits. `total` and `squares` are sums over the `n` points that were collected, `deviations` the last of these from
    the mean until then; `trace` (cells,) has the mean log joint of each stretch, `window` the sum of the present one.
    """

    latents: torch.Tensor
    velocity: torch.Tensor
    origin: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor
    window: torch.Tensor
    deviations: list[torch.Tensor]
    trace: list[torch.Tensor]
    trace_steps: list[int]
    n: int = 0
    done: int = 0

    @classmethod
    def at(cls, latents: torch.Tensor) -> "_Path":
        """At the MAP estimate, before the first step."""
        origin = latents.double()
        zeros = torch.zeros_like(origin)
        return cls(
            latents, torch.zeros_like(latents), origin, zeros, zeros, latents.new_zeros(len(latents)), [], [], []
        )

    def collect(self, rank: int) -> None:
        """Add where it stands to the moments."""
        moved = self.latents.double() - self.origin
        self.total, self.squares, self.n = self.total + moved, self.squares + moved.square(), self.n + 1
        self.deviations = [*self.deviations[1 - rank :], (moved - self.total / self.n).to(self.latents)]

    def end_stretch(self) -> None:
        """Add the mean log joint of the steps since the last stretch to the trace."""
        before = self.trace_steps[-1] if self.trace_steps else 0
        self.trace.append(self.window / (self.done - before))
        self.trace_steps.append(self.done)
        self.window = torch.zeros_like(self.window)

    def moments(self, rank: int) -> dict[str, torch.Tensor]:
        """Arrays of the posterior; deviations that a very short run did not come to are 0."""
        mean = self.total / self.n
        found = {"loc": self.origin + mean, "variance": (self.squares / self.n - mean.square()).clamp_min(0)}
        found, mean = {name: a.to(self.latents) for name, a in found.items()}, None
        # Large ones are there once: memory that nothing was written to takes none, as one of zeros would.
        deviations = self.latents.new_empty(len(self.latents), rank, self.latents.shape[1])
        for i in range(rank):
            deviations[:, i] = self.deviations.pop(0) if self.deviations else 0
        return found | {"deviations": deviations}


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
    finds_optima = True
    reaches = "other"  # its spread is that of SGD's path

    def fit(self, joint, streams, progress=SILENT):
        collecting = max(1, min(self.steps - 1, round(self.collect * self.steps)))
        start = self._start(joint, streams, progress, self.steps - collecting)
        path, data = _Path.at(start.posterior.arrays["loc"]), joint.batches(streams, self.batch_size)
        stretch = stretch_of(collecting)
        every = max(1, min(joint.n_points // self.batch_size, collecting // (2 * self.rank)))
        if state := progress.restored("swag"):
            path = _Path(**state)
        for t in range(path.done + 1, collecting + 1):
            value, gradient = joint.value_and_gradient(path.latents, data(t))
            path.velocity = self.momentum * path.velocity + self.swa_learning_rate / joint.n_points * gradient
            path.latents, path.window = path.latents + path.velocity, path.window + value
            path.done = t
            if t % every == 0:
                path.collect(self.rank)
            if t % stretch == 0 or t == collecting:
                path.end_stretch()
                progress(start.steps + t, self.steps)
                progress.keep("swag", lambda: dict(vars(path)))
        return Fit(SwagPosterior(joint.prior, path.moments(self.rank)), self.steps, *self._trace(start, path))

    def _trace(self, start, path):
        """Every other point of both stretches, so that the trace is as short as other methods'; the last one stays."""
        values = torch.stack(path.trace, 1).cpu().numpy()
        steps = np.concatenate([start.trace_steps[1::2], start.steps + np.array(path.trace_steps)[::-2][::-1]])
        return steps, np.concatenate([start.trace[:, 1::2], values[:, ::-2][:, ::-1]], axis=1)

    def _start(self, joint, streams, progress, steps):
        """The MAP run of so many steps; of none, where there is but one step in all, what it would begin with."""
        if not steps:
            latents = initial_latents(joint, streams, self.initial, self.initial_scale)
            return Fit(PointPosterior(joint.prior, {"loc": latents}), 0, trace=np.zeros((joint.n_cells, 0), np.float32))
        settings = {name: getattr(self, name) for name in ("learning_rate", "initial", "initial_scale")}
        return Map(steps=steps, batch_size=self.map_batch_size, **settings).fit(joint, streams, progress)


METHOD = Swag
