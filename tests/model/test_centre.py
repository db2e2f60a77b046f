"""The log prior and the log joint around a centre: against PyMC's with shifted means, and with centre zero."""

import numpy as np
import pymc as pm
import pytensor
import pytest
import torch
from scenarios import small_data, stack_joint
from scipy import stats

from bnnbench import networks
from bnnbench.hyperpriors.half_cauchy import HalfCauchy
from bnnbench.hyperpriors.shared_half_normal import SharedHalfNormal
from bnnbench.inference import make
from bnnbench.inference.mean_field import negative_kl
from bnnbench.model import pymc_models
from bnnbench.model.centre import Centre, centred_on, start_of
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.priors.laplace import Laplace
from bnnbench.priors.normal import Normal
from bnnbench.priors.scale_mixture import ScaleMixture
from bnnbench.training.device import resolve_compile

NETWORK = networks.make({"kind": "mlp", "hidden": [4]}, (2,), 2)
X, Y = small_data(n=50)


def drawn(seed=0, relative=True) -> Centre:
    rng = np.random.default_rng(seed)
    tensors = {p.name: rng.standard_normal(p.shape) for p in NETWORK.parameters}
    return centred_on(NETWORK, tensors, "a draw", relative=relative, floor=0.3, elsewhere=0.7)


def latents(n_cells=1, seed=1):
    size = NETWORK.n_weights + len(NETWORK.parameters)
    return torch.from_numpy(0.7 * np.random.default_rng(seed).standard_normal((n_cells, size)))


@pytest.mark.parametrize(
    ("family", "hyperprior"),
    [(Normal(), None), (ScaleMixture(), None), (Normal(), HalfCauchy()), (Laplace(), SharedHalfNormal())],
    ids=lambda part: getattr(part, "name", "fixed"),
)
def test_log_joint_equals_that_of_our_pymc_model(family, hyperprior):
    model = Model(family, None if hyperprior else 0.4, hyperprior, centre=drawn())
    z = latents()
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""):
        logp = pymc_models.build(NETWORK, model, X, Y).compile_logp()
    expected = logp(pymc_models.latents_to_point(NETWORK, model, z[0]))
    assert stack_joint(NETWORK, [model], X, Y).log_density(z).item() == pytest.approx(float(expected), rel=1e-6)


def test_log_prior_and_kl_are_those_of_normals_with_shifted_means_by_pymc():
    """By PyMC's own Normal(mu, sigma) on the weights themselves, and by SciPy's for the KL."""
    centre, scale = drawn(), 0.4
    joint = stack_joint(NETWORK, [Model(Normal(), scale, centre=centre)], X, Y)
    z, mu, sd = latents(), centre.weights.astype(float), scale * centre.spread.astype(float)
    w = joint.prior.weights(z)[0].numpy()
    np.testing.assert_allclose(w, mu + z[0, : len(mu)].numpy())
    by_pymc = pm.logp(pm.Normal.dist(mu, sd), w).eval().sum()
    assert joint.prior.log_density(z).item() == pytest.approx(float(by_pymc), rel=1e-9)
    loc, q = z, torch.full_like(z, 0.2)
    found = -negative_kl(joint.prior, loc, q, loc).item()
    exact = np.log(sd / 0.2) + (0.2**2 + (w - mu) ** 2) / (2 * sd**2) - 0.5
    assert found == pytest.approx(exact.sum(), rel=1e-9)


def test_laplace_prior_has_its_peak_at_the_centre():
    centre = drawn(relative=False)
    prior = stack_joint(NETWORK, [Model(Laplace(), 0.5, centre=centre)], X, Y).prior
    z = latents()
    scales = 0.5 * centre.spread
    expected = stats.laplace(centre.weights, scales).logpdf(prior.weights(z)[0].numpy()).sum()
    assert prior.log_density(z).item() == pytest.approx(expected, rel=1e-6)


MODELS = [(Normal(), 0.3, None), (Laplace(), None, HalfCauchy()), (Laplace(), 2.0, None)]
ZERO = Centre(np.zeros(NETWORK.n_weights, np.float32), np.ones(NETWORK.n_weights, np.float32))
METHODS = ("map", "mean_field", "laplace_approximation", "swag", "hmc", "mc_dropout", "prior_only")


def fit(method, centre, compiled=False):
    start = None if centre is None else start_of(NETWORK, centre)
    models = [Model(*parts, centre=centre, start=start) for parts in MODELS]
    joint = stack_joint(NETWORK, models, X, Y, torch.float32, compiled=compiled, block=3)
    settings = {"hmc": {"chains": 2, "tune": 4, "samples": 4, "leapfrogs": 2, "keep": 8}, "prior_only": {}}
    settings = settings.get(method, {"steps": 30})
    posterior = make(method, settings).fit(joint, Streams(["a", "b", "c"], ["p"] * 3)).posterior
    return posterior.draws(Streams(["a", "b", "c"], ["p"] * 3), "test")(0)


@pytest.mark.parametrize("method", METHODS)
def test_centre_zero_is_the_plain_prior_to_the_last_bit(method):
    assert torch.equal(fit(method, ZERO), fit(method, None))


def test_neighbours_around_zero_keep_every_bit_beside_a_centred_cell():
    plain = stack_joint(NETWORK, [Model(*MODELS[0])], X, Y, torch.float32)
    both = stack_joint(NETWORK, [Model(*MODELS[0]), Model(*MODELS[0], centre=drawn())], X, Y, torch.float32)
    z = latents(2).float()
    assert torch.equal(plain.log_density(z[:1]), both.log_density(z)[:1])


@pytest.mark.skipif(not resolve_compile("auto"), reason="no C++ compiler")
def test_compiled_kernels_have_the_centre():
    models = [Model(*MODELS[0], centre=drawn())]
    z = latents().float()
    values = [
        stack_joint(NETWORK, models, X, Y, torch.float32, compiled=c, block=1).value_and_gradient(z)
        for c in (True, False)
    ]
    torch.testing.assert_close(*values)


def test_only_counterparts_are_centred_and_start_there():
    tensors = {p.name: np.ones(p.shape) for p in NETWORK.parameters} | {"conv1.weight": np.ones((3, 3))}
    centre = centred_on(NETWORK, tensors, "there", elsewhere=5.0)
    assert centre.zero_centred == ("dense2.weight", "dense2.bias")
    head = NETWORK.parameters[-2].start
    assert (centre.weights[:head] == 1).all() and (centre.weights[head:] == 0).all()
    assert (centre.spread[:head] == 1).all() and (centre.spread[head:] == 5).all()
    start = start_of(NETWORK, centre)
    assert (start[:head] == 1).all() and np.isnan(start[head:]).all()
    assert not centred_on(NETWORK, tensors, "there", new_layers=0).zero_centred
    relative = centred_on(NETWORK, tensors | {"dense1.bias": np.full(4, 0.001)}, "there", relative=True, floor=0.01)
    assert set(relative.spread[:head]) == {np.float32(1), np.float32(0.01)}


def test_tensors_of_another_shape_are_refused_by_name():
    tensors = {p.name: np.ones(p.shape) for p in NETWORK.parameters} | {"dense1.weight": np.ones((4, 3))}
    with pytest.raises(ValueError, match=r"dense1.weight has the shape \[4, 3\] in w.npz and \[4, 2\] in the network"):
        centred_on(NETWORK, tensors, "w.npz")
    with pytest.raises(ValueError, match=r"w\.npz has none of the network's tensors dense1.weight"):
        centred_on(NETWORK, {"dense9.weight": np.ones((2, 2))}, "w.npz")
