"""What recurrent networks are made of, whatever their cells."""

from bnnbench.networks._layers import CellKind, Dense, EachStep, LastStep, Network, Recurrent, Rows, Symbols, Widths


def sequence(
    cell: CellKind, input_shape: tuple[int, ...], n_outputs: int, hidden: Widths, forget_bias: float = 0.0
) -> Network:
    """Stacked recurrent layers and a dense one.

    Of images (channels, rows, columns) the rows are the steps, and the outputs are those of the last: a class, or a
    target, a sequence. Inputs (steps,) are codes of as many symbols as there are outputs, and each step has outputs:
    those of the symbol that follows.
    """
    if len(input_shape) == 3:
        channels, _, columns = input_shape
        first, last, n_in = Rows(), LastStep(), channels * columns
    elif len(input_shape) == 1:
        first, last, n_in = Symbols(n_outputs), EachStep(), n_outputs
    else:
        raise ValueError(f"it takes images (channels, rows, columns) or symbols (steps,), not {input_shape}")
    layers = [first]
    for n_units in hidden:
        layers.append(Recurrent(cell, n_in, n_units, forget_bias))
        n_in = n_units
    return Network((*layers, last, Dense(n_in, n_outputs)), tuple(input_shape), n_outputs)
