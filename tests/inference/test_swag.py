"""SWAG's spread is that of the path of SGD with momentum, whatever the posterior's is."""

import numpy as np
import torch
from scenarios import LinearGaussian, quick_method

from bnnbench.inference.swag import Swag


def sgd_path(joint: LinearGaussian, swag: Swag) -> np.ndarray:
    """Standard deviations of the iterates of SGD as `swag` runs it, (cells, weights).

    Minibatches without replacement leave no closed form: from a long run of the stated update in NumPy.
    """
    rng, n = np.random.default_rng(1), joint.n_points
    x, y = joint.x[0].numpy(), joint.y[0].numpy()
    design = np.column_stack([x, np.ones(n)])
    w, velocity, path = joint.posterior_mean.copy(), 0.0, []
    for _ in range(20_000):
        rows = rng.permutation(n)[: swag.batch_size]  # an epoch of 40 points has room for one batch of 32
        likelihood = (y[rows] - w @ design[rows].T) @ design[rows] * n / len(rows) / joint.noise**2
        gradient = likelihood - w / np.square(joint.scales)[:, None]
        velocity = swag.momentum * velocity + swag.swa_learning_rate / n * gradient
        w = w + velocity
        path.append(w)
    return np.std(path, axis=0)


def test_the_spread_is_that_of_the_path():
    joint = LinearGaussian()
    swag = quick_method("swag", steps=6000, learning_rate=0.03)
    draw = swag.fit(joint, joint.streams()).posterior.draws(joint.streams(), "test")
    draws = torch.stack([draw(s) for s in range(4000)]).numpy()[:, :, :3]
    path = sgd_path(joint, swag)
    assert (
        abs(draws.mean(0) - joint.posterior_mean) < 4 * path / np.sqrt(len(draws)) + 0.03 * joint.factorised_sd
    ).all()
    # Half its variance is that of 20 points of the path, known to 1 / sqrt(2 x 19) = 16%.
    np.testing.assert_allclose(draws.std(0), path, rtol=0.3)


def test_deviations_are_from_the_mean_of_the_path_so_far():
    """The last ones kept, each from the mean of all points up to its own (Maddox et al. 2019, algorithm 1)."""
    joint, path = LinearGaussian(), []
    real = joint.value_and_gradient
    joint.value_and_gradient = lambda latents, batch: path.append(latents.clone()) or real(latents, batch)
    fit = quick_method("swag", steps=60, rank=5).fit(joint, joint.streams())
    points = torch.stack(path[1:])  # all but the last, which no gradient was taken at
    means = points.cumsum(0) / torch.arange(1, len(points) + 1)[:, None, None]
    found = fit.posterior.arrays["deviations"].transpose(0, 1)
    torch.testing.assert_close(found[:-1], (points - means)[-4:], rtol=1e-6, atol=1e-9)
