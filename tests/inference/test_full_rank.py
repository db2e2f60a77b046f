"""Full rank: exact where the posterior is Gaussian, between and above mean field elsewhere; inert latents; limits."""

import numpy as np
import pytest
import torch
from scenarios import (
    ALL_MODELS,
    LinearGaussian,
    covariance_of,
    gaussian_elbo,
    quick_method,
    small_data,
    stack_joint,
)

from bnnbench import networks
from bnnbench.inference.full_rank import FullRank, FullRankPosterior, LowRank, Triangular
from bnnbench.inference.map import Map
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams

NETWORK = networks.make({"kind": "mlp"}, (2,), 2)
MODELS = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy")]


def divergence(joint, arrays):
    """KL of a Gaussian posterior from the exact one, (cells,), both over the weights alone."""
    found, gap = covariance_of(arrays).numpy()[:, :3, :3], arrays["loc"].numpy()[:, :3] - joint.posterior_mean
    trace = np.einsum("cij,cji->c", joint.precisions, found) + np.einsum("ci,cij,cj->c", gap, joint.precisions, gap)
    return 0.5 * (trace - 3 - np.linalg.slogdet(joint.precisions @ found)[1])


def test_reaches_the_exact_posterior_of_a_linear_model_and_ranks_are_between():
    joint = LinearGaussian()
    settings = {"steps": 6000, "learning_rate": 0.05, "initial_sd": 0.5}

    def fit(name, **more):
        return quick_method(name, **settings, **more).fit(joint, joint.streams()).posterior.arrays

    full, low, none = fit("full_rank"), fit("full_rank", rank=1), fit("mean_field")
    exact = np.linalg.inv(joint.precisions)
    error = covariance_of(full).numpy()[:, :3, :3] - exact
    assert (abs(error) < 0.12 * joint.marginal_sd[:, :, None] * joint.marginal_sd[:, None]).all()
    assert (divergence(joint, full) < 0.02).all()
    assert (divergence(joint, full) <= divergence(joint, low) + 0.01).all()
    assert (divergence(joint, low) < divergence(joint, none) - 0.05).all()


def test_is_no_worse_than_mean_field_on_a_network():
    """Medians of starts: each start has an optimum of its own."""
    joint = stack_joint(NETWORK, [m for m in MODELS for _ in range(5)], *small_data(200, noise=0.2), torch.float32)
    names = [f"cell-{i}" for i in range(10)]
    streams = Streams(names, [f"start-{i % 5}" for i in range(10)])
    settings = {"steps": 1200, "learning_rate": 0.03}
    found = [
        np.median(gaussian_elbo(joint, method.fit(joint, streams).posterior, streams).reshape(2, 5), axis=1)
        for method in (
            quick_method("mean_field", **settings),
            quick_method("full_rank", **settings, rank=5),
            quick_method("full_rank", **settings),
        )
    ]
    none, low, full = found
    assert (full > none - 1).all(), found
    assert (low > none - 3).all(), found
    assert full.sum() > none.sum() + 2, found


@pytest.mark.parametrize("rank", [None, 2])
def test_without_entropy_it_collapses_on_the_maximum_a_posteriori(rank):
    joint, streams = stack_joint(NETWORK, MODELS, *small_data()), Streams(["a", "b"], ["p"] * 2, dtype=torch.float64)
    shared = {"steps": 1200, "learning_rate": 0.02}
    method = FullRank(**shared, rank=rank, initial_sd=1e-3, warm_up=0.0, entropy_weight=0.0)
    arrays = method.fit(joint, streams).posterior.arrays
    point = Map(**shared).fit(joint, streams).posterior.arrays["loc"]
    assert covariance_of(arrays).diagonal(dim1=1, dim2=2)[joint.prior.active].max() < 0.005**2
    assert (joint.log_density(arrays["loc"]) - joint.log_density(point)).abs().max() < 0.05


