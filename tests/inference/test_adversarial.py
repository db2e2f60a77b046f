"""Games of two networks: the optimal discriminator, the penalty, the bound; a cell has the same bits in any stack."""

import math

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, METHODS, quick_method
from scipy import stats

from bnnbench import likelihoods, networks
from bnnbench.base.progress import Progress
from bnnbench.inference import make
from bnnbench.inference._alternate import snapshot_steps
from bnnbench.inference._game import Codes, code_entropy, gradient_penalty, information_bound, value
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks._play import discriminate, generate
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.predict import predict

GAME = likelihoods.make("adversarial_game")
FLAT = ALL_MODELS["flat"]
PLAIN = {"noise": 2, "hidden": [6], "judge": [8]}


def pair(shape=(2,), kind="gan", **options):
    return networks.make({"kind": kind} | options, shape, 1)


def joint_of(network, x: np.ndarray, models, block: int) -> LogJoint:
    """Cells on the same inputs x (n, ...)."""
    x = torch.as_tensor(x, dtype=torch.float32)[None]
    which = torch.zeros(len(models), dtype=torch.long)
    return LogJoint(network, models, x, torch.zeros(1, x.shape[1], dtype=torch.long), which, GAME, block=block)


def points(n: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 2))


def test_the_discriminator_becomes_the_optimal_one_of_two_gaussians():
    """The generator stands still: of one noise it is N(b, a²), the data N(1, 1), so that p / (p + q) is known."""
    network = pair((1,), noise=1, hidden=[], judge=[16])
    x = stats.norm(1, 1).ppf((np.arange(4000) + 0.5) / 4000)[:, None]
    settings = {"steps": 800, "learning_rate": 0.01, "generator_ratio": 0.0, "batch_size": 400, "schedule": "cosine"}
    fit = make("adversarial", settings).fit(joint_of(network, x, [FLAT], 1), Streams(["a"], ["a"]))
    weights = fit.posterior.prior.weights(fit.posterior.arrays["loc"])
    scale, shift = weights[0, 0].item(), weights[0, 1].item()
    p, q = stats.norm(1, 1), stats.norm(shift, abs(scale))
    grid = np.linspace(-2, 4, 400)
    logits = discriminate(network, weights, torch.as_tensor(grid, dtype=torch.float32)[None, None])[0, 0]
    optimal = p.pdf(grid) / (p.pdf(grid) + q.pdf(grid))
    there = p.pdf(grid) + q.pdf(grid)  # elsewhere nothing is learned
    error = abs(torch.sigmoid(logits).detach().numpy() - optimal)
    assert (error * there).sum() / there.sum() < 0.02
    wide = np.linspace(-12, 14, 20_001)
    of_p, of_q = p.pdf(wide), np.maximum(q.pdf(wide), 1e-300)
    exact = np.trapezoid(of_p * np.log(of_p / (of_p + of_q)) + of_q * np.log(of_q / (of_p + of_q)), wide)
    assert fit.trace[0, -20:].mean() == pytest.approx(exact, abs=0.02)
    assert exact > -math.log(4)


def test_the_value_of_a_discriminator_that_cannot_tell_is_that_of_the_optimum():
    nothing = torch.zeros(2, 5)
    assert value("minimax", nothing, nothing).tolist() == pytest.approx([-math.log(4)] * 2)
    assert value("wasserstein", nothing + 3, nothing).tolist() == [3.0, 3.0]


