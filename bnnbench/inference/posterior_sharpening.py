"""Mean field whose draws are moved along the gradient of the batch that they are trained on.

Fortunato, Blundell & Vinyals (2017), Bayesian recurrent neural networks, section 4. To a mean-field posterior q(phi) a
second level is added: the weights of a batch are N(phi, s²) a priori and N(phi + rate * g, s²) a posteriori, where g is
the gradient of the batch's log likelihood at phi, which is not differentiated again. So the bound is

    E[sum over batches of log p(y_b | w_b) - |rate * g_b|² / (2 s²)] - KL(q(phi) || p(phi)),

estimated at one draw of phi and of w_b. Each weight has a rate of its own, which is learned. It is given here in units
of s², in which 1 is best wherever a batch's log likelihood is linear. What predicts are draws of phi, since there are
no gradients where targets are not known.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, Share
from bnnbench.inference._base import Fit, GaussianPosterior, Method
from bnnbench.inference._optimise import Initial, Schedule, initial_gaussian, maximise, warmed_up
from bnnbench.inference.mean_field import negative_kl
from bnnbench.networks._apply import forward


@dataclass(frozen=True)
class PosteriorSharpening(Method):
    """Adam on a one-draw estimate of the bound, whose gradients at phi cost another pass a step.

    `spread` is s, in units of the latents of weights: under a learned scale these are weights in units of the scale.
    `initial_rate` is what each rate begins with, in units of s²; other settings are as in `mean_field`.
    """

    steps: Count = 3000
    learning_rate: Positive = 0.02
    schedule: Schedule = "cosine"
    batch_size: Count | None = None
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0
    initial_sd: Positive = 0.05
    warm_up: Share = 0.3
    spread: Positive = 0.02
    initial_rate: NonNegative = 0.5

    posterior_class = GaussianPosterior
    has_curve = True
    reaches = "other"  # the posterior of phi, which is a little wider than that of the weights

    def fit(self, joint, streams, progress=SILENT):
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)
        rate = torch.full_like(loc[:, : joint.prior.n_weights], self.initial_rate)
        of_phi = streams.normals("variational", (joint.prior.n_latents,))
        of_weights = streams.normals("sharpening", (joint.prior.n_weights,))
        data = joint.batches(streams, self.batch_size)
        score, bound = joint.objective(batch_log_likelihood), joint.objective(sharpened_bound, spread=self.spread)

        def posterior():
            return GaussianPosterior(joint.prior, {"loc": loc.detach(), "sd": F.softplus(rho.detach())})

        def objective(step):
            batch, noise = data(step), of_phi.step(step)
            phi = (loc + F.softplus(rho) * noise).detach()
            _, (gradient,) = score.with_gradient([phi], batch)
            gradient = gradient[:, : joint.prior.n_weights]
            weight = loc.new_full((), warmed_up(step, self.steps, self.warm_up))
            return bound([loc, rho, rate], [weight, gradient, *batch, noise, of_weights.step(step)])

        trace_steps, trace = maximise(
            objective,
            [loc, rho, rate],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
            posterior=posterior,
        )
        return Fit(posterior(), self.steps, trace_steps, trace)


def batch_log_likelihood(terms, latents, x, y):
    """log p(y | weights) of a batch, (cells,), as an objective."""
    outputs = forward(terms.network, terms.prior.weights(latents), x)
    return terms.log_likelihood(outputs, y, latents) * (y.shape[1] / terms.n_points)


def sharpened_bound(terms, loc, rho, rate, weight, gradient, x, y, noise, noise_of_weights, *, spread):
    """One-draw estimate (cells,) of the bound, its KL term of phi times `weight`.

    gradient, rate, noise_of_weights (cells, weights): of the batch's log likelihood at phi, in units of spread², and
    what is drawn around the moved phi.
    """
    sd = F.softplus(rho)
    phi, shift = loc + sd * noise, spread**2 * rate * gradient
    moved = F.pad(shift + spread * noise_of_weights, (0, phi.shape[1] - shift.shape[1]))
    sample = phi + moved
    log_likelihood = terms.log_likelihood(forward(terms.network, terms.prior.weights(sample), x), y, sample)
    kl_of_batch = 0.5 * (shift / spread).square().sum(1)
    n_batches = terms.n_points / y.shape[1]
    return log_likelihood - n_batches * kl_of_batch + weight * negative_kl(terms.prior, loc, sd, phi)


METHOD = PosteriorSharpening
