"""The Laplace approximation: a Gaussian at the MAP whose precision is the curvature there.

N(map, H⁻¹) on the active latents, with H the generalised Gauss-Newton matrix of the negative log likelihood in the
latents, log scales included, plus the prior's precision (MacKay 1992; Daxberger et al. 2021; the parts are described
in `_curvature.py`). The MAP is that of `map`, with its settings. For prior families other than the normal the precision
is that of the quadratic that touches the log density from below, and positive where the second derivative is not.

Weight draws are known to underfit, since the Gauss-Newton matrix is the exact curvature of the network linearised at
the MAP and not of the network; the linearised network is what `predictive: linearised` predicts with (Immer et al.
2021, eq. 11).
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from bnnbench.base.progress import SILENT
from bnnbench.inference import _curvature, _kronecker
from bnnbench.inference._base import Fit, GaussianPosterior, Posterior, gaussian_entropy
from bnnbench.inference._evidence import best_precision, log_evidence
from bnnbench.inference._kronecker import KroneckerPosterior
from bnnbench.inference.map import Map
from bnnbench.networks._apply import forward

Structure = Literal["full", "kronecker", "diagonal", "last_layer"]
STRUCTURES = get_args(Structure)
LIMITS = {"full": 2000, "last_layer": 5000}
"""Latents beyond which a dense covariance takes too much memory and time."""


class FactorPosterior(Posterior):
    """`loc` (cells, latents) and a `factor` (cells, d, d) of the covariance, factor @ factorᵀ.

    The factor is that of all latents or, where it is smaller, of the last layer's weights and bias; all others stay.
    """

    def draws(self, streams, purpose):
        loc, factor = self.arrays["loc"], self.arrays["factor"]
        size = factor.shape[1]
        start = 0 if size == self.prior.n_latents else self.prior.network.parameters[-2].start
        noise = streams.normals(purpose, (size,))

        def draw(s):
            latents = loc.clone()
            latents[:, start : start + size] += torch.bmm(factor, noise.step(s).unsqueeze(2)).squeeze(2)
            return latents

        return draw

    def entropy(self):
        factor = self.arrays["factor"]
        if factor.shape[1] < self.prior.n_latents:
            return None  # all other latents are points
        diagonal = factor.diagonal(dim1=1, dim2=2).abs()
        return gaussian_entropy(self.prior, torch.where(self.prior.active, diagonal.log(), 0.0).sum(1))


class Linearised:
    """Logits f(x, map) + J(x) (draw - map), the Jacobian taken through the weights into the latents."""

    def network_inputs(self, latents):
        loc = self.arrays["loc"]
        return torch.func.jvp(self.prior.weights, (loc,), (latents - loc,))

    @staticmethod
    def logits(network, x, weights, tangent):
        value, change = torch.func.jvp(lambda w: forward(network, w, x), (weights,), (tangent,))
        return value + change


class LinearisedFactorPosterior(Linearised, FactorPosterior):
    """Linearised predictions."""


class LinearisedKroneckerPosterior(Linearised, KroneckerPosterior):
    """Linearised predictions."""


class LinearisedGaussianPosterior(Linearised, GaussianPosterior):
    """Linearised predictions."""


POSTERIORS = {
    "full": (FactorPosterior, LinearisedFactorPosterior),
    "kronecker": (KroneckerPosterior, LinearisedKroneckerPosterior),
    "diagonal": (GaussianPosterior, LinearisedGaussianPosterior),
    "last_layer": (FactorPosterior, FactorPosterior),  # the network is linear in its last layer
}


@dataclass(frozen=True)
class LaplaceApproximation(Map):
    """Adam to the MAP, then one pass over the training data for the curvature.

    `structure` is that of the precision: "full"; "kronecker" (a Kronecker product for each layer's weights and bias,
    log scales on their own: Ritter et al. 2018); "diagonal"; "last_layer" (full over the last layer's weights and bias,
    all other latents at the MAP). `predictive` is "linearised" or "sampled" (the network with drawn weights).
    `prior_scale` is "given", or "marginal_likelihood": one prior precision a cell, for the latents of the structure,
    that maximises the Laplace evidence at the MAP of the given scale (MacKay 1992; normal priors of fixed scale only).
    The log evidence is among the diagnostics, and the chosen scale with it.
    """

    structure: Structure = "full"
    predictive: Literal["linearised", "sampled"] = "linearised"
    prior_scale: Literal["given", "marginal_likelihood"] = "given"

    has_curve = False  # what it shows on the way would be its MAP
    reaches = "posterior"
    needs_exact_density = True
    finds_optima = False

    @property
    def posterior_class(self):
        return POSTERIORS[self.structure][self.predictive == "linearised"]

    @property
    def looks_at_units(self):
        return True

    def skip(self, network, model, likelihood):
        if network.is_map:
            return "the curvature is of inputs with one target each, and this network has outputs for each pixel"
        learned = model.hyperprior is not None
        if network.is_recurrent and (self.structure != "last_layer" or network.outputs_per_point > 1):
            return (
                "the curvature of weights that act at every step, or of outputs at every step, is not computed: use "
                "last_layer, with a class a sequence"
            )
        if self.prior_scale == "marginal_likelihood" and (learned or model.prior.name != "normal"):
            return "the marginal likelihood chooses the scale of a normal prior of fixed scale only"
        if self.prior_scale == "marginal_likelihood" and model.centre is not None:
            return "the marginal likelihood chooses one scale for all weights, and a centred prior has several"
        if learned and model.centre is not None and self.structure == "kronecker" and not model.centre.is_even:
            return "structure kronecker takes one learned scale for all of a tensor, not one relative to each weight"
        if learned and model.hyperprior.shared and self.structure in ("diagonal", "kronecker"):
            return f"structure {self.structure} takes log scales as independent of each other: use full or last_layer"
        weight, bias = network.parameters[-2:]
        everything = network.n_weights + len(network.parameters) * learned + likelihood.n_latents
        n = {"full": everything, "last_layer": weight.size + bias.size}.get(self.structure, 0)
        if n > LIMITS.get(self.structure, n):
            others = "kronecker, diagonal or last_layer" if self.structure == "full" else "kronecker or diagonal"
            return f"structure {self.structure} has a covariance of {n} latents, too large to keep: use {others}"
        return None

    def fit(self, joint, streams, progress=SILENT):
        for model in joint.models:
            if reason := self.skip(joint.network, model, joint.likelihood):
                raise ValueError(f"laplace_approximation: {reason}")
        fit = super().fit(joint, streams, progress)
        loc = fit.posterior.arrays["loc"]
        sound = torch.isfinite(loc).all(1)
        with torch.no_grad():  # a diverged cell stays not finite through its loc
            arrays, evidence = self._gaussian(joint, torch.where(sound.unsqueeze(1), loc, 0.0))
        posterior = self.posterior_class(joint.prior, {"loc": loc} | {k: a.to(loc.dtype) for k, a in arrays.items()})
        diagnostics = {k: torch.where(sound, v, math.nan).cpu().numpy() for k, v in evidence.items()}
        return Fit(posterior, fit.steps, fit.trace_steps, fit.trace, diagnostics)

    def _gaussian(self, joint, latents):
        """Arrays of the posterior, all but `loc`, and the diagnostics."""
        prior = joint.prior
        shape = {"full": _Full, "kronecker": _Kronecker, "diagonal": _Diagonal, "last_layer": _LastLayer}
        ggn = shape[self.structure](joint, latents)
        precision = _curvature.prior_precision(joint, latents, ggn.diagonal)
        log_joint = _curvature.log_likelihood(joint, latents) + prior.log_density(latents)
        diagnostics = {}
        if self.prior_scale == "marginal_likelihood":
            weights = ggn.span if self.structure == "last_layer" else slice(0, prior.n_weights)
            squares = latents[:, weights].double().square().sum(1)
            best = best_precision(ggn.eigenvalues(), squares)
            log_joint = log_joint + _gain(best, precision[:, weights], squares)
            precision = _with_prior(precision, weights, best)
            diagnostics["prior_scale"] = best.rsqrt()
        arrays, log_determinant = ggn.gaussian(precision)
        n_latents = prior.active[:, ggn.span].sum(1)
        return arrays, {"log_evidence": log_evidence(log_joint, log_determinant, n_latents)} | diagnostics


def _with_prior(precision: torch.Tensor, weights: slice, chosen: torch.Tensor) -> torch.Tensor:
    """Prior precisions (cells, latents) with another one a cell, `chosen` (cells,), for the latents of the slice."""
    replaced = precision.clone()
    replaced[:, weights] = chosen.unsqueeze(1)
    return replaced


def _gain(chosen: torch.Tensor, given: torch.Tensor, squares: torch.Tensor) -> torch.Tensor:
    """log N(w; 0, 1 / chosen) - log N(w; 0, 1 / given), (cells,), for weights w of these sums of squares (cells,).

    `chosen` (cells,); `given` (cells, weights) is the same for all weights of a cell.
    """
    return 0.5 * ((chosen.unsqueeze(1) / given).log().sum(1) - (chosen - given[:, 0]) * squares)


class _Full:
    """GGN in all latents. `diagonal` (cells, latents) is its diagonal and `span` the latents that are Gaussian."""

    def __init__(self, joint, latents):
        self.prior, self.span = joint.prior, slice(0, joint.prior.n_latents)
        self.ggn = _finite(_curvature.to_latents(joint, latents, _curvature.full(joint, latents)))
        self.diagonal = self.ggn.diagonal(dim1=1, dim2=2)

    def eigenvalues(self):
        n = self.prior.n_weights
        return torch.linalg.eigvalsh(self.ggn[:, :n, :n])

    def gaussian(self, precision):
        """Arrays of the posterior and log |H| over the Gaussian latents, for a prior precision (cells, latents)."""
        lower, failed = torch.linalg.cholesky_ex(self.ggn + torch.diag_embed(precision[:, self.span]))
        lower = torch.where((failed > 0)[:, None, None], torch.nan, lower)
        log_determinant = 2 * lower.diagonal(dim1=1, dim2=2).log().sum(1)
        unit = torch.eye(lower.shape[1], dtype=lower.dtype, device=lower.device)
        factor = torch.linalg.solve_triangular(lower, unit, upper=False).transpose(1, 2)  # of H⁻¹ = L⁻ᵀ L⁻¹
        return {"factor": factor * self.prior.active[:, self.span].unsqueeze(2)}, log_determinant


class _LastLayer(_Full):
    def __init__(self, joint, latents):
        weight, bias = joint.network.parameters[-2:]
        self.prior, self.span = joint.prior, slice(weight.start, bias.stop)
        ggn = _curvature.last_layer(joint, latents)
        multiplier = joint.prior.multiplier(latents)
        if multiplier is not None:
            m = multiplier[:, self.span].double()
            ggn = m.unsqueeze(1) * ggn * m.unsqueeze(2)
        self.ggn = _finite(ggn)
        self.diagonal = torch.zeros_like(latents, dtype=ggn.dtype)
        self.diagonal[:, self.span] = self.ggn.diagonal(dim1=1, dim2=2)

    def eigenvalues(self):
        return torch.linalg.eigvalsh(self.ggn)


class _Diagonal:
    def __init__(self, joint, latents):
        self.prior, self.span = joint.prior, slice(0, joint.prior.n_latents)
        multiplier = joint.prior.multiplier(latents)
        self.diagonal = torch.where(self.prior.active, _curvature.diagonal(joint, latents), 0.0)
        if multiplier is not None:
            self.diagonal[:, : self.prior.n_weights] *= multiplier.double().square()

    def eigenvalues(self):
        return self.diagonal[:, : self.prior.n_weights]

    def gaussian(self, precision):
        total = self.diagonal + precision
        return {"sd": total.rsqrt() * self.prior.active}, torch.where(self.prior.active, total.log(), 0.0).sum(1)


class _Kronecker:
    def __init__(self, joint, latents):
        self.prior, self.span = joint.prior, slice(0, joint.prior.n_latents)
        factors = _curvature.kronecker(joint, latents)
        multiplier = joint.prior.multiplier(latents)
        of_scales = torch.zeros_like(latents[:, self.prior.n_weights :], dtype=torch.float64)
        if multiplier is not None:
            factors = _kronecker.rescale(factors, multiplier, joint.network)
        if multiplier is not None or self.prior.n_own:
            exact = _curvature.diagonal(joint, latents)[:, self.prior.n_weights :]
            of_scales = torch.where(self.prior.active[:, self.prior.n_weights :], exact, of_scales)
        self.factors = [(_finite(a), _finite(g)) for a, g in factors]
        self.diagonal = torch.cat([_kronecker.diagonal(self.factors), of_scales], dim=1)

    def eigenvalues(self):
        return _kronecker.eigenvalues(self.factors)

    def gaussian(self, precision):
        n = self.prior.n_weights
        arrays, log_determinant = _kronecker.gaussian(self.factors, precision[:, :n], self.prior.network)
        of_scales = (self.diagonal + precision)[:, n:]
        active = self.prior.active[:, n:]
        arrays["log_scale_sd"] = torch.where(active, of_scales.rsqrt(), 0.0)
        return arrays, log_determinant + torch.where(active, of_scales.log(), 0.0).sum(1)


def _finite(matrices: torch.Tensor) -> torch.Tensor:
    """Zeros in the place of matrices that are not finite: a decomposition would fail for the whole stack."""
    return torch.where(torch.isfinite(matrices).all(2).all(1)[:, None, None], matrices, 0.0)


METHOD = LaplaceApproximation
