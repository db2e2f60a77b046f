"""Classes under logits with Gaussian noise whose sd the network gives too (Kendall & Gal 2017, section 3.3).

p(y = c) is the mean over the noise of softmax(f + s e)_c, with outputs f and log s. Kendall and Gal draw e anew in each
step; here the mean is over fixed points, so that the log joint is one function: for two classes, where the softmax sees
one difference of logits alone, by quadrature, for more by a sequence of low discrepancy.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bnnbench.likelihoods._base import Likelihood

LOG_SD = 4.0
"""The log sds are held within plus and minus this, softly."""


@dataclass(frozen=True)
class LogitNoise(Likelihood):
    """`points` is how many noise vectors stand for the noise where there are more than two classes."""

    points: Annotated[int, Field(ge=8, le=1024)] = 32

    task = "classification"

    def n_outputs(self, n_targets):
        return 2 * n_targets

    def n_classes(self, n_outputs: int) -> int:
        return n_outputs // 2

    def target(self, y):
        return y if y.is_floating_point() else y.int()

    def log_proba(self, outputs):
        """Log probabilities (cells, classes, points)."""
        import torch
        import torch.nn.functional as F

        from bnnbench.likelihoods._noise import noise_points, quadrature

        k = outputs.shape[1] // 2
        logits, sd = outputs[:, :k], self.noise_sd(outputs)
        if k == 2:
            nodes, log_weights = (a.reshape(1, -1, 1) for a in quadrature(outputs))
            difference = (logits[:, 1] - logits[:, 0]).unsqueeze(1)
            spread = sd.square().sum(1, keepdim=True).sqrt()
            moved = difference + spread * nodes
            each = [torch.logsumexp(F.logsigmoid(sign * moved) + log_weights, 1) for sign in (-1, 1)]
            return torch.stack(each, 1)
        noise = noise_points(self.points, k, outputs).reshape(1, -1, k, 1)
        log_proba = F.log_softmax(logits.unsqueeze(1) + sd.unsqueeze(1) * noise, 2)
        return torch.logsumexp(log_proba, 1) - math.log(self.points)

    def proba(self, outputs):
        """Probabilities (cells, classes, points)."""
        return self.log_proba(outputs).exp()

    def noise_sd(self, outputs):
        """Sd of the noise on each logit, (cells, classes, points)."""
        k = outputs.shape[1] // 2
        return (LOG_SD * (outputs[:, k:] / LOG_SD).tanh()).exp()

    def log_prob(self, outputs, y, own):
        import torch

        log_proba = self.log_proba(outputs)
        classes = torch.arange(log_proba.shape[1], device=y.device, dtype=y.dtype).unsqueeze(1)
        chosen = (y.unsqueeze(1) == classes).to(outputs.dtype)
        return (log_proba * chosen).sum(1).sum(1)

    def curvature_root(self, outputs, own):
        """√p_c times the gradient of log p_c in the outputs, a column a class."""
        import torch

        with torch.enable_grad():
            outputs = outputs.detach().requires_grad_()
            log_proba = self.log_proba(outputs)
            classes = range(log_proba.shape[1])
            slopes = [torch.autograd.grad(log_proba[:, c].sum(), outputs, retain_graph=True)[0] for c in classes]
        return torch.stack(slopes, 2) * (0.5 * log_proba.detach()).exp().unsqueeze(1)

    def functions(self, outputs, own):
        """Each class's log-odds; of two classes the second's alone."""
        import torch

        log_proba = self.log_proba(outputs.double())
        log_odds = log_proba - torch.log(-torch.expm1(log_proba.clamp(max=-1e-12)))
        return (log_odds[:, 1:] if log_odds.shape[1] == 2 else log_odds).flatten(1)

    @property
    def summary(self):
        from bnnbench.likelihoods._summary import ClassSummary

        return ClassSummary(self)

    def pymc(self, outputs, y):
        import pymc as pm

        def logp(value, given):
            return _in_pymc(value, given, self.points, outputs.type.shape[1])

        pm.CustomDist("y", outputs, logp=logp, signature="(k)->()", dtype="int64", observed=y.astype("int64"))


def _in_pymc(y, outputs, points, n_outputs):
    """log p(y) (n,) of outputs (n, 2 classes) in PyTensor."""
    import pytensor.tensor as pt
    import torch
    from pytensor.tensor.special import log_softmax

    from bnnbench.likelihoods._noise import noise_points, quadrature

    k = n_outputs // 2
    logits, sd = outputs[:, :k], pt.exp(LOG_SD * pt.tanh(outputs[:, k:] / LOG_SD))
    rows = pt.arange(y.shape[0])
    if k == 2:
        nodes, log_weights = (a.numpy() for a in quadrature(torch.zeros(1, dtype=torch.float64)))
        difference, spread = logits[:, 1] - logits[:, 0], pt.sqrt((sd**2).sum(1))
        moved = (2 * y - 1)[:, None] * (difference[:, None] + spread[:, None] * nodes)
        return pt.logsumexp(-pt.softplus(-moved) + log_weights, axis=1)
    noise = noise_points(points, k, torch.zeros(1, dtype=torch.float64)).numpy()
    log_proba = log_softmax(logits[:, None] + sd[:, None] * noise, axis=2)
    return pt.logsumexp(log_proba[rows, :, y], axis=1) - math.log(points)


LIKELIHOOD = LogitNoise
