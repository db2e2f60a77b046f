"""Curvature of the log joint at a point estimate, for a stack of cells: generalised Gauss-Newton and prior precision.

The generalised Gauss-Newton (GGN) matrix of the negative log likelihood is sum_n J_nᵀ H_n J_n (Schraudolph 2002;
Immer et al. 2021, eq. 9), with J_n the Jacobian of the outputs of point n and H_n the Hessian of its NLL in them. All
of it comes from one recorded forward pass and, for each column of a square root of H_n, one backward pass to the
outputs of every layer: in a layer with inputs a and output gradients d the gradient of the weights is d aᵀ, summed over
the positions of a convolution. Sums are over the whole training set, in parts that fit in memory.

Axes in einsums: c cells, p points, l positions of a convolution (one in a dense layer), i and j inputs with the bias's
1 as the last, o and q outputs, k columns of the root of H_n. Inputs a are (c, p, i, l), output gradients d
(c, p, o, l), and a layer's weights with its bias (c, o, i).
"""

import copy
import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from bnnbench.model.joint import LogJoint, lay_out
from bnnbench.model.prior import LogPrior
from bnnbench.networks._apply import forward_recorded
from bnnbench.networks._layers import Conv, Network

MEMORY = 2**25
"""Numbers that one part of the data may need for the largest array of a block of cells."""

MAJORISER_STEPS = 20
LEAST_LOG_SCALE_PRECISION = 0.1


def full(joint: LogJoint, latents: torch.Tensor) -> torch.Tensor:
    """GGN in the weights, (cells, n_weights, n_weights), float64."""
    n = joint.network.n_weights
    total = latents.new_zeros(len(latents), n, n, dtype=torch.float64)
    for cells, layers, columns in _passes(joint, latents, n):
        for gradients in columns:
            rows = [flat(torch.einsum("cpol,cpil->cpoi", d, a)) for a, d in zip(layers, gradients, strict=True)]
            jacobian = torch.cat(rows, dim=2).double()
            total[cells] += jacobian.transpose(1, 2) @ jacobian
    return total


def diagonal(joint: LogJoint, latents: torch.Tensor) -> torch.Tensor:
    """Diagonal of the GGN in the weights, then in the log of each parameter tensor's scale, then in the likelihood's
    own latents, float64.

    (cells, n_weights + n_scales + n_own): multiplying a tensor's deviation d from the prior's centre, its weights where
    that is zero, by exp(t) has the gradient <d, dL/dw> in t.
    """
    weights = joint.prior.weights(latents)
    values = list(_blocks(joint.network, joint.prior.deviations(latents)))
    sizes = [p.size for p in joint.network.parameters]
    total = weights.new_zeros(weights.shape[0], weights.shape[1] + len(sizes), dtype=torch.float64)
    for cells, layers, columns in _passes(joint, latents, _largest_layer(joint.network)):
        for gradients in columns:
            squares, of_scales = [], []
            for a, d, w in zip(layers, gradients, values, strict=True):
                if a.shape[3] == 1:
                    squares.append(flat(torch.einsum("cpol,cpil->coi", d.square(), a.square())))
                else:
                    squares.append(flat(torch.einsum("cpol,cpil->cpoi", d, a).square().sum(1)))
                shares = torch.einsum("cpol,coi,cpil->cpi", d, w[cells], a)
                of_scales += [shares[:, :, :-1].sum(2).square().sum(1), shares[:, :, -1].square().sum(1)]
            total[cells] += torch.cat([*squares, torch.stack(of_scales, dim=1)], dim=1).double()
    return torch.cat([total, own_information(joint, latents)], dim=1) if joint.prior.n_own else total


