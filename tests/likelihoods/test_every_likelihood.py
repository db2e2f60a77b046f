"""What every likelihood of targets must satisfy, for each file in `bnnbench/likelihoods`.

Densities of the inputs have `test_density_likelihoods.py`; of games there is none."""

import numpy as np
import pytensor
import pytest
import torch
from scenarios import ALL_MODELS, METHODS, quick_method
from scipy import integrate

from bnnbench import likelihoods, tasks
from bnnbench.base.settings import parameters
from bnnbench.inference import find, make
from bnnbench.inference._pymc import PymcMethod
from bnnbench.likelihoods._location_scale import LocationScale
from bnnbench.model import pymc_models
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.predict import predict
from bnnbench.source import digest

NAMES = [name for name in digest.modules("likelihoods") if likelihoods.find(name).task not in ("density", "generation")]
TARGETS = {"classification": [2, 3], "regression": [1], "language": [3], "segmentation": []}
"""Numbers of classes or of target columns that the likelihoods of a task are tried with; none of pixels, which are
compared with those of classes in `test_pixel_likelihoods.py`."""
CODED = ("classification", "language")
"""Tasks whose targets are codes: of a sequence of one symbol the next is a class."""
CASES = [(name, k) for name in NAMES for k in TARGETS[likelihoods.find(name).task]]
REAL = [name for name in NAMES if issubclass(likelihoods.find(name), LocationScale)]
OBJECTIVES = tuple(name for name in NAMES if not likelihoods.make(name).is_density)
"""Named recipes that are no densities: points have weights."""
N = 30


def data(name: str, k: int, n: int = N):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 2))
    y = rng.integers(0, k, n) if likelihoods.find(name).task in CODED else np.sin(2 * x[:, 0]) + 0.3 * x[:, 1]
    return x, y if y.dtype.kind == "i" else y + 0.1 * rng.standard_normal(n)


def joint_of(name: str, k: int, models, dtype=torch.float64, n: int = N, **options) -> LogJoint:
    x, y = data(name, k, n)
    likelihood = likelihoods.make(name)
    network = mlp((2,), likelihood.n_outputs(k), hidden=(4,))
    targets = torch.as_tensor(y) if y.dtype.kind == "i" else torch.as_tensor(y, dtype=dtype)
    which = torch.zeros(len(models), dtype=torch.long)
    return LogJoint(network, models, torch.as_tensor(x, dtype=dtype)[None], targets[None], which, likelihood, **options)


@pytest.mark.parametrize(("name", "k"), CASES)
@pytest.mark.parametrize("model", ["normal-1", "laplace-half_cauchy"])
def test_the_log_joint_is_pymcs(name, k, model):
    if name in OBJECTIVES:
        pytest.skip("an objective, not a density")
    joint, model = joint_of(name, k, [ALL_MODELS[model]]), ALL_MODELS[model]
    rng = np.random.default_rng(1)
    points = rng.standard_normal((6, joint.prior.n_latents)) * np.geomspace(0.1, 2, 6)[:, None]
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""):
        built = pymc_models.build(joint.network, model, *data(name, k), joint.likelihood).compile_logp()
    expected = [built(pymc_models.latents_to_point(joint.network, model, p, joint.likelihood)) for p in points]
    found = [float(joint.log_density(torch.from_numpy(p[None]))) for p in points]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    there_and_back = pymc_models.point_to_latents(
        joint.network, model, pymc_models.latents_to_point(joint.network, model, points[0], joint.likelihood),
        joint.likelihood,
    )  # fmt: skip
    active = joint.prior.active[0].numpy()
    np.testing.assert_allclose(there_and_back[active], points[0][active])


def single(likelihood, outputs, own, y):
    """log p(y) of single targets y (m,) at one point's outputs (n_outputs,) and own latents, (m,)."""
    y = torch.as_tensor(y)
    outputs, own = outputs.expand(len(y), -1).unsqueeze(2), own.expand(len(y), -1)
    return likelihood.log_prob(outputs, y.unsqueeze(1), own)


def support(likelihood, k, outputs, own):
    """All classes with weight 1; or a fine grid of real targets, dense where the density is high, with its weights."""
    if likelihood.task in CODED:
        return np.arange(k), np.ones(k)
    location, log_scale = likelihood.location_and_log_scale(outputs[None, :, None], own[None])
    at, scale = float(location[0, 0]), float(log_scale.flatten()[0].exp())
    u = np.linspace(-9, 9, 2_001)
    weights = scale * np.cosh(u) * (u[1] - u[0])
    return at + scale * np.sinh(u), weights


@pytest.mark.parametrize(("name", "k"), CASES)
def test_probabilities_sum_to_one_and_curvature_is_the_expected_information(name, k):
    if name in OBJECTIVES:
        pytest.skip("an objective, not a density")
    likelihood, generator = likelihoods.make(name), torch.Generator().manual_seed(0)
    outputs = torch.randn(likelihood.n_outputs(k), dtype=torch.float64, generator=generator)
    own = -0.5 * torch.ones(likelihood.n_latents, dtype=torch.float64)
    y, weights = support(likelihood, k, outputs, own)
    probability = single(likelihood, outputs, own, y).exp().numpy() * weights
    assert probability.sum() == pytest.approx(1, abs=1e-6)

    def log_prob(both):
        return single(likelihood, both[: len(outputs)], both[len(outputs) :], y)

    both = torch.cat([outputs, own])
    slopes = torch.func.jacfwd(log_prob)(both).numpy()
    information = np.einsum("m,mi,mj->ij", probability, slopes, slopes)
    root = likelihood.curvature_root(outputs[None, :, None], own[None])[0, :, :, 0].numpy()
    d = len(outputs)
    np.testing.assert_allclose(root @ root.T, information[:d, :d], atol=2e-4)
    if likelihood.n_latents:
        of_own = likelihood.information(outputs[None, :, None], own[None])[0].numpy()
        np.testing.assert_allclose(of_own, information.diagonal()[d:], rtol=2e-3)
        np.testing.assert_allclose(information[:d, d:], 0, atol=1e-6)


