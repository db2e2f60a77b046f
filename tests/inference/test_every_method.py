"""What every inference method must satisfy, for each file in `bnnbench/inference`."""

import numpy as np
import pytest
import torch
from scenarios import (
    ALL_MODELS,
    METHODS,
    OWN_MODEL,
    LinearGaussian,
    circles_plan,
    quick_method,
    settings_of,
    small_data,
    stack_joint,
    train_cells,
)

from bnnbench.inference import make
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.predict import predict


def has(name: str, setting: str) -> bool:
    return setting in settings_of(name)


STACKED = [m for m in METHODS if m not in OWN_MODEL]
QUICK = {"steps": 150, "learning_rate": 0.03}
QUICK |= {"chains": 2, "keep": 40, "tune": 20, "samples": 20, "leapfrogs": 4, "rounds": 2, "probes": 5, "stored": 40}
QUICK |= {"start_steps": 150, "populations": 2, "particles": 16, "moves": 1}
FEW = QUICK | {"steps": 60, "start_steps": 60, "keep": 20, "tune": 10, "samples": 10, "members": 2, "particles": 8}
every_method = pytest.mark.parametrize(
    "name", [pytest.param(m, marks=pytest.mark.slow) if m in OWN_MODEL else m for m in METHODS]
)


def draws_of(posterior, streams, n=4000):
    draw = posterior.draws(streams, "test")
    return torch.stack([draw(s) for s in range(n)]).numpy()


@pytest.mark.parametrize("name", STACKED)
def test_reaches_the_known_posterior_of_a_linear_model(name):
    joint = LinearGaussian()
    settings = {"steps": 6000, "learning_rate": 0.03, "schedule": "cosine", "initial_sd": 0.5}
    method = quick_method(name, **settings, chains=16, leapfrogs=8, populations=8, particles=128)
    posterior = method.fit(joint, joint.streams()).posterior
    draws = draws_of(posterior, joint.streams())[:, :, :3]
    mean, sd = joint.expected(name)
    effective = joint.effective_draws(method, posterior, len(draws))
    assert effective > 100
    unknown = np.isnan(sd)
    monte_carlo = 4 * np.where(unknown, draws.std(0), sd) / np.sqrt(effective)
    # Where a method says nothing of its spread, its middle is held to the posterior's width only.
    slack = np.where(unknown, 0.5, 0.03) * joint.factorised_sd
    assert (abs(draws.mean(0) - mean) < monte_carlo + slack).all()
    found = np.where(unknown, np.nan, draws.std(0))
    np.testing.assert_allclose(found, sd, rtol=max(0.07, 4 / np.sqrt(2 * effective)), atol=1e-6)


@every_method
def test_a_cell_has_the_same_posterior_alone_and_in_any_order(name):
    models = [ALL_MODELS[m] for m in ("normal-1", "laplace-half_cauchy", "cauchy-1")]
    (x, y), method = small_data(), quick_method(name, **QUICK)
    # Another library's models are fitted one after the other, and compiled each: small ones, and few, tell as much.
    network = mlp((2,), 2, hidden=(3,)) if name in OWN_MODEL else mlp((2,), 2)

    def fit(order):
        joint = stack_joint(network, [models[i] for i in order], x, y, torch.float32)
        streams = Streams([f"cell-{i}" for i in order], ["pair"] * len(order))
        fitted = method.fit(joint, streams)
        return dict(zip(order, fitted.posterior.draws(streams, "test")(0), strict=True)), fitted

    everyone, others = ([0, 1], ([1],)) if name in OWN_MODEL else ([0, 1, 2], ([2, 0, 1], [1]))
    together, fitted = fit(everyone)
    n, streams = len(everyone), Streams([f"other-{i}" for i in everyone], ["p"] * len(everyone))
    assert fitted.posterior.draws(streams, "test")(0).shape == (n, network.n_weights + len(network.parameters))
    for order in others:
        for cell, draw in fit(order)[0].items():
            torch.testing.assert_close(draw, together[cell], atol=1e-4, rtol=1e-4)


SHORT = {"chains": 2, "tune": 4, "samples": 4, "leapfrogs": 2, "rounds": 1, "keep": 4}


def short_fit(name: str, steps: int):
    """A fit of so few steps of a model that the method takes, with the class probabilities that it predicts."""
    model = ALL_MODELS["flat" if name == "mle" else "normal-1"]
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), [model], *small_data(20), torch.float32)
    streams, x = Streams(["a"], ["p"]), torch.zeros(1, 5, 2)
    fit = quick_method(name, steps=steps, **SHORT).fit(joint, streams)
    return fit, predict(fit.posterior, x, torch.zeros(1, dtype=torch.long), streams, 4, block=1)["mean_proba"]


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", [m for m in STACKED if has(m, "steps")])
def test_any_number_of_steps_is_enough_to_predict(name, steps, caplog, recwarn):
    fit, proba = short_fit(name, steps)
    assert fit.steps == steps and fit.trace.shape == (1, len(fit.trace_steps)) and fit.trace_steps[-1] == steps
    np.testing.assert_allclose(proba.sum(2), 1, atol=1e-5)
    assert not caplog.records and not [w for w in recwarn if w.category is RuntimeWarning]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", STACKED)
def test_fits_are_the_same_where_gradients_are_switched_off(name, mode):
    _, expected = short_fit(name, 3)
    with mode():
        fit, found = short_fit(name, 3)
        assert not torch.is_grad_enabled()
    assert np.array_equal(found, expected)
    assert not any(array.is_inference() for array in fit.posterior.arrays.values())


