"""Full-rank variational inference: a Gaussian with correlations over all latents of a cell.

Maximises the ELBO of `mean_field` with q = N(loc, L L^T), L lower triangular with a positive diagonal (Kucukelbir et
al. 2017, section 2.4); or, of a given rank k, with the covariance diag(d²) + V V^T, V of k columns (Ong et al. 2018,
eq. 9), which scales to larger networks. Priors being independent between latents, their expectation needs no more
than the marginal standard deviations, so it is in closed form where that of `mean_field` is. Temperature and entropy
weight act as there. Log scales that a cell does not have are inert: they keep their initial values, add no entropy, and
correlate with nothing.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, Share
from bnnbench.inference._base import Fit, Method, Posterior, gaussian_entropy
from bnnbench.inference._optimise import SD_FLOOR, Initial, Schedule, initial_gaussian, maximise, warmed_up
from bnnbench.networks._apply import forward

MOST_LATENTS = 2000
"""A full matrix over more has millions of entries a cell."""


class FullRankPosterior(Posterior):
    """N(loc, L L^T) with `loc` (cells, latents) and `cholesky` L (cells, latents, latents); or, with `diagonal` d
    (cells, latents) and `factor` V (cells, latents, rank) in its place, N(loc, diag(d²) + V V^T)."""

    def draws(self, streams, purpose):
        noise = streams.normals(purpose, (self.prior.n_latents,))
        if "cholesky" in self.arrays:
            return lambda s: self.arrays["loc"] + _product(self.arrays["cholesky"], noise.step(s))
        loc, diagonal, factor = (self.arrays[name] for name in ("loc", "diagonal", "factor"))
        shared = streams.normals(f"{purpose}-factor", (factor.shape[2],))
        return lambda s: loc + diagonal * noise.step(s) + _product(factor, shared.step(s))

    def entropy(self):
        active = self.prior.active
        if "cholesky" in self.arrays:
            sd = self.arrays["cholesky"].diagonal(dim1=1, dim2=2)
            return gaussian_entropy(self.prior, torch.where(active, sd.log(), 0.0).sum(1))
        d = self.arrays["diagonal"]
        return gaussian_entropy(self.prior, _log_determinant(active, d, self.arrays["factor"] / d.unsqueeze(2)))


@dataclass(frozen=True)
class FullRank(Method):
    """Adam on a one-draw estimate of the ELBO.

    `rank` None: a full triangular factor, for at most 2,000 latents; k: low rank plus diagonal. `initial_sd` is that
    of the initial, uncorrelated posterior of a weight; `warm_up` is the share of the steps over which the KL term
    grows from nothing to its full weight.
    """

    steps: Count = 3000
    learning_rate: Positive = 0.02
    schedule: Schedule = "cosine"
    batch_size: Count | None = None
    rank: Count | None = None
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0
    initial_sd: Positive = 0.05
    warm_up: Share = 0.3
    temperature: NonNegative = 1.0
    entropy_weight: NonNegative = 1.0

    posterior_class = FullRankPosterior
    has_curve = True

    def skip(self, network, model, likelihood):
        n = network.n_weights + (len(network.parameters) if model.hyperprior is not None else 0) + likelihood.n_latents
        if self.rank is None and n > MOST_LATENTS:
            return f"a full matrix over {n:,} latents has {n * (n + 1) // 2:,} entries: give full_rank a rank"
        return None

    def fit(self, joint, streams, progress=SILENT):
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)
        factor = Triangular(joint.prior, rho) if self.rank is None else LowRank(joint.prior, rho, streams, self.rank)
        noise = factor.noise(streams)
        data, expected = joint.batches(streams, self.batch_size), joint.objective(_expected_log_joint)

        def elbo(step):
            deviation, sd, log_determinant = factor.sample([n.step(step) for n in noise])
            weight = self.temperature * warmed_up(step, self.steps, self.warm_up)
            constants = [loc.new_full((), weight), *data(step)]
            fit = expected([loc, sd, loc + deviation], constants)
            return fit + weight * self.entropy_weight * gaussian_entropy(joint.prior, log_determinant)

        trace_steps, trace = maximise(
            elbo,
            [loc, *factor.parameters],
            steps=self.steps,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            n_points=joint.n_points,
            progress=progress,
        )
        with torch.no_grad():
            posterior = FullRankPosterior(joint.prior, {"loc": loc} | factor.arrays())
        return Fit(posterior, self.steps, trace_steps, trace)


class Triangular:
    """L = diag(sd) (1 + U), U strictly lower triangular: `rho` and U are optimised, sd being softplus(rho).

    Entries of U are in units of their row's sd over sqrt(latents), so that a step of Adam moves no row by more than a
    small part of its own size. Inert latents have rows of zeros in U.
    """

    def __init__(self, prior, rho):
        self.active = prior.active
        n = rho.shape[1]
        self.below = torch.tril(prior.active.unsqueeze(2).to(rho.dtype).expand(-1, -1, n), -1) / math.sqrt(n)
        self.rho, self.u = rho, torch.zeros_like(self.below)
        self.parameters = [self.rho, self.u]

    def noise(self, streams):
        return [streams.normals("variational", (self.rho.shape[1],))]

    def sample(self, noise):
        """A draw's deviation from loc and the marginal sd, (cells, latents), and log det L, (cells,)."""
        sd, u = _sd(self.rho), self.u * self.below
        deviation = sd * (noise[0] + _product(u, noise[0]))
        return deviation, sd * (1 + u.square().sum(2)).sqrt(), torch.where(self.active, sd.log(), 0.0).sum(1)

    def arrays(self):
        sd = _sd(self.rho)
        return {"cholesky": torch.diag_embed(sd) + sd.unsqueeze(2) * self.u * self.below}


