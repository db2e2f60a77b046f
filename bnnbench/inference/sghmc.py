"""Stochastic gradient Hamiltonian Monte Carlo (Chen et al. 2014) with cyclical step sizes (Zhang et al. 2020).

Targets exp(U / T), U being the log joint of the latents, estimated from a minibatch by N / batch size. With learning
rate l_t and friction f one step is (Chen et al., eq. 15, no estimate of the gradient's noise: beta-hat = 0)

    v <- (1 - f) v + (l_t / N) grad U + sqrt(2 T f l_t / N) noise,   noise ~ N(0, I);   latents <- latents + v

that is, gradient descent with momentum 1 - f on the loss per training point, and the noise that belongs to it. l_t
falls from `learning_rate` to 0 as a cosine in each cycle. The first part of a cycle explores without noise, the last,
a share `sampling` of it, samples. There is no Metropolis test. With all data in each gradient and a constant rate,
the stationary variance of a Gaussian direction of precision a is (T / a) / (1 - (l a / N) / (4 - 2 f)), which is too
wide (from the AR(2) process that the two equations make); minibatches add their own noise to that.
"""

import math
from dataclasses import dataclass

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, PositiveShare, Share, WholeNumber
from bnnbench.inference._base import DrawsPosterior, Method
from bnnbench.inference._langevin import check, sample
from bnnbench.inference._optimise import Initial


@dataclass(frozen=True)
class Sghmc(Method):
    """`chains` independent chains a cell, about `keep` draws over all; the first `burn_in` cycles keep none.

    The learning rate rises linearly over the first `warm_up`, a share, of the first cycle. `batch_size` None: all
    points at once.
    """

    steps: Count = 3000
    learning_rate: Positive = 0.1
    friction: PositiveShare = 0.1
    batch_size: Count | None = None
    cycles: Count = 4
    sampling: PositiveShare = 0.8
    burn_in: WholeNumber = 0
    warm_up: Share = 0.0
    temperature: NonNegative = 1.0
    chains: Count = 4
    keep: Count = 1000
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0

    posterior_class = DrawsPosterior

    def __post_init__(self):
        super().__post_init__()
        check(self)

    def fit(self, joint, streams, progress=SILENT):
        def update(latents, velocity, gradient, rate, temperature, noise):
            step = rate / joint.n_points
            kick = math.sqrt(2 * temperature * self.friction * step) * noise
            velocity = (1 - self.friction) * velocity + step * gradient + kick
            return latents + velocity, velocity

        return sample(self, joint, streams, progress, update)


METHOD = Sghmc
