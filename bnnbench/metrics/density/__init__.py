"""Metrics of densities of the inputs, known at the points of a split."""

from .._registry import define_inputs

define_inputs(
    "density",
    {
        "densities": "`Densities`: log densities at n points, averaged over draws, and how far draws differ",
        "bound": "`Bound`: of autoencoders, the evidence lower bound and the density from half the codes",
        "dimensions": "how many numbers a point has; not known of the true density",
        "ideal": "the true log density at the points, (n,); of generated data only",
    },
    compared="densities",
)
