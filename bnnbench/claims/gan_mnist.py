"""What is said of generators, on MNIST."""

from bnnbench.claims.gan_digits import DIGITS

CLAIMS = (DIGITS,)
