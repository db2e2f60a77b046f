"""Sequential Monte Carlo: the evidence against closed forms, modes' weights, and a cell by itself."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from linear_model import LinearNoise
from scenarios import ALL_MODELS, LinearGaussian, circles_plan, small_data, stack_joint, train_cells
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from bnnbench.estimators import BNNClassifier
from bnnbench.inference._particles import next_beta, systematic
from bnnbench.inference.smc import Smc
from bnnbench.likelihoods._location_scale import LocationScale
from bnnbench.model import pymc_models
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.priors.normal import Normal


def closed_form(joint: LinearGaussian) -> np.ndarray:
    """log p(y), (cells,): targets are Gaussian about zero with covariance X Xᵀ scale² + noise²."""
    design = np.column_stack([joint.x[0].numpy(), np.ones(joint.n_points)])
    noise = joint.noise**2 * np.eye(joint.n_points)
    y = joint.y[0].numpy()
    return np.array([multivariate_normal.logpdf(y, cov=s**2 * design @ design.T + noise) for s in joint.scales])


@pytest.mark.parametrize("particles", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_the_evidence_of_a_linear_model_with_known_noise_is_the_closed_form(particles):
    joint = LinearGaussian()
    method = Smc(populations=8 if particles < 1000 else 4, particles=particles, leapfrogs=4, moves=1)
    facts = method.fit(joint, joint.streams()).diagnostics
    error = facts["log_evidence"] - closed_form(joint)
    assert (abs(error) < 3 * facts["log_evidence_se"]).all()
    assert (facts["log_evidence_se"] < 0.15).all()


def test_the_evidence_of_a_linear_model_with_unknown_noise_is_the_quadrature_over_it():
    joint = LinearNoise(n=40)
    facts = Smc(populations=8, particles=200, leapfrogs=6).fit(joint, joint.streams()).diagnostics
    for i, exact in enumerate(joint.exact):
        log_joint = exact.given(exact.log_s)[0]
        expected = logsumexp(log_joint) + np.log(exact.log_s[1] - exact.log_s[0])
        assert abs(facts["log_evidence"][i] - expected) < 3 * facts["log_evidence_se"][i]
        assert facts["log_evidence_se"][i] < 0.15


def test_the_evidence_of_small_runs_is_unbiased_in_the_mean():
    """Evidences of single runs, not their logarithms: of the latter the mean is too small by half their variance."""
    joint = LinearGaussian()
    runs = LogJoint.take(joint, [1] * 50)
    streams = Streams([f"run-{k}" for k in range(50)], ["pair"] * 50, dtype=torch.float64)
    facts = Smc(populations=2, particles=64, leapfrogs=5).fit(runs, streams).diagnostics
    ratio = np.exp(facts["log_evidence"] - closed_form(joint)[1])
    error = ratio.std(ddof=1) / 50**0.5
    assert abs(ratio.mean() - 1) < 3 * error
    assert 0.01 < error < 0.05


@pytest.mark.slow
def test_another_librarys_sequential_monte_carlo_finds_the_same_evidence_of_a_network():
    import pymc as pm

    (x, y), network, model = small_data(40), mlp((2,), 2, hidden=(2,)), ALL_MODELS["normal-1"]
    joint = stack_joint(network, [model], x, y)
    facts = Smc(populations=4, particles=500, leapfrogs=8).fit(joint, Streams(["a"], ["p"])).diagnostics
    with pymc_models.build(network, model, x, y):
        found = pm.sample_smc(draws=400, chains=4, cores=1, random_seed=0, progressbar=False)
    theirs = np.array([float(chain[-1]) for chain in found.sample_stats["log_marginal_likelihood"].values.tolist()])
    error = np.hypot(theirs.std(ddof=1) / 2, facts["log_evidence_se"][0])
    assert abs(facts["log_evidence"][0] - theirs.mean()) < 3 * error
    assert error < 0.3


@dataclass(frozen=True)
class TwoModes(LocationScale):
    """A mixture of two Gaussians in place of a likelihood: 0.3 about -3 and 0.7 about 3, of sd 0.3, of the weight.

    The network gives the weight itself where x is 1 and its bias is 0 in the density of both.
    """

    one_scale = True
    places, shares, sd = (-3.0, 3.0), (0.3, 0.7), 0.3

    def log_prob(self, outputs, y, own):
        parts = [
            np.log(share) - 0.5 * ((outputs[:, 0, 0] - place) / self.sd).square() - np.log(self.sd * np.sqrt(2 * np.pi))
            for share, place in zip(self.shares, self.places, strict=True)
        ]
        return torch.logaddexp(*parts)

    def functions(self, outputs, own):
        return outputs.flatten(1)


def test_two_modes_that_no_chain_could_cross_between_have_their_weights():
    """Modes twenty sds apart: the mass of each is the mixture's share, as the prior weighs them equally."""
    x, y = torch.zeros(1, 1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    network, models = mlp((1,), 1, hidden=()), [Model(Normal(), 3.0)]
    joint = LogJoint(network, models, x, y, torch.zeros(1, dtype=torch.long), TwoModes())
    fit = Smc(populations=16, particles=256, leapfrogs=6, keep=4000).fit(
        joint, Streams(["cell"], ["pair"], dtype=torch.float64)
    )
    bias, chain = fit.posterior.arrays["draws"][0, :, 1].numpy(), fit.posterior.arrays["chain"][0].numpy()
    right = np.array([(bias[chain == k] > 0).mean() for k in range(16)])
    assert abs(right.mean() - 0.7) < 3 * right.std(ddof=1) / 4
    assert right.std(ddof=1) / 4 < 0.03
    for place in (-3.0, 3.0):
        near = bias[np.sign(bias) == np.sign(place)]
        precision = 1 / 0.3**2 + 1 / 9
        assert near.mean() == pytest.approx(place / 0.3**2 / precision, abs=0.05)
        assert near.std() == pytest.approx(precision**-0.5, rel=0.1)
    evidence = norm.logpdf(3.0, 0, np.hypot(3.0, 0.3))
    assert abs(fit.diagnostics["log_evidence"][0] - evidence) < 3 * fit.diagnostics["log_evidence_se"][0]


def test_a_cell_has_the_same_bits_alone_and_in_any_stack(monkeypatch):
    """Whatever others take to arrive, also where memory has the populations go up in groups."""
    models = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy", "flat")]
    method = Smc(populations=2, particles=20, leapfrogs=3)

    def fit(cells):
        joint = stack_joint(mlp((2,), 2, hidden=(3,)), [models[c] for c in cells], *small_data(40), torch.float32)
        return method.fit(joint, Streams([f"cell-{c}" for c in cells], ["pair"] * len(cells)))

    together, shuffled = fit([0, 1, 2, 2]), fit([2, 0, 1])
    monkeypatch.setattr("bnnbench.inference._ascent.GROUP", 1)
    for cell in range(3):
        alone = fit([cell])
        for other, place in ((together, cell), (shuffled, (cell + 1) % 3)):
            assert torch.equal(other.posterior.arrays["draws"][place], alone.posterior.arrays["draws"][0])
            for name, values in alone.diagnostics.items():
                assert other.diagnostics[name][place] == values[0], name
    assert torch.equal(*together.posterior.arrays["draws"][2:])
    temperatures = together.diagnostics["temperatures"]
    assert temperatures[2] > 1.5 * temperatures[0]  # a flat prior is further from its posterior


def test_the_next_temperature_keeps_the_share_of_effective_particles():
    log_likelihood = torch.randn(3, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    log_likelihood *= torch.tensor([[100.0], [1e12], [0.01]])
    beta = torch.tensor([0.1, 0.0, 0.5], dtype=torch.float64)
    found = next_beta(log_likelihood, beta, 0.9)
    assert found[2] == 1
    for i in range(2):
        weight = ((found - beta)[i] * log_likelihood[i]).softmax(0)
        assert 1 / weight.square().sum() / 500 == pytest.approx(0.9, abs=1e-3)


def test_the_next_temperature_is_another_one_where_particles_are_impossible():
    log_likelihood = torch.zeros(1, 10, dtype=torch.float64)
    log_likelihood[:, :4] = -1e300
    (found,) = next_beta(log_likelihood, torch.tensor([0.2], dtype=torch.float64), 0.9)
    assert 0.2 < found < 0.2 + 1e-12


def test_particles_survive_in_proportion_to_their_weight():
    weight = torch.rand(4, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight /= weight.sum(1, keepdim=True)
    for uniform in (0.0, 0.3, 1 - 1e-12):
        chosen = systematic(weight, torch.full((4,), uniform, dtype=torch.float64))
        assert (chosen.diff(dim=1) >= 0).all()
        taken = torch.stack([row.bincount(minlength=50) for row in chosen])
        assert ((taken - 50 * weight).abs() < 1).all()


def test_the_evidence_is_a_metric_of_a_cell_of_a_study(tmp_path):
    settings = {"populations": 2, "particles": 32, "leapfrogs": 2, "keep": 64}
    plan = circles_plan(tmp_path, "smc", range(1), settings, models=["normal-1"])
    (shard,) = plan.shards.values()
    rows, metrics = train_cells(plan, shard.trainable, "cell")
    (name,) = rows
    values = metrics[name, "test"]
    assert rows[name]["state"] == "done" and values["temperatures"] > 3
    assert -60 * np.log(2) * 1.5 < values["log_evidence"] < 0
    assert 0 < values["log_evidence_se"] < 5 and 1 <= values["surviving_roots"] <= 32
    assert 0.3 < values["acceptance"] < 1 and values["function_rhat"] > 0.9


def test_a_classifier_knows_the_evidence_of_its_model():
    x, y = small_data(40)
    settings = {"populations": 2, "particles": 32, "leapfrogs": 2}
    found = BNNClassifier(hidden=(2,), inference="smc", settings=settings).fit(x, y)
    assert -60 < found.log_evidence_ < -15
    np.testing.assert_allclose(found.predict_proba(x).sum(1), 1)
    assert BNNClassifier(hidden=(2,), inference="map", settings={"steps": 5}).fit(x, y).log_evidence_ is None


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"populations": 3}, {"particles": 1}, {"ess": 1.0}, {"moves": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is {next(iter(wrong.values()))}"):
            Smc(**wrong)
