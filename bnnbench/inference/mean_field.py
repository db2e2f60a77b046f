"""Mean-field variational inference: a diagonal Gaussian over all latents, fitted by reparameterised gradients.

Maximises ELBO = E_q[log p(y | f_w(x))] + E_q[log p(z) + log p(log s)] + H[q] with q = N(loc, softplus(rho)²) on the
unconstrained latents, hyperpriors' log scales included (ADVI: Kucukelbir et al. 2017; Bayes by Backprop: Blundell et
al. 2015, eq. 3). The prior term is in closed form for normal and Laplace families and sampled otherwise. At
temperature T the entropy and the prior enter times T; T = 1 is the ELBO.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from bnnbench.inference._base import Fit, GaussianPosterior, Method
from bnnbench.inference._optimise import initial_gaussian, maximise
from bnnbench.networks._apply import noise_shapes


@dataclass(frozen=True)
class MeanField(Method):
    """Adam on a one-draw estimate of the ELBO.

    `estimator` is "draw" (one weight draw a batch) or "local" (local reparameterisation: lower variance; in
    convolutions it draws each output pixel on its own). `initial_sd` is that of the initial posterior of a weight;
    `warm_up` is the share of the steps over which the KL term grows from nothing to its full weight.
    """

    steps: int = 3000
    learning_rate: float = 0.02
    schedule: str = "cosine"
    batch_size: int | None = None
    estimator: str = "draw"
    initial: str = "fan_in"
    initial_scale: float = 1.0
    initial_sd: float = 0.05
    warm_up: float = 0.3
    temperature: float = 1.0

    posterior_class = GaussianPosterior

    def fit(self, joint, streams, progress=lambda step, total: None):
        if self.estimator not in ("draw", "local"):
            raise ValueError(f"mean_field.estimator: unknown '{self.estimator}': known are draw, local")
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)
        noise = streams.normals("variational", (joint.prior.n_latents,))
        batches = streams.batches(joint.n_points, self.batch_size)
        expected_log_likelihood = (
            self._sampled(joint, streams) if self.estimator == "draw" else self._local(joint, streams)
        )

        def elbo(step):
            sd = F.softplus(rho)
            sample = loc + sd * noise.step(step)
            fit = expected_log_likelihood(step, loc, sd, sample, joint.batch(batches(step)))
            return fit + self._kl_weight(step) * negative_kl(joint.prior, loc, sd, sample)

        trace_steps, trace = maximise(
            elbo,
            [loc, rho],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
        )
        posterior = GaussianPosterior(joint.prior, {"loc": loc, "sd": F.softplus(rho)})
        return Fit(posterior, self.steps, trace_steps, trace)

    def _kl_weight(self, step):
        """The temperature, reached linearly over the warm-up, so that units are not pruned before they are of use."""
        return self.temperature * min(1.0, (step + 1) / max(1.0, self.warm_up * self.steps))

    def _sampled(self, joint, streams):
        return lambda step, loc, sd, sample, batch: joint.log_likelihood(joint.prior.weights(sample), batch)

    def _local(self, joint, streams):
        n_batch = min(self.batch_size or joint.n_points, joint.n_points)
        layers = [streams.normals(f"local-{i}", s) for i, s in enumerate(noise_shapes(joint.network, n_batch))]

        def expected_log_likelihood(step, loc, sd, sample, batch):
            # Given the drawn scales the weights are independent Gaussians, so only they are integrated locally.
            multiplier, w = joint.prior.multiplier(sample), slice(0, joint.prior.n_weights)
            mean, spread = (
                (loc[:, w], sd[:, w]) if multiplier is None else (loc[:, w] * multiplier, sd[:, w] * multiplier)
            )
            return joint.local_log_likelihood(mean, spread, [layer.step(step) for layer in layers], batch)

        return expected_log_likelihood


def negative_kl(prior, loc, sd, sample):
    """-KL(q || p) of the latents, (cells,): expected log prior plus entropy, over the active latents only."""
    entropy = torch.where(prior.active, sd.log() + 0.5 * math.log(2 * math.pi * math.e), 0.0).sum(1)
    return prior.expected_log_density(loc, sd, sample) + entropy


METHOD = MeanField
