"""The Laplace approximation against brute force and against the linear model, where it is exact."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, LinearGaussian, small_data, stack_joint

from bnnbench import networks
from bnnbench.hyperpriors import Hyperprior
from bnnbench.hyperpriors.half_cauchy import HalfCauchy
from bnnbench.hyperpriors.half_normal import HalfNormal
from bnnbench.inference import _curvature, _evidence, _kronecker, make
from bnnbench.inference.laplace_approximation import STRUCTURES, LaplaceApproximation
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import LogPrior, Model
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.networks._layers import Activation, Conv, Dense, Flatten, Network
from bnnbench.prediction.predict import predict
from bnnbench.prediction.trained import TrainedCell
from bnnbench.priors.cauchy import Cauchy
from bnnbench.priors.laplace import Laplace
from bnnbench.priors.normal import Normal
from bnnbench.priors.scale_mixture import ScaleMixture

MLP = networks.make({"kind": "mlp", "hidden": [3]}, (2,), 3)
LENET = networks.make({"kind": "lenet", "channels": [2, 3], "kernel": 3, "padding": 1, "hidden": [4]}, (1, 6, 6), 3)
MODELS = [Model(Normal(), 2.0), Model(Normal(), hyperprior=HalfNormal())]
RESNET = networks.make({"kind": "resnet", "depth": 8, "width": 1 / 16}, (1, 6, 6), 3)
every_network = pytest.mark.parametrize("network", [MLP, LENET], ids=["mlp", "lenet"])


def fit(joint, streams=None, **settings):
    streams = streams or Streams(["a", "b", "c"][: joint.n_cells], ["p"] * joint.n_cells, dtype=joint.x.dtype)
    return LaplaceApproximation(**{"steps": 150, "learning_rate": 0.03, **settings}).fit(joint, streams)


def case(network, models=MODELS, n=9, dtype=torch.float64):
    """A joint on n random points, and random latents; log scales that are inert are zero."""
    torch.manual_seed(0)
    x, y = torch.randn(n, *network.input_shape), torch.randint(0, network.n_outputs, (n,))
    joint = stack_joint(network, models, x, y, dtype)
    latents = torch.randn(joint.n_cells, joint.prior.n_latents, dtype=dtype)
    return joint, torch.where(joint.prior.active, latents, 0.0)


def brute_force(joint, latents):
    """GGN in the latents, (cells, latents, latents), from the whole Jacobian of the softmax inputs."""
    x, _ = joint.batch(None)
    jacobian = torch.func.jacrev(lambda z: forward(joint.network, joint.prior.weights(z), x))(latents)
    found = []
    for c in range(joint.n_cells):
        j = jacobian[c, :, :, c]  # (classes, points, latents)
        p = torch.softmax(forward(joint.network, joint.prior.weights(latents), x)[c], 0)
        hessian = torch.diag_embed(p.T) - p.T.unsqueeze(2) * p.T.unsqueeze(1)
        found.append(torch.einsum("kni,nkl,lnj->ij", j, hessian, j))
    return torch.stack(found)


@pytest.mark.parametrize("network", [MLP, LENET, RESNET], ids=["mlp", "lenet", "resnet"])
def test_the_gauss_newton_matrix_equals_brute_force(network):
    """At fixed and learned scales, for every structure that is exact; in parts of the data too."""
    joint, latents = case(network)
    weights, n = joint.prior.weights(latents), joint.prior.n_weights
    expected = brute_force(joint, latents)
    full = _curvature.to_latents(joint, latents, _curvature.full(joint, latents))
    torch.testing.assert_close(full, expected)
    diagonal = _curvature.diagonal(joint, latents)
    torch.testing.assert_close(diagonal[1], in_log_scales(joint, weights)[1])
    torch.testing.assert_close(diagonal[0, :n], expected[0].diagonal()[:n])
    torch.testing.assert_close(diagonal[1, n:], expected[1].diagonal()[n:])
    start = network.parameters[-2].start
    torch.testing.assert_close(_curvature.last_layer(joint, latents)[0], expected[0, start:n, start:n])


def test_a_shared_scale_moves_every_weight():
    joint, latents = case(MLP, [ALL_MODELS["normal-shared_half_normal"], MODELS[0]])
    found = _curvature.to_latents(joint, latents, _curvature.full(joint, latents))
    torch.testing.assert_close(found, brute_force(joint, latents))
    reasons = [LaplaceApproximation(structure=s).skip(MLP, joint.models[0], Categorical()) for s in STRUCTURES]
    assert [bool(reason) for reason in reasons] == [s in ("diagonal", "kronecker") for s in STRUCTURES]


def in_log_scales(joint, weights):
    """Diagonal of the GGN in weights and log scales by the dense transformation, at multiplier one."""
    everywhere = LogPrior.of_models(joint.network, [MODELS[1]] * joint.n_cells, dtype=weights.dtype)
    latents = torch.cat([weights, weights.new_zeros(joint.n_cells, everywhere.n_scales)], dim=1)
    joint = joint.repeat(1)
    joint.prior = everywhere
    return _curvature.to_latents(joint, latents, _curvature.full(joint, latents)).diagonal(dim1=1, dim2=2)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_parts_of_the_data_and_blocks_of_cells_change_nothing(structure, monkeypatch):
    joint, latents = case(LENET)
    function = getattr(_curvature, structure)
    whole = function(joint, latents)
    monkeypatch.setattr(_curvature, "MEMORY", 1)
    joint.block = 1
    torch.testing.assert_close(function(joint, latents), whole)
    parts = _curvature.log_likelihood(joint, latents)
    torch.testing.assert_close(parts, joint.log_likelihood(latents))


@every_network
def test_kronecker_factors_equal_the_block_of_a_layer_for_one_point(network):
    """For one point the inputs of a dense layer have no spread, and the product is the block of the full matrix."""
    joint, latents = case(network, n=1)
    full, factors = _curvature.full(joint, latents), _curvature.kronecker(joint, latents)
    for (a, g), (start, stop, n_out) in zip(factors, _kronecker._spans(network), strict=True):
        order = _curvature.flat(torch.arange(stop - start).reshape(n_out, -1))
        product = torch.stack([torch.kron(g[c], a[c]) for c in range(joint.n_cells)])[:, order][:, :, order]
        block = full[:, start:stop, start:stop]
        if network is MLP or start >= network.parameters[4].start:  # dense
            torch.testing.assert_close(product, block)
        else:  # a convolution: the trace is of the same size, no more; the next test has an exact case
            ratio = torch.einsum("cii->c", product) / torch.einsum("cii->c", block)
            assert ((ratio > 0.1) & (ratio < 10)).all()


def test_kronecker_factors_of_a_convolution_treat_positions_as_examples():
    """One image, the same at every position: the product is the sum of the blocks of unshared filters, one a position.

    (Of inputs that vary the factors average A and G apart.)
    """
    kernel, side, n_out = 3, 5, 2
    layers = (Conv(1, n_out, kernel), Activation("tanh"), Flatten(), Dense(n_out * (side - kernel + 1) ** 2, 3))
    network = Network(layers, (1, side, side), 3)
    torch.manual_seed(0)
    joint = stack_joint(network, MODELS[:1], torch.full((1, 1, side, side), 0.7), torch.tensor([1]), torch.float64)
    weights = 0.5 * torch.randn(1, network.n_weights, dtype=torch.float64)
    filters, bias, dense, last = (weights[0, p.start : p.stop].reshape(p.shape) for p in network.parameters)
    rows = torch.cat([filters.reshape(n_out, -1), bias[:, None]], 1)
    patch = torch.tensor([0.7] * kernel**2 + [1.0], dtype=torch.float64)

    def logits(unshared):  # (positions, n_out, n_in + 1)
        return dense @ torch.tanh(unshared @ patch).T.flatten() + last

    unshared = rows.expand(9, -1, -1).clone()
    torch.testing.assert_close(logits(unshared), forward(network, weights, joint.batch(None)[0])[0, :, 0])
    jacobian = torch.func.jacrev(logits)(unshared).flatten(2)
    p = logits(unshared).softmax(0)
    expected = torch.einsum("kli,kj,jlm->im", jacobian, torch.diag(p) - torch.outer(p, p), jacobian)
    latents = torch.cat([weights, weights.new_zeros(1, joint.prior.n_scales)], dim=1)
    a, g = _curvature.kronecker(joint, latents)[0]
    torch.testing.assert_close(torch.kron(g[0], a[0]), expected)


def dense_covariance(posterior, joint):
    """Covariance of the first weights from unit noise, (cells, n, n): exact, since draws are affine in it."""

    class Unit:
        def __init__(self, size):
            self.eye = torch.eye(size, dtype=joint.x.dtype)

        def step(self, s):
            return self.eye[s].expand(joint.n_cells, -1)

    class Basis:
        @staticmethod
        def normals(purpose, shape):
            Basis.size = shape[0]
            return Unit(shape[0])

    draw = posterior.draws(Basis, "test")
    roots = torch.stack([draw(s) - posterior.arrays["loc"] for s in range(Basis.size)], dim=2)
    n = joint.prior.n_weights
    return (roots @ roots.transpose(1, 2))[:, :n, :n].numpy()


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("predictive", ["linearised", "sampled"])
def test_covariance_and_evidence_are_exact_on_the_linear_model(structure, predictive):
    joint = LinearGaussian()
    fitted = fit(joint, joint.streams(), steps=3000, structure=structure, predictive=predictive)
    exact = np.linalg.inv(joint.precisions)
    if structure == "diagonal":
        exact = np.stack([np.diag(1 / np.diag(p)) for p in joint.precisions])
    np.testing.assert_allclose(dense_covariance(fitted.posterior, joint), exact, rtol=1e-6, atol=1e-12)
    if structure != "diagonal":
        expected = [log_marginal(joint, s) for s in joint.scales]
        np.testing.assert_allclose(fitted.diagnostics["log_evidence"], expected, atol=1e-6)


def log_marginal(joint, scale):
    """log N(y; 0, noise² I + scale² X Xᵀ)."""
    design, y = torch.cat([joint.x[0], torch.ones(joint.n_points, 1)], dim=1), joint.y[0]
    covariance = joint.noise**2 * torch.eye(len(y), dtype=y.dtype) + scale**2 * design @ design.T
    return torch.distributions.MultivariateNormal(torch.zeros_like(y), covariance).log_prob(y).item()


@pytest.mark.parametrize("structure", ["full", "kronecker", "last_layer"])
def test_the_best_scale_on_the_linear_model_is_that_of_the_exact_marginal_likelihood(structure):
    """At the MAP of the best scale the evidence is the exact one, and its slope too: that scale must be chosen."""
    joint = LinearGaussian()
    grid = np.exp(np.linspace(-3, 2, 2001))
    best = grid[np.argmax([log_marginal(joint, s) for s in grid])]
    joint.models = [Model(Normal(), float(best))] * 3
    joint.prior = LogPrior.of_models(joint.network, joint.models, dtype=joint.x.dtype)
    fitted = fit(joint, joint.streams(), steps=3000, structure=structure, prior_scale="marginal_likelihood")
    np.testing.assert_allclose(fitted.diagnostics["prior_scale"], best, rtol=0.005)
    np.testing.assert_allclose(fitted.diagnostics["log_evidence"], log_marginal(joint, best), atol=1e-4)


def test_the_best_precision_is_found_by_a_finer_search():
    torch.manual_seed(0)
    values, norms = torch.rand(5, 8, dtype=torch.float64) * 50, torch.tensor([0.1, 1.0, 8.0, 30.0, 1e9]).double()
    log_d = torch.linspace(math.log(1e-4), math.log(1e4), 200_001, dtype=torch.float64)[:, None]
    d = log_d.exp()
    evidence = 4 * log_d - 0.5 * d * norms - 0.5 * torch.log(values + d.unsqueeze(2)).sum(2)
    torch.testing.assert_close(_evidence.best_precision(values, norms), d[evidence.argmax(0), 0], rtol=2e-3, atol=1e-9)


def test_prior_precision_is_exact_for_the_normal_and_positive_for_every_family():
    models = [Model(f, 0.5) for f in (Normal(), Laplace(), Cauchy(), ScaleMixture())]
    models += [Model(Cauchy(), hyperprior=HalfCauchy()), Model(Normal(), hyperprior=HalfNormal(2.0))]
    joint, latents = case(MLP, models)
    n = joint.prior.n_weights
    latents[:, :3] = torch.tensor([0.0, 1e-20, 1e6])
    ggn = torch.full_like(latents, 5.0)
    precision = _curvature.prior_precision(joint, latents, ggn)
    assert torch.isfinite(precision).all()
    assert (precision > 0).all()
    torch.testing.assert_close(precision[0, :n], torch.full((n,), 4.0).double())
    # Laplace with b = 0.5 has slope -2: the precision p solves p = 2 / sqrt(z² + 1 / (5 + p)).
    p, z = precision[1, :n], latents[1, :n]
    torch.testing.assert_close(p, 2 / (z.square() + 1 / (5 + p)).sqrt(), rtol=1e-4, atol=0)
    log_s = latents[5, n:]  # half-normal of scale 2: -½ exp(2 t) / 4 + t
    torch.testing.assert_close(precision[5, n:], (torch.exp(2 * log_s) / 2).clamp_min(0.1))


@pytest.mark.parametrize("structure", ["full", "kronecker", "diagonal"])
def test_linearised_and_sampled_predictions_agree_on_a_linear_network(structure):
    network = networks.make({"kind": "mlp", "hidden": []}, (2,), 2)
    joint = stack_joint(network, [Model(Normal(), 1.0), Model(Laplace(), 1.0)], *small_data(), torch.float32)
    streams = Streams(["a", "b"], ["p", "p"])
    found = [
        predict(fit(joint, structure=structure, predictive=p).posterior, joint.x, joint.which, streams, 20)[
            "mean_proba"
        ]
        for p in ("linearised", "sampled")
    ]
    np.testing.assert_allclose(*found, atol=1e-5)


@every_network
@pytest.mark.parametrize("structure", ["full", "kronecker"])
def test_linearised_logits_are_the_tangent_at_the_map(network, structure):
    joint, _ = case(network)
    posterior, x = fit(joint, steps=20, structure=structure).posterior, joint.batch(None)[0]
    loc = posterior.arrays["loc"]

    def at(t, direction):
        return forward(network, joint.prior.weights(loc + t * direction), x)

    direction = torch.where(joint.prior.active, torch.randn_like(loc), 0.0)
    slope = (at(1e-6, direction) - at(-1e-6, direction)) / 2e-6
    got = posterior.logits(network, x, *posterior.network_inputs(loc + direction))
    torch.testing.assert_close(got, at(0, direction) + slope, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("structure", ["kronecker", "diagonal", "last_layer", "full"])
def test_every_structure_predicts_with_convolutions_for_every_kind_of_prior(structure):
    """Through a posterior rebuilt from its arrays alone, as a trained cell is."""
    models = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy", "cauchy-inverse_gamma")]
    joint, _ = case(LENET, models, n=40, dtype=torch.float32)
    method = LaplaceApproximation(structure=structure, steps=30, batch_size=16)
    streams = Streams(["a", "b", "c"], ["p"] * 3)
    fitted = method.fit(joint, streams)
    rebuilt = method.posterior_class(joint.prior, fitted.posterior.arrays)
    got = predict(rebuilt, joint.x, joint.which, streams, 16)
    assert np.isfinite(got["mean_proba"]).all()
    assert (got["variance"].max((1, 2)) > 0).all()
    assert np.isfinite(fitted.diagnostics["log_evidence"]).all()
    alone = LogPrior.of_models(LENET, models[1:2])
    single = method.posterior_class(alone, {k: a[1:2] for k, a in fitted.posterior.arrays.items()})
    assert TrainedCell(LENET, single, "b").sample_proba(joint.x[0].numpy(), 5).shape == (5, 40, 3)


@pytest.mark.slow
@every_network
def test_compiled_predictions_are_the_same(network):
    joint, _ = case(network, dtype=torch.float32)
    posterior, streams = fit(joint, steps=20).posterior, Streams(["a", "b"], ["p", "p"])
    eager, compiled = (
        predict(posterior, joint.x, joint.which, streams, 4, compiled=compiled)["mean_proba"]
        for compiled in (False, True)
    )
    np.testing.assert_allclose(compiled, eager, atol=1e-5)


def test_what_has_no_sense_is_skipped_or_named():
    wide = networks.make({"kind": "mlp", "hidden": [700]}, (2,), 10)
    normal, learned = Model(Normal(), 1.0), Model(Normal(), hyperprior=HalfNormal())
    assert "use kronecker, diagonal or last_layer" in LaplaceApproximation().skip(wide, normal, Categorical())
    assert "use kronecker or diagonal" in LaplaceApproximation(structure="last_layer").skip(wide, normal, Categorical())
    assert LaplaceApproximation(structure="kronecker").skip(wide, learned, Categorical()) is None
    evidence = LaplaceApproximation(prior_scale="marginal_likelihood")
    assert evidence.skip(MLP, normal, Categorical()) is None
    assert "normal prior of fixed scale" in evidence.skip(MLP, learned, Categorical())
    with pytest.raises(ValueError, match="normal prior of fixed scale"):
        evidence.fit(case(MLP)[0], None)
    for setting in ("structure", "predictive", "prior_scale"):
        with pytest.raises(ValueError, match=f"{setting} is 'wrong': it must be one of"):
            make("laplace_approximation", {setting: "wrong"})


def test_a_diverged_cell_leaves_its_neighbours_sound():
    x, y = small_data()
    joint = LogJoint(
        networks.make({"kind": "mlp"}, (2,), 2),
        [Model(Normal(), 1.0), Model(Normal(), 1e-30)],
        *(torch.as_tensor(x).float()[None], torch.as_tensor(y)[None]),
        torch.zeros(2, dtype=torch.long),
    )
    for structure in STRUCTURES:
        fitted = fit(joint, structure=structure, steps=20)
        assert torch.isfinite(torch.cat([a[0].flatten() for a in fitted.posterior.arrays.values()])).all()
        assert np.isfinite(fitted.diagnostics["log_evidence"]).tolist() == [True, False]


@dataclass(frozen=True)
class Tied(Hyperprior):
    """A normal density of the log scales' sum as well, which ties them together."""

    def log_density(self, log_s):
        return -0.5 * log_s.square() - 0.5 * log_s.sum(1, keepdim=True).square() / log_s.shape[1]


def test_the_precision_of_log_scales_that_are_tied_is_the_diagonal_of_their_hessian():
    joint, latents = case(MLP, [Model(Normal(), hyperprior=Tied())])
    n = joint.prior.n_weights
    found = _curvature.prior_precision(joint, latents, torch.ones_like(latents))[0, n:]
    hessian = torch.autograd.functional.hessian(lambda z: joint.prior.log_density(z[None]).sum(), latents[0])
    torch.testing.assert_close(found, -hessian.diagonal()[n:])
    assert (hessian[n:, n:].sum(0) < 2 * hessian.diagonal()[n:]).all()  # what summed slopes would have given
