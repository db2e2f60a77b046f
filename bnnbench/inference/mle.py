"""Maximum likelihood: the plain network that the field compares with.

Maximises log p(y | f_w(x)) alone, so every prior would give the same network: only the flat prior's cell is trained.
"""

from dataclasses import dataclass

from bnnbench.inference._base import Fit, PointPosterior
from bnnbench.inference._optimise import initial_latents, maximise
from bnnbench.inference.map import Map


@dataclass(frozen=True)
class Mle(Map):
    """Adam on the log likelihood; settings as in `map`."""

    def skip(self, network, model):
        if model.prior.name != "flat":
            return "maximum likelihood does not look at the prior: see the cell of the flat prior"
        return None

    def fit(self, joint, streams, progress=lambda step, total: None):
        latents = initial_latents(joint, streams, self.initial, self.initial_scale)
        batches = streams.batches(joint.n_points, self.batch_size)
        trace_steps, trace = maximise(
            lambda step: joint.log_likelihood(joint.prior.weights(latents), joint.batch(batches(step))),
            [latents],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
        )
        return Fit(PointPosterior(joint.prior, {"loc": latents}), self.steps, trace_steps, trace)


METHOD = Mle
