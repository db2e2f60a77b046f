"""Probes: what they make of the test set, what they read, and how readings become a table."""

import numpy as np
import pytest
import torch
from small_run import NOTHING_ELSE, SMALL, run

from bnnbench import networks, probes
from bnnbench.datasets import DataSet
from bnnbench.evaluation.results import load_results
from bnnbench.hyperpriors.half_normal import HalfNormal
from bnnbench.inference import DrawsPosterior, GaussianPosterior, PointPosterior
from bnnbench.inference.ensemble import MixturePosterior
from bnnbench.metrics import accuracy, negative_log_likelihood
from bnnbench.model.prior import LogPrior, Model
from bnnbench.prediction.trained import TrainedCell
from bnnbench.priors.normal import Normal
from bnnbench.probes.rotation import turned
from bnnbench.probes.shift import KINDS, shifted
from bnnbench.study.config import ConfigError
from bnnbench.study.grid import load

NETWORK = networks.make({"kind": "lenet", "channels": [3], "kernel": 3, "hidden": [6]}, (1, 12, 12), 3)


def trained(kind=GaussianPosterior, model=None, sd=0.1):
    prior = LogPrior.of_models(NETWORK, [model or Model(Normal(), 1.0)])
    noise = torch.Generator().manual_seed(0)
    loc = torch.randn(1, prior.n_latents, generator=noise)
    arrays = {"loc": loc} if kind is PointPosterior else {"loc": loc, "sd": torch.full_like(loc, sd)}
    if kind is DrawsPosterior:
        arrays = {"draws": torch.stack([loc, -loc], 1).repeat_interleave(25, 1)}
    return TrainedCell(NETWORK, kind(prior, arrays), "cell", 255.0)


@pytest.fixture(scope="module")
def data() -> DataSet:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 1, 12, 12)).astype(np.uint8)
    y = np.arange(60) % 3
    index = np.arange(10)[None]
    return DataSet("squares", x, y, index, index + 10, np.array([0]), x, y, 3, 255.0)


def square(side=4):
    """One image with a bright square off the middle."""
    image = np.zeros((1, 1, 28, 28), np.uint8)
    image[0, 0, 10 : 10 + side, 16 : 16 + side] = 200
    return image


def centre(image):
    weight = image[0, 0].astype(float)
    return (np.indices(weight.shape) * weight).sum((1, 2)) / weight.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_shifts_are_the_same_for_everyone_and_grow_with_their_strength(kind):
    images = np.repeat(square(), 50, 0)
    strengths = KINDS[kind]
    made = [shifted(images, kind, s) for s in strengths]
    assert all(m.dtype == np.uint8 and m.shape == images.shape for m in made)
    assert np.array_equal(made[1], shifted(images, kind, strengths[1]))
    changed = [np.abs(m.astype(float) - images).mean() for m in made]
    assert changed[0] > 0 and changed[-1] > changed[0]


def test_shifts_are_what_their_names_say():
    before = centre(square())
    assert np.hypot(*(centre(shifted(square(), "translation", 4)) - before)) == pytest.approx(4, abs=0.05)
    blurred = shifted(square(), "blur", 1.5)
    assert centre(blurred) == pytest.approx(before, abs=0.05) and blurred.max() < 200
    flat = np.full((200, 1, 28, 28), 128, np.uint8)
    assert shifted(flat, "noise", 25).astype(float).std() == pytest.approx(25, rel=0.02)
    middle = np.array([13.5, 13.5])
    moved = centre(shifted(square(), "rotation", 60)) - middle
    assert np.hypot(*moved) == pytest.approx(np.hypot(*(before - middle)), rel=0.03)
    cosine = moved @ (before - middle) / np.hypot(*moved) / np.hypot(*(before - middle))
    assert cosine == pytest.approx(0.5, abs=0.03)


def test_turning_goes_against_the_clock_and_half_way_round_is_upside_down():
    image = square()[0]
    right = np.zeros_like(image)
    right[0, 12:16, 20:24] = 200
    assert centre(turned(right, 90)[None]) == pytest.approx([27 - 21.5, 13.5], abs=0.05)  # from the right to the top
    assert np.abs(turned(image, 180).astype(float) - image[:, ::-1, ::-1]).max() <= 1


def test_a_shift_that_there_is_not_is_refused_before_anything_is_read():
    with pytest.raises(ValueError, match="unknown kind 'rotatoin': known are rotation"):
        probes.make("shift", {"kinds": ("rotatoin",)})


