"""The estimated ELBO, against posteriors and evidences that are known, and the count of symmetries against a search."""

import itertools
import math

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, LinearGaussian, small_data, stack_joint
from scipy.stats import multivariate_normal

from bnnbench import networks
from bnnbench.inference import GaussianPosterior, PointPosterior
from bnnbench.inference.full_rank import FullRankPosterior
from bnnbench.inference.laplace_approximation import FactorPosterior
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.networks._symmetries import log_symmetries
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.evidence_bound import evidence_bound


def padded(joint, values) -> torch.Tensor:
    """(cells, weights) as latents, zero where scales are, which are inert here."""
    values = torch.as_tensor(np.asarray(values))
    return torch.nn.functional.pad(values, (0, joint.prior.n_latents - values.shape[1]))


def test_of_the_exact_posterior_it_is_the_evidence_and_of_another_less_by_their_divergence():
    joint = LinearGaussian()
    design = np.column_stack([joint.x[0].numpy(), np.ones(joint.n_points)])
    noise = joint.noise**2 * np.eye(joint.n_points)
    evidence = [
        multivariate_normal.logpdf(joint.y[0].numpy(), cov=s**2 * design @ design.T + noise) for s in joint.scales
    ]
    loc, covariance = padded(joint, joint.posterior_mean), np.linalg.inv(joint.precisions)
    root = torch.zeros(3, joint.prior.n_latents, joint.prior.n_latents, dtype=torch.float64)
    root[:, :3, :3] = torch.as_tensor(np.linalg.cholesky(covariance))
    sd = padded(joint, joint.factorised_sd)
    # KL of the best independent Gaussians, which have the same mean and the precision's diagonal.
    apart = 0.5 * (
        np.log(np.diagonal(joint.precisions, axis1=1, axis2=2)).sum(1) - np.linalg.slogdet(joint.precisions)[1]
    )
    assert (apart > 0.05).all()
    for posterior, kl in (
        (FullRankPosterior(joint.prior, {"loc": loc, "cholesky": root}), 0),
        (FactorPosterior(joint.prior, {"loc": loc, "factor": root}), 0),
        (GaussianPosterior(joint.prior, {"loc": loc, "sd": sd}), apart),
    ):
        found = evidence_bound(posterior, joint, joint.streams())
        assert (abs(found["elbo"] - np.array(evidence) + kl) < 4 * found["elbo_se"]).all()
        assert (found["elbo_se"] < 0.1).all() and (found["log_symmetries"] == 0).all()  # no hidden units


def test_entropies_are_those_of_the_active_latents_alone():
    models = [ALL_MODELS[name] for name in ("normal-1", "normal-half_normal", "laplace-half_cauchy")]
    joint = stack_joint(mlp((2,), 2, hidden=(2,)), models, *small_data(10))
    n, rng = joint.prior.n_latents, torch.Generator().manual_seed(0)
    d = torch.rand(3, n, generator=rng, dtype=torch.float64) + 0.1
    v = torch.randn(3, n, 2, generator=rng, dtype=torch.float64) * joint.prior.active.unsqueeze(2)
    whole = torch.diag_embed(d.square()) + v @ v.transpose(1, 2)
    expected = [
        torch.distributions.MultivariateNormal(torch.zeros(int(on.sum())).double(), c[on][:, on]).entropy()
        for on, c in zip(joint.prior.active, whole, strict=True)
    ]
    low = FullRankPosterior(joint.prior, {"loc": d, "diagonal": d, "factor": v}).entropy()
    full = FullRankPosterior(joint.prior, {"loc": d, "cholesky": torch.linalg.cholesky(whole)}).entropy()
    torch.testing.assert_close(low, torch.stack(expected))
    torch.testing.assert_close(full, torch.stack(expected))


def test_a_cell_has_the_same_bits_alone_and_in_a_stack():
    models = [ALL_MODELS[name] for name in ("normal-1", "normal-half_normal", "laplace-half_cauchy")]
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), models, *small_data(30), block=1)
    streams = Streams(["a", "b", "c"], ["pair"] * 3, dtype=torch.float64)
    loc, sd = torch.full((3, joint.prior.n_latents), 0.1), torch.full((3, joint.prior.n_latents), 0.2)
    arrays = {"loc": loc.double(), "sd": sd.double()}
    together = evidence_bound(GaussianPosterior(joint.prior, arrays), joint, streams)
    alone = joint.take([1])
    one = GaussianPosterior(alone.prior, {name: a[1:2] for name, a in arrays.items()})
    assert evidence_bound(one, alone, streams.take([1]))["elbo"][0] == together["elbo"][1]


def test_what_has_no_density_has_no_bound():
    joint = LinearGaussian()
    point = PointPosterior(joint.prior, {"loc": padded(joint, joint.posterior_mean)})
    assert evidence_bound(point, joint, joint.streams()) == {}


@pytest.mark.parametrize(("activation", "signs"), [("tanh", 2), ("relu", 1)])
def test_symmetries_are_as_many_as_a_search_finds(activation, signs):
    """All ways to permute and turn three hidden units, tried on a network: those that change no output are counted."""
    network = networks.make({"kind": "mlp", "hidden": [3], "activation": activation}, (2,), 2)
    generator = torch.Generator().manual_seed(1)
    w = torch.randn(1, network.n_weights, generator=generator, dtype=torch.float64)
    x = torch.randn(1, 2, 7, generator=generator, dtype=torch.float64)
    into, bias, out = (w[0, p.start : p.stop].reshape(p.shape) for p in network.parameters[:3])
    last, same = w[0, network.parameters[3].start :], 0
    for order in itertools.permutations(range(3)):
        for turned in itertools.product((1.0, -1.0), repeat=3):
            sign = torch.tensor(turned, dtype=torch.float64)
            units = into[list(order)] * sign[:, None], bias[list(order)] * sign, out[:, list(order)] * sign, last
            moved = torch.cat([part.flatten() for part in units])[None]
            same += bool(torch.allclose(forward(network, moved, x), forward(network, w, x)))
    assert same == math.factorial(3) * signs**3
    assert log_symmetries(network) == pytest.approx(math.log(same))


def test_the_sources_network_has_the_symmetries_of_both_layers_and_a_convolutional_one_none_counted():
    assert log_symmetries(mlp((2,), 2, hidden=(5, 5))) == pytest.approx(math.log(math.factorial(5) ** 2 * 2**10))
    assert math.isnan(log_symmetries(networks.make({"kind": "lenet"}, (1, 28, 28), 10)))
