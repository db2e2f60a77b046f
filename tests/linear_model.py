"""The Bayesian linear model whose noise is unknown: exact answers, and what each kind of method should make of it.

y = x w + b + N(0, s²), weights and bias N(0, scale²) whatever s is, log s with the likelihood's own prior. Given s the
weights are Gaussian, so that one integral over log s is left. Latents here are (w, b, log s).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import optimize, stats
from scipy.special import logsumexp

from bnnbench.likelihoods import Likelihood
from bnnbench.likelihoods.gaussian import Gaussian
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.priors.normal import Normal

LATENTS = [0, 1, 2, 5]
"""Where the log joint of two inputs has them: two log scales that are inert lie between."""


def linear_data(n: int = 80, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Two correlated inputs, x (n, 2), and y (n,)."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    return x, x @ np.array([0.7, -0.4]) + 0.3 + noise * rng.standard_normal(n)


def with_bias(x: np.ndarray) -> np.ndarray:
    """(n, 3): the design of the weights and the bias."""
    return np.column_stack([x, np.ones(len(x))])


class LinearNoise(LogJoint):
    """The log joint that methods are given: a cell for each scale of the prior."""

    scales = (1.0, 0.3)

    def __init__(self, likelihood: Likelihood | None = None, scales=scales, n: int = 80):
        x, y = linear_data(n)
        models = [Model(Normal(), scale) for scale in scales]
        tensors = (torch.as_tensor(a)[None] for a in (x, y))
        which = torch.zeros(len(models), dtype=torch.long)
        super().__init__(mlp((2,), 1, hidden=()), models, *tensors, which, likelihood or Gaussian())
        self.exact = [Exact(x, y, scale, self.likelihood) for scale in scales]

    def streams(self) -> Streams:
        names = [f"cell-{i}" for i in range(self.n_cells)]
        return Streams(names, ["pair"] * self.n_cells, dtype=self.x.dtype)


@dataclass(frozen=True, eq=False)
class Exact:
    """The posterior of a cell by the trapezoidal rule over log s, which converges geometrically here."""

    x: np.ndarray
    y: np.ndarray
    scale: float
    likelihood: Likelihood
    nodes: int = 2001
    half_width: float = 2.0

    @cached_property
    def design(self) -> np.ndarray:
        return with_bias(self.x)

    @cached_property
    def gram(self) -> np.ndarray:
        return self.design.T @ self.design

    @cached_property
    def log_s(self) -> np.ndarray:
        """Nodes about the log of the residuals' sd, twenty posterior sds to either side."""
        return np.log(self.maximum_likelihood[1]) + np.linspace(-self.half_width, self.half_width, self.nodes)

    @cached_property
    def maximum_likelihood(self) -> tuple[np.ndarray, float]:
        """Least squares, and sqrt(RSS / n)."""
        w = np.linalg.lstsq(self.design, self.y, rcond=None)[0]
        return w, np.sqrt(np.mean((self.y - self.design @ w) ** 2))

    def log_prior(self, log_s: np.ndarray) -> np.ndarray:
        """Log density of log s, (n,)."""
        return self.likelihood.log_prior(torch.as_tensor(np.atleast_1d(log_s)).unsqueeze(1)).numpy()

    def given(self, log_s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each log s: log p(y, log s), and the mean (n, 3) and covariance (n, 3, 3) of the weights."""
        precision = np.exp(-2 * log_s)
        inverse = self.gram * precision[:, None, None] + np.eye(3) / self.scale**2
        covariance = np.linalg.inv(inverse)
        moment = precision[:, None] * (self.design.T @ self.y)
        mean = np.einsum("nij,nj->ni", covariance, moment)
        squares = precision * (self.y @ self.y) - np.einsum("ni,ni->n", moment, mean)
        determinant = np.linalg.slogdet(inverse)[1] + 6 * np.log(self.scale)
        log_evidence = -0.5 * (squares + determinant + len(self.y) * (2 * log_s + np.log(2 * np.pi)))
        return log_evidence + self.log_prior(log_s), mean, covariance

    @cached_property
    def posterior(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights of the nodes, which sum to one, with means and covariances given each."""
        log_joint, mean, covariance = self.given(self.log_s)
        return np.exp(log_joint - logsumexp(log_joint)), mean, covariance

    @cached_property
    def mean(self) -> np.ndarray:
        """Posterior mean (4,)."""
        weight, mean, _ = self.posterior
        return weight @ np.column_stack([mean, self.log_s])

    @cached_property
    def covariance(self) -> np.ndarray:
        """Posterior covariance (4, 4)."""
        weight, mean, covariance = self.posterior
        gap = np.column_stack([mean, self.log_s]) - self.mean
        found = np.einsum("n,ni,nj->ij", weight, gap, gap)
        found[:3, :3] += np.einsum("n,nij->ij", weight, covariance)
        return found

    def predictive(self, x: np.ndarray) -> "Predictive":
        """Of new targets at x (m, 2)."""
        weight, mean, covariance = self.posterior
        design = with_bias(x)
        variance = np.exp(2 * self.log_s) + np.einsum("mi,nij,mj->mn", design, covariance, design)
        kept = weight > 1e-18
        return Predictive(weight[kept], (design @ mean.T)[:, kept], np.sqrt(variance)[:, kept])

    @cached_property
    def mode(self) -> np.ndarray:
        """Of the log joint in (w, b, log s), (4,): at each log s the weights' mode is their mean."""

        def negative(log_s):
            log_s = np.array([log_s])
            log_joint, _, covariance = self.given(log_s)
            return -(log_joint - 0.5 * np.linalg.slogdet(covariance)[1])[0]

        ends = self.log_s[[0, -1]]
        log_s = optimize.minimize_scalar(negative, bounds=ends, method="bounded", options={"xatol": 1e-10}).x
        return np.append(self.given(np.array([log_s]))[1][0], log_s)

    @cached_property
    def curvature(self) -> np.ndarray:
        """Expected information at the mode plus the prior's precision, (4, 4), under the half-normal prior of scale 1.

        In log s the information is 2 n and the prior's precision 2 s².
        """
        found, s = np.zeros((4, 4)), np.exp(self.mode[3])
        found[:3, :3] = self.gram / s**2 + np.eye(3) / self.scale**2
        found[3, 3] = 2 * len(self.y) + 2 * s**2
        return found

    def best_gaussian(self, *, factorised: bool) -> tuple[np.ndarray, np.ndarray]:
        """Mean (4,) and covariance (4, 4) of the Gaussian of highest ELBO, independent or not, which is in closed form.

        E[exp(-2 t) f(w)] is exp(-2 E t + 2 var t) times the mean of f under weights moved by -2 cov(w, t). The prior
        of s is the half-normal of scale 1.
        """
        rows, columns = np.tril_indices(4, -1)

        def unpack(values):
            root = np.diag(np.exp(values[4:8]))
            if not factorised:
                root[rows, columns] = values[8:]
            return values[:4], root

        def negative_elbo(values):
            mean, root = unpack(values)
            covariance = root @ root.T
            m, t, v = mean[:3], mean[3], covariance[3, 3]
            residuals = self.y - self.design @ (m - 2 * covariance[:3, 3])
            squares = residuals @ residuals + np.sum(self.gram * covariance[:3, :3])
            log_likelihood = -len(self.y) * t - 0.5 * np.exp(-2 * t + 2 * v) * squares
            log_prior = -0.5 * (m @ m + np.trace(covariance[:3, :3])) / self.scale**2 + t - 0.5 * np.exp(2 * t + 2 * v)
            return -(log_likelihood + log_prior + values[4:8].sum())

        root = np.linalg.cholesky(self.covariance)
        start = np.concatenate([self.mean, np.log(np.diag(root)), [] if factorised else root[rows, columns]])
        mean, root = unpack(optimize.minimize(negative_elbo, start, method="BFGS", options={"gtol": 1e-4}).x)
        return mean, root @ root.T


@dataclass(frozen=True)
class Predictive:
    """A weighted mixture of Gaussians at m points: weight (n,), mean and sd (m, n)."""

    weight: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    def density(self, y: np.ndarray) -> np.ndarray:
        """y: (m, k), k values a point."""
        return stats.norm.pdf(y[:, :, None], self.mean[:, None], self.sd[:, None]) @ self.weight

    def cdf(self, y: np.ndarray) -> np.ndarray:
        return stats.norm.cdf(y[:, :, None], self.mean[:, None], self.sd[:, None]) @ self.weight

    def quantile(self, levels: np.ndarray) -> np.ndarray:
        """(m, levels), by Newton's method within a bracket."""
        middle, spread = self.mean @ self.weight, 15 * self.sd.max(1)
        low, high = (np.repeat((middle + sign * spread)[:, None], len(levels), 1) for sign in (-1, 1))
        found = (low + high) / 2
        for _ in range(60):
            excess = self.cdf(found) - levels
            low, high = np.where(excess < 0, found, low), np.where(excess > 0, found, high)
            step = found - excess / np.maximum(self.density(found), 1e-300)
            found = np.where((step > low) & (step < high), step, (low + high) / 2)
        return found