def test_shift_reads_the_clean_images_at_strength_zero(data):
    cell = trained()
    found = list(probes.make("shift", {"images": 60, "draws": 20, "kinds": ("noise",)}).run(cell, data, 0))
    values = {(r.level, r.metric): r.value for r in found}
    assert {r.variable for r in found} == {"noise"} and {r.level for r in found} == {0, *KINDS["noise"]}
    proba = cell.sample_proba(data.x_test, 200).mean(0)
    assert values[0.0, "accuracy"] == pytest.approx(accuracy(proba, data.y_test), abs=0.1)
    assert values[0.0, "nll"] == pytest.approx(negative_log_likelihood(proba, data.y_test), rel=0.05)


@pytest.mark.parametrize("kind", [GaussianPosterior, PointPosterior, DrawsPosterior])
def test_predictions_of_a_trained_cell_are_moments_of_its_draws(data, kind):
    cell = trained(kind)
    found, draws = cell.predictions(data.x_test, 20), cell.sample_proba(data.x_test, 20)
    assert draws.shape == (20, 60, 3)
    np.testing.assert_allclose(found.mean_proba, draws.mean(0), atol=1e-5)
    np.testing.assert_allclose(found.class_variance, draws.var(0), atol=1e-5)


def test_a_few_of_many_stored_draws_are_of_all_their_chains(data):
    cell = trained(DrawsPosterior)  # the first half of its draws is one network, the second another
    all_draws, few = cell.predictions(data.x_test, 50), cell.predictions(data.x_test, 20)
    assert all_draws.total_variance.mean() > 0.1
    assert few.total_variance.mean() == pytest.approx(all_draws.total_variance.mean(), rel=0.2)


def test_rotation_reads_every_image_at_every_angle(data):
    found = list(probes.make("rotation", {"per_class": 2, "step": 90, "draws": 10}).run(trained(), data, 0))
    assert len(found) == 3 * 2 * 3 * 3  # classes, images, angles, metrics
    upright = {r.variable: r.value for r in found if r.level == 0 and r.metric == "misread"}
    predicted = trained().sample_proba(data.x_test, 10).mean(0).argmax(1)
    for name, misread in upright.items():
        c, index = (int(part.rpartition("-")[2]) for part in name.split("/"))
        assert data.y_test[index] == c and misread == (predicted[index] != c)


def test_nothing_pruned_is_the_network_itself_and_pruning_all_weights_leaves_the_biases(data):
    cell = trained(PointPosterior)
    readings = probes.make("pruning", {"shares": (0.0, 1.0)}).run(cell, data, 0)
    found = {(r.level, r.metric): r.value for r in readings if r.variable == "magnitude-mean"}
    proba = cell.predict_proba(data.x_test)
    assert found[0.0, "nll"] == pytest.approx(negative_log_likelihood(proba, data.y_test), rel=1e-5)
    last = NETWORK.parameters[-1]
    bias = cell.posterior.arrays["loc"][0, : NETWORK.n_weights][-last.size :].double().numpy()
    constant = np.tile(np.exp(bias) / np.exp(bias).sum(), (60, 1))
    assert found[1.0, "nll"] == pytest.approx(negative_log_likelihood(constant, data.y_test), rel=1e-4)


def test_weights_go_by_signal_to_noise_and_not_by_size(data):
    cell = trained()
    loc, sd = cell.posterior.arrays["loc"], cell.posterior.arrays["sd"]
    small = torch.arange(loc.shape[1]) % 2 == 0
    loc[:, small], sd[:, small] = 3.0, 1e4  # large, and pure noise
    readings = probes.make("pruning", {"shares": (0.5,), "draws": 5}).run(cell, data, 0)
    found = {r.variable: r.value for r in readings if r.metric == "nll"}
    is_weight = torch.tensor(
        np.repeat([not p.is_bias for p in NETWORK.parameters], [p.size for p in NETWORK.parameters])
    )
    kept = torch.where(small[: NETWORK.n_weights] & is_weight, 0.0, loc[0, : NETWORK.n_weights])
    expected = negative_log_likelihood(cell.proba_of_weights(kept[None], data.x_test), data.y_test)
    assert found["signal_to_noise-mean"] == pytest.approx(expected, rel=0.05)
    large = loc[0, : NETWORK.n_weights].abs().masked_fill(~is_weight, torch.inf)
    large = large >= large[is_weight].median()
    kept = torch.where(large, loc[0, : NETWORK.n_weights], 0.0)
    expected = negative_log_likelihood(cell.proba_of_weights(kept[None], data.x_test), data.y_test)
    assert found["magnitude-mean"] == pytest.approx(expected, rel=0.05)  # the control keeps what is large


