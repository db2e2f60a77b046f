"""What a stack of cells is trained and judged on."""

import numpy as np
import torch

from bnnbench import tasks
from bnnbench.datasets import DataSet
from bnnbench.datasets._scaling import Scaling
from bnnbench.model.streams import Streams
from bnnbench.prediction.predict import StackPredictions, predict
from bnnbench.study.cells import Cell

CURVE_DRAWS = 5


class Inputs:
    """What a stack is trained and judged on: each distinct data set once, on its device, and which of them a cell has.

    `training` is (x, y, which), scaled where the data set asks for it; `inputs` has (x, which) by split, and `truth`
    (cells, points) the targets in their own units, of which `units` (cells,) are those of training.
    """

    def __init__(self, cells: list[Cell], data: dict[str, DataSet], device: str):
        self._task = tasks.find(cells[0].dataset.task)
        sets, which = _distinct([(cell.dataset.name, cell.seed) for cell in cells], device)
        scalings = [data[name].scaling(seed) for name, seed in sets]
        splits = [_scaled(data[name].split(seed), s) for (name, seed), s in zip(sets, scalings, strict=True)]
        x, y, x_validation, y_validation = (_stack(arrays, device) for arrays in zip(*splits, strict=True))
        # Where they are the same for all seeds, test inputs are kept once.
        of_cells = [(c.dataset.name, c.seed if data[c.dataset.name].inputs_differ_by_seed else None) for c in cells]
        names, which_test = _distinct(of_cells, device)
        tests = [_test(data[name], seed) for name, seed in names]
        x_test, y_test = (_stack(arrays, device) for arrays in zip(*tests, strict=True))
        self.training = x, y, which
        self.inputs = {"validation": (x_validation, which), "test": (x_test, which_test)}
        self.truth = {"validation": y_validation[which], "test": y_test[which_test]}
        units = np.array([self._task.units(scaling) for scaling in scalings])[which.tolist()]
        self._locations, self.units = units.T

    def predictions(self, posterior, streams: Streams, n_draws: int, **options) -> dict[str, StackPredictions]:
        """Predictions by split, in the targets' own units; `options` are those of `predict`."""
        found = {}
        for split, (x, which) in self.inputs.items():
            arrays = predict(posterior, x, which, streams, n_draws, split=split, **options)
            found[split] = self._task.rescaled(arrays, self._locations, self.units)
        return found

    def errors(self, posterior, streams: Streams, **options) -> np.ndarray:
        """Errors (splits, cells) with a few draws, in the measure of the task."""
        found = self.predictions(posterior, streams, CURVE_DRAWS, **options)
        return np.stack([self._task.errors(p, self.truth[split].cpu().numpy()) for split, p in found.items()])


def _scaled(split: tuple, scaling: Scaling) -> tuple:
    """A split with its inputs and its training targets scaled; validation targets are compared in their own units."""
    x, y, x_validation, y_validation = split
    return scaling.x(x), scaling.y(y), scaling.x(x_validation), y_validation


def _test(data: DataSet, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Test inputs as those of a seed are scaled, and targets; no seed where all have the same."""
    x, y = data.test(seed)
    return (x if seed is None else data.scaling(seed).x(x)), y


def _distinct(items: list, device: str) -> tuple[list, torch.Tensor]:
    unique = list(dict.fromkeys(items))
    return unique, torch.tensor([unique.index(item) for item in items], device=device)


def _stack(arrays: list[np.ndarray], device: str) -> torch.Tensor:
    tensor = torch.from_numpy(np.stack(arrays)).to(device)
    return tensor if tensor.is_floating_point() else tensor.long()
