"""What is said of generators, on images of digits.

The margin was written after a look at a short run on the 8 x 8 digits: of MNIST it was fixed beforehand.
"""

from bnnbench.claims._base import Claim, Statistic
from bnnbench.claims.gan import FIGURE, SLIDES, of_recipe

DIGITS = Claim(
    "A4", SLIDES, "InfoGAN's category finds the ten digits without labels.",
    (
        Statistic("share of real images whose class is that of the category read off them", "above", 0.5,
                  of_recipe("code_accuracy", recipe="info"), FIGURE),
    ),
)  # fmt: skip
"""A tenth is what categories at random would have."""

CLAIMS = (DIGITS,)
