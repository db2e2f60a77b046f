"""Exact inference finds the true noise where there are many data, and not where there are few."""

import numpy as np
import torch

from bnnbench.inference import make
from bnnbench.likelihoods.gaussian_heteroscedastic import GaussianHeteroscedastic
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.predict import predict
from bnnbench.priors.normal import Normal
from bnnbench.tasks import find

AT = np.linspace(-1.5, 1.5, 7)[:, None]
TRUE_SD = np.exp(0.5 * (-1 + 0.8 * AT[:, 0]))


def exact(n: int):
    """The predictive at AT given n points of y = 0.5x + N(0, exp(-1 + 0.8x)), of the linear model with that form."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1.7, 1.7, (4000, 1))[:n]
    y = 0.5 * x[:, 0] + np.exp(0.5 * (-1 + 0.8 * x[:, 0])) * rng.standard_normal(4000)[:n]
    which = torch.zeros(1, dtype=torch.long)
    data = (torch.as_tensor(a)[None] for a in (x, y))
    joint = LogJoint(mlp((1,), 2, hidden=()), [Model(Normal(), 1.0)], *data, which, GaussianHeteroscedastic())
    streams = Streams(["cell"], ["pair"], dtype=joint.x.dtype)
    method = make("hmc", {"chains": 4, "tune": 80, "samples": 100, "leapfrogs": 6, "rounds": 1, "keep": 400})
    fit = method.fit(joint, streams)
    assert float(fit.diagnostics["function_rhat"][0]) < 1.1
    arrays = predict(fit.posterior, torch.from_numpy(AT)[None], which, streams, 400)
    return find("regression").summarise(arrays, 0, 400)


def test_the_aleatoric_sd_comes_to_be_the_true_one_and_the_epistemic_one_falls_as_the_root_of_the_number():
    few, many = exact(20), exact(1200)
    np.testing.assert_allclose(np.sqrt(many.aleatoric_variance), TRUE_SD, rtol=0.1)
    far = abs(np.log(np.sqrt(few.aleatoric_variance) / TRUE_SD)).max()
    assert far > 2 * abs(np.log(np.sqrt(many.aleatoric_variance) / TRUE_SD)).max()
    ratio = np.sqrt(few.epistemic_variance.mean() / many.epistemic_variance.mean())
    assert 5 < ratio < 13  # nearly eight, were the prior not there and the noise known
    np.testing.assert_allclose(many.total_variance, many.aleatoric_variance + many.epistemic_variance, rtol=1e-6)
