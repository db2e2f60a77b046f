"""Apply stacked flows to stacked inputs and back. Layout: (cells, features, points), as `_apply` has it."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

from bnnbench.networks._flows import LOG_SCALE, LOGIT_UNIT, Affine, Coupling, Flow, Logit, Permute, Spline

LEAST = 1e-3
"""Least width and height of a spline's bin, as a share of all, and least slope at a knot."""


def flow_forward(flow: Flow, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Coordinates z(x) and log|det dz/dx|, (cells, features + 1, points), of flat weights (cells, n_weights)."""
    h, log_det = _as_features(flow, x), 0.0
    for layer, parameters in _layers(flow, weights):
        h, of_layer = _forward(layer, parameters, h)
        log_det = log_det + of_layer
    return torch.cat([h, log_det.expand(-1, 1, h.shape[2])], 1)


def flow_inverse(flow: Flow, weights: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """x(z), (cells, features, points): what `flow_forward` turns into z."""
    h = z
    for layer, parameters in reversed(_layers(flow, weights)):
        h = _inverse(layer, parameters, h)
    return h


def outside(flow: Flow, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Whether a point leaves the domain of any spline or logit on its way, (cells, points).

    There it passes a spline unchanged, and a logit along its tangent.
    """
    h = _as_features(flow, x)
    found = torch.zeros_like(h[:, 0], dtype=torch.bool)
    for layer, parameters in _layers(flow, weights):
        if isinstance(layer, Spline) or (isinstance(layer, Coupling) and layer.transform == "spline"):
            turned = h if isinstance(layer, Spline) else h[:, layer.given :]
            found = found | (turned.abs() > layer.bound).any(1)
        if isinstance(layer, Logit):
            found = found | ((h < 0) | (h > 1)).any(1)
        h, _ = _forward(layer, parameters, h)
    return found


def _as_features(flow: Flow, x: torch.Tensor) -> torch.Tensor:
    """Inputs laid out as (cells, features, points); images are (cells, points, channels, rows, columns)."""
    return x.flatten(2).transpose(1, 2) if x.dim() > 3 else x


def _layers(flow: Flow, weights: torch.Tensor) -> list[tuple]:
    """Each layer with its parameters, (cells, *shape) each."""
    tensors = iter([weights[:, p.start : p.stop].reshape(-1, *p.shape) for p in flow.parameters])
    return [(layer, [next(tensors) for _ in layer.tensors]) for layer in flow.layers]


def _forward(layer, parameters: list[torch.Tensor], h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a layer makes of h, and its log determinant (cells, 1, points or 1)."""
    match layer:
        case Affine():
            log_scale, shift = (p.unsqueeze(2) for p in parameters)
            return h * log_scale.exp() + shift, log_scale.sum(1, keepdim=True)
        case Logit():
            turned, log_slope = logit(h, layer.margin)
            return turned, log_slope.sum(1, keepdim=True)
        case Permute():
            return h[:, list(layer.order)], torch.zeros_like(h[:, :1])
        case Spline():
            turned, log_slope = spline(h, parameters[0].unsqueeze(3), layer.bound)
            return turned, log_slope.sum(1, keepdim=True)
        case Coupling():
            given, rest = h[:, : layer.given], h[:, layer.given :]
            of_rest = _conditioned(layer, parameters, given)
            if layer.transform == "spline":
                turned, log_slope = spline(rest, of_rest, layer.bound)
            else:
                log_slope, shift = _affine_of(of_rest)
                turned = rest * log_slope.exp() + shift
            return torch.cat([given, turned], 1), log_slope.sum(1, keepdim=True)


def _inverse(layer, parameters: list[torch.Tensor], h: torch.Tensor) -> torch.Tensor:
    match layer:
        case Affine():
            log_scale, shift = (p.unsqueeze(2) for p in parameters)
            return (h - shift) * (-log_scale).exp()
        case Logit():
            return inverse_logit(h, layer.margin)
        case Permute():
            return h[:, sorted(range(len(layer.order)), key=layer.order.__getitem__)]
        case Spline():
            return inverse_spline(h, parameters[0].unsqueeze(3), layer.bound)
        case Coupling():
            given, rest = h[:, : layer.given], h[:, layer.given :]
            of_rest = _conditioned(layer, parameters, given)
            if layer.transform == "spline":
                return torch.cat([given, inverse_spline(rest, of_rest, layer.bound)], 1)
            log_scale, shift = _affine_of(of_rest)
            return torch.cat([given, (rest - shift) * (-log_scale).exp()], 1)


def _conditioned(layer: Coupling, parameters: list[torch.Tensor], given: torch.Tensor) -> torch.Tensor:
    """The transform's parameters, (cells, features, parameters, points)."""
    h = given
    for i in range(0, len(parameters), 2):
        h = torch.baddbmm(parameters[i + 1].unsqueeze(2), parameters[i], h)
        if i + 2 < len(parameters):
            h = torch.tanh(h) if layer.activation == "tanh" else torch.relu(h)
    return h.unflatten(1, (layer.n - layer.given, layer.per_feature))


def _affine_of(parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Log scale, held softly, and shift, (cells, features, points) each."""
    return LOG_SCALE * torch.tanh(parameters[:, :, 0] / LOG_SCALE), parameters[:, :, 1]


def logit(x: torch.Tensor, margin: float) -> tuple[torch.Tensor, torch.Tensor]:
    """log p / (1 - p) of p = margin + (1 - 2 margin) x in units of LOGIT_UNIT, and the log of its slope.

    Beyond [0, 1] it follows the tangents.
    """
    held = x.clamp(0.0, 1.0)
    # Both from their own side: 1 - p would lose the digits of a small margin in single precision.
    p, rest = margin + (1 - 2 * margin) * held, margin + (1 - 2 * margin) * (1 - held)
    log_slope = math.log((1 - 2 * margin) / LOGIT_UNIT) - p.log() - rest.log()
    return (p.log() - rest.log()) / LOGIT_UNIT + (x - held) * log_slope.exp(), log_slope


def inverse_logit(y: torch.Tensor, margin: float) -> torch.Tensor:
    """x at which `logit` is y."""
    end = math.log((1 - margin) / margin) / LOGIT_UNIT
    held = y.clamp(-end, end)
    slope = (1 - 2 * margin) / (margin * (1 - margin)) / LOGIT_UNIT  # at both ends
    return (torch.sigmoid(LOGIT_UNIT * held) - margin) / (1 - 2 * margin) + (y - held) / slope


def spline(x: torch.Tensor, parameters: torch.Tensor, bound: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Monotone rational-quadratic spline at x (cells, features, points) and the log of its slope (Durkan et al. 2019,
    eq. 4 and 5).

    parameters: (cells, features, 3 bins - 1, points or 1), 0 being the identity. Beyond -bound and bound it is the
    identity.
    """
    inside = x.abs() <= bound
    held = torch.where(inside, x, 0.0)  # what is not used must not reach the gradient
    bins = _bins(parameters, bound)
    at = _holding(bins, held, bins[0])
    share = (held - at.left) / at.width
    rest = share * (1 - share)
    steepness = at.height / at.width
    below = steepness + (at.slope + at.next_slope - 2 * steepness) * rest
    turned = at.bottom + at.height * (steepness * share.square() + at.slope * rest) / below
    above = at.next_slope * share.square() + 2 * steepness * rest + at.slope * (1 - share).square()
    log_slope = (above * (steepness / below).square()).log()
    return torch.where(inside, turned, x), torch.where(inside, log_slope, 0.0)


def inverse_spline(y: torch.Tensor, parameters: torch.Tensor, bound: float) -> torch.Tensor:
    """x at which `spline` is y: the root of a quadratic in a form without cancellation (eq. 6 to 8)."""
    inside = y.abs() <= bound
    held = torch.where(inside, y, 0.0)
    bins = _bins(parameters, bound)
    at = _holding(bins, held, bins[1])
    steepness, climbed = at.height / at.width, held - at.bottom
    bend = climbed * (at.slope + at.next_slope - 2 * steepness)
    a = at.height * (steepness - at.slope) + bend
    b = at.height * at.slope - bend
    c = -steepness * climbed
    root = (b.square() - 4 * a * c).clamp_min(0.0).sqrt()
    return torch.where(inside, at.left + at.width * 2 * c / (-b - root), y)


class _Bin(NamedTuple):
    """Bins of splines, each field (cells, features, ...): where they begin, their sizes, the slopes at their ends."""

    left: torch.Tensor
    bottom: torch.Tensor
    width: torch.Tensor
    height: torch.Tensor
    slope: torch.Tensor
    next_slope: torch.Tensor


def _bins(parameters: torch.Tensor, bound: float) -> torch.Tensor:
    """The fields of all bins, (6, cells, features, bins, points or 1)."""
    n = (parameters.shape[2] + 1) // 3
    raw, slopes = parameters[:, :, : 2 * n], parameters[:, :, 2 * n :]
    shares = LEAST + (1 - LEAST * n) * torch.softmax(raw.unflatten(2, (2, n)), 3)
    sizes = 2 * bound * shares.movedim(2, 0)  # widths, then heights
    # The softplus is 1 - LEAST where its argument is this, so that 0 means a slope of 1.
    slopes = LEAST + F.softplus(slopes + math.log(math.expm1(1 - LEAST)))
    ends = torch.ones_like(parameters[:, :, :1])
    of_ends = torch.stack([torch.cat([ends, slopes], 2), torch.cat([slopes, ends], 2)])
    return torch.cat([sizes.cumsum(3) - sizes - bound, sizes, of_ends])


def _holding(bins: torch.Tensor, points: torch.Tensor, edges: torch.Tensor) -> _Bin:
    """The bins between whose `edges` points (cells, features, points) lie."""
    index = (points.unsqueeze(2) >= edges[:, :, 1:]).sum(2, keepdim=True)
    wide = bins.expand(-1, -1, -1, -1, points.shape[2])
    return _Bin(*wide.gather(3, index.expand(6, -1, -1, -1, -1)).squeeze(3))
