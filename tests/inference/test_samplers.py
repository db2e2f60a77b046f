"""Samplers: moments against exact ones within Monte Carlo error from ESS, known biases, halves, divergences."""

from itertools import pairwise

import arviz as az
import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, LinearGaussian, by_chain, quick_method, small_data, stack_joint

from bnnbench import networks
from bnnbench.base.progress import SILENT
from bnnbench.inference import DrawsPosterior
from bnnbench.inference._chains import Chains, Gathered
from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.inference._hamiltonian import Kernel, Spread, State, Target, transition
from bnnbench.inference._langevin import cyclical, kept_steps, schedule
from bnnbench.inference._rounds import Run
from bnnbench.inference.hmc import Hmc
from bnnbench.inference.sghmc import Sghmc
from bnnbench.inference.sgld import Sgld
from bnnbench.inference.swag import SwagPosterior
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.networks.mlp import build as mlp

SMALL = {"tune": 60, "samples": 60, "leapfrogs": 8, "keep": 80, "rounds": 1}


def streams_of(*names, dtype=torch.float32):
    return Streams(list(names), ["pair"] * len(names), dtype=dtype)


def test_hmc_has_the_mean_and_covariance_of_a_linear_model():
    joint = LinearGaussian()
    fit = Hmc(leapfrogs=8, samples=1000, keep=8000, rounds=1).fit(joint, joint.streams())
    chains = by_chain(fit.posterior.arrays["draws"][:, :, :3].numpy(), 8)
    for cell, precision, mean in zip(chains, joint.precisions, joint.posterior_mean, strict=True):
        covariance, centred = np.linalg.inv(precision), cell - mean
        for i in range(3):
            error = np.sqrt(covariance[i, i] / az.ess(centred[:, :, i], method="mean"))
            assert abs(centred[:, :, i].mean()) < 4 * error
            for j in range(i + 1):
                product = centred[:, :, i] * centred[:, :, j]
                error = product.std() / np.sqrt(az.ess(product, method="mean"))
                assert abs(product.mean() - covariance[i, j]) < 4 * error
    assert (fit.diagnostics["function_rhat"] < 1.01).all()
    assert (fit.diagnostics["function_ess"] > 400).all()
    assert (fit.diagnostics["divergences"] == 0).all()


@pytest.mark.parametrize("method", [Sgld, Sghmc])
def test_langevin_samplers_have_their_stated_variance(method, monkeypatch):
    """At a constant rate, along each eigenvector of the precision; the rate is so large that the bias shows."""
    monkeypatch.setattr("bnnbench.inference._langevin.cyclical", lambda step, steps, *_: (0.2, step > 300))
    joint = LinearGaussian()
    settings = method(steps=12_000, keep=64_000, chains=16, cycles=1)
    draws = settings.fit(joint, joint.streams()).posterior.arrays["draws"][:, :, :3].numpy()
    biases = []
    for cell, precision, mean in zip(by_chain(draws, 16), joint.precisions, joint.posterior_mean, strict=True):
        values, vectors = np.linalg.eigh(precision)
        friction = getattr(settings, "friction", 1.0)  # SGLD is SGHMC with all velocity lost in each step
        factor = 1 / (1 - 0.2 * values / joint.n_points / (4 - 2 * friction))
        squares = ((cell - mean) @ vectors) ** 2 * values
        for k in range(3):
            error = squares[:, :, k].std() / np.sqrt(az.ess(squares[:, :, k], method="mean"))
            assert abs(squares[:, :, k].mean() - factor[k]) < 4 * error
            biases.append((factor[k] - 1) / error)
    assert max(biases) > 8  # the exact variance would not have passed


def test_learning_rates_fall_in_cycles_and_what_is_kept_is_of_the_sampling_parts():
    rates = [cyclical(t, 100, 4, 0.1, 0.5) for t in range(100)]
    assert rates[0] == rates[25] == (0.1, False)
    assert [s for _, s in rates[:25]] == [t / 25 >= 0.5 for t in range(25)]
    assert all(a > b for (a, _), (b, _) in pairwise(rates[:25]))
    kept = kept_steps(Sgld(steps=100, cycles=4, sampling=0.5, chains=2, keep=20))
    assert len(kept) == 10
    assert all(rates[t][1] for t in kept)
    after = kept_steps(Sgld(steps=100, cycles=4, sampling=0.5, burn_in=2, chains=2, keep=20))
    assert len(after) == 10
    assert min(after) >= 50  # two cycles of 25
    with pytest.raises(ValueError, match="burn_in is 4: it must be fewer cycles than the 4"):
        Sgld(cycles=4, burn_in=4)