def test_the_penalty_of_a_linear_critic_is_in_closed_form():
    network = pair(noise=1, hidden=[], judge=[])
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3, network.n_weights, generator=generator, requires_grad=True)
    n = network.n_generator
    penalty = gradient_penalty(network, weights, torch.randn(3, 2, 7, generator=generator))
    norm = weights[:, n : n + 2].norm(dim=1)
    torch.testing.assert_close(penalty, (norm - 1).square())
    (found,) = torch.autograd.grad(penalty.sum(), weights, retain_graph=True)
    (expected,) = torch.autograd.grad((norm - 1).square().sum(), weights)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_codes_are_uniform_and_the_bound_is_that_of_the_truth():
    """A discriminator that reads codes without doubt attains their entropy, one that cannot read them 0."""
    network = pair(categories=4, continuous=1)
    noise = torch.randn(1, 20_000, network.n_latent, generator=torch.Generator().manual_seed(0))
    codes = Codes(network, noise)
    share = np.bincount(codes.category[0], minlength=4) / 20_000
    np.testing.assert_allclose(share, 0.25, atol=4 * math.sqrt(0.25 * 0.75 / 20_000))
    assert stats.kstest((codes.continuous[0, 0] + 1) / 2, "uniform").pvalue > 0.001
    assert codes.inputs.shape == (1, network.n_latent, 20_000)
    assert (codes.inputs[0, 2:6].sum(0) == 1).all()
    of_categories = pair(categories=4)
    only = Codes(of_categories, noise[..., :6])
    sure = 50 * torch.nn.functional.one_hot(only.category, 4).transpose(1, 2).float()
    outputs = torch.cat([torch.zeros(1, 1, 20_000), sure], 1)
    assert information_bound(of_categories, only, outputs).item() == pytest.approx(math.log(4), abs=1e-6)
    assert information_bound(of_categories, only, torch.zeros_like(outputs)).item() == pytest.approx(0, abs=1e-5)
    # Of a continuous code: Q = N(c, 1) of the code itself.
    read = torch.cat([outputs, codes.continuous], 1)
    exact = math.log(2) - 0.5 * math.log(2 * math.pi) + math.log(4)
    assert information_bound(network, Codes(network, noise), read).item() == pytest.approx(exact, abs=1e-5)
    assert code_entropy(network) == pytest.approx(math.log(8))


RECIPES = {
    "non_saturating": {},
    "wasserstein": {"critic_steps": 2, "beta1": 0.0},
    "info": {"information": 0.5},
}


def fitted(recipe: str, order, network, x, progress=None, **settings):
    chosen = {"steps": 12, "learning_rate": 0.01, "batch_size": 16, "recipe": recipe, "snapshots": 2}
    method = make("adversarial", chosen | RECIPES.get(recipe, {}) | settings)
    models = [ALL_MODELS[("flat", "normal-1")[i % 2]] for i in order]
    streams = Streams([f"cell-{i}" for i in order], [f"pair-{i}" for i in order])
    joint = joint_of(network, x, models, 2)
    return method.fit(joint, streams, *([progress] if progress else [])), streams, joint


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("kind", ["gan", "dcgan"])
def test_a_cell_has_the_same_bits_alone_and_in_any_stack(recipe, kind):
    codes = {"categories": 3, "continuous": 1} if recipe == "info" else {}
    x = points() if kind == "gan" else np.random.default_rng(0).uniform(size=(40, 1, 8, 8))
    options = PLAIN if kind == "gan" else {"noise": 3, "width": 2}
    network = pair(x.shape[1:], kind, **options, **codes)
    (many, streams, joint), (alone, own, _) = (fitted(recipe, o, network, x) for o in ([0, 1, 2, 3], [2, 2]))
    for name in ("loc", "snapshots"):
        assert torch.equal(many.posterior.arrays[name][2], alone.posterior.arrays[name][0])
    assert not torch.equal(many.posterior.arrays["loc"][0], many.posterior.arrays["loc"][2])
    assert np.array_equal(many.trace[2], alone.trace[0])
    stacked, single = (
        predict(f.posterior, joint.x, torch.zeros(n, dtype=torch.long), s, 1)
        for f, n, s in ((many, 4, streams), (alone, 2, own))
    )
    for name, array in stacked.items():
        assert np.array_equal(array[2], single[name][0])
    assert set(many.traces) == {"discriminator_loss", "generator_loss"}


class Killed(Progress):
    """Keeps every state, and stops the fit after one of them."""

    def __init__(self, at: int | None, states: dict):
        self.at, self.states = at, states

    def __call__(self, step, total):
        if step == self.at:
            raise KeyboardInterrupt

    def keep(self, stage, state):
        buffer = state()
        self.states[stage] = torch.load(_saved(buffer), weights_only=True)

    def restored(self, stage):
        return self.states.get(stage)


def _saved(state):
    import io

    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return buffer


@pytest.mark.parametrize("recipe", ["non_saturating", "wasserstein"])
def test_a_fit_that_was_killed_goes_on_to_the_same_end(recipe):
    network, x, states = pair(**PLAIN), points(), {}
    whole = fitted(recipe, [0, 1], network, x, schedule="cosine")[0]
    with pytest.raises(KeyboardInterrupt):
        fitted(recipe, [0, 1], network, x, Killed(8, states), schedule="cosine")
    assert states["play"]["step"] == 7
    resumed = fitted(recipe, [0, 1], network, x, Killed(None, states), schedule="cosine")[0]
    for name, array in whole.posterior.arrays.items():
        assert torch.equal(array, resumed.posterior.arrays[name])
    assert np.array_equal(whole.trace, resumed.trace)


