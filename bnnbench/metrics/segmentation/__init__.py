"""Metrics of maps: a class for each pixel. Void pixels are in none of them."""

from .._registry import define_inputs

define_inputs(
    "segmentation",
    {
        "proba": "class probabilities of the pixels that are not void, averaged over draws, (m, K)",
        "y": "their true classes, (m,)",
        "wrong": "whether their most probable class is not the true one, (m,) booleans",
        "pixels": "`Pixels`: their uncertainties",
        "scenes": "`Scenes`: whether pixels are wrong and how uncertain, in their places in each image",
        "ideal": "true class probabilities of the pixels, (m, K); of generated data only",
    },
    compared="proba",
)
