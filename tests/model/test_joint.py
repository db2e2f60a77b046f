"""The stacked log joint against PyMC's, finite differences and itself; the training objective against its parts."""

import math

import numpy as np
import pytensor
import pytest
import torch
from scenarios import ALL_MODELS, small_data, stack_joint
from scipy import integrate, stats

from bnnbench import networks
from bnnbench.hyperpriors.inverse_gamma import InverseGamma
from bnnbench.inference.mean_field import MeanField
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model import pymc_models
from bnnbench.model.joint import block_size
from bnnbench.model.prior import LogPrior, Model
from bnnbench.model.streams import Streams
from bnnbench.priors.laplace import Laplace
from bnnbench.priors.scale_mixture import ScaleMixture
from bnnbench.training.device import resolve_compile

NAMES = list(ALL_MODELS)
MODELS = list(ALL_MODELS.values())
NETWORK = networks.make({"kind": "mlp"}, (2,), 2)
X, Y = small_data(n=80)
POINTS = 6
COMPILER = pytest.mark.skipif(not resolve_compile("auto"), reason="no C++ compiler")


def random_latents(network=NETWORK, models=MODELS, seed=0):
    """(points, cells, latents): some points near the origin, some far out, each cell its own."""
    rng = np.random.default_rng(seed)
    shape = (POINTS, len(models), network.n_weights + len(network.parameters))
    return torch.from_numpy(rng.standard_normal(shape) * np.geomspace(0.1, 4, POINTS)[:, None, None])


def pymc_log_density(network, model, x, y, points):
    """PyMC's log density of the unconstrained variables at each row of points."""
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""):
        function = pymc_models.build(network, model, x, y).compile_logp()
    return np.array([function(pymc_models.latents_to_point(network, model, row)) for row in points.numpy()])


@pytest.fixture(scope="module")
def stacked():
    """Log joint of all models in one stack, (points, cells)."""
    joint = stack_joint(NETWORK, MODELS, X, Y)
    return np.stack([joint.log_density(latents).numpy() for latents in random_latents()])


@pytest.mark.parametrize("cell", range(len(MODELS)), ids=NAMES)
def test_stack_of_all_models_equals_pymc(cell, stacked):
    expected = pymc_log_density(NETWORK, MODELS[cell], X, Y, random_latents()[:, cell])
    np.testing.assert_allclose(stacked[:, cell], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "model",
    [Model(Laplace(), 0.3), Model(ScaleMixture(0.25, 0.02), 3.0), Model(Laplace(), hyperprior=InverseGamma(2.5, 0.4))],
    ids=["laplace-0.3", "scale_mixture-3", "laplace-inverse_gamma"],
)
def test_images_relu_and_other_settings_equal_pymc(model):
    network = networks.make({"kind": "mlp", "hidden": [4], "activation": "relu"}, (1, 3, 3), 4)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((20, 1, 3, 3)), rng.integers(0, 4, 20)
    latents = random_latents(network, [model])
    found = [stack_joint(network, [model], x, y).log_density(z).item() for z in latents]
    np.testing.assert_allclose(found, pymc_log_density(network, model, x, y, latents[:, 0]), rtol=1e-6)


def test_the_sources_seventeen_models_are_among_them():
    families, learned = (
        ("normal", "laplace", "cauchy", "scale_mixture"),
        ("half_normal", "half_cauchy", "inverse_gamma"),
    )
    wanted = {f"{family}-{scale}" for family in families for scale in ("1", *learned)} | {"flat"}
    assert len(wanted) == 17 and wanted <= set(NAMES)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_points_and_latents_map_back(model):
    latents = random_latents()[0, 0].numpy()
    point = pymc_models.latents_to_point(NETWORK, model, latents)
    built = pymc_models.build(NETWORK, model, X, Y)
    assert {k: v.shape for k, v in built.initial_point().items()} == {k: np.shape(v) for k, v in point.items()}
    active = LogPrior.of_models(NETWORK, [model]).active[0].numpy()
    latents = np.where(active, latents, 0.0)
    np.testing.assert_array_equal(pymc_models.point_to_latents(NETWORK, model, point), latents)


def test_gradient_equals_finite_differences():
    joint = stack_joint(NETWORK, MODELS, X, Y)
    rng = np.random.default_rng(2)
    for z in random_latents(seed=3)[:4]:
        z.requires_grad_()
        (gradient,) = torch.autograd.grad(joint.log_density(z).sum(), z)
        direction = torch.from_numpy(rng.standard_normal(z.shape))
        with torch.no_grad():
            h = 1e-6
            slope = (joint.log_density(z + h * direction) - joint.log_density(z - h * direction)) / (2 * h)
        np.testing.assert_allclose((gradient * direction).sum(1), slope, rtol=2e-6, atol=1e-5)


def test_inert_log_scales_have_no_gradient():
    joint = stack_joint(NETWORK, MODELS, X, Y)
    z = random_latents()[2].requires_grad_()
    (gradient,) = torch.autograd.grad(joint.log_density(z).sum(), z)
    assert ((gradient != 0) <= joint.prior.active).all()


