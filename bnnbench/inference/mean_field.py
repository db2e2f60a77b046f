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
from typing import Literal, get_args

import torch
import torch.nn.functional as F

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, Share
from bnnbench.inference._base import Fit, GaussianPosterior, Method
from bnnbench.inference._optimise import SD_FLOOR, Initial, Schedule, initial_gaussian, maximise, warmed_up
from bnnbench.model.in_pieces import in_pieces
from bnnbench.networks._apply import forward, forward_flipout, forward_local, noise_shapes, sign_shapes

Estimator = Literal["draw", "local", "flipout", "sticking_the_landing"]
ESTIMATORS = get_args(Estimator)


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

    steps: Count = 3000
    learning_rate: Positive = 0.02
    schedule: Schedule = "cosine"
    batch_size: Count | None = None
    estimator: Estimator = "draw"
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0
    initial_sd: Positive = 0.05
    warm_up: Share = 0.3
    temperature: NonNegative = 1.0
    entropy_weight: NonNegative = 1.0

    posterior_class = GaussianPosterior
    has_curve = True
    reaches = "factorised"

    @property
    def looks_at_units(self):
        return self.estimator in ("local", "flipout")

    def skip(self, network, model, likelihood):
        if network.is_recurrent and self.estimator in ("local", "flipout"):
            return (
                f"estimator {self.estimator} draws anew for each use of a weight, and a recurrent layer uses it at "
                "every step: use draw or sticking_the_landing"
            )
        return None

    def fit(self, joint, streams, progress=SILENT):
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"mean_field.estimator: unknown '{self.estimator}': known are {', '.join(ESTIMATORS)}")
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)
        noise = [streams.normals("variational", (joint.prior.n_latents,)), *self._noise_of_layers(joint, streams)]
        data, floor = joint.batches(streams, self.batch_size), self._sd_floor
        estimate = joint.objective(_elbo, estimator=self.estimator, entropy_weight=self.entropy_weight, sd_floor=floor)

        def posterior():
            return GaussianPosterior(joint.prior, {"loc": loc.detach(), "sd": _sd(rho.detach(), floor)})

        def elbo(step):
            weight = loc.new_full((), self.temperature * warmed_up(step, self.steps, self.warm_up))
            return estimate([loc, rho], [weight, *data(step), *[n.step(step) for n in noise]])

        trace_steps, trace = maximise(
            elbo,
            [loc, rho],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
            posterior=posterior,
        )
        return Fit(posterior(), self.steps, trace_steps, trace)

    @property
    def _sd_floor(self):
        # With an entropy of some weight the floor is never reached.
        return 0.0 if self.temperature * self.entropy_weight else SD_FLOOR

    def _noise_of_layers(self, joint, streams):
        """What local reparameterisation and flipout draw for each layer, as functions of the step."""
        size = min(self.batch_size or joint.n_points, joint.n_points)
        if self.estimator == "local":
            shapes = noise_shapes(joint.network, size)
            return [streams.coarse_normals(f"local-{i}", shape) for i, shape in enumerate(shapes)]
        if self.estimator == "flipout":
            shapes = sign_shapes(joint.network, size)
            return [streams.signs(f"flipout-{i}", shape) for i, shape in enumerate(shapes)]
        return []


def _elbo(terms, loc, rho, weight, x, y, noise, *of_layers, estimator, entropy_weight, sd_floor):
    """One-draw estimate (cells,) of the ELBO, the KL term times `weight`."""
    prior = terms.prior
    if estimator == "draw" and prior.is_one_long_row(loc):
        sample, kl = _draw_in_pieces(prior, loc, rho, noise, entropy_weight, sd_floor)
        outputs = forward(terms.network, prior.weights(sample), x)
        return terms.log_likelihood(outputs, y, sample) + weight * kl
    sd = _sd(rho, sd_floor)
    sample = loc + sd * noise
    outputs = _outputs(terms, estimator, loc, sd, sample, x, of_layers)
    kl_term = negative_path_kl if estimator == "sticking_the_landing" else negative_kl
    return terms.log_likelihood(outputs, y, sample) + weight * kl_term(prior, loc, sd, sample, entropy_weight)


def _outputs(terms, estimator, loc, sd, sample, x, of_layers):
    """Network outputs under q, (cells, outputs, points), drawn as the estimator does.

    Given the drawn scales the weights are independent Gaussians, so `local` and `flipout` treat only them in their own
    way.
    """
    if estimator == "local":
        return forward_local(terms.network, *_mean_and(terms.prior, sample, loc, sd), x, of_layers)
    if estimator == "flipout":
        return forward_flipout(terms.network, *_mean_and(terms.prior, sample, loc, sample - loc), x, of_layers)
    return forward(terms.network, terms.prior.weights(sample), x)


def _mean_and(prior, sample, loc, other):
    """Means of the weights, and other weight latents on the weights' scale, under the scales drawn in `sample`."""
    multiplier, w = prior.multiplier(sample), slice(0, prior.n_weights)
    mean, other = (a[:, w] if multiplier is None else a[:, w] * multiplier for a in (loc, other))
    return prior.shifted(mean), other


def _sd(rho, floor):
    sd = F.softplus(rho)
    return sd.clamp_min(floor) if floor else sd


def negative_kl(prior, loc, sd, sample, entropy_weight=1.0):
    """-KL(q || p) of the latents, (cells,): expected log prior plus entropy, over the active latents only."""
    entropy = _entropy(prior.active, sd).sum(1)
    return prior.expected_log_density(loc, sd, sample) + entropy_weight * entropy


def _entropy(active, sd):
    """That of each latent, (cells, latents)."""
    return torch.where(active, sd.log() + 0.5 * math.log(2 * math.pi * math.e), 0.0)


def _draw_in_pieces(prior, loc, rho, noise, entropy_weight, sd_floor):
    """One weight draw and `negative_kl`, of latents so many that neither sd nor what follows from it is kept whole."""

    def part(start, loc, rho, noise, active):
        sd = _sd(rho, sd_floor)
        sample = loc + sd * noise
        return sample, _entropy(active, sd), prior.expected_of_part(start, loc, sd, sample)

    sample, entropy, of_weights = in_pieces(part, [loc, rho], [noise, prior.active], kept=1)
    return sample, prior.whole(of_weights, sample) + entropy_weight * entropy


def negative_path_kl(prior, loc, sd, sample, entropy_weight=1.0):
    """The same at one sample, log p - log q, (cells,); its gradient runs through the sample alone.

    What is left out, the gradient of log q in its own parameters, has mean zero (Roeder et al. 2017).
    """
    mean, spread = loc.detach(), sd.detach()
    log_q = -0.5 * ((sample - mean) / spread).square() - spread.log() - 0.5 * math.log(2 * math.pi)
    return prior.log_density(sample) - entropy_weight * torch.where(prior.active, log_q, 0.0).sum(1)


METHOD = MeanField
