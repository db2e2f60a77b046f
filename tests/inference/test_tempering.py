"""At a temperature other than 1 methods reach the tempered posterior, which is known for a linear model."""

import numpy as np
import pytest
import torch
from scenarios import LinearGaussian, quick_method

from bnnbench.base.progress import SILENT
from bnnbench.inference._langevin import sample, schedule
from bnnbench.inference.sgld import Sgld

TEMPERATURE = 0.25


@pytest.mark.parametrize("rank", [None, 2])
def test_full_rank_tempers_likelihood_against_prior_and_entropy(rank):
    """log p(y | w) + T log p(w) + T H[q] has its optimum at the covariance T (data precision + T prior precision)⁻¹."""
    joint = LinearGaussian()
    method = quick_method("full_rank", steps=6000, learning_rate=0.02, rank=rank, temperature=TEMPERATURE)
    draw = method.fit(joint, joint.streams()).posterior.draws(joint.streams(), "test")
    draws = torch.stack([draw(s) for s in range(4000)]).numpy()[:, :, :3]
    for cell, (precision, scale) in enumerate(zip(joint.precisions, joint.scales, strict=True)):
        tempered = precision - (1 - TEMPERATURE) * np.eye(3) / scale**2
        expected = np.sqrt(TEMPERATURE * np.diag(np.linalg.inv(tempered)))
        np.testing.assert_allclose(draws[:, cell].std(0), expected, rtol=0.08)


@pytest.mark.parametrize("name", ["sgld", "sghmc"])
def test_samplers_temper_the_whole_posterior(name):
    """exp(U / T) of a Gaussian has T times its covariance; at this rate the samplers' own bias is below 2%."""
    joint = LinearGaussian()
    method = quick_method(name, steps=6000, learning_rate=0.03, temperature=TEMPERATURE, chains=16, keep=4000)
    draws = method.fit(joint, joint.streams()).posterior.arrays["draws"][:, :, :3].numpy()
    expected = np.sqrt(TEMPERATURE) * joint.marginal_sd
    np.testing.assert_allclose(draws.std(1), expected, rtol=0.12)
    assert (abs(draws.mean(1) - joint.posterior_mean) < 0.2 * expected).all()


def test_a_cycle_explores_without_noise():
    """The part of a cycle that is no sampling one is gradient ascent: its update is told a temperature of 0."""
    joint, told = LinearGaussian(), []
    settings = Sgld(steps=60, cycles=2, sampling=0.4, chains=2, keep=4, temperature=0.7)

    def update(latents, velocity, gradient, rate, temperature, noise):
        told.append(temperature)
        return latents + rate / joint.n_points * gradient, velocity

    sample(settings, joint, joint.streams(), SILENT, update)
    assert told == [0.7 if schedule(settings, step)[1] else 0.0 for step in range(60)]
    assert told.count(0.0) == 36
