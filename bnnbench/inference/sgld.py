"""Stochastic gradient Langevin dynamics (Welling & Teh 2011) with cyclical step sizes (Zhang et al. 2020).

Targets exp(U / T), U being the log joint of the latents, estimated from a minibatch by N / batch size. With learning
rate l_t one step is (Welling & Teh, eq. 4, with step size epsilon_t = 2 l_t / N)

    latents <- latents + (l_t / N) grad U + sqrt(2 T l_t / N) noise,   noise ~ N(0, I)

so that l_t is that of gradient descent on the loss per training point. l_t falls from `learning_rate` to 0 as a
cosine in each cycle. The first part of a cycle explores without noise, the last, a share `sampling` of it, samples.
There is no Metropolis test. With all data in each gradient and a constant rate, the stationary variance of a Gaussian
direction of precision a is (T / a) / (1 - l a / 2N), which is too wide; minibatches add their own noise to that.
"""

import math
from dataclasses import dataclass

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, PositiveShare, Share, WholeNumber
from bnnbench.inference._base import DrawsPosterior, Method
from bnnbench.inference._langevin import check, sample
from bnnbench.inference._optimise import Initial


@dataclass(frozen=True)
class Sgld(Method):
    """`chains` independent chains a cell, about `keep` draws over all; the first `burn_in` cycles keep none.

    The learning rate rises linearly over the first `warm_up`, a share, of the first cycle. `batch_size` None: all
    points at once.
    """

    steps: Count = 5000
    learning_rate: Positive = 0.2
    batch_size: Count | None = None
    cycles: Count = 4
    sampling: PositiveShare = 0.8
    burn_in: WholeNumber = 0
    warm_up: Share = 0.0
    temperature: NonNegative = 1.0
    chains: Count = 8
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
            return latents + step * gradient + math.sqrt(2 * temperature * step) * noise, velocity

        return sample(self, joint, streams, progress, update)


METHOD = Sgld
