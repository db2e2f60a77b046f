"""Recurrent layers of stacked networks, unrolled step by step.

Sequences are (cells, features, steps, points): the product of all steps' inputs with a layer's weights is one batched
product, and what is left to a step is that of the states.
"""

from collections.abc import Iterator

import torch

from bnnbench.networks._layers import Recurrent


def rows(x: torch.Tensor) -> torch.Tensor:
    """Images (cells, points, channels, rows, columns) as sequences (cells, channels * columns, rows, points)."""
    return x.permute(0, 2, 4, 3, 1).flatten(1, 2)


def indicators(codes: torch.Tensor, n_symbols: int) -> torch.Tensor:
    """Codes of symbols (cells, steps, points) as sequences (cells, n_symbols, steps, points) of zeros and ones."""
    known = torch.arange(n_symbols, device=codes.device, dtype=codes.dtype)[:, None, None]
    return (codes.unsqueeze(1) == known).to(codes.dtype)


def run(
    layer: Recurrent,
    h: torch.Tensor,
    parameters: Iterator[torch.Tensor],
    input_mask: torch.Tensor | None = None,
    state_mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """States (cells, units, steps, points) given a sequence (cells, n_in, steps, points).

    `parameters` gives the layer's own next, each (cells, *shape). The masks, (cells, n_in, points) and (cells, units,
    points), multiply inputs and states before the gates read them, the same at every step (Gal & Ghahramani 2016, "A
    theoretically grounded application of dropout in recurrent neural networks", eq. 7).
    """
    input_weight, state_weight, bias = (next(parameters) for _ in range(3))
    if input_mask is not None:
        h = h * input_mask.unsqueeze(2)
    of_inputs = torch.baddbmm(bias.unsqueeze(-1), input_weight, h.flatten(2)).unflatten(2, h.shape[2:])
    start = h.new_zeros(h.shape[0], layer.n_units, h.shape[3])
    if layer.cell == "lstm":
        return _lstm(layer.forget_bias, of_inputs, state_weight, start, state_mask)
    return _gru(of_inputs, state_weight, next(parameters).unsqueeze(-1), start, state_mask)


def _lstm(forget_bias, of_inputs, state_weight, state, mask):
    """Hochreiter & Schmidhuber 1997 with a forget gate (Gers et al. 2000), without peepholes."""
    states, memory = [], torch.zeros_like(state)
    for step in of_inputs.unbind(2):
        gates = torch.baddbmm(step, state_weight, _masked(state, mask))
        take, keep, candidate, show = gates.chunk(4, dim=1)
        memory = torch.sigmoid(keep + forget_bias) * memory + torch.sigmoid(take) * torch.tanh(candidate)
        state = torch.sigmoid(show) * torch.tanh(memory)
        states.append(state)
    return torch.stack(states, dim=2)


def _gru(of_inputs, state_weight, state_bias, state, mask):
    """Cho et al. 2014, the reset gate after the state's product, which has a bias of its own in the candidate."""
    n, states = state.shape[1], []
    for step in of_inputs.unbind(2):
        of_state = state_weight @ _masked(state, mask)
        reset, update = torch.sigmoid(step[:, : 2 * n] + of_state[:, : 2 * n]).chunk(2, dim=1)
        candidate = torch.tanh(step[:, 2 * n :] + reset * (of_state[:, 2 * n :] + state_bias))
        state = candidate + update * (state - candidate)
        states.append(state)
    return torch.stack(states, dim=2)


def _masked(state: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return state if mask is None else state * mask
