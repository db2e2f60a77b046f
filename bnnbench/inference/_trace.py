"""The trace of an objective over a fit: its mean over stretches of steps, for every cell of a stack."""

import numpy as np
import torch

POINTS = 100
"""Stretches of a trace, about."""


def stretch_of(steps: int) -> int:
    """Length of each of the stretches of so many steps; the last few steps may belong to none."""
    return max(1, steps // POINTS)


class Trace:
    """Of a fit of so many steps."""

    def __init__(self, steps: int):
        self._stretch, self._steps, self._means, self._sum = stretch_of(steps), [], [], 0.0

    def add(self, step: int, value: torch.Tensor) -> bool:
        """Count the objective (cells,) of the step that makes it `step` steps; returns whether a stretch ends there."""
        self._sum = self._sum + value
        if step % self._stretch:
            return False
        self._means.append(self._sum / self._stretch)
        self._steps.append(step)
        self._sum = 0.0
        return True

    @property
    def state(self) -> tuple[list[int], list[torch.Tensor]]:
        """What a checkpoint keeps of it, where a stretch has just ended."""
        return list(self._steps), list(self._means)

    def restore(self, state: tuple[list[int], list[torch.Tensor]]) -> None:
        """Go on from a `state`."""
        self._steps, self._means = (list(part) for part in state)

    @property
    def steps(self) -> np.ndarray:
        """Number of steps after which each stretch ended, (stretches,)."""
        return np.array(self._steps)

    @property
    def means(self) -> torch.Tensor:
        """Mean objective in each stretch, (cells, stretches); what is counted may have leading axes besides."""
        return torch.stack(self._means, dim=-1)
