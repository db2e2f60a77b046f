"""Skeleton in words: the most probable weights, found by Adam.

Say here what the method targets, its update rule and its source. As it stands it climbs log p(y | f_w(x)) + log p(w)
from random initial values, and its posterior is the point at which it ends.
"""

from dataclasses import dataclass

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive
from bnnbench.inference._base import Fit, Method, PointPosterior
from bnnbench.inference._optimise import initial_latents, maximise


@dataclass(frozen=True)
class Skeleton(Method):
    """Each setting has a type, which says what is allowed, and a default. A study names them under `settings:`.

    batch_size: points of a step; None for all
    """

    steps: Count = 2000
    learning_rate: Positive = 0.01
    batch_size: Count | None = None

    posterior_class = PointPosterior  # others: GaussianPosterior, DrawsPosterior, or a class of your own
    reaches = "mode"  # by this the shared tests judge it: see `Reached` in inference/_base.py

    def fit(self, joint, streams, progress=SILENT):
        """The posterior of every cell of the stack.

        joint: the log joint, `joint.log_density(latents, batch)` (cells,) of latents (cells, latents)
        streams: random numbers, keyed by cell, so that a cell draws the same alone and in a stack
        progress: told how far it is; keeps the state of `maximise`, so that an interrupted fit goes on
        """
        latents = initial_latents(joint, streams, "fan_in", scale=1.0)
        data = joint.batches(streams, self.batch_size)
        trace_steps, trace = maximise(
            lambda step: joint.log_density(latents, data(step)),
            [latents],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule="cosine",
            n_points=joint.n_points,
            progress=progress,
        )
        return Fit(PointPosterior(joint.prior, {"loc": latents}), self.steps, trace_steps, trace)


METHOD = Skeleton
