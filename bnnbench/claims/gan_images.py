"""What is said of generators, on images of digits."""

from bnnbench.claims._base import Claim, Statistic
from bnnbench.claims.gan import FIGURE, SLIDES, of_recipe

CLAIMS = (
    Claim(
        "A4", SLIDES, "InfoGAN's category finds the ten digits without labels.",
        tuple(
            Statistic(
                f"share of {dataset} whose class is that of the category read off them", "above", 0.5,
                of_recipe("code_accuracy", recipe="info", dataset=dataset), FIGURE, beside=beside,
            )
            for dataset, beside in (("mnist_generation", False), ("digits_generation", True))
        ),
    ),
)  # fmt: skip
