"""Microcanonical dynamics against their equations, the tuning against the error it is tuned to, and the sampler."""

import numpy as np
import pytest
import torch
from scenarios import LinearGaussian, small_data, stack_joint
from scipy.integrate import solve_ivp

from bnnbench.inference import _microcanonical as micro
from bnnbench.inference import make
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.priors.normal import Normal

PRECISION = torch.tensor([1.0, 4.0, 0.25, 2.0], dtype=torch.float64)
ACTIVE = torch.ones(1, 4, dtype=torch.float64)


def gaussian(x):
    return -0.5 * (PRECISION * x.square()).sum(1), -PRECISION * x


def walkers(n: int = 1):
    generator = torch.Generator().manual_seed(0)
    x, noise = (torch.randn(n, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    return micro.Walkers.at(gaussian, x, noise)


def test_small_steps_follow_the_equations_of_motion():
    at, steps, time = walkers(), 2000, 2.0

    def velocity(_, state):
        x, u = np.split(state, 2)
        force = -PRECISION.numpy() * x / 3
        return np.concatenate([u, force - u * (u @ force)])

    start = np.concatenate([at.position[0].numpy(), at.direction[0].numpy()])
    expected = solve_ivp(velocity, (0, time), start, rtol=1e-10, atol=1e-12).y[:, -1]
    total = 0.0
    for _ in range(steps):
        at, error = micro.move(gaussian, at, torch.full((1,), time / steps, dtype=torch.float64), ACTIVE)
        total += float(error)
    np.testing.assert_allclose(torch.cat([at.position, at.direction], 1)[0], expected, atol=1e-5)
    assert abs(total) < 1e-5 and float(at.direction.norm()) == pytest.approx(1)


def test_a_step_can_be_taken_back_and_its_error_is_of_third_order():
    step = torch.full((50,), 0.2, dtype=torch.float64)
    before, active = walkers(50), ACTIVE.expand(50, -1)
    after, error = micro.move(gaussian, before, step, active)
    after.direction = -after.direction
    back, other = micro.move(gaussian, after, step, active)
    torch.testing.assert_close(back.position, before.position)
    torch.testing.assert_close(back.direction, -before.direction)
    torch.testing.assert_close(other, -error)
    _, smaller = micro.move(gaussian, before, step / 2, active)
    assert 6 < float(error.abs().median() / smaller.abs().median()) < 10.5


def test_directions_are_forgotten_over_the_length_and_stay_of_length_one():
    n, step, length = 4000, 0.1, 2.0
    at, active = walkers(n), ACTIVE.expand(n, -1)
    first, generator = at.direction, torch.Generator().manual_seed(1)
    sizes = [torch.full((n,), value, dtype=torch.float64) for value in (step, length)]
    for _ in range(20):  # one length
        noise = torch.randn(n, 4, dtype=torch.float64, generator=generator)
        at = micro.decohere(at, *sizes, noise, active)
    assert float(at.direction.norm(dim=1).std()) < 1e-12
    # All but the part of the noise along the direction turns it: (d - 1) / d.
    assert float((at.direction * first).sum(1).mean()) == pytest.approx(np.exp(-3 / 4), abs=0.04)


@pytest.mark.parametrize("wanted", [0.01, 0.0005])
def test_the_step_is_tuned_to_the_variance_of_the_energy_error(wanted):
    n, generator = 64, torch.Generator().manual_seed(2)
    at, active, d = walkers(n), ACTIVE.expand(n, -1), torch.full((n,), 4.0, dtype=torch.float64)
    tuned, length = micro.StepSize.start(torch.full((n,), 0.01, dtype=torch.float64)), torch.full_like(d, 2.0)
    errors = []
    for t in range(1500):
        at, error = micro.move(gaussian, at, tuned.step, active)
        noise = torch.randn(n, 4, dtype=torch.float64, generator=generator)
        at = micro.decohere(at, tuned.step, length, noise, active)
        if t < 700:
            tuned.update(error, d, wanted)
        else:
            errors.append(error)
    found = float(torch.stack(errors).square().mean()) / 4
    assert 0.4 < found / wanted < 2.5


def test_what_numbers_cannot_hold_is_not_entered():
    at = walkers(2)
    at.position[1] = 1e200
    at.value, at.gradient = gaussian(at.position)
    new, error = micro.move(gaussian, at, torch.full((2,), 0.1, dtype=torch.float64), ACTIVE.expand(2, -1))
    assert bool(error[0].isfinite()) and bool(error[1].isinf())
    assert (new.position[1] == at.position[1]).all() and (new.direction[1] == -at.direction[1]).all()
    tuned = micro.StepSize.start(torch.full((2,), 0.1, dtype=torch.float64))
    tuned.update(error, torch.full((2,), 4.0, dtype=torch.float64), 0.1)
    assert float(tuned.step[1]) == pytest.approx(0.08)


def test_a_larger_error_is_a_larger_bias_and_is_reported():
    joint = LinearGaussian()
    found = {}
    for wanted in (0.3, 0.0005):
        settings = {
            "chains": 4,
            "start_steps": 300,
            "tune": 300,
            "samples": 600,
            "keep": 100,
            "energy_variance": wanted,
        }
        found[wanted] = make("mile", settings).fit(joint, joint.streams())
    coarse, fine = (found[w].diagnostics for w in (0.3, 0.0005))
    assert (coarse["step_size"] > 2 * fine["step_size"]).all()
    assert (coarse["energy_variance"] > 10 * fine["energy_variance"]).all()
    assert (fine["energy_variance"] < 0.003).all()


def test_chains_of_a_network_agree_and_draws_are_more_than_the_modes_they_began_at():
    models = [Model(Normal(), 1.0)]
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), models, *small_data(60), torch.float32)
    settings = {"chains": 4, "start_steps": 300, "tune": 300, "samples": 700, "keep": 400}
    fit = make("mile", settings).fit(joint, Streams(["a"], ["p"]))
    assert fit.diagnostics["function_rhat"][0] < 1.2 and fit.diagnostics["gradients"][0] == 4 * (300 + 2 * 1000)
    assert fit.posterior.arrays["draws"][0].std(0)[joint.prior.active[0]].min() > 0.2