@pytest.mark.parametrize("name", [m for m in METHODS if has(m, "steps")])
def test_the_trace_is_short_and_rises(name):
    joint = stack_joint(mlp((2,), 2), [ALL_MODELS["normal-1"]], *small_data(), torch.float32)
    fitted = quick_method(name, steps=300, learning_rate=0.03).fit(joint, Streams(["a"], ["p"]))
    assert fitted.steps == 300
    if fitted.trace is not None:
        assert fitted.trace.shape == (1, len(fitted.trace_steps))
        assert len(fitted.trace_steps) <= 200
        assert fitted.trace_steps[-1] == 300
        assert fitted.trace[0, -10:].mean() > fitted.trace[0, :10].mean()


@pytest.mark.parametrize("name", METHODS)
def test_an_unknown_setting_is_named(name):
    with pytest.raises(ValueError, match=f"inference '{name}': no setting 'stpes'"):
        make(name, {"stpes": 3})


@pytest.fixture(scope="module", params=STACKED)
def hundred(request, tmp_path_factory):
    """A shard of at least 100 cells, trained in one go: (plan, cells, rows, metrics)."""
    plan = circles_plan(tmp_path_factory.mktemp(request.param), request.param, range(4), FEW)
    (shard,) = plan.shards.values()
    assert len(shard.trainable) >= 100
    return plan, shard.trainable, *train_cells(plan, shard.trainable, "hundred")


def assert_same(metrics, expected):
    """The same cells with the same metrics, to 1e-3."""
    expected = expected.reindex(metrics.index)
    np.testing.assert_allclose(metrics.values, expected.values, atol=1e-3, rtol=1e-3)
    assert len(metrics) > 20


def test_a_cell_alone_and_in_a_shard_of_a_hundred_has_the_same_metrics(hundred):
    plan, cells, rows, metrics = hundred
    assert {row["state"] for row in rows.values()} <= {"done", "skipped"}
    done = [cell for cell in cells if rows[cell.id]["state"] == "done"]
    for i in (0, len(done) // 3, len(done) - 1):
        assert_same(train_cells(plan, [done[i]], f"alone-{i}")[1], metrics)


def test_neither_order_nor_an_interruption_matters(hundred):
    plan, cells, _, metrics = hundred
    shuffled = [cells[i] for i in np.random.default_rng(0).permutation(len(cells))]
    train_cells(plan, shuffled[:37], "resumed")
    rows, resumed = train_cells(plan, shuffled, "resumed")
    assert len(rows) == len(cells)
    assert_same(resumed, metrics)


@pytest.mark.parametrize("name", [m for m in STACKED if has(m, "learning_rate") and m != "mle"])
def test_diverging_cells_are_failed_with_their_reason_and_neighbours_are_sound(name, tmp_path):
    """One cell has a scale beyond float32 in a stack of sound ones, and one recipe a learning rate beyond reason."""
    models = ["normal-1", "normal-1e-30", "cauchy-1", "laplace-half_cauchy"]
    options = {"scales": [1, 1e-30], "models": models}
    plan = circles_plan(tmp_path, name, range(2), QUICK, {"wild": {"learning_rate": 1e30}}, **options)
    (shard,) = plan.shards.values()
    rows, metrics = train_cells(plan, shard.trainable, "all")
    bad = {c.id for c in shard.trainable if c.scale == 1e-30 or c.recipe == "wild"}
    assert {i for i, row in rows.items() if row["state"] == "failed"} == bad
    for i in bad:
        assert "diverged: non-finite objective by step" in rows[i]["reason"]
    assert {row["state"] for i, row in rows.items() if i not in bad} == {"done"}
    assert set(metrics.index.get_level_values("id")) == set(rows) - bad
    sound = [c for c in shard.trainable if c.id not in bad]
    assert_same(train_cells(plan, sound, "sound")[1], metrics)


@pytest.mark.parametrize("base", ["map", "mean_field"])
def test_members_of_an_ensemble_differ_and_the_first_is_the_method_itself(base):
    joint = stack_joint(mlp((2,), 2), [ALL_MODELS["normal-1"]] * 2, *small_data(), torch.float32)
    streams = Streams(["a", "b"], ["a", "b"])
    settings = {"steps": 60, "learning_rate": 0.03, "schedule": "cosine"}
    ensemble = make("ensemble", settings | {"members": 3, "base": base}).fit(joint, streams).posterior
    members = ensemble.arrays["draws" if base == "map" else "loc"]
    assert members.shape[:2] == (2, 3)
    for i in range(3):
        for j in range(i):
            assert ((members[:, i] - members[:, j]).abs().amax(1) > 0.1).all()
    if base == "map":  # the mean field of a member draws noise of its own in training
        torch.testing.assert_close(members[:, 0], make(base, settings).fit(joint, streams).posterior.arrays["loc"])
        return
    draws = draws_of(ensemble, streams, 3000).reshape(1000, 3, 2, -1)
    sd = ensemble.arrays["sd"].numpy()
    error = draws.mean(0).swapaxes(0, 1) - members.numpy()
    assert (abs(error) < 5.5 * sd / np.sqrt(1000)).all()
    np.testing.assert_allclose(draws.std(0).swapaxes(0, 1), sd, rtol=0.15)
