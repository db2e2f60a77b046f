"""Mean-field variational inference: a diagonal Gaussian over all latents, fitted by reparameterised gradients.

Maximises ELBO = E_q[log p(y | f_w(x))] + E_q[log p(z) + log p(log s)] + H[q] with q = N(loc, softplus(rho)²) on the
unconstrained latents, hyperpriors' log scales included (ADVI: Kucukelbir et al. 2017; Bayes by Backprop: Blundell et
al. 2015, eq. 3). The prior term is in closed form for normal and Laplace families and sampled otherwise. At
temperature T the entropy and the prior enter times T: q is drawn to p(y | w)^(1/T) p(w), and T = 0 gives maximum
likelihood. With an entropy weight h the entropy alone enters times h: q is drawn to p(w | y)^(1/h), and h = 0 gives
`map`, at sd 0. The ELBO has both at 1.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from bnnbench.inference._base import Fit, GaussianPosterior, Method
from bnnbench.inference._optimise import SD_FLOOR, initial_gaussian, maximise, warmed_up
from bnnbench.networks._apply import noise_shapes, sign_shapes

ESTIMATORS = ("draw", "local", "flipout", "sticking_the_landing")


@dataclass(frozen=True)
class MeanField(Method):
    """Adam on a one-draw estimate of the ELBO.

    `estimator` is one of

    - "draw": one weight draw a batch;
    - "local": local reparameterisation (Kingma et al. 2015): lower variance; in convolutions it draws each output
      pixel on its own;
    - "flipout": one weight draw a batch, sign-flipped for each example, biases too (Wen et al. 2018): lower variance,
      and in convolutions too each example has the law of a weight draw;
    - "sticking_the_landing": one weight draw, gradients without the score term (Roeder et al. 2017, eq. 8): prior and
      entropy are sampled at it, so that the gradient has no variance where q is the posterior itself.

    `initial_sd` is that of the initial posterior of a weight; `warm_up` is the share of the steps over which the KL
    term grows from nothing to its full weight.
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
    entropy_weight: float = 1.0

    posterior_class = GaussianPosterior

    def fit(self, joint, streams, progress=lambda step, total: None):
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"mean_field.estimator: unknown '{self.estimator}': known are {', '.join(ESTIMATORS)}")
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)
        noise = streams.normals("variational", (joint.prior.n_latents,))
        batches = streams.batches(joint.n_points, self.batch_size)
        expected_log_likelihood = {"local": self._local, "flipout": self._flipout}.get(self.estimator, self._sampled)(
            joint, streams
        )
        kl_term = negative_path_kl if self.estimator == "sticking_the_landing" else negative_kl

        def elbo(step):
            sd = self._sd(rho)
            sample = loc + sd * noise.step(step)
            fit = expected_log_likelihood(step, loc, sd, sample, joint.batch(batches(step)))
            weight = self.temperature * warmed_up(step, self.steps, self.warm_up)
            return fit + weight * kl_term(joint.prior, loc, sd, sample, self.entropy_weight)

        trace_steps, trace = maximise(
            elbo,
            [loc, rho],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
        )
        posterior = GaussianPosterior(joint.prior, {"loc": loc, "sd": self._sd(rho)})
        return Fit(posterior, self.steps, trace_steps, trace)

    def _sd(self, rho):
        # With an entropy of some weight the floor is never reached, and each operation here costs a per cent or two.
        sd = F.softplus(rho)
        return sd if self.temperature * self.entropy_weight else sd.clamp_min(SD_FLOOR)

    def _sampled(self, joint, streams):
        return lambda step, loc, sd, sample, batch: joint.log_likelihood(joint.prior.weights(sample), batch)

    # Given the drawn scales the weights are independent Gaussians, so the next two treat only them in their own way.

    def _local(self, joint, streams):
        layers = _streams_of(streams.normals, "local", noise_shapes(joint.network, self._batch_size(joint)))

        def expected_log_likelihood(step, loc, sd, sample, batch):
            mean, spread = _scaled(joint.prior, sample, loc, sd)
            return joint.local_log_likelihood(mean, spread, [layer.step(step) for layer in layers], batch)

        return expected_log_likelihood

    def _flipout(self, joint, streams):
        layers = _streams_of(streams.signs, "flipout", sign_shapes(joint.network, self._batch_size(joint)))

        def expected_log_likelihood(step, loc, sd, sample, batch):
            mean, shift = _scaled(joint.prior, sample, loc, sample - loc)
            return joint.flipout_log_likelihood(mean, shift, [layer.step(step) for layer in layers], batch)

        return expected_log_likelihood

    def _batch_size(self, joint):
        return min(self.batch_size or joint.n_points, joint.n_points)


def _streams_of(kind, purpose, shapes):
    return [kind(f"{purpose}-{i}", shape) for i, shape in enumerate(shapes)]


def _scaled(prior, sample, *latents):
    """Weight latents times the scales drawn in `sample`."""
    multiplier, w = prior.multiplier(sample), slice(0, prior.n_weights)
    return [a[:, w] if multiplier is None else a[:, w] * multiplier for a in latents]


def negative_kl(prior, loc, sd, sample, entropy_weight=1.0):
    """-KL(q || p) of the latents, (cells,): expected log prior plus entropy, over the active latents only."""
    entropy = torch.where(prior.active, sd.log() + 0.5 * math.log(2 * math.pi * math.e), 0.0).sum(1)
    return prior.expected_log_density(loc, sd, sample) + entropy_weight * entropy


def negative_path_kl(prior, loc, sd, sample, entropy_weight=1.0):
    """The same at one sample, log p - log q, (cells,); its gradient runs through the sample alone.

    What is left out, the gradient of log q in its own parameters, has mean zero (Roeder et al. 2017).
    """
    mean, spread = loc.detach(), sd.detach()
    log_q = -0.5 * ((sample - mean) / spread).square() - spread.log() - 0.5 * math.log(2 * math.pi)
    return prior.log_density(sample) - entropy_weight * torch.where(prior.active, log_q, 0.0).sum(1)


METHOD = MeanField
