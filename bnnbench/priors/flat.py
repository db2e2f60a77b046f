"""A prior as good as flat."""

from dataclasses import dataclass
from typing import ClassVar

from bnnbench.priors.normal import Normal


@dataclass(frozen=True)
class Flat(Normal):
    """N(0, 100²) in place of an improper flat prior, whose posterior would not be proper for saturating networks."""

    fixed_scale: ClassVar[float] = 100.0


PRIOR = Flat