def test_learning_rates_rise_at_the_start_of_the_first_cycle_alone():
    plain, rising = (Sghmc(steps=100, cycles=4, learning_rate=0.1, warm_up=share) for share in (0, 0.4))
    rates, full = ([schedule(s, t)[0] for t in range(100)] for s in (rising, plain))
    ratio = np.array(rates) / full
    np.testing.assert_allclose(ratio[:10], np.arange(1, 11) / 10)
    assert (ratio[10:] == 1).all()
    with pytest.raises(ValueError, match="warm_up is 50: it must be a number of at least 0 and of at most 1"):
        Sghmc(warm_up=50)


def test_the_first_half_of_the_draws_is_of_the_first_half_of_the_chains():
    chains = torch.arange(4.0).reshape(1, 4, 1, 1).expand(2, 4, 3, 5)
    draws = DrawsPosterior.of_chains(None, chains).arrays["draws"]
    assert draws.shape == (2, 12, 5)
    assert draws[0, :, 0].tolist() == [0, 1] * 3 + [2, 3] * 3
    np.testing.assert_array_equal(by_chain(draws.numpy(), 4), chains.numpy())


def test_divergences_are_counted_and_a_failed_round_is_followed_by_a_longer_one(monkeypatch):
    """A step far too large after warm-up: most trajectories diverge, and the next round's step is smaller."""
    joint = stack_joint(mlp((2,), 2), [ALL_MODELS["normal-1"]] * 2, *small_data(), torch.float32)
    streams, sound = streams_of("a", "b"), Hmc(**SMALL).fit
    assert (sound(joint, streams).diagnostics["divergences"] == 0).all()
    averaged = "bnnbench.inference._hamiltonian.DualAveraging.averaged"
    monkeypatch.setattr(averaged, lambda self: torch.full_like(self.target, 5.0))
    fit = Hmc(**SMALL).fit(joint, streams)
    assert (fit.diagnostics["divergences"] > 100).all()
    assert (fit.diagnostics["acceptance"] < 0.1).all()
    monkeypatch.setattr(averaged, lambda self: torch.where(self.target > 0.92, 0.005, 5.0).double())
    again = Hmc(**SMALL | {"rounds": 2}).fit(joint, streams)
    assert (again.diagnostics["divergences"] == 0).all()
    np.testing.assert_array_equal(again.diagnostics["earlier_divergences"], fit.diagnostics["divergences"])
    assert (again.diagnostics["draws_run"] == 2 * fit.diagnostics["draws_run"]).all()
    assert again.diagnostics["step_size"] == pytest.approx(0.005)


def test_a_cell_of_hmc_is_the_same_alone_in_a_stack_and_after_its_neighbours_have_passed():
    models = [ALL_MODELS[m] for m in ("normal-1", "laplace-half_cauchy", "cauchy-1", "flat")]
    method = Hmc(**SMALL | {"rounds": 2})

    def fit(cells):
        joint = stack_joint(mlp((2,), 2), [models[c] for c in cells], *small_data(), torch.float32)
        return method.fit(joint, streams_of(*map(str, cells)))

    together = fit([0, 1, 2, 3, 3, 3])  # filled up with copies, as a shard's last stack is
    for cell in range(4):
        alone = fit([cell])
        torch.testing.assert_close(alone.posterior.arrays["draws"][0], together.posterior.arrays["draws"][cell])
        for name, value in alone.diagnostics.items():
            assert value[0] == pytest.approx(together.diagnostics[name][cell]), name
    torch.testing.assert_close(*together.posterior.arrays["draws"][[3, 5]])
    assert (together.posterior.arrays["draws"][0, :, -6:] == 0).all()  # inert log scales stay