class LowRank:
    """d = softplus(rho) and V = diag(d) U, in like units. U starts at small random numbers: at 0 its gradient is 0."""

    def __init__(self, prior, rho, streams, rank):
        self.active = prior.active
        self.of_active = prior.active.unsqueeze(2).to(rho.dtype)
        self.rho, self.u = rho, 0.1 / math.sqrt(rank) * streams.paired_normals("factor", (rho.shape[1], rank))
        self.parameters = [self.rho, self.u]

    def noise(self, streams):
        shapes = {"variational": (self.u.shape[1],), "variational-factor": (self.u.shape[2],)}
        return [streams.normals(purpose, shape) for purpose, shape in shapes.items()]

    def sample(self, noise):
        """As `Triangular.sample`."""
        d, u = _sd(self.rho), self.u * self.of_active
        log_determinant = _log_determinant(self.active, d, u)
        return d * (noise[0] + _product(u, noise[1])), d * (1 + u.square().sum(2)).sqrt(), log_determinant

    def arrays(self):
        d = _sd(self.rho)
        return {"diagonal": d, "factor": d.unsqueeze(2) * self.u * self.of_active}


def _sd(rho):
    return F.softplus(rho).clamp_min(SD_FLOOR)


def _expected_log_joint(terms, loc, sd, sample, weight, x, y):
    """Estimate (cells,) of the expected log joint under q of marginal N(loc, sd²), the prior's part times `weight`."""
    log_likelihood = terms.log_likelihood(forward(terms.network, terms.prior.weights(sample), x), y, sample)
    return log_likelihood + weight * terms.prior.expected_log_density(loc, sd, sample)


def _log_determinant(active, d, u):
    """Half log det(diag(d²) + V V^T), (cells,), with V = diag(d) U: sum log d + half log det(1 + U^T U)."""
    inner = torch.eye(u.shape[2], dtype=u.dtype, device=u.device) + u.transpose(1, 2) @ u
    # cholesky_ex, unlike cholesky, does not stop the stack at a cell that has diverged.
    root = torch.linalg.cholesky_ex(inner).L.diagonal(dim1=1, dim2=2)
    return torch.where(active, d.log(), 0.0).sum(1) + root.log().sum(1)


def _product(matrices, vectors):
    # Not a batched product, whose rounding depends on how many cells there are.
    return (matrices * vectors.unsqueeze(1)).sum(2)


METHOD = FullRank