@pytest.mark.parametrize("name", [n for n in NAMES if likelihoods.find(n)().n_latents])
@pytest.mark.parametrize("noise_prior", ["half_normal", "half_cauchy", "inverse_gamma"])
def test_own_latents_have_a_density_that_draws_come_from(name, noise_prior):
    likelihood = likelihoods.make(name, {"noise_prior": noise_prior, "noise_scale": 0.5})

    def density(value):
        return float(likelihood.log_prior(torch.tensor([[value]], dtype=torch.float64)).exp())

    assert integrate.quad(density, -30, 30, limit=200)[0] == pytest.approx(1, abs=1e-4)
    rng = np.random.default_rng(0)
    draws = np.array([likelihood.draw(rng)[0] for _ in range(4000)])
    below = integrate.quad(density, -30, -0.5, limit=200)[0]
    assert np.mean(draws < -0.5) == pytest.approx(below, abs=4 * 0.5 / np.sqrt(len(draws)))


@pytest.mark.parametrize(("name", "k"), CASES)
def test_a_density_is_finite_at_extreme_outputs_with_its_gradient(name, k):
    likelihood = likelihoods.make(name)
    outputs = torch.tensor([-1e4, 1e4, 0.0, 50.0], dtype=torch.float32).expand(likelihood.n_outputs(k), 4)[None]
    outputs = outputs.clone().requires_grad_()
    y = torch.arange(4)[None] % k if likelihood.task in CODED else torch.linspace(-3, 3, 4)[None]
    value = likelihood.log_prob(outputs, likelihood.target(y), torch.zeros(1, likelihood.n_latents))
    (slope,) = torch.autograd.grad(value.sum(), outputs)
    assert torch.isfinite(value).all() and torch.isfinite(slope).all()


# Compiling takes a quarter of a minute each: classes' softmax is compiled in the tests of the joint.
@pytest.mark.parametrize(
    ("name", "k"), [case for case in CASES if case[0] not in ("categorical", "next_symbol", *OBJECTIVES)]
)
def test_compiled_and_plain_agree_with_gradients(name, k):
    models = [ALL_MODELS["normal-1"], ALL_MODELS["laplace-half_cauchy"]]
    plain, compiled = (joint_of(name, k, models, torch.float32, compiled=c) for c in (False, True))
    latents = 0.5 * torch.randn(2, plain.prior.n_latents, generator=torch.Generator().manual_seed(0))
    (value, gradient), (other, slope) = (j.value_and_gradient(latents) for j in (plain, compiled))
    torch.testing.assert_close(other, value, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(slope, gradient, rtol=1e-3, atol=1e-3)


PYMC = [m for m in METHODS if issubclass(find(m), PymcMethod)]
OURS = [m for m in METHODS if m not in PYMC]


@pytest.mark.parametrize(("name", "k"), CASES)
@pytest.mark.parametrize("method", OURS)
def test_every_method_fits_it_and_predicts(name, k, method):
    """Or says why it has no meaning; what is stored can be read back and evaluated."""
    model = ALL_MODELS["flat" if method == "mle" else "normal-1"]
    joint, fitted = joint_of(name, k, [model] * 2, torch.float32), quick(method)
    if reason := fitted.unsuited(joint.network, model, joint.likelihood):
        pytest.skip(reason)
    streams = Streams(["a", "b"], ["a", "b"])
    posterior = fitted.fit(joint, streams).posterior
    arrays = predict(posterior, joint.x, joint.which, streams, 6, block=2)
    task = tasks.find(joint.likelihood.task)
    y = joint.y[0].numpy().astype(np.int64 if task.name in CODED else float)
    for i in range(2):
        assert np.isfinite(task.summarise(arrays, i, 6).given(y)["y"]).all()
        assert all(np.isfinite(values[i]).all() for values in arrays.values())


def quick(method: str):
    few = {"steps": 30, "keep": 12, "chains": 4, "rounds": 1, "tune": 8, "samples": 12, "leapfrogs": 4, "members": 2}
    few |= {"learning_rate": 0.005, "swa_learning_rate": 0.002}
    known = parameters(find(method))
    return quick_method(method, **{key: value for key, value in few.items() if key in known})


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_density_is_refused_but_by_methods_that_look_for_an_optimum(method):
    """A sampler's gradient would not be that of its energy, and an interval would be of nothing."""
    network, model = mlp((2,), 2, hidden=(4,)), ALL_MODELS["flat" if method == "mle" else "normal-1"]
    reason = make(method, {}).unsuited(network, model, likelihoods.make("beta_gaussian_heteroscedastic"))
    optima = {"map", "mle", "ensemble", "mc_dropout", "swag", "prior_only"}
    assert (reason is None) == (method in optima)
    assert reason is None or "no density" in reason
