"""Classes under the softmax of the network's outputs."""

from dataclasses import dataclass

from bnnbench.likelihoods._base import Likelihood


@dataclass(frozen=True)
class Categorical(Likelihood):
    """p(y = c) = softmax(outputs)_c. No options, no latents of its own."""

    task = "classification"

    def n_classes(self, n_outputs: int) -> int:
        """Classes of a network with so many outputs."""
        return n_outputs

    def target(self, y):
        # Short integers: in small networks reading them from memory is a part of a step's time.
        return y if y.is_floating_point() else y.int()

    def log_proba(self, outputs):
        """Log probabilities (cells, classes, points)."""
        return outputs.log_softmax(1)

    def proba(self, outputs):
        """Probabilities (cells, classes, points)."""
        return outputs.softmax(1)

    def log_prob(self, outputs, y, own):
        import torch
        import torch.nn.functional as F

        if outputs.shape[1] == 2:  # fewer passes over the points
            sign = 2 * y.to(outputs.dtype) - 1
            return F.logsigmoid(sign * (outputs[:, 1] - outputs[:, 0])).sum(1)
        # A product with indicators: picking by index, or by a mask, breaks compiled loops into scalar code.
        classes = torch.arange(outputs.shape[1], device=y.device, dtype=y.dtype).unsqueeze(1)
        chosen = (y.unsqueeze(1) == classes).to(outputs.dtype)
        return (F.log_softmax(outputs, dim=1) * chosen).sum(1).sum(1)

    def curvature_root(self, outputs, own):
        """diag(√p) - p √pᵀ: its square is diag(p) - p pᵀ, since p sums to one. It does not depend on the label."""
        import torch

        proba = outputs.softmax(1)
        root = proba.sqrt()
        diagonal = torch.diag_embed(root.transpose(1, 2)).permute(0, 2, 3, 1)
        return diagonal - proba.unsqueeze(2) * root.unsqueeze(1)

    def functions(self, outputs, own):
        """Each class's log-odds; of two classes the second's alone, the raw output of a network that has but one."""
        import torch

        if outputs.shape[1] == 2:
            return outputs[:, 1] - outputs[:, 0]
        if outputs.shape[1] > 2:
            log_proba = outputs.double().log_softmax(1)
            outputs = log_proba - torch.log(-torch.expm1(log_proba.clamp(max=-1e-12)))
        return outputs.flatten(1)

    @property
    def summary(self):
        from bnnbench.likelihoods._summary import ClassSummary

        return ClassSummary(self)

    def pymc(self, outputs, y):
        import pymc as pm

        pm.CustomDist("y", outputs, logp=_log_proba, signature="(k)->()", dtype="int64", observed=y.astype("int64"))


def _log_proba(y, logits):
    import pytensor.tensor as pt
    from pytensor.tensor.special import log_softmax

    return log_softmax(logits, axis=-1)[pt.arange(y.shape[0]), y]


LIKELIHOOD = Categorical