def test_the_energy_is_precise_enough_in_float32():
    """At 700 points the error of a difference of energies is far below the nat that acceptance is decided on."""
    x, y = small_data(700)
    latents = torch.randn(
        50, mlp((2,), 2).n_weights + 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    values = []
    for dtype in (torch.float32, torch.float64):
        joint = stack_joint(mlp((2,), 2), [ALL_MODELS["normal-1"]] * 50, x, y, dtype)
        values.append(joint.log_density(latents.to(dtype)).double())
    assert (values[0] - values[1]).abs().max() < 5e-3


def test_diagnostics_see_chains_that_disagree_and_functions_that_do_not_move():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((4, 500, 3))
    rhat, ess = worst_rhat_and_ess(values)
    assert rhat < 1.01
    assert ess > 1000
    values[0, :, 1] += 2
    rhat, ess = worst_rhat_and_ess(values)
    assert rhat > 1.2
    assert ess < 50
    values[:, :, 2] = np.arange(4)[:, None]  # every chain stays where it is
    assert worst_rhat_and_ess(values) == (np.inf, 0.0)
    values[:, :, 2] = 1.0
    assert worst_rhat_and_ess(values) == (np.inf, 0.0)


def test_diagnostics_of_chains_that_say_little_are_not_known_and_print_nothing(caplog, recwarn):
    rng = np.random.default_rng(0)
    assert np.isnan(worst_rhat_and_ess(rng.standard_normal((4, 3, 2)))).all()
    two_valued = rng.integers(0, 2, (4, 100, 1)) * 2.0
    halves = np.repeat([[[0.0], [1.0]]], 50, axis=1).repeat(2, axis=0)  # each half chain stays where it is
    unknown = np.concatenate([rng.standard_normal((4, 100, 1)), two_valued], axis=2)
    for values in (two_valued, halves, unknown):
        rhat, ess = worst_rhat_and_ess(values)
        assert np.isnan(rhat) or rhat > 0.99
        assert ess >= 0
    assert not recwarn.list and not caplog.records


def test_hmc_of_data_that_say_nothing_prints_nothing(caplog, recwarn):
    joint = stack_joint(mlp((2,), 2), [ALL_MODELS["normal-1"]], np.zeros((20, 2)), np.arange(20) % 2, torch.float32)
    for settings in ({"tune": 4, "samples": 4, "keep": 8}, {"tune": 4, "samples": 1, "keep": 2}, {"tune": 20}):
        Hmc(**SMALL | {"chains": 2} | settings).fit(joint, streams_of("a"))
    assert not recwarn.list and not caplog.records


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_probes_are_log_odds_at_training_inputs(n_classes):
    x, y = small_data(30)
    network = mlp((2,), n_classes)
    joint = stack_joint(network, [ALL_MODELS["normal-1"]], x, y * 0)
    latents = torch.randn(1, joint.prior.n_latents, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = probe(joint, 5)(latents)[0]
    index = torch.linspace(0, 29, 5).long()
    logits = forward(network, latents[:, : network.n_weights], torch.as_tensor(x)[index].T[None])[0]
    proba = logits.softmax(0)
    expected = logits[0] if n_classes == 1 else torch.logit(proba[1] if n_classes == 2 else proba).flatten()
    torch.testing.assert_close(values, expected)


@pytest.mark.slow
def test_hmc_agrees_with_pymc_nuts():
    """Predicted probabilities of one cell, 60 points: as close as Monte Carlo error lets two sound samplers be."""
    import pymc as pm

    from bnnbench.model import pymc_models

    network, (x, y) = networks.make({"kind": "mlp", "hidden": [3]}, (2,), 2), small_data(60)
    model = ALL_MODELS["normal-half_normal"]
    joint = LogJoint(network, [model], *(torch.as_tensor(a)[None] for a in (x, y)), torch.zeros(1, dtype=torch.long))
    fit = Hmc(keep=1600, leapfrogs=32, rounds=1).fit(joint, streams_of("cell", dtype=torch.float64))
    with pymc_models.build(network, model, x, y):
        trace = pm.sample(400, tune=400, chains=4, cores=1, random_seed=1, target_accept=0.9, progressbar=False)
    functions_of, draws = probe(joint, 20), fit.posterior.arrays["draws"][0]
    names = [name for name in trace.posterior.data_vars if not name.endswith(".scale_log__")]
    point = {name: trace.posterior[name].values for name in names}
    weights = np.concatenate([point[p.name].reshape(4, 400, -1) for p in network.parameters], axis=2)
    theirs = _probabilities(network, joint, torch.as_tensor(weights).flatten(0, 1)).reshape(4, 400, -1)
    ours = torch.sigmoid(torch.cat([functions_of(d[None]) for d in draws])).numpy()
    ours = by_chain(ours[None], 8)[0]
    for k in range(ours.shape[2]):
        errors = [p[:, :, k].std() / np.sqrt(az.ess(p[:, :, k], method="mean")) for p in (ours, theirs)]
        assert abs(ours[:, :, k].mean() - theirs[:, :, k].mean()) < 4.5 * np.hypot(*errors)
        assert max(errors) < 0.02


def _probabilities(network, joint, weights):
    index = torch.linspace(0, joint.n_points - 1, 20).long()
    x = joint.x[0, index].T[None].expand(len(weights), -1, -1)
    return forward(network, weights, x).softmax(1)[:, 1].numpy()


def test_swag_draws_have_the_moments_that_it_states():
    joint = LinearGaussian()
    generator = torch.Generator().manual_seed(0)
    loc, deviations = torch.randn(3, 5, generator=generator), torch.randn(3, 4, 5, generator=generator)
    arrays = {"loc": loc, "variance": torch.rand(3, 5, generator=generator), "deviations": deviations}
    posterior = SwagPosterior(joint.prior, arrays)
    draw = posterior.draws(streams_of("a", "b", "c"), "test")
    draws = torch.stack([draw(s) for s in range(20_000)]).numpy()
    for c in range(3):
        d = deviations[c].numpy()
        covariance = np.diag(arrays["variance"][c] / 2) + d.T @ d / (2 * 3)
        spread = np.sqrt(np.diag(covariance))
        correlated = np.sqrt((np.outer(spread, spread) ** 2 + covariance**2) / 20_000)
        assert (abs(np.cov(draws[:, c].T) - covariance) < 4.5 * correlated).all()
        assert (abs(draws[:, c].mean(0) - loc[c].numpy()) < 4.5 * spread / np.sqrt(20_000)).all()


@pytest.mark.parametrize("name", ["hmc", "sgld", "sghmc", "swag"])
def test_learned_scales_and_fixed_ones_stay_finite(name):
    joint = stack_joint(mlp((2,), 2), list(ALL_MODELS.values()), *small_data(), torch.float32)
    fit = quick_method(name, **SMALL | {"steps": 100}).fit(joint, streams_of(*ALL_MODELS))
    for array in fit.posterior.arrays.values():
        assert torch.isfinite(array).all()
    draw = fit.posterior.draws(streams_of(*ALL_MODELS), "test")(0)
    assert (draw[~joint.prior.active] == 0).all()


@pytest.mark.parametrize("method", [Sgld, Sghmc])
def test_langevin_samplers_record_whether_their_chains_agree(method):
    joint = LinearGaussian()

    def fit(rate):
        return method(steps=2000, learning_rate=rate, chains=4, cycles=1, keep=400).fit(joint, joint.streams())

    mixed, stuck = fit(0.2), fit(1e-5)
    assert (mixed.diagnostics["function_rhat"] < 1.1).all() and (mixed.diagnostics["function_ess"] > 50).all()
    assert (stuck.diagnostics["function_rhat"] > 1.5).all() and (stuck.diagnostics["function_ess"] < 20).all()


@pytest.mark.parametrize("method", [Sgld, Sghmc])
def test_one_chain_is_not_compared_with_itself(method):
    joint = LinearGaussian()
    fit = method(steps=200, chains=1, keep=20).fit(joint, joint.streams())
    assert not fit.diagnostics and fit.posterior.arrays["draws"].shape[1] == 20


@pytest.mark.parametrize("centring", [0.0, 0.4, 1.0])
def test_centring_changes_the_coordinates_and_not_the_density(centring):
    models = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy", "cauchy-inverse_gamma")]
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), models, *small_data(20))
    target = Target(joint, torch.full((3, joint.prior.n_scales), centring, dtype=torch.float64))
    rng = np.random.default_rng(0)
    latents, direction = torch.from_numpy(rng.standard_normal((2, 3, joint.prior.n_latents)))
    position = target.position(latents)
    torch.testing.assert_close(target.latents(position), latents)
    jacobian = torch.autograd.functional.jacobian(lambda u: target.latents(u).sum(0), position).permute(1, 0, 2)
    value, gradient = target.value_and_gradient(position)
    torch.testing.assert_close(value, joint.log_density(latents) + torch.linalg.slogdet(jacobian).logabsdet)
    torch.testing.assert_close(target.log_joint(State.at(target, position)), joint.log_density(latents))

    step = 1e-6 * direction
    ends = [target.value_and_gradient(position + sign * step)[0] for sign in (1, -1)]
    torch.testing.assert_close((gradient * step).sum(1), (ends[0] - ends[1]) / 2, rtol=1e-5, atol=1e-12)