def kronecker(joint: LogJoint, latents: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Factors (A, G) of each layer, the GGN of its [weight, bias] rows being about G ⊗ A, float64.

    A (cells, n_in + 1, n_in + 1) sums a aᵀ over points and positions, with 1 appended to the inputs for the bias;
    G (cells, n_out, n_out) is the mean of d dᵀ over points and positions (Martens & Grosse 2015, eq. 1; convolutions
    as in Grosse & Martens 2016, eq. 16). Exact where inputs and output gradients are independent over the data.
    """
    weights = joint.prior.weights(latents)
    totals: list[list] = []
    for cells, layers, columns in _passes(joint, latents, _largest_layer(joint.network)):
        if not totals:
            wide = weights.new_zeros(weights.shape[0], 1, 1, dtype=torch.float64)
            sizes = [(a.shape[2], w.shape[1]) for a, w in zip(layers, _blocks(joint.network, weights), strict=True)]
            totals = [[wide.repeat(1, i, i), wide.repeat(1, o, o)] for i, o in sizes]
        for total, a in zip(totals, layers, strict=True):
            total[0][cells] += torch.einsum("cpil,cpjl->cij", a, a).double()
        for gradients in columns:
            for total, a, d in zip(totals, layers, gradients, strict=True):
                terms = joint.n_points * a.shape[3]
                total[1][cells] += torch.einsum("cpol,cpql->coq", d, d).double() / terms
    return [(a, g) for a, g in totals]


def last_layer(joint: LogJoint, latents: torch.Tensor) -> torch.Tensor:
    """GGN in the last layer's weights and bias, (cells, d, d), float64."""
    network, total = joint.network, None
    weights, own = joint.prior.weights(latents), joint.prior.own(latents)
    n_out, n_in = network.parameters[-2].shape
    order = flat(torch.arange(n_out * (n_in + 1), device=weights.device).reshape(n_out, n_in + 1))
    for cells, x in _parts(joint, weights, 2 * n_out**2 * (n_in + 1)):
        with torch.no_grad():
            logits, record = forward_recorded(network, weights[cells], x)
            root = joint.likelihood.curvature_root(logits, own[cells]).double()
            hessian = torch.einsum("cokp,cqkp->coqp", root, root)
            inputs = F.pad(record[-1][1], (0, 0, 0, 1), value=1.0).double()
            weighted = hessian.unsqueeze(3) * inputs[:, None, None]
            block = torch.einsum("coqip,cjp->coiqj", weighted, inputs).flatten(3).flatten(1, 2)
        if total is None:
            total = block.new_zeros(weights.shape[0], len(order), len(order))
        total[cells] += block[:, order][:, :, order]
    return total


def to_latents(joint: LogJoint, latents: torch.Tensor, ggn: torch.Tensor) -> torch.Tensor:
    """GGN in the latents, (cells, latents, latents), from that in the weights: Tᵀ GGN T with T = dw / d latents.

    T is [diag(multiplier), the weights that each log scale multiplies]; zero in log scales that are not active. The
    likelihood's own latents are uncorrelated with them, with the information that they have of their own.
    """
    prior = joint.prior
    multiplier = prior.multiplier(latents)
    multiplier = torch.ones_like(latents[:, : prior.n_weights]) if multiplier is None else multiplier
    of_tensors = prior.deviations(latents).unsqueeze(2) * _membership(joint.network, latents)
    of_scales = of_tensors @ _of_log_scales(prior, latents)
    jacobian = torch.cat([torch.diag_embed(multiplier), of_scales], dim=2).double()
    found = jacobian.transpose(1, 2) @ ggn @ jacobian
    if not prior.n_own:
        return found
    n = found.shape[1]
    everything = F.pad(found, (0, prior.n_own, 0, prior.n_own))
    everything.diagonal(dim1=1, dim2=2)[:, n:] = own_information(joint, latents)
    return everything


def own_information(joint: LogJoint, latents: torch.Tensor) -> torch.Tensor:
    """Expected information of the training set in the likelihood's own latents, (cells, n_own), float64."""
    weights, own = joint.prior.weights(latents), joint.prior.own(latents)
    total = own.new_zeros(own.shape, dtype=torch.float64)
    with torch.no_grad():
        for cells, x in _parts(joint, weights, _largest_layer(joint.network)):
            outputs, _ = forward_recorded(joint.network, weights[cells], x)
            total[cells] += joint.likelihood.information(outputs, own[cells]).double()
    return total


def _of_log_scales(prior: LogPrior, latents: torch.Tensor) -> torch.Tensor:
    """Derivative of each tensor's log scale in each latent one, (cells, n_parameters, n_parameters)."""
    units = torch.eye(prior.n_scales, device=latents.device, dtype=latents.dtype)
    units = F.pad(units, (prior.n_weights, prior.n_own)).unsqueeze(1).expand(-1, len(latents), -1)
    return torch.stack([prior.log_scales(unit) for unit in units], dim=2)


def prior_precision(joint: LogJoint, latents: torch.Tensor, ggn: torch.Tensor) -> torch.Tensor:
    """Prior precision of each latent, (cells, latents), float64, given the GGN's diagonal in the latents.

    For weight latents -(d log p / dz) / z, the curvature of the quadratic that touches log p at ±z from below; the
    normal's own everywhere, and positive for every family that falls off from zero, where the second derivative is
    zero (Laplace), negative (Cauchy's tails) or undefined. It is taken at ξ = sqrt(z² + v) with v = 1 / (GGN +
    precision) the conditional variance (Jaakkola & Jordan 2000, eq. 12; Palmer et al. 2006), found by iteration: the
    latent's own width keeps ξ away from zero, where a Laplace density would hold any weight fast.

    For log scales, and the likelihood's own latents, the negative second derivative of the log prior, at least
    `LEAST_LOG_SCALE_PRECISION`, since the densities' tails are convex or straight. 1 in log scales that are not active.
    Mixed derivatives, of a hyperprior that ties log scales together, have no place in a diagonal and are left out.
    """
    prior, n = joint.prior, joint.prior.n_weights
    latents, ggn_z = latents.detach().double(), ggn[:, :n]
    z, log_scales = latents[:, :n], latents[:, n:]
    variance = torch.zeros_like(z)
    for _ in range(MAJORISER_STEPS):
        xi = (z.square() + variance).sqrt().clamp_min(1e-6)
        slope = _slope(prior, torch.cat([xi, log_scales], dim=1))[:, :n]
        precision = (-slope / xi).clamp_min(torch.finfo(torch.float64).tiny)
        variance = 1 / (ggn_z + precision)
    return torch.cat([precision, _hyperprior_precision(prior, latents)], dim=1)


def _slope(prior: LogPrior, latents: torch.Tensor) -> torch.Tensor:
    """Gradient of the log prior, (cells, latents)."""
    with torch.enable_grad():
        latents = latents.detach().requires_grad_()
        return torch.autograd.grad(prior.log_density(latents).sum(), latents)[0]


def _hyperprior_precision(prior: LogPrior, latents: torch.Tensor) -> torch.Tensor:
    ones = torch.ones_like(latents[:, prior.n_weights :])
    if not prior.learned.any() and not prior.n_own:
        return ones
    with torch.enable_grad():
        latents = latents.detach().requires_grad_()
        (slope,) = torch.autograd.grad(prior.log_density(latents).sum(), latents, create_graph=True)
        # One pass for each: a density may tie log scales together, and then the gradient of the slopes' sum holds the
        # mixed derivatives too.
        places = range(prior.n_weights, prior.n_latents)
        second = [torch.autograd.grad(slope[:, i].sum(), latents, retain_graph=True)[0][:, i] for i in places]
    found = (-torch.stack(second, dim=1)).clamp_min(LEAST_LOG_SCALE_PRECISION)
    return torch.where(prior.active[:, prior.n_weights :], found, ones)


def log_likelihood(joint: LogJoint, latents: torch.Tensor) -> torch.Tensor:
    """log p(y | f_w(x)) of the whole training set, (cells,), float64, in parts that fit in memory."""
    eager = copy.copy(joint)  # parts of other shapes than training's would be compiled anew
    eager.compiled = False
    total = latents.new_zeros(latents.shape[0], dtype=torch.float64)
    with torch.no_grad():
        for index in _points(joint, _largest_layer(joint.network), latents.shape[0]):
            everyone = index.expand(latents.shape[0], -1)
            total += eager.log_likelihood(latents, joint.batch(everyone)).double() * (len(index) / joint.n_points)
    return total


def _passes(joint: LogJoint, latents: torch.Tensor, per_point: int) -> Iterator[tuple]:
    """For each block of cells and part of the data: the cells, each layer's inputs, and an iterator over the columns of
    the NLL's curvature giving each layer's output gradients; both as (cells, points, features, positions), with 1
    appended to the inputs' features."""
    weights, own = joint.prior.weights(latents), joint.prior.own(latents)
    for cells, x in _parts(joint, weights, per_point):
        with torch.enable_grad():
            logits, record = forward_recorded(joint.network, weights[cells].detach().requires_grad_(), x)
        root = joint.likelihood.curvature_root(logits.detach(), own[cells].detach())
        layers = [_inputs(layer, h.detach(), logits.shape[0]) for layer, h, _ in record]
        yield cells, layers, _columns(logits, record, root)


def _columns(logits, record, root):
    outputs = [out for _, _, out in record]
    for k in range(root.shape[2]):
        gradients = torch.autograd.grad(logits, outputs, root[:, :, k], retain_graph=k + 1 < root.shape[2])
        yield [_gradients(layer, g, logits.shape[0]) for (layer, _, _), g in zip(record, gradients, strict=True)]


def _inputs(layer, h: torch.Tensor, n_cells: int) -> torch.Tensor:
    if isinstance(layer, Conv):
        images = h.unflatten(1, (n_cells, -1))
        patches = F.unfold(images.flatten(0, 1), layer.kernel, padding=layer.padding, stride=layer.stride)
        a = patches.unflatten(0, images.shape[:2]).transpose(0, 1)
    else:
        a = h.transpose(1, 2).unsqueeze(3)
    return F.pad(a, (0, 0, 0, 1), value=1.0)


def _gradients(layer, g: torch.Tensor, n_cells: int) -> torch.Tensor:
    if isinstance(layer, Conv):
        return g.unflatten(1, (n_cells, -1)).transpose(0, 1).flatten(3)
    return g.transpose(1, 2).unsqueeze(3)


def _parts(joint: LogJoint, weights: torch.Tensor, per_point: int) -> Iterator[tuple[slice, torch.Tensor]]:
    """Blocks of cells with parts of their data, laid out for the network."""
    for start in range(0, weights.shape[0], joint.block):
        cells = slice(start, min(start + joint.block, weights.shape[0]))
        which = joint.which[cells].unsqueeze(1)
        for index in _points(joint, per_point, joint.block):
            yield cells, lay_out(joint.network, joint.x[which, index])


def _points(joint: LogJoint, per_point: int, n_cells: int) -> tuple[torch.Tensor, ...]:
    return torch.arange(joint.n_points, device=joint.x.device).split(max(1, MEMORY // (per_point * n_cells)))


def _largest_layer(network: Network) -> int:
    """Numbers for each point in the largest array of a layer: its gradient, or its inputs at every position."""
    if network.is_recurrent:  # every step's states, and all of a last layer's curvature
        return math.prod(network.input_shape) * max(p.size for p in network.parameters)
    size, largest = network.input_shape[-1], 1
    for layer, weight in zip([m for m in network.layers if hasattr(m, "n_out")], network.parameters[::2], strict=True):
        positions = (size + 2 * layer.padding) ** 2 if isinstance(layer, Conv) else 1
        largest = max(largest, weight.size, (weight.fan_in + 1) * positions)
    return largest


def _blocks(network: Network, weights: torch.Tensor) -> Iterator[torch.Tensor]:
    """Each layer's [weight, bias] as (cells, n_out, n_in + 1)."""
    for weight, bias in zip(network.parameters[::2], network.parameters[1::2], strict=True):
        yield unflat(weights[:, weight.start : bias.stop], bias.size)


def flat(rows: torch.Tensor) -> torch.Tensor:
    """[weight, bias] rows (..., n_out, n_in + 1) in the order of the flat weight vector."""
    return torch.cat([rows[..., :-1].flatten(-2), rows[..., -1]], dim=-1)


def unflat(values: torch.Tensor, n_out: int) -> torch.Tensor:
    """The reverse of `flat`: (..., n_out * (n_in + 1)) to (..., n_out, n_in + 1)."""
    weight = values[..., :-n_out].unflatten(-1, (n_out, -1))
    return torch.cat([weight, values[..., -n_out:].unsqueeze(-1)], dim=-1)


def _membership(network: Network, like: torch.Tensor) -> torch.Tensor:
    """(n_weights, n_parameters): 1 where a weight belongs to a parameter tensor."""
    sizes = torch.tensor([p.size for p in network.parameters], device=like.device)
    owner = torch.repeat_interleave(torch.arange(len(sizes), device=like.device), sizes)
    return F.one_hot(owner, len(sizes)).to(like)