def test_a_shared_scale_multiplies_every_weight():
    prior = LogPrior.of_models(NETWORK, [ALL_MODELS["normal-shared_half_normal"]], dtype=torch.float64)
    z = random_latents()[2][:1]
    scale = z[:, prior.n_weights].exp()
    torch.testing.assert_close(prior.weights(z), scale * z[:, : prior.n_weights])
    torch.testing.assert_close(prior.scales(z), scale.expand(1, prior.n_scales))
    assert prior.active.sum() == prior.n_weights + 1


def test_minibatch_estimate_is_unbiased():
    joint = stack_joint(NETWORK, MODELS, X, Y)
    latents = random_latents()[2]
    batches = Streams(NAMES, ["pair"] * len(NAMES)).batches(len(X), 20)
    estimates = torch.stack([joint.log_likelihood(latents, joint.batch(batches(step))) for step in range(4)])
    torch.testing.assert_close(estimates.mean(0), joint.log_likelihood(latents), rtol=1e-12, atol=0)
    assert (estimates.std(0) > 0).all()


def test_blocks_change_nothing():
    z = random_latents()[2]
    whole, cut = (stack_joint(NETWORK, MODELS, X, Y, block=b) for b in (len(MODELS), 3))
    torch.testing.assert_close(whole.log_density(z), cut.log_density(z), rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(j.log_density(z.requires_grad_()).sum(), z)[0] for j in (whole, cut)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


def test_prior_of_a_stack_equals_each_alone_in_any_order():
    z = random_latents()[3]
    sd, sample = z.abs() + 0.1, z + 0.3
    for order in (range(len(MODELS)), np.random.default_rng(4).permutation(len(MODELS))):
        stack = LogPrior.of_models(NETWORK, [MODELS[i] for i in order], dtype=z.dtype)
        together = stack.log_density(z[order]), stack.expected_log_density(z[order], sd[order], sample[order])
        weights, scales = stack.weights(z[order]), stack.scales(z[order])
        for at, i in enumerate(order):
            alone, one = LogPrior.of_models(NETWORK, [MODELS[i]], dtype=z.dtype), slice(i, i + 1)
            torch.testing.assert_close(together[0][at : at + 1], alone.log_density(z[one]))
            expected = alone.expected_log_density(z[one], sd[one], sample[one])
            torch.testing.assert_close(together[1][at : at + 1], expected)
            torch.testing.assert_close(weights[at : at + 1], alone.weights(z[one]))
            torch.testing.assert_close(scales[at : at + 1], alone.scales(z[one]))


@pytest.mark.parametrize("broken", range(len(MODELS)), ids=NAMES)
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e200], ids=["nan", "inf", "overflow"])
def test_a_broken_cell_leaks_nothing_into_its_neighbours(broken, value):
    joint = stack_joint(NETWORK, MODELS, X, Y)
    others = [i for i in range(len(MODELS)) if i != broken]

    def value_and_gradient(latents):
        latents = latents.clone().requires_grad_()
        density = joint.log_density(latents)
        return density.detach()[others], torch.autograd.grad(density.sum(), latents)[0][others]

    sound = random_latents()[1]
    bad = sound.clone()
    bad[broken] = value
    for found, expected in zip(value_and_gradient(bad), value_and_gradient(sound), strict=True):
        assert torch.isfinite(found).all()
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def kl_of(prior, mean, sd, sample):
    """KL(q || prior) of each weight at unit scale: exact where the prior says that it has the exact form, else log q in
    expectation and log p at the sample. Densities that the suite ships are written out."""
    entropy = 0.5 * np.log(2 * np.pi * np.e * sd**2)
    match prior.name:
        case "normal" | "flat":
            return 0.5 * (mean**2 + sd**2 - 1) - np.log(sd)
        case "laplace":
            erf = np.vectorize(math.erf)(mean / (sd * np.sqrt(2)))
            folded = sd * np.sqrt(2 / np.pi) * np.exp(-(mean**2) / (2 * sd**2)) + mean * erf
            return np.log(2) - entropy + folded
        case "cauchy":
            return -entropy + np.log(np.pi * (1 + sample**2))
        case "scale_mixture":
            wide, narrow = np.exp(-(sample**2) / 2), np.exp(-((sample / 0.1) ** 2) / 2) / 0.1
            return -entropy - np.log((wide + narrow) / 2 / np.sqrt(2 * np.pi))
    if prior.expected_log_density(torch.tensor(mean), torch.tensor(sd)) is None:
        return -entropy - prior.log_density(torch.tensor(sample)).numpy()
    return -entropy - np.array([expected_log_density(prior, m, s) for m, s in zip(mean, sd, strict=True)])


def expected_log_density(prior, mean, sd):
    """E[log p(z)] for z ~ N(mean, sd²) by quadrature."""

    def weighted(z):
        return stats.norm.pdf(z, mean, sd) * prior.log_density(torch.tensor(z, dtype=torch.float64)).item()

    low, high = mean - 12 * sd, mean + 12 * sd
    return integrate.quad(weighted, low, high, points=[min(max(0.0, low), high), mean], limit=200)[0]