def test_a_trajectory_diverges_where_its_energy_is_off_by_more_than_a_thousand_nats():
    """On a Gaussian, where the leapfrog's error is known: from steps that are rejected to steps that explode."""
    joint = LinearGaussian()
    target = Target(joint, joint.x.new_zeros((joint.n_cells, joint.prior.n_scales)))
    state = State.at(target, torch.zeros(joint.n_cells, joint.prior.n_latents, dtype=joint.x.dtype))
    noise = joint.streams().normals("test", (joint.prior.n_latents + 1,)).step(0)
    seen = set()
    for step in np.geomspace(0.1, 3, 60):
        kernel = Kernel.initial(joint, float(step))
        _, _, divergent = transition(target, state, kernel, noise, 3)
        for cell in range(joint.n_cells):
            error = leapfrog_error(joint, cell, noise[cell, :-1].numpy(), float(step), 3)
            seen.add((error > 10, error > 1000))
            if not 990 < error < 1010:
                assert bool(divergent[cell]) == (error > 1000), (step, error)
    assert seen == {(False, False), (True, False), (True, True)}


def leapfrog_error(joint, cell, momentum, step, n):
    """Energy error of a leapfrog trajectory from 0, of the weights under their exact quadratic log density."""
    precision, mean, p = joint.precisions[cell], joint.posterior_mean[cell], momentum[:3].copy()

    def energy(q, p):
        return 0.5 * (q - mean) @ precision @ (q - mean) + 0.5 * p @ p

    q = np.zeros(3)
    before = energy(q, p)
    p = p - 0.5 * step * precision @ (q - mean)
    for i in range(n):
        q = q + step * p
        p = p - (step if i + 1 < n else 0.5 * step) * precision @ (q - mean)
    return energy(q, p) - before


