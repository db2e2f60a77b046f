"""The claims on maps of uncertainty, on CamVid."""

from bnnbench.claims.segmentation import CLAIMS

__all__ = ["CLAIMS"]
