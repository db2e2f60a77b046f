"""What a task is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from bnnbench.datasets import DataSet
    from bnnbench.datasets._scaling import Scaling
    from bnnbench.metrics import Summary
    from bnnbench.networks import Network

Encoded = dict[str, tuple[tuple[str, ...], np.ndarray]]
"""Variables of a shard file by name, with their dims."""


class Task:
    """What is predicted: in a file of its own that names it. No torch here, since evaluation has none.

    Its metrics are those that are registered under its name, in metrics/<task>/ or in its own file.
    """

    controls: ClassVar[dict[str, str]] = {"chance": "chance", "bayes_rule": "Bayes rule"}
    """What the two controls, who know the training targets alone and the generator, are called in words."""
    chance_knows: ClassVar[str] = "ignores the inputs"
    """What the first of them is marked with in tables, a few words."""
    control_definitions: ClassVar[dict[str, str]] = {}
    """What the two controls predict, a sentence or two each for the glossary."""
    targets: ClassVar[str] = ""
    """What its targets are, in words, where they are not classes."""
    predicted: ClassVar[str]
    """What metrics are of, a sentence for the glossary."""
    law: ClassVar[str] = ""
    """The function of a data set's file that says what one who knows the generator says; "" where none does."""
    error: ClassVar[str]
    """What the learning curve shows, in words."""

    @property
    def name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def size_fault(self, n_classes: int) -> tuple[str, str] | None:
        """What is wrong with a data set's number of classes, and the remedy; None where nothing is."""
        if n_classes == 1:
            return None
        return f"is {n_classes} for {self.name}", "make it 1: there is one column of targets"

    def target_shape(self, inputs: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one target, given that of one input; () where it is a number."""
        return ()

    def input_fault(self, x: np.ndarray, n_classes: int) -> tuple[str, str] | None:
        """What is wrong with inputs (n, ...), and the remedy, beyond what every task refuses; None if nothing."""
        return None

    def network_fault(self, network: Network) -> str | None:
        """Why a network cannot be trained for it; None where it can."""
        if network.reads_symbols:
            return f"it reads symbols where inputs are vectors, and the inputs of {self.name} are numbers"
        if network.is_map:
            return f"it has outputs for each pixel, and {self.name} has one target an input: use another kind"
        return None

    def target_fault(self, y: np.ndarray, n_classes: int) -> tuple[str, str] | None:
        """What is wrong with targets (n, ...), and the remedy; None where nothing is. NaN is looked for elsewhere."""
        raise NotImplementedError

    def encode(self, arrays: dict[str, np.ndarray], n_draws: int, halves: bool) -> Encoded:
        """What is stored of a likelihood's summary, arrays (cells, points, ...).

        halves: whether the draws are of chains, whose first half is compared with the second
        """
        raise NotImplementedError

    def stored_bytes(self, inputs: tuple[int, ...], n_classes: int, n_draws: int) -> int:
        """What `encode` makes of one cell and point, without halves of chains: bytes, uncompressed and at most.

        inputs: shape of one input
        """
        raise NotImplementedError

    def decode(self, group: xr.Dataset, i: int) -> Summary:
        """The predictions of the i-th cell in a group of a shard file."""
        raise NotImplementedError

    def summarise(self, arrays: dict[str, np.ndarray], i: int, n_draws: int) -> Summary:
        """The predictions of the i-th cell of a likelihood's summary, as `decode` gives them after `encode`."""
        raise NotImplementedError

    def rescaled(self, arrays: dict[str, np.ndarray], location: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
        """A summary of standardised targets in the targets' own units; location, scale: (cells,)."""
        return arrays

    def compared(self, summary: Summary) -> Any:
        """What of a cell's predictions is compared with the reference's."""
        raise NotImplementedError

    def halves(self, group: xr.Dataset, i: int) -> tuple[Any, Any] | None:
        """The same of the first and of the second half of the chains of the i-th cell; None where there are none."""
        raise NotImplementedError

    def truth(self, law: Any) -> Any:
        """What metrics take for the truth, given what the data set's `law` function returns."""
        return law

    def known(self, truth: Any, data: DataSet, split: str, seed: int) -> Any:
        """What the metrics of a split of one seed are given besides predictions and targets: the truth, which is None
        where nobody knows it."""
        return truth

    def of_truth(self, truth: Any) -> Summary:
        """The predictions of one who knows the truth."""
        raise NotImplementedError

    def chance(self, y_train: np.ndarray, n_classes: int, n: int) -> Summary:
        """The predictions at n points of one who knows the training targets alone."""
        raise NotImplementedError

    def chance_at(self, x_train: np.ndarray, y_train: np.ndarray, n_classes: int, x: np.ndarray) -> Summary:
        """The same at x (n, ...), of a task whose chance knows the training inputs too."""
        return self.chance(y_train, n_classes, len(x))

    def units(self, scaling: Scaling) -> tuple[float, float]:
        """Location and scale that `rescaled` is given of a data set's scaling: those of the targets."""
        return scaling.location, scaling.scale

    def errors(self, arrays: dict[str, np.ndarray], y: np.ndarray) -> np.ndarray:
        """How wrong a stack's predictions are, (cells,), in the measure of `error`; y: (cells, points)."""
        raise NotImplementedError