def test_a_normal_prior_is_weight_decay():
    """The loss of a player differs from that under the flat prior by -log p(w) / N."""
    network, x = pair(**PLAIN), points()
    method, streams = make("adversarial", {"steps": 1, "batch_size": None}), Streams(["a", "b"], ["a", "a"])
    joint = joint_of(network, x, [ALL_MODELS["normal-1"], FLAT], 2)
    from bnnbench.inference._optimise import initial_latents
    from bnnbench.inference.adversarial import _Game

    latents = initial_latents(joint, streams, "fan_in", 1.0)
    streams = Streams(["a", "a"], ["a", "a"])
    game = _Game(method, joint, streams, latents)
    loss, _ = game.discriminator_loss(0)
    w = latents[0, : network.n_weights].double()
    scales = torch.tensor([1.0, 100.0], dtype=torch.float64)
    decay = [(0.5 * (w / s).square().sum() + len(w) * (s.log() + 0.5 * math.log(2 * math.pi))) / 60 for s in scales]
    assert (loss[0] - loss[1]).item() == pytest.approx((decay[0] - decay[1]).item(), abs=1e-4)


def test_a_collapsed_generator_is_a_result_that_says_so():
    """Weights of the generator that a prior of hardly any width holds at 0: all samples are one point."""
    network, x = pair(**PLAIN), points()
    from bnnbench.model.prior import Model
    from bnnbench.priors.normal import Normal

    joint = joint_of(network, x, [Model(Normal(), 1e-3), FLAT], 2)
    settings = {"steps": 400, "learning_rate": 0.01, "batch_size": 30}
    fit = make("adversarial", settings).fit(joint, Streams(["a", "b"], ["a", "b"]))
    assert fit.remarks[0].startswith("collapsed: the samples have ") and fit.remarks[1] == ""
    assert np.isfinite(fit.trace).all()


def test_snapshots_lie_within_training():
    assert snapshot_steps(100, 4) == [20, 40, 60, 80]
    assert snapshot_steps(2, 4) == [1] and snapshot_steps(1, 3) == [] and snapshot_steps(100, 0) == []
    fit = fitted("minimax", [0, 1], pair(**PLAIN), points(), steps=2, snapshots=0)[0]
    assert "snapshots" not in fit.posterior.arrays


@pytest.mark.parametrize("method", METHODS)
def test_no_other_method_takes_a_game(method):
    reason = quick_method(method).unsuited(pair(), FLAT, GAME)
    assert "adversarial" in reason


def test_it_takes_nothing_but_games_that_it_can_play():
    method, network = make("adversarial", {}), pair()
    assert method.unsuited(network, FLAT, GAME) is None
    assert "no density" in method.unsuited(mlp((2,), 2), FLAT, likelihoods.make("categorical"))
    assert "fix the scale" in method.unsuited(network, ALL_MODELS["normal-half_normal"], GAME)
    info = make("adversarial", {"recipe": "info"})
    assert "has none" in info.unsuited(network, FLAT, GAME)
    assert info.unsuited(pair(categories=3), FLAT, GAME) is None
    with pytest.raises(ValueError, match="below 1"):
        make("adversarial", {"beta1": 1.0})
    assert GAME.network_fault(mlp((2,), 1)) and not GAME.network_fault(network)


def test_samples_are_of_the_generator():
    """What is stored of a cell is what its weights give, chunk by chunk."""
    network, x = pair(**PLAIN, categories=3), points(1200)
    fit, streams, joint = fitted("info", [0, 1], network, x)
    found = predict(fit.posterior, joint.x, torch.zeros(2, dtype=torch.long), streams, 1, split="test")
    noise = streams.normals("samples-predict-test", (1200, network.n_latent)).step(0)
    codes, weights = Codes(network, noise), fit.posterior.prior.weights(fit.posterior.arrays["loc"])
    with torch.no_grad():
        samples = generate(network, weights, codes.inputs)
        outputs = discriminate(network, weights, samples)
        real = discriminate(network, weights, joint.x[[0, 0]].transpose(1, 2))
    np.testing.assert_allclose(found["samples"], samples.transpose(1, 2), atol=1e-5)
    np.testing.assert_allclose(found["logits"], outputs[:, 0], atol=1e-5)
    np.testing.assert_allclose(found["real_logits"], real[:, 0], atol=1e-5)
    assert np.array_equal(found["real_code"], real[:, 1:4].argmax(1)) and found["critic"].tolist() == [0, 0]
