"""Autoencoder with independent binary pixels given the code (Kingma & Welling 2014, appendix C.1)."""

from dataclasses import dataclass

from bnnbench.likelihoods._elbo import Elbo


@dataclass(frozen=True)
class BernoulliElbo(Elbo):
    """p(x | z) = prod sigmoid(f(z))^x (1 - sigmoid(f(z)))^(1 - x); no latents of its own.

    Pixels are in [0, 1]. log p(x) is that of a probability where they are 0 or 1; between these it is an objective that
    no density belongs to, and compares with nothing binarised.
    """

    def data_fault(self, x):
        low, high = float(x.min()), float(x.max())
        if low >= 0 and high <= 1:
            return None
        return (
            f"go from {low:g} to {high:g}, and pixels of a Bernoulli are in [0, 1]: take binarised data, or the "
            "likelihood gaussian_elbo"
        )

    def log_reconstruction(self, decoded, x, own):
        import torch.nn.functional as F

        return (x * decoded - F.softplus(decoded)).sum(1)

    def mean(self, decoded, own):
        return decoded.sigmoid()


LIKELIHOOD = BernoulliElbo
