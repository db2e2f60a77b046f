"""The claims of `transfer` on another pair: from CIFAR-10 to photographs of cats and dogs."""

from bnnbench.claims.transfer import CLAIMS

__all__ = ["CLAIMS"]
