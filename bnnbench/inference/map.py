"""Maximum a posteriori estimation.

Maximises log p(y | f_w(x)) + log p(z) + log p(log s) over the weight latents z and, where scales are learned, the log
scales. The density is that of (z, log s), Jacobian included: in the centred form it is unbounded as s -> 0. Under
the flat prior, N(0, 100²), this is all but maximum likelihood: see `mle`.
"""

from dataclasses import dataclass

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive
from bnnbench.inference._base import Fit, Method, PointPosterior
from bnnbench.inference._optimise import Initial, Schedule, initial_latents, maximise


@dataclass(frozen=True)
class Map(Method):
    """Adam on the log joint. `batch_size` None: all points in each step."""

    steps: Count = 2000
    learning_rate: Positive = 0.01
    schedule: Schedule = "cosine"
    batch_size: Count | None = None
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0

    posterior_class = PointPosterior
    has_curve = True
    reaches = "mode"
    finds_optima = True

    def fit(self, joint, streams, progress=SILENT):
        latents = initial_latents(joint, streams, self.initial, self.initial_scale)
        data, objective = joint.batches(streams, self.batch_size), self.objective(joint, streams)
        trace_steps, trace = maximise(
            lambda step: objective(step, latents, data(step)),
            [latents],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
            posterior=lambda: self.posterior(joint.prior, latents.detach()),
        )
        return Fit(self.posterior(joint.prior, latents), self.steps, trace_steps, trace)

    def objective(self, joint, streams):
        """What is maximised: a function of the step, the latents and the batch, giving (cells,)."""
        return lambda step, latents, batch: joint.log_density(latents, batch)

    def posterior(self, prior, latents):
        """The posterior around the latents that were found."""
        return PointPosterior(prior, {"loc": latents})


METHOD = Map
