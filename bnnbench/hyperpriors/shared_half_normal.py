"""The half-normal on one scale for the whole network."""

from dataclasses import dataclass
from typing import ClassVar

from bnnbench.hyperpriors.half_normal import HalfNormal


@dataclass(frozen=True)
class SharedHalfNormal(HalfNormal):
    """The half-normal on one scale that all weights and biases share."""

    shared: ClassVar[bool] = True


HYPERPRIOR = SharedHalfNormal
