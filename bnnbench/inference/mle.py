"""Maximum likelihood: the plain network that the field compares with.

Maximises log p(y | f_w(x)) alone, so every prior would give the same network: only the flat prior's cell is trained.
"""

from dataclasses import dataclass

from bnnbench.inference.map import Map


@dataclass(frozen=True)
class Mle(Map):
    """Adam on the log likelihood; settings as in `map`."""

    reaches = "maximum_likelihood"

    def skip(self, network, model, likelihood):
        if model.prior.name != "flat":
            return "maximum likelihood does not look at the prior: see the cell of the flat prior"
        return None

    def objective(self, joint, streams):
        return lambda step, latents, batch: joint.log_likelihood(latents, batch)


METHOD = Mle
