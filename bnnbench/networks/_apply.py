"""Apply stacked parameters to stacked inputs.

Layout: dense activations are (cells, features, points), where batched products of small matrices are an order
faster than as (cells, points, features); images are (points, cells * channels, rows, columns), so that one grouped
convolution serves the whole stack. Sequences are (cells, features, steps, points).
"""

import torch
import torch.nn.functional as F

from bnnbench.networks import _maps, _recurrent
from bnnbench.networks._bijections import flow_forward
from bnnbench.networks._flows import Flow
from bnnbench.networks._layers import (
    Activation,
    Conv,
    Dense,
    EachStep,
    Flatten,
    LastStep,
    MaxPool,
    Network,
    OwnLayer,
    PerPixel,
    PlacedMaxPool,
    Recurrent,
    Rows,
    Symbols,
    Unpool,
)

FUSED_INPUTS = 8
"""Dense layers of at most so many inputs are fused with their neighbours where the network is compiled: written out as
sums they stay in registers, while a batched product would go through memory."""


def forward(network: Network, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Logits (cells, classes, points) of networks with flat weights (cells, n_weights).

    `x` is (cells, features, points) for dense networks and (cells, points, channels, rows, columns) for images. Where
    each pixel has outputs of its own they are (cells, classes, points, rows, columns).
    Of flows the outputs are coordinates and log determinant: see `_bijections`.
    """
    if isinstance(network, Flow):
        return flow_forward(network, weights, x)
    parameters = _split(network, weights)
    return _run(network, x, weights.shape[0], lambda layer, h: _weighted(layer, h, parameters))


def forward_recorded(network: Network, weights: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, list[tuple]]:
    """Logits as `forward`, and (layer, inputs, outputs) of each dense or convolutional layer in order.

    Inputs and outputs are laid out as the module does: (cells, features, points), or (points, cells * channels, rows,
    columns) in a convolution.
    """
    parameters, record = _split(network, weights), []

    def affine(layer, h):
        outputs = _weighted(layer, h, parameters)
        if not isinstance(layer, Recurrent):
            record.append((layer, h, outputs))
        return outputs

    return _run(network, x, weights.shape[0], affine), record


def forward_local(
    network: Network, mean: torch.Tensor, sd: torch.Tensor, x: torch.Tensor, noise: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    """Logits by local reparameterisation (Kingma et al. 2015, eq. 6): pre-activations are drawn, not weights.

    `mean` and `sd` (cells, n_weights) are those of independent Gaussian weights; `noise` has one standard normal
    tensor (cells, *shape) for each of `noise_shapes`. Exact for dense layers; a convolution
    draws each output pixel independently, so train with it and predict with weight draws.
    """
    means, variances, draws = _split(network, mean), _split(network, sd.square()), iter(noise)

    def affine(layer, h):
        centre = _affine(layer, h, next(means), next(means))
        variance = _affine(layer, h.square(), next(variances), next(variances))
        draw = next(draws)
        draw = draw.transpose(0, 1).flatten(1, 2) if isinstance(layer, Conv) else draw
        return centre + variance.clamp_min(1e-12).sqrt() * draw

    return _run(network, x, mean.shape[0], affine)


def forward_flipout(
    network: Network, mean: torch.Tensor, shift: torch.Tensor, x: torch.Tensor, signs: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    """Logits under weights mean + shift, the shift sign-flipped for each example (Wen et al. 2018, eq. 4).

    `mean` and `shift` are (cells, n_weights): the shift is one draw of the deviation from the mean, of a law that is
    symmetric and independent between weights. Example n sees shift * r_n s_n^T, with random signs s_n on a layer's
    inputs and r_n on its outputs, bias included; a convolution has them per channel, the same at every pixel. So each
    example has the law of weight draws, and examples are all but uncorrelated. `signs` (cells, *shape) are those of
    `sign_shapes`, in its order.
    """
    means, shifts, flips = _split(network, mean), _split(network, shift), iter(signs)

    def affine(layer, h):
        flip_in, flip_out = next(flips), next(flips)
        if isinstance(layer, Conv):
            flip_in, flip_out = _of_channels(flip_in), _of_channels(flip_out)
        centre = _affine(layer, h, next(means), next(means))
        return centre + flip_out * _affine(layer, h * flip_in, next(shifts), next(shifts))

    return _run(network, x, mean.shape[0], affine)


def sign_shapes(network: Network, n_points: int) -> list[tuple[int, ...]]:
    """Shapes, for one cell, of the signs of each layer's inputs and then its outputs, layer after layer."""
    shapes = []
    for layer in network.layers:
        if isinstance(layer, Conv):
            shapes += [(n_points, layer.n_in), (n_points, layer.n_out)]
        elif isinstance(layer, Dense):
            shapes += [(layer.n_in, n_points), (layer.n_out, n_points)]
    return shapes


def forward_dropout(
    network: Network, weights: torch.Tensor, x: torch.Tensor, masks: tuple[torch.Tensor, ...]
) -> torch.Tensor:
    """Logits with dropped inputs of the weights that `Network.dropped` lists: of dense layers, of convolutions their
    channels, each as a whole, and of recurrent layers, with their states, by a mask that holds at every step.

    They are multiplied by `masks` (cells, *shape) of `mask_shapes`. A dense layer after `EachStep` has a mask for each
    sequence too.
    """
    parameters, given = _split(network, weights), iter(masks)
    multipliers = iter([next(given) if p.drops else None for p in network.parameters if not p.is_bias])

    def affine(layer, h):
        if isinstance(layer, Recurrent):
            return _recurrent.run(layer, h, parameters, next(multipliers), next(multipliers))
        h = _dropped(layer, h, next(multipliers))
        return _affine(layer, h, next(parameters), next(parameters))

    return _run(network, x, weights.shape[0], affine)


def mask_shapes(network: Network, n_points: int) -> list[tuple[int, ...]]:
    """Shapes, for one cell, of the masks on the inputs of each of the weights that `Network.dropped` lists: those of
    filters (points, channels), others (features, points)."""
    return [(n_points, p.shape[1]) if len(p.shape) == 4 else (p.shape[1], n_points) for p in network.dropped]


def _dropped(layer: Dense | Conv, h: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """A layer's inputs times a mask of points. After `EachStep` a point stands several times, being neighbours."""
    if mask is None:
        return h
    if isinstance(layer, Conv):
        return h * _of_channels(mask)
    repeats = h.shape[2] // mask.shape[2]
    return h * (mask if repeats == 1 else mask.repeat_interleave(repeats, dim=2))


def noise_shapes(network: Network, n_points: int) -> list[tuple[int, ...]]:
    """Shapes, for one cell, of the noise of each dense or convolutional layer's output."""
    shapes, size, before = [], network.input_shape[1:], []
    for layer in network.layers:
        match layer:
            case Conv():
                size = tuple(layer.side_after(side) for side in size)
                shapes.append((n_points, layer.n_out, *size))
            case PlacedMaxPool():
                before.append(size)
                size = tuple(side // layer.size for side in size)
            case MaxPool():
                size = tuple(layer.side_after(side) for side in size)
            case Unpool():
                size = before.pop()
            case OwnLayer():
                size = layer.size_after(size, before)
            case Dense():
                shapes.append((layer.n_out, n_points))
    return shapes


def _of_channels(values: torch.Tensor) -> torch.Tensor:
    """(cells, points, channels) as images take them: (points, cells * channels, 1, 1)."""
    return values.transpose(0, 1).flatten(1, 2)[:, :, None, None]


def _split(network: Network, weights: torch.Tensor):
    """The parameters in order, each (cells, *shape)."""
    if torch.compiler.is_compiling():
        parts = [weights[:, p.start : p.stop] for p in network.parameters]
    else:  # the gradient of each slice would be as long as all weights, and be added to the others'
        parts = weights.split([p.size for p in network.parameters], 1)
    return iter([part.reshape(-1, *p.shape) for part, p in zip(parts, network.parameters, strict=True)])


def _weighted(layer, h: torch.Tensor, parameters) -> torch.Tensor:
    """A layer that has weights, which it takes from the iterator over all."""
    if isinstance(layer, Recurrent):
        return _recurrent.run(layer, h, parameters)
    return _affine(layer, h, next(parameters), next(parameters))


def _run(network: Network, x: torch.Tensor, n_cells: int, affine) -> torch.Tensor:
    h, places = x, []
    if network.is_convolutional:
        h = x.transpose(0, 1).flatten(1, 2)
    elif len(network.input_shape) > 1 and not network.is_recurrent:
        h = x.flatten(2).transpose(1, 2)
    for layer in network.layers:
        match layer:
            case Dense() | Conv() | Recurrent():
                h = affine(layer, h)
            case Activation():
                h = _tanh(h) if layer.function == "tanh" else torch.relu(h)
            case MaxPool():
                h = F.max_pool2d(h, layer.size, layer.stride, layer.padding)
            case Flatten():
                h = h.reshape(h.shape[0], n_cells, -1).permute(1, 2, 0)
            case Rows():
                h = _recurrent.rows(h)
            case Symbols():
                h = _recurrent.indicators(h, layer.n_symbols)
            case LastStep():
                h = h[:, :, -1]
            case EachStep():
                h = h.transpose(2, 3).flatten(2)
            case PlacedMaxPool() | Unpool() | PerPixel():
                h = _maps.apply(layer, h, n_cells, places)
            case OwnLayer():
                h = layer.apply(h, places)
    return h


def _affine(layer, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, Dense):
        if torch.compiler.is_compiling() and layer.n_in <= FUSED_INPUTS:
            return (weight.unsqueeze(-1) * h.unsqueeze(1)).sum(2) + bias.unsqueeze(-1)
        return torch.baddbmm(bias.unsqueeze(-1), weight, h)
    if layer.n_in == 1 and h.device.type == "cpu":
        return _of_one_channel(layer, h, weight, bias)
    return F.conv2d(h, weight.flatten(0, 1), bias.flatten(), layer.stride, layer.padding, groups=weight.shape[0])


def _of_one_channel(layer: Conv, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A convolution of one channel as a product with every pixel's neighbourhood.

    The processor's convolution kernels work across channels, and take several times as long where there is one.
    """
    n_cells, size = weight.shape[0], layer.kernel
    padded = F.pad(h, [layer.padding] * 4) if layer.padding else h
    patches = padded.unfold(2, size, layer.stride).unfold(
        3, size, layer.stride
    )  # (points, cells, rows, columns, kernel, kernel)
    rows, columns = patches.shape[2:4]
    patches = patches.permute(1, 4, 5, 0, 2, 3).reshape(n_cells, size * size, -1)
    outputs = torch.baddbmm(bias.unsqueeze(-1), weight.flatten(2), patches)
    return outputs.unflatten(2, (-1, rows, columns)).permute(2, 0, 1, 3, 4).flatten(1, 2)


def _tanh(h: torch.Tensor) -> torch.Tensor:
    """tanh; in a compiled CPU kernel by the sigmoid, whose vector code takes half the time."""
    if torch.compiler.is_compiling() and h.device.type == "cpu":
        return 2 * torch.sigmoid(2 * h) - 1
    return torch.tanh(h)
