"""Deep ensembles: the same network trained several times from different initial values, weighted equally.

Members are MAP estimates (Lakshminarayanan et al. 2017), or mean-field posteriors, whose equal mixture is then drawn
from. A member has its own initial values and minibatch order and sees all training data; those of the first member are
the base method's own, so that an ensemble of one MAP estimate is that estimate (mean field draws other noise).
"""

from dataclasses import dataclass
from typing import Literal

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive
from bnnbench.inference._base import DrawsPosterior, Fit, Method, Posterior
from bnnbench.inference._optimise import Initial, Schedule
from bnnbench.inference.map import Map
from bnnbench.inference.mean_field import MeanField

BASES = {"map": Map, "mean_field": MeanField}


class MixturePosterior(Posterior):
    """Equal mixtures of independent Gaussians: `loc` and `sd` (cells, members, latents), drawn from in turn."""

    def draws(self, streams, purpose):
        loc, sd = self.arrays["loc"], self.arrays["sd"]
        noise = streams.normals(purpose, (self.prior.n_latents,))
        return lambda s: loc[:, s % loc.shape[1]] + sd[:, s % loc.shape[1]] * noise.step(s)


@dataclass(frozen=True)
class Ensemble(Method):
    """`members` runs of `base` ("map" or "mean_field") with the settings that both share."""

    members: Count = 5
    base: Literal["map", "mean_field"] = "map"
    steps: Count = 2000
    learning_rate: Positive = 0.01
    schedule: Schedule = "cosine"
    batch_size: Count | None = None
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0

    reaches = "mode"

    @property
    def finds_optima(self):
        return BASES[self.base].finds_optima

    @property
    def posterior_class(self):
        return DrawsPosterior if self.base == "map" else MixturePosterior

    def fit(self, joint, streams, progress=SILENT):
        method = BASES[self.base](
            steps=self.steps, learning_rate=self.learning_rate, schedule=self.schedule, batch_size=self.batch_size,
            initial=self.initial, initial_scale=self.initial_scale,
        )  # fmt: skip
        fit = method.fit(joint.repeat(self.members), streams.repeat(self.members), progress)
        by_member = {name: a.reshape(joint.n_cells, self.members, -1) for name, a in fit.posterior.arrays.items()}
        arrays = {"draws": by_member["loc"]} if self.base == "map" else by_member
        trace = fit.trace.reshape(joint.n_cells, self.members, -1).mean(1)
        return Fit(self.posterior_class(joint.prior, arrays), self.steps, fit.trace_steps, trace)


METHOD = Ensemble
