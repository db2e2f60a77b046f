"""Metrics of predictive distributions of real targets, given as mixtures over draws."""

from .._registry import define_inputs

define_inputs(
    "regression",
    {
        "mixture": "`Mixture`: the predictive distribution, an equal-weight mixture over draws, at n points",
        "y": "true targets, (n,)",
        "ideal": "the true conditional distribution of the target, a `Mixture`; of generated data only",
    },
    compared="mixture",
)
