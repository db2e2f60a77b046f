"""Densities of inputs as likelihoods: the log joint by hand, every method on a flow, and what is kept of draws."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, METHODS, quick_method
from scipy.stats import multivariate_normal

from bnnbench import datasets, likelihoods, networks, tasks
from bnnbench.base.settings import parameters
from bnnbench.inference import find, make
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.prediction.flow_diagnostics import flow_diagnostics
from bnnbench.prediction.predict import predict
from bnnbench.prediction.trained import TrainedCell

FLOW = networks.make({"kind": "flow", "couplings": 2, "hidden": [4], "bins": 4}, (2,), 1)
SPLINE_ON_A_LINE = networks.make({"kind": "flow", "bins": 4}, (1,), 1)
BASE = likelihoods.make("normal_base")
TASK = tasks.find("density")
WITHOUT_UNITS = {"mc_dropout", "laplace_approximation", "pymc_advi", "pymc_fullrank", "pymc_nuts"}


def joint_of(network=FLOW, model="normal-1", cells=2, n=60, dtype=torch.float32) -> LogJoint:
    x = torch.randn(1, n, network.n_features, dtype=dtype, generator=torch.Generator().manual_seed(0))
    models = [ALL_MODELS[model]] * cells
    return LogJoint(network, models, x, torch.zeros(1, n, dtype=torch.long), torch.zeros(cells, dtype=torch.long), BASE)


@pytest.mark.parametrize("model", ["normal-1", "laplace-half_cauchy"])
def test_the_log_joint_is_the_density_of_the_points_and_the_prior(model):
    joint = joint_of(model=model, dtype=torch.float64)
    latents = 0.3 * torch.randn(2, joint.prior.n_latents, dtype=torch.float64)
    outputs = forward(FLOW, joint.prior.weights(latents), joint.batch(None)[0]).numpy()
    of_points = [multivariate_normal.logpdf(z[:-1].T, np.zeros(2)) + z[-1] for z in outputs]
    expected = np.sum(of_points, axis=1) + joint.prior.log_density(latents).numpy()
    np.testing.assert_allclose(joint.log_density(latents).numpy(), expected)


def test_without_weights_a_flow_is_the_normal_itself():
    joint = joint_of(dtype=torch.float64)
    found = joint.log_likelihood(torch.zeros(2, joint.prior.n_latents, dtype=torch.float64))
    expected = multivariate_normal.logpdf(joint.x[0].numpy(), np.zeros(2)).sum()
    np.testing.assert_allclose(found.numpy(), expected)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in WITHOUT_UNITS])
def test_methods_fit_a_flow_and_predict(method):
    model = ALL_MODELS["flat" if method == "mle" else "normal-1"]
    joint = joint_of(SPLINE_ON_A_LINE, "flat" if method == "mle" else "normal-1")
    few = {"steps": 20, "keep": 12, "chains": 4, "rounds": 1, "tune": 8, "samples": 12, "leapfrogs": 4, "members": 2}
    few |= {"learning_rate": 0.005, "swa_learning_rate": 0.002}
    known = parameters(find(method))
    fitted = quick_method(method, **{key: value for key, value in few.items() if key in known})
    assert fitted.unsuited(SPLINE_ON_A_LINE, model, BASE) is None
    streams = Streams(["a", "b"], ["a", "b"])
    posterior = fitted.fit(joint, streams).posterior
    arrays = predict(posterior, joint.x, joint.which, streams, 6, block=2)
    summary = TASK.summarise(arrays, 1, 6)
    assert np.isfinite(summary.log_density).all() and (summary.variance >= -1e-6).all()
    assert (summary.log_density >= summary.mean_log_density - 1e-5).all()  # Jensen
    assert (summary.spread.max() > 1e-4) == (not posterior.is_point)
    found = flow_diagnostics(posterior, joint.x, joint.which, streams)
    assert (found["round_trip_error"] < 1e-4).all() and (
        found["outside_domain"] <= (0.5 if method == "prior_only" else 0.05)
    ).all()


@pytest.mark.parametrize("method", [m for m in METHODS if m in WITHOUT_UNITS])
def test_methods_that_look_at_units_say_so(method):
    assert make(method, {}).unsuited(FLOW, ALL_MODELS["normal-1"], BASE)


def test_estimators_of_layers_are_refused_and_those_of_weights_are_not():
    reasons = [make("mean_field", {"estimator": e}).unsuited(FLOW, ALL_MODELS["normal-1"], BASE)
               for e in ("draw", "local", "flipout", "sticking_the_landing")]  # fmt: skip
    assert [reason is None for reason in reasons] == [True, False, False, True]


def test_what_is_kept_is_the_log_of_the_mean_density_over_draws():
    joint, streams = joint_of(cells=1), Streams(["a"], ["a"])
    posterior = quick_method("prior_only").fit(joint, streams).posterior
    draws = posterior.draws(streams, "predict")
    x = joint.batch(None)[0]
    each = np.stack([BASE.log_density(forward(FLOW, joint.prior.weights(draws(s)), x))[0].numpy() for s in range(8)])
    arrays = predict(posterior, joint.x, joint.which, streams, 8)
    np.testing.assert_allclose(arrays["log_density"][0], np.log(np.exp(each.astype(float)).mean(0)), atol=1e-4)
    np.testing.assert_allclose(arrays["mean_log_density"][0], each.mean(0), atol=1e-4)
    np.testing.assert_allclose(arrays["variance"][0], each.var(0), atol=1e-3)
    first = np.log(np.exp(each[:4].astype(float)).mean(0))
    np.testing.assert_allclose(arrays["first_half_log_density"][0], first, atol=1e-4)
    assert arrays["dimensions"].tolist() == [2]


def test_densities_are_per_unit_of_the_raw_inputs():
    """A trained cell's density integrates to one in the units of the data, however they were scaled for training."""
    data = datasets.make("two_gaussians", {"distance": 20, "n_train": 200}, [0])
    scaling = data.scaling(0)
    prior = joint_of(SPLINE_ON_A_LINE, cells=1).prior
    posterior = find("map").posterior_class(prior, {"loc": 0.3 * torch.randn(1, prior.n_latents)})
    trained = TrainedCell(SPLINE_ON_A_LINE, posterior, "a", scaling=scaling)
    x = np.linspace(-150, 150, 30_001, dtype=np.float32)[:, None]
    found = np.exp(trained.predictions(x, 1).log_density)
    assert found.sum() * float(x[1, 0] - x[0, 0]) == pytest.approx(1, abs=1e-3)


def test_a_network_of_another_kind_is_refused():
    mlp = networks.make({"kind": "mlp"}, (2,), 1)
    assert "gives outputs, while the likelihood normal_base reads bijection" in BASE.network_fault(mlp)
    assert likelihoods.make("gaussian").network_fault(FLOW)
    assert BASE.network_fault(FLOW) is None