def test_removed_weights_left_as_noise_are_a_network_of_noise(data):
    cell = trained()
    is_weight = np.repeat([not p.is_bias for p in NETWORK.parameters], [p.size for p in NETWORK.parameters])
    readings = list(probes.make("pruning", {"shares": (0.0, 1.0), "draws": 2000}).run(cell, data, 0))
    found = {(r.variable, r.level): r.value for r in readings if r.metric == "nll"}
    assert found["signal_to_noise-noise", 0.0] == found["signal_to_noise-draws", 0.0]
    weights = cell.weight_draws(2000)
    weights[:, is_weight] = np.random.default_rng(0).normal(0, np.log(2), (2000, is_weight.sum()))  # softplus(0)
    expected = negative_log_likelihood(cell.proba_of_weights(torch.from_numpy(weights), data.x_test), data.y_test)
    assert found["signal_to_noise-noise", 1.0] == pytest.approx(expected, rel=0.05)


def test_moments_of_weights_count_learned_scales():
    cell = trained(model=Model(Normal(), hyperprior=HalfNormal()))
    mean, sd = cell.weight_moments(4000)
    draws = cell.weight_draws(4000)
    np.testing.assert_allclose(sd, draws.std(0), rtol=1e-4)
    np.testing.assert_allclose(mean, cell.posterior.prior.weights(cell.posterior.arrays["loc"])[0], rtol=1e-6)


def test_moments_of_a_mixture_of_gaussians_are_those_of_its_draws():
    prior = LogPrior.of_models(NETWORK, [Model(Normal(), 1.0)])
    loc = torch.randn(1, 5, prior.n_latents, generator=torch.Generator().manual_seed(0))
    cell = TrainedCell(NETWORK, MixturePosterior(prior, {"loc": loc, "sd": torch.full_like(loc, 0.1)}), "cell", 255.0)
    mean, sd = cell.weight_moments(500)
    assert mean.shape == sd.shape == (NETWORK.n_weights,)
    members = loc[0, :, : NETWORK.n_weights]
    np.testing.assert_allclose(mean, members.mean(0), atol=0.05)
    np.testing.assert_allclose(sd, (members.var(0, correction=0) + 0.01).sqrt(), rtol=0.2)


def test_moments_of_gaussian_weights_are_the_posteriors_own():
    cell = trained()
    for found, wanted in zip(
        cell.weight_moments(2), (cell.posterior.arrays[name] for name in ("loc", "sd")), strict=True
    ):
        np.testing.assert_array_equal(found, wanted[0, : NETWORK.n_weights])


SHORT = {"settings": {"steps": 20}, "recipes": None}
PRUNED = SMALL["overrides"]["toy"] | {
    "models": ["normal-1"],
    "datasets": {"moons": {"noise": [0.4], "n_test": 500}, "circles": None},
    "inference": NOTHING_ELSE | {"map": SHORT, "mean_field": SHORT},
    "probes": {"pruning": {"settings": {"shares": [0.0, 0.5], "draws": 5}, "only": {"inference": ["mean_field"]}}},
}


def test_readings_become_a_table_of_the_cells_that_were_asked(tmp_path):
    plan = run(SMALL | {"seeds": [0], "overrides": {"toy": PRUNED}, "results_dir": str(tmp_path)})
    results = load_results(plan.results)
    table = results.probes
    assert set(table.inference) == {"mean_field"} and set(table.probe) == {"pruning"}
    assert set(table.id) <= set(results.cells.id) and set(table.level) == {0.0, 0.5}
    whole = table[(table.level == 0) & (table.variable == "signal_to_noise-draws") & (table.metric == "accuracy")]
    metrics = results.metrics.query("metric == 'accuracy' and split == 'test' and inference == 'mean_field'")
    assert whole.value.item() == pytest.approx(metrics.value.item(), abs=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prunning": {}}, "unknown probe 'prunning': did you mean 'pruning'"),
        (
            {"pruning": {"settings": {"share": [0.5]}}},
            r"probes\.pruning\.settings: no setting 'share': did you mean 'shares'",
        ),
        ({"pruning": {"onli": {}}}, "did you mean 'only'"),
        ({"pruning": {"only": {"sead": [1]}}}, r"probes\.pruning\.only: unknown coordinate 'sead'"),
    ],
)
def test_mistakes_in_probes_name_place_and_remedy(change, message):
    with pytest.raises(ConfigError, match=message):
        load({"studies": ["toy"], "overrides": {"toy": {"probes": change}}})