@pytest.mark.parametrize("rank", [None, 3])
def test_inert_latents_take_no_part(rank):
    """The first cell's log scales are fixed: they stay where they began, alone; the second's are correlated."""
    joint, streams = stack_joint(NETWORK, MODELS, *small_data()), Streams(["a", "b"], ["p"] * 2, dtype=torch.float64)
    w = joint.prior.n_weights
    arrays = FullRank(steps=50, rank=rank, initial_sd=0.1).fit(joint, streams).posterior.arrays
    found = covariance_of(arrays)
    torch.testing.assert_close(found[0, w:], torch.cat([torch.zeros(6, w), 0.01 * torch.eye(6)], 1).double())
    assert (arrays["loc"][0, w:] == 0).all()
    assert (found[1, w:, :w] != 0).all()
    rho = torch.zeros(2, joint.prior.n_latents, dtype=torch.float64)
    factor = Triangular(joint.prior, rho) if rank is None else LowRank(joint.prior, rho, streams, rank)
    changed = torch.where(joint.prior.active, 0.0, 3.0).double()
    before = factor.sample([n.step(0) for n in factor.noise(streams)])[2]
    factor.rho = rho + changed
    torch.testing.assert_close(factor.sample([n.step(0) for n in factor.noise(streams)])[2], before)


@pytest.mark.parametrize("names", [("cholesky",), ("diagonal", "factor")])
def test_draws_from_arrays_have_their_covariance_of(names):
    torch.manual_seed(0)
    network = networks.make({"kind": "mlp", "hidden": []}, (1,), 2)
    prior, n = LogPrior.of_models(network, MODELS[1:]), network.n_weights + 2
    shapes = {"loc": (1, n), "cholesky": (1, n, n), "diagonal": (1, n), "factor": (1, n, 2)}
    arrays = {name: torch.randn(shapes[name]) for name in ("loc", *names)}
    if "cholesky" in arrays:
        arrays["cholesky"] = arrays["cholesky"].tril()
    draw = FullRankPosterior(prior, arrays).draws(Streams(["a"], ["p"]), "test")
    draws, expected = torch.stack([draw(s)[0] for s in range(20_000)]).numpy(), covariance_of(arrays)[0].numpy()
    spread = np.sqrt(np.diag(expected))
    assert (abs(draws.mean(0) - arrays["loc"][0].numpy()) < 0.04 * spread).all()
    assert (abs(np.cov(draws.T) - expected) < 0.06 * np.outer(spread, spread)).all()


@pytest.mark.parametrize("rank", [None, 2])
def test_a_cell_that_is_not_a_number_leaves_the_others_alone(rank):
    streams, prior = Streams(["a", "b"], ["p"] * 2), LogPrior.of_models(NETWORK, MODELS)
    rho = torch.zeros(2, prior.n_latents)
    rho[1] = torch.nan
    factor = Triangular(prior, rho) if rank is None else LowRank(prior, rho, streams, rank)
    for p in factor.parameters:
        p.requires_grad_()
    parts = factor.sample([n.step(0) for n in factor.noise(streams)])
    sum(part.sum() for part in parts).backward()
    assert all(torch.isfinite(part[0]).all() and torch.isnan(part[1]).any() for part in parts)
    assert all(torch.isfinite(p.grad[0]).all() for p in factor.parameters)


def test_skips_a_full_matrix_over_thousands_of_latents():
    wide = networks.make({"kind": "mlp", "hidden": [60, 60]}, (2,), 2)
    assert "a full matrix over 3,962 latents" in FullRank().skip(wide, MODELS[0], Categorical())
    assert "give full_rank a rank" in FullRank().skip(wide, MODELS[1], Categorical())
    assert FullRank(rank=3).skip(wide, MODELS[0], Categorical()) is None
    assert FullRank().skip(NETWORK, MODELS[1], Categorical()) is None


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="rank is 0: it must be a whole number of at least 1, or null"):
        FullRank(rank=0)
