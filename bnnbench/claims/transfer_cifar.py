"""The claims of `transfer` on another pair: from five classes of CIFAR-10 to the other five."""

from bnnbench.claims.transfer import CLAIMS

__all__ = ["CLAIMS"]