def hyperprior_kl(hyperprior, sd, sample):
    """The same of a log scale, at the sample; densities written out on s, with the Jacobian."""
    s = np.exp(sample)
    known = {
        "half_normal": np.sqrt(2 / np.pi) * np.exp(-(s**2) / 2),
        "shared_half_normal": np.sqrt(2 / np.pi) * np.exp(-(s**2) / 2),
        "half_cauchy": 2 / np.pi / (1 + s**2),
        "inverse_gamma": np.exp(-1 / s) / s**2,
    }
    own = hyperprior.log_density(torch.tensor(sample)).numpy()
    log_density = np.log(known[hyperprior.name] * s) if hyperprior.name in known else own
    return -0.5 * np.log(2 * np.pi * np.e * sd**2) - log_density


@pytest.mark.parametrize("name", NAMES)
def test_loss_is_mean_nll_plus_summed_kl_over_n(name):
    """The objective of training itself, taken from one step at learning rate 0."""
    model, n = ALL_MODELS[name], NETWORK.n_weights
    joint = stack_joint(NETWORK, [model], X, Y)
    streams = Streams(["cell"], ["pair"], dtype=torch.float64)
    method = MeanField(steps=1, learning_rate=1e-30, initial="unit_normal", initial_sd=0.2)
    fit = method.fit(joint, streams)
    loc, sd = (fit.posterior.arrays[k][0].numpy() for k in ("loc", "sd"))
    sample = loc + sd * streams.normals("variational", loc.shape).step(0)[0].numpy()

    mean, spread, at = loc[:n] / model.fixed, sd[:n] / model.fixed, sample[:n] / model.fixed
    kl = kl_of(model.prior, mean, spread, at).sum()
    weights = sample[:n].copy()
    if model.hyperprior is not None:
        log_scales = sample[n : n + 1] if model.hyperprior.shared else sample[n:]
        kl += hyperprior_kl(model.hyperprior, sd[n : n + len(log_scales)], log_scales).sum()
        for p, s in zip(NETWORK.parameters, np.exp(np.broadcast_to(log_scales, sample[n:].shape)), strict=True):
            weights[p.start : p.stop] *= s
    h = X
    for i in range(0, len(NETWORK.parameters), 2):
        w, b = (weights[p.start : p.stop].reshape(p.shape) for p in NETWORK.parameters[i : i + 2])
        h = (h if i == 0 else np.tanh(h)) @ w.T + b
    nll = np.log(np.exp(h).sum(1)) - h[np.arange(len(Y)), Y]
    np.testing.assert_allclose(-fit.trace[0, 0] / len(X), nll.mean() + kl / len(X), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_likelihood_is_that_of_the_labels_under_softmax(n_classes):
    logits = 30 * torch.randn(4, n_classes, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(200).reshape(4, 50) % n_classes
    expected = torch.distributions.Categorical(logits=logits.transpose(1, 2)).log_prob(y).sum(1)
    for labels in (y, y.int()):
        torch.testing.assert_close(Categorical().log_prob(logits, labels, logits[:, :0, 0]), expected)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=COMPILER)])
def test_a_cell_rounds_the_same_in_a_block_and_where_two_are_taken_at_a_time(compiled):
    models = [MODELS[i % len(MODELS)] for i in range(2 * block_size())]
    joint = stack_joint(NETWORK, models, X, Y, torch.float32, compiled=compiled)
    latents = random_latents(models=models)[1].float()
    value, gradient = joint.value_and_gradient(latents)
    for block in range(2):
        cells = list(range(block * block_size(), (block + 1) * block_size()))
        alone = joint.take(cells).value_and_gradient(latents[cells])
        assert torch.equal(alone[0], value[cells]) and torch.equal(alone[1], gradient[cells])


@pytest.mark.slow
@COMPILER
def test_compiled_gradients_of_a_convolutional_network_are_those_of_plain_code():
    options = {"kind": "lenet", "channels": [3, 4], "unpooled": [5], "padding": 2, "hidden": [6], "activation": "relu"}
    network, rng = networks.make(options, (1, 12, 12), 3), np.random.default_rng(0)
    x, y = rng.standard_normal((40, 1, 12, 12)), rng.integers(3, size=40)
    joints = [stack_joint(network, MODELS[:3], x, y, torch.float32, compiled=c, block=3) for c in (False, True)]
    latents = torch.from_numpy(0.3 * rng.standard_normal((3, joints[0].prior.n_latents))).float()
    plain, compiled = (joint.value_and_gradient(latents)[1] for joint in joints)
    for p in network.parameters:
        part = plain[:, p.start : p.stop]
        assert part.abs().max() > 0.1
        torch.testing.assert_close(compiled[:, p.start : p.stop], part, rtol=1e-3, atol=1e-4 * part.abs().max().item())
