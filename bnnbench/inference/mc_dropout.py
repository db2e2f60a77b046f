"""Monte Carlo dropout: networks trained with dropout, and dropped at random when they predict.

Maximises E[log p(y | f_{w, mask}(x))] + log p(z) + log p(log s) over the latents, the objective of `map` with inputs
of dense layers set to zero with probability `rate` and the others divided by 1 - rate, a mask for each example and
step (Gal & Ghahramani 2016, eq. 9; the cell's own prior in place of their weight decay). The network's raw inputs
are never dropped, nor are the inputs of convolutions, but for those that a network marks: of these whole channels
are. Recurrent layers are dropped as in "A theoretically grounded application of dropout in recurrent neural networks"
(Gal & Ghahramani 2016): inputs, raw ones and symbols too, and states, with one mask for all steps of a sequence. A draw
of the posterior is one mask for all points: weights with random columns set to zero. At rate 0 this is `map`.
"""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field

from bnnbench.inference._base import Posterior
from bnnbench.inference.map import Map
from bnnbench.networks._apply import forward_dropout, mask_shapes


class DropoutPosterior(Posterior):
    """Dropped copies of one network: its latents `loc` (cells, latents) and the `rate` (cells,) of dropping."""

    def draws(self, streams, purpose):
        loc, unit = self.arrays["loc"], _unit_of_latent(self.prior).to(self.arrays["loc"].device)
        masks = streams.masks(purpose, (max(1, int(unit.max()) + 1),), self.arrays["rate"].tolist())
        dropped = self._dropped().to(loc.device)
        # Learned scales multiply z, so that a zero weight has one z under all; scales themselves are never dropped.
        return lambda s: torch.where(unit >= 0, dropped + (loc - dropped) * masks.step(s)[:, unit.clamp_min(0)], loc)

    def _dropped(self):
        """Latents of weights that are all zero: zero, unless the prior is centred on weights."""
        loc = self.arrays["loc"]
        return self.prior.with_weights(loc, torch.zeros_like(loc[:, : self.prior.n_weights]))


@dataclass(frozen=True)
class McDropout(Map):
    """Adam on the log joint under dropout at `rate`; other settings as in `map`."""

    rate: Annotated[float, Field(ge=0, lt=1)] = 0.05

    posterior_class = DropoutPosterior

    @property
    def looks_at_units(self):
        return True

    def objective(self, joint, streams):
        shapes = mask_shapes(joint.network, min(self.batch_size or joint.n_points, joint.n_points))
        rates, under_dropout = [self.rate] * joint.n_cells, joint.objective(_log_density)
        layers = [streams.masks(f"dropout-{i}", shape, rates) for i, shape in enumerate(shapes)]
        return lambda step, latents, batch: under_dropout([latents], [*batch, *[m.step(step) for m in layers]])

    def posterior(self, prior, latents):
        return DropoutPosterior(prior, {"loc": latents, "rate": torch.full_like(latents[:, 0], self.rate)})


def _log_density(terms, latents, x, y, *masks):
    outputs = forward_dropout(terms.network, terms.prior.weights(latents), x, masks)
    return terms.log_likelihood(outputs, y, latents) + terms.prior.log_density(latents)


def _unit_of_latent(prior):
    """The input that each latent multiplies, numbered through the weights that drop theirs; -1 for others."""
    found, units = torch.full((prior.n_latents,), -1), 0
    for p in prior.network.dropped:
        n_out, n_in, *pixels = p.shape
        found[p.start : p.stop] = torch.arange(units, units + n_in).repeat_interleave(math.prod(pixels)).repeat(n_out)
        units += n_in
    return found


METHOD = McDropout
