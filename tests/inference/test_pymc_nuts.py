"""PyMC's NUTS as a witness: agreement where the posterior is all but Gaussian, its diagnostics, its order of draws."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, covariance_of, quick_method, small_data, stack_joint

from bnnbench import networks
from bnnbench.inference._pymc import Counted
from bnnbench.inference.pymc_nuts import PymcNuts
from bnnbench.model.streams import Streams


@pytest.mark.slow
def test_agrees_with_full_rank_on_a_logistic_regression():
    network = networks.make({"kind": "mlp", "hidden": []}, (2,), 2)
    x, y = small_data(200)
    joint = stack_joint(
        network, [ALL_MODELS["normal-1"]], x, np.where(y == 1, x[:, 0] > -0.3, x[:, 1] > 0.2).astype(int)
    )
    streams = Streams(["a"], ["p"], dtype=torch.float64)
    nuts = PymcNuts(tune=500, samples=1000, chains=2, stored=2000).fit(joint, streams)
    draws = nuts.posterior.arrays["draws"][0, :, :6].numpy()
    arrays = quick_method("full_rank", steps=6000, learning_rate=0.05).fit(joint, streams).posterior.arrays
    sd = covariance_of(arrays)[0, :6, :6].diagonal().sqrt().numpy()
    assert draws.shape == (2000, 6)
    assert (abs(draws.mean(0) - arrays["loc"][0, :6].numpy()) < 0.15 * sd).all()
    np.testing.assert_allclose(draws.std(0), sd, rtol=0.15)
    assert nuts.diagnostics["function_rhat"][0] < 1.01
    assert nuts.diagnostics["function_ess"][0] > 400
    assert nuts.diagnostics["divergences"][0] == 0


@pytest.mark.slow
def test_stores_chains_in_turn_with_learned_scales():
    network = networks.make({"kind": "mlp", "hidden": [2]}, (2,), 2)
    joint = stack_joint(network, [ALL_MODELS["laplace-half_cauchy"]], *small_data(40))
    settings = {"tune": 30, "samples": 10, "chains": 2}
    few, all_draws = (
        PymcNuts(**settings, stored=n).fit(joint, Streams(["a"], ["p"])).posterior.arrays["draws"] for n in (4, 20)
    )
    assert torch.equal(few[0], all_draws[0, [4, 9, 14, 19]])
    weights = joint.prior.weights(all_draws[0, -1:])
    assert torch.isfinite(weights).all()
    assert (all_draws[0, :, network.n_weights :].std(0) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("at", [5, 35, 75], ids=["while tuning", "in the first chain", "in the last"])
def test_an_interruption_ends_it_at_once(monkeypatch, at):
    """PyMC takes Ctrl-C for the end of a chain, goes on with the next and hands over fewer draws."""
    network = networks.make({"kind": "mlp", "hidden": []}, (2,), 2)
    joint = stack_joint(network, [ALL_MODELS["normal-1"]], *small_data(40))
    counts, calls = Counted.__call__, []

    def pressed(self, trace, draw):
        calls.append(draw)
        if len(calls) == at:
            raise KeyboardInterrupt
        counts(self, trace, draw)

    monkeypatch.setattr(Counted, "__call__", pressed)
    with pytest.raises(KeyboardInterrupt):
        PymcNuts(tune=20, samples=20, chains=2, stored=4).fit(joint, Streams(["a"], ["p"]))
    assert len(calls) <= at + 1


@pytest.mark.parametrize(("change", "message"), [({"chains": 1}, "at least 2"), ({"stored": 99}, "multiple of the 4")])
def test_mistakes_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        PymcNuts(**change)
