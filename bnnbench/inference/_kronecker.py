"""Gaussians whose precision is, for each layer's weights and bias, a Kronecker product plus the prior's precision.

A layer's weights with the bias as last column are W, n_out rows of n_in + 1. Its curvature is G ⊗ A over the entries
of W, with A (cells, n_in + 1, n_in + 1) of the inputs and G (cells, n_out, n_out) of the output gradients: the pairs
(A, G) of `_curvature.kronecker`, "factors" below (Ritter et al. 2018). The prior's precision is added to the product's
eigenvalues, as in the library of Daxberger et al. (2021), and not in parts to each of the factors.
"""

import torch

from bnnbench.inference._base import Posterior
from bnnbench.inference._curvature import flat, unflat
from bnnbench.networks import Network


class KroneckerPosterior(Posterior):
    """For layer i, scale * (out_basis (sd * noise) in_basisᵀ) around `loc`; `log_scale_sd` for the log scales.

    Arrays, with [weight, bias] as n_out rows of n_in + 1: `in_basis_i` (cells, n_in + 1, n_in + 1), `out_basis_i`
    (cells, n_out, n_out), `sd_i` and `scale_i` (cells, n_out, n_in + 1), `log_scale_sd` (cells, n_parameters).
    """

    def draws(self, streams, purpose):
        network, arrays = self.prior.network, self.arrays
        noise = streams.normals(purpose, (self.prior.n_latents,))

        def draw(s):
            standard, moves = noise.step(s), []
            for i, (start, stop, n_out) in enumerate(_spans(network)):
                e = unflat(standard[:, start:stop], n_out)
                a, g = arrays[f"in_basis_{i}"], arrays[f"out_basis_{i}"]
                # Turned into the basis and back: the symmetric root, which no sign of an eigenvector changes.
                turned = g @ (arrays[f"sd_{i}"] * (g.transpose(1, 2) @ e @ a)) @ a.transpose(1, 2)
                moves.append(flat(arrays[f"scale_{i}"] * turned))
            moves.append(arrays["log_scale_sd"] * standard[:, network.n_weights :])
            return arrays["loc"] + torch.cat(moves, dim=1)

        return draw


def eigenvalues(factors: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """Eigenvalues of the Kronecker products of all layers, (cells, n_weights)."""
    pairs = [(torch.linalg.eigvalsh(a), torch.linalg.eigvalsh(g)) for a, g in factors]
    return torch.cat([torch.einsum("co,ci->coi", g, a).flatten(1) for a, g in pairs], dim=1)


def diagonal(factors: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor:
    """Diagonal of the Kronecker products of all layers, (cells, n_weights), in the order of the flat weight vector."""
    pairs = [(a.diagonal(dim1=1, dim2=2), g.diagonal(dim1=1, dim2=2)) for a, g in factors]
    return torch.cat([flat(torch.einsum("co,ci->coi", g, a)) for a, g in pairs], dim=1)


def rescale(factors: list, multiplier: torch.Tensor, network: Network) -> list:
    """The products in weight latents z, where w is multiplier * z or differs from it by what it is centred on: one
    number for a weight matrix, one for its bias."""
    rescaled = []
    for (a, g), (start, stop, n_out) in zip(factors, _spans(network), strict=True):
        m = unflat(multiplier[:, start:stop].double(), n_out)[:, 0]
        rescaled.append((m.unsqueeze(1) * a * m.unsqueeze(2), g))
    return rescaled


def gaussian(factors: list, precision: torch.Tensor, network: Network) -> tuple[dict, torch.Tensor]:
    """Arrays of a `KroneckerPosterior`, all but `loc` and `log_scale_sd`, and log |H| of the weight latents, (cells,).

    The prior's `precision` (cells, n_weights) enters as the product of an output's and an input's number that is
    nearest in the logarithm: exact for the normal family. Then, scaled by both, H is a Kronecker product plus one.
    """
    arrays, log_determinant = {}, 0.0
    for i, ((a, g), (start, stop, n_out)) in enumerate(zip(factors, _spans(network), strict=True)):
        # The precision of weight (o, i) as exp(log_out[o] + log_in[i]).
        log_precision = unflat(precision[:, start:stop], n_out).log()
        log_in = log_precision.mean(1)
        log_out = log_precision.mean(2) - log_precision.mean((1, 2)).unsqueeze(1)
        log_product = log_out.unsqueeze(2) + log_in.unsqueeze(1)
        # In units of the prior's sd H is G' ⊗ A' + 1, whose eigenvalues are products of those of A' and G', plus 1.
        in_values, in_basis = torch.linalg.eigh(_in_prior_units(a, log_in))
        out_values, out_basis = torch.linalg.eigh(_in_prior_units(g, log_out))
        eigenvalues_of_h = out_values.clamp_min(0).unsqueeze(2) * in_values.clamp_min(0).unsqueeze(1) + 1
        arrays |= {f"in_basis_{i}": in_basis, f"out_basis_{i}": out_basis}
        arrays |= {f"sd_{i}": eigenvalues_of_h.rsqrt(), f"scale_{i}": torch.exp(-0.5 * log_product)}
        log_determinant = log_determinant + (eigenvalues_of_h.log() + log_product).sum((1, 2))
    return arrays, log_determinant


def _in_prior_units(factor: torch.Tensor, log_precision: torch.Tensor) -> torch.Tensor:
    """P^-½ factor P^-½, (cells, n, n), with P the diagonal of precisions whose logs (cells, n) are given."""
    return factor * torch.exp(-0.5 * (log_precision.unsqueeze(1) + log_precision.unsqueeze(2)))


def _spans(network: Network) -> list[tuple[int, int, int]]:
    """Start and stop of each layer's weights and bias in the flat weight vector, and the layer's outputs."""
    pairs = zip(network.parameters[::2], network.parameters[1::2], strict=True)
    return [(weight.start, bias.stop, bias.size) for weight, bias in pairs]
