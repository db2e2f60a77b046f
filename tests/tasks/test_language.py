"""The task of the next symbol: its log joint, its truncated gradient, what is stored, and methods on it."""

import numpy as np
import pytest
import torch
import xarray as xr

from bnnbench import datasets, likelihoods, metrics, networks, tasks
from bnnbench.inference import make
from bnnbench.inference.mean_field import _elbo
from bnnbench.metrics.language import SymbolPredictions
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.prediction.generate import continued
from bnnbench.prediction.predict import predict
from bnnbench.prediction.trained import TrainedCell
from bnnbench.priors.normal import Normal

V, PIECES, CONTEXT = 3, 12, 2
OPTIONS = {
    "n_symbols": V,
    "order": 2,
    "context": CONTEXT,
    "length": 4,
    "n_train": PIECES,
    "n_validation": 4,
    "n_test": 9,
}
DATA = datasets.make("markov", OPTIONS, [0])
TASK = tasks.find("language")


def joint_of(kind: str = "lstm", dtype=torch.float64, scales=(1.0, 0.5)) -> LogJoint:
    x, y, *_ = DATA.split(0)
    network = networks.make({"kind": kind, "hidden": [4]}, x.shape[1:], V)
    which = torch.zeros(len(scales), dtype=torch.long)
    tensors = torch.as_tensor(x, dtype=dtype)[None], torch.as_tensor(y)[None]
    models = [Model(Normal(), scale) for scale in scales]
    return LogJoint(network, models, *tensors, which, likelihoods.make("next_symbol"))


def random_latents(joint, scale=0.5):
    return (
        scale * torch.randn(joint.n_cells, joint.prior.n_latents, generator=torch.Generator().manual_seed(0)).double()
    )


def streams(n=2, dtype=torch.float64):
    return Streams([f"cell-{i}" for i in range(n)], ["pair"] * n, dtype=dtype)


def test_the_log_joint_is_the_sum_over_predicted_symbols():
    joint = joint_of()
    latents = random_latents(joint)
    found = joint.log_density(latents)
    x, y, *_ = DATA.split(0)
    for cell, scale in enumerate((1.0, 0.5)):
        weights = latents[cell : cell + 1, : joint.network.n_weights]
        total = torch.distributions.Normal(0, scale).log_prob(weights).sum()
        for piece, targets in zip(x, y, strict=True):
            logits = forward(joint.network, weights, torch.as_tensor(piece).double()[None, :, None])[0]
            for step, target in enumerate(targets):
                if step >= CONTEXT - 1:
                    total = total + logits[:, step].log_softmax(0)[target]
        assert float(found[cell]) == pytest.approx(float(total))


def elbo(joint, batch, weight, parameters, noise):
    """The estimate that `mean_field` climbs, of some pieces, the KL times `weight`."""
    estimate = joint.objective(_elbo, estimator="draw", entropy_weight=1.0, sd_floor=0.0)
    return estimate.with_gradient(parameters, [torch.tensor(weight).double(), *joint.batch(batch), noise])


@pytest.mark.parametrize(("b", "c"), [(1, 1), (3, 2), (2, 6)])
def test_the_truncated_gradient_summed_over_a_pass_is_that_of_the_elbo(b, c):
    """B minibatches of C pieces a sequence: each step has its own pieces' likelihood and the KL times 1 / (B C).

    `mean_field` multiplies a batch's likelihood by points / batch, which is B C: so a step is B C times that, and with
    B = C = 1 it is the ELBO itself.
    """
    joint = joint_of()
    parameters = [random_latents(joint), random_latents(joint, 0.1) - 2]
    noise = random_latents(joint, 1.0).flip(0)
    value, gradients = elbo(joint, None, 1.0, parameters, noise)
    steps = torch.arange(PIECES).reshape(b * c, -1)
    found = [elbo(joint, rows.expand(2, -1), 1.0, parameters, noise) for rows in steps]
    torch.testing.assert_close(sum(v for v, _ in found) / (b * c), value)
    for i in range(2):
        torch.testing.assert_close(sum(g[i] for _, g in found) / (b * c), gradients[i])
    # The likelihood alone, unscaled, and the KL's part of a step, told apart by its weight.
    no_kl = [elbo(joint, rows.expand(2, -1), 0.0, parameters, noise)[0] / (b * c) for rows in steps]
    kl = elbo(joint, None, 0.0, parameters, noise)[0] - value
    torch.testing.assert_close(sum(part - kl / (b * c) for part in no_kl), value)


def test_a_state_that_is_carried_on_gives_the_whole_sequence():
    """What truncation leaves out: pieces that are read from a state of zeros, without context, have other outputs."""
    joint = joint_of("gru", scales=(1.0,))
    weights = random_latents(joint)[:, : joint.network.n_weights]
    codes = torch.randint(V, (1, 20, 1), generator=torch.Generator().manual_seed(1)).double()
    whole = forward(joint.network, weights, codes)
    again = forward(joint.network, weights, codes[:, 5:])
    assert not torch.allclose(whole[..., 5], again[..., 0], atol=1e-4)
    assert abs(whole[..., -1] - again[..., -1]).max() < abs(whole[..., 5] - again[..., 0]).max()


