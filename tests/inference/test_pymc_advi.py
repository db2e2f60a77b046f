"""PyMC's ADVI as a witness: the same ELBO as mean-field from the same start; what it skips; how it fails."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, quick_method, small_data, stack_joint

from bnnbench import networks
from bnnbench.datasets import moons
from bnnbench.inference._pymc import optimise
from bnnbench.inference.mean_field import negative_kl
from bnnbench.inference.pymc_advi import PymcAdvi
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.priors import Prior

NETWORK = networks.make({"kind": "mlp"}, (2,), 2)
STARTS = 5


def elbo(joint, posterior, streams, n_draws=1000):
    """ELBO (cells,), the mean over draws that are the same for every posterior of these streams."""
    noise = streams.normals("evaluation", (joint.prior.n_latents,))
    loc, sd = posterior.arrays["loc"], posterior.arrays["sd"]
    total = 0.0
    for step in range(n_draws):
        sample = loc + sd * noise.step(step)
        total = total + joint.log_likelihood(sample) + negative_kl(joint.prior, loc, sd, sample)
    return (total / n_draws).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["normal-1", "laplace-half_cauchy"])
def test_reaches_the_elbo_of_mean_field(name):
    """Moons at noise 0.3, 200 points; the same starts, Adam at a constant rate, steps, and evaluation draws.

    On harder data, such as circles at 0.4, both prune the whole network: agreement there would say little.
    """
    data = moons.generate(0.3, n_train=200, n_validation=10, n_test=10, seeds=[0])
    x, y, *_ = data.split(0)
    cells = [ALL_MODELS[name]] * STARTS
    joint = stack_joint(NETWORK, cells, x, y, torch.float32)
    streams = Streams([f"start-{i}" for i in range(STARTS)], [f"pair-{i}" for i in range(STARTS)])
    settings = {"steps": 3000, "learning_rate": 0.02, "schedule": "constant", "warm_up": 0.0}
    medians = [
        np.median(elbo(joint, quick_method(method, **settings).fit(joint, streams).posterior, streams))
        for method in ("mean_field", "pymc_advi")
    ]
    assert min(medians) > -len(x) * np.log(2) + 10  # more than any network that predicts 1/2 everywhere
    assert abs(medians[0] - medians[1]) < max(2.0, 0.01 * abs(medians[1])), medians


@pytest.mark.slow
def test_starts_at_the_initial_values_of_mean_field():
    models = [ALL_MODELS[name] for name in ("scale_mixture-1", "laplace-half_cauchy")]
    joint = stack_joint(NETWORK, models, *small_data(), torch.float64)
    streams = Streams(["a", "b"], ["pair"] * 2, dtype=torch.float64)
    settings = {"steps": 3, "learning_rate": 1e-30, "initial_scale": 0.5, "initial_sd": 0.02}
    found, expected = (quick_method(m, **settings).fit(joint, streams) for m in ("pymc_advi", "mean_field"))
    for key in ("loc", "sd"):
        torch.testing.assert_close(found.posterior.arrays[key], expected.posterior.arrays[key], rtol=1e-6, atol=1e-9)
    # At so narrow a q the one-draw ELBOs differ by their draws only: far less than any constant left out.
    assert abs(found.trace.mean(1) - expected.trace.mean(1)).max() < 20


@pytest.mark.slow
def test_a_diverging_cell_is_not_finite_and_its_copy_is_not_fitted_again(monkeypatch):
    joint = stack_joint(NETWORK, [ALL_MODELS["normal-1"]] * 2, *small_data(), torch.float32)
    fitted, fit_cell = [], PymcAdvi._fit_cell
    monkeypatch.setattr(PymcAdvi, "_fit_cell", lambda *a: fitted.append(a[2]) or fit_cell(*a))
    method = PymcAdvi(steps=20)
    object.__setattr__(method, "learning_rate", float("nan"))  # which its settings would refuse
    fit = method.fit(joint, Streams(["a", "a"], ["p", "p"]))
    assert fitted == [0]
    assert torch.isnan(fit.posterior.arrays["loc"]).all()
    assert np.isnan(fit.trace[:, -1]).all()


def test_skips_what_has_no_form_in_pymc():
    class Odd(Prior):
        name = "odd"

    images = networks.make({"kind": "lenet", "channels": [2], "kernel": 3}, (1, 8, 8), 10)
    model = ALL_MODELS["laplace-half_cauchy"]
    assert PymcAdvi().skip(NETWORK, model, Categorical()) is None
    assert "dense networks only" in PymcAdvi().skip(images, model, Categorical())
    assert "prior 'odd' has no PyMC form" in PymcAdvi().skip(NETWORK, Model(Odd(), 1.0), Categorical())


def test_fewer_steps_than_asked_for_are_an_interruption():
    """PyMC swallows Ctrl-C and hands over what it has."""

    class Interrupted:
        hist = np.zeros(3)

        def fit(self, steps, **settings):
            return None

    with pytest.raises(KeyboardInterrupt):
        optimise(Interrupted(), 5, 0.01)