def test_the_mass_is_the_inverse_of_the_chains_own_variance():
    """Pooled over chains, each about its own mean: modes that mirror each other are no spread."""
    sds = torch.tensor([0.1, 1.0, 5.0])
    spread, generator = Spread(4), torch.Generator().manual_seed(0)
    centres = 100.0 * torch.arange(8)[:, None]
    for _ in range(2000):
        spread.add(centres + sds * torch.randn(8, 3, generator=generator))
    found = spread.inverse_mass(torch.ones(2, 3, dtype=torch.bool))
    np.testing.assert_allclose(found.numpy(), np.tile(sds.numpy() ** 2, (2, 1)), rtol=0.08)
    assert not spread.inverse_mass(torch.zeros(2, 3, dtype=torch.bool)).any()


def test_what_chains_want_to_accept_survives_a_resume():
    """It is raised in cells that diverged, so it is not what the settings say."""
    joint, cells = LinearGaussian(), [0, 1, 2]
    settings = Hmc(**SMALL)

    def started():
        return Chains.start(settings, joint, joint.streams(), cells)

    run = Run(started(), cells, SILENT, stretch="round-1", gathered=Gathered(Spread(settings.chains)))
    run.chains.target_acceptance = torch.full_like(run.chains.target_acceptance, 0.97)
    resumed = Run.resumed(run.snapshot(), started(), cells, SILENT)
    assert (resumed.chains.target_acceptance == 0.97).all()