@pytest.mark.parametrize("method", ["map", "mean_field", "mc_dropout", "ensemble", "swag", "sgld", "hmc"])
@pytest.mark.parametrize("kind", ["gru"])
def test_methods_train_predict_and_are_stored(method, kind, tmp_path):
    joint = joint_of(kind, torch.float32)
    few = {"hmc": {"chains": 2, "tune": 4, "samples": 4, "leapfrogs": 3, "rounds": 1, "keep": 8}}
    few |= {
        "ensemble": {"members": 2, "steps": 20},
        "sgld": {"steps": 40, "chains": 2, "keep": 8, "learning_rate": 1e-3},
    }
    fitted = make(method, few.get(method, {"steps": 20}))
    assert fitted.unsuited(joint.network, joint.models[0], joint.likelihood) is None
    posterior = fitted.fit(joint, streams(dtype=torch.float32)).posterior
    x_test, y_test = DATA.test()
    arrays = predict(posterior, torch.as_tensor(x_test)[None], joint.which, streams(dtype=torch.float32), 8, block=2)
    assert arrays["mean_proba"].shape == (2, 9 * 5, V)
    assert arrays["expected_entropy"].shape == (2, 9 * 5)
    stored = xr.Dataset(TASK.encode(arrays, 8, halves=True))
    stored.to_netcdf(tmp_path / "group.nc", engine="h5netcdf")
    y = np.broadcast_to(y_test, (2, *y_test.shape))
    with xr.open_dataset(tmp_path / "group.nc", engine="h5netcdf") as group:
        for cell in range(2):
            ideal = TASK.truth(datasets.law("markov", OPTIONS, x_test, TASK.law))
            found = metrics.evaluate(TASK.decode(group, cell), y_test, ideal)
            assert found["bits_per_symbol"] == pytest.approx(found["nll"] / np.log(2))
            assert found["excess_bits"] >= 0
            assert TASK.errors(arrays, y)[cell] == pytest.approx(1 - found["accuracy"])
            again = metrics.evaluate(TASK.summarise(arrays, cell, 8), y_test, ideal)
            assert found == pytest.approx(again, abs=1e-6)


def test_what_has_no_meaning_on_recurrent_networks_is_refused_with_a_reason():
    joint = joint_of()
    of_images = networks.make({"kind": "lstm", "hidden": [4]}, (1, 8, 8), 10)

    def reason(method, settings, network=joint.network):
        return make(method, settings).unsuited(network, joint.models[0], joint.likelihood)

    for estimator in ("local", "flipout"):
        assert "uses it at every step" in reason("mean_field", {"estimator": estimator})
    assert reason("mean_field", {"estimator": "sticking_the_landing"}) is None
    for structure in ("kronecker", "diagonal", "full"):
        assert "use last_layer" in reason("laplace_approximation", {"structure": structure}, of_images)
    assert reason("laplace_approximation", {"structure": "last_layer"}, of_images) is None
    assert "a class a sequence" in reason("laplace_approximation", {"structure": "last_layer"})
    assert "dense networks only" in reason("pymc_nuts", {})


def test_chance_and_the_source_bound_the_bits():
    x, y = DATA.test()
    ideal = TASK.truth(datasets.law("markov", OPTIONS, x, TASK.law))
    source = metrics.evaluate(TASK.of_truth(ideal), y, ideal)
    assert source["excess_bits"] == pytest.approx(0, abs=1e-9)
    y_train = DATA.split(0)[1]
    chance = TASK.chance(y_train, V, len(y))
    np.testing.assert_allclose(chance.proba[0], np.bincount(y_train[y_train >= 0], minlength=V) / (y_train >= 0).sum())
    assert metrics.evaluate(chance, y, ideal)["bits_per_symbol"] > source["bits_per_symbol"]
    with pytest.raises(ValueError, match="give a symbol a prediction"):
        SymbolPredictions(ideal).given(y[1:])


def test_a_network_that_learned_an_alternation_goes_on_with_it():
    x = np.tile(np.arange(8) % 2, (6, 1)).astype(np.float32)
    network = networks.make({"kind": "gru", "hidden": [6]}, (8,), 2)
    tensors = torch.as_tensor(x)[None], torch.as_tensor(1 - x).long()[None]
    joint = LogJoint(network, [Model(Normal(), 3.0)], *tensors, torch.zeros(1, dtype=torch.long),
                     likelihoods.make("next_symbol"))  # fmt: skip
    posterior = make("map", {"steps": 150, "learning_rate": 0.05}).fit(joint, streams(1, torch.float32)).posterior
    cell = TrainedCell(network, posterior, "alternation")
    np.testing.assert_array_equal(continued(cell, np.array([0, 1]), 6), [[0, 1, 0, 1, 0, 1]])
    np.testing.assert_array_equal(continued(cell, np.array([1]), 4), [[0, 1, 0, 1]])
