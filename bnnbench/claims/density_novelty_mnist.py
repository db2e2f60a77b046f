"""The claims on density and novelty, on clothes and MNIST's digits shown to a model of the other.

Digits are the simpler kind: most of their pixels are black, as the most probable ones of clothes are.
"""

from bnnbench.claims.density_novelty import claims_on

CLAIMS = claims_on(
    {"mnist": "digits shown to a model of clothes", "fashion-mnist": "clothes shown to a model of digits"},
    "M", " (MNIST and Fashion-MNIST)",
)  # fmt: skip
