"""What flows report of themselves: measured where they are trained, described here."""

import math

from .._registry import declare

declare(
    __name__,
    "round_trip_error",
    label="Round trip error",
    definition="Largest distance between a training input and what the flow's inverse makes of its coordinates, in sds "
    "of the inputs: how far the flow is invertible in single precision.",
    direction="lower",
    unit="sds",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "outside_domain",
    label="Outside a spline's domain",
    definition="Share of training inputs that leave the domain of a spline somewhere in the flow, where they pass "
    "unchanged.",
    direction="",
    bounds=(0, 1),
)
