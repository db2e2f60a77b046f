"""The claims of `transfer` on another pair: from MNIST's digits to the clothes of Fashion-MNIST."""

from bnnbench.claims.transfer import CLAIMS

__all__ = ["CLAIMS"]
