"""Monte Carlo dropout: networks trained with dropout, and dropped at random when they predict.

Maximises E[log p(y | f_{w, mask}(x))] + log p(z) + log p(log s) over the latents, the objective of `map` with inputs
of dense layers set to zero with probability `rate` and the others divided by 1 - rate, a mask for each example and
step (Gal & Ghahramani 2016, eq. 9; the cell's own prior in place of their weight decay). The network's raw inputs
are never dropped, nor are the inputs of convolutions. A draw of the posterior is one mask for all points: weights
with random columns set to zero. At rate 0 this is `map`.
"""

from dataclasses import dataclass

import torch

from bnnbench.inference._base import Fit, Posterior
from bnnbench.inference._optimise import initial_latents, maximise
from bnnbench.inference.map import Map
from bnnbench.networks._apply import mask_shapes


class DropoutPosterior(Posterior):
    """Dropped copies of one network: its latents `loc` (cells, latents) and the `rate` (cells,) of dropping."""

    def draws(self, streams, purpose):
        loc, unit = self.arrays["loc"], _unit_of_latent(self.prior).to(self.arrays["loc"].device)
        masks = streams.masks(purpose, (max(1, int(unit.max()) + 1),), self.arrays["rate"].tolist())
        # Learned scales multiply z, so a zero in z is a zero in the weight; scales themselves are never dropped.
        return lambda s: torch.where(unit >= 0, loc * masks.step(s)[:, unit.clamp_min(0)], loc)


@dataclass(frozen=True)
class McDropout(Map):
    """Adam on the log joint under dropout at `rate`; other settings as in `map`."""

    rate: float = 0.05

    posterior_class = DropoutPosterior

    def __post_init__(self):
        if not 0 <= self.rate < 1:
            raise ValueError(f"mc_dropout.rate must be at least 0 and below 1, got {self.rate}")

    def fit(self, joint, streams, progress=lambda step, total: None):
        latents = initial_latents(joint, streams, self.initial, self.initial_scale)
        batches = streams.batches(joint.n_points, self.batch_size)
        shapes = mask_shapes(joint.network, min(self.batch_size or joint.n_points, joint.n_points))
        rates = [self.rate] * joint.n_cells
        layers = [streams.masks(f"dropout-{i}", shape, rates) for i, shape in enumerate(shapes)]

        def log_joint(step):
            masks = [layer.step(step) for layer in layers]
            fit = joint.dropout_log_likelihood(joint.prior.weights(latents), masks, joint.batch(batches(step)))
            return fit + joint.prior.log_density(latents)

        trace_steps, trace = maximise(
            log_joint,
            [latents],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
        )
        arrays = {"loc": latents, "rate": torch.full_like(latents[:, 0], self.rate)}
        return Fit(DropoutPosterior(joint.prior, arrays), self.steps, trace_steps, trace)


def _unit_of_latent(prior):
    """The input of a dense layer that each latent multiplies, numbered through the layers that drop; -1 for others."""
    found, units = torch.full((prior.n_latents,), -1), 0
    for p in prior.network.parameters[2:]:
        if p.name.startswith("dense") and not p.is_bias:
            n_out, n_in = p.shape
            found[p.start : p.stop] = torch.arange(units, units + n_in).repeat(n_out)
            units += n_in
    return found


METHOD = McDropout
