"""What the witnesses that run PyMC share: one cell after the other, in double precision and on the processor."""

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.inference._base import Method
from bnnbench.inference._trace import stretch_of
from bnnbench.model import pymc_models


class PymcMethod(Method):
    """A method on PyMC's own form of a cell's model."""

    on_processor = True
    needs_exact_density = True

    def skip(self, network, model, likelihood):
        return pymc_models.unsupported(network, model, likelihood)


def fit_each(joint, streams, purpose, fit_cell, progress, total):
    """Stack what fit_cell(cell, seed) returns, a tuple of arrays: a list of arrays (cells, ...).

    A stack may be filled up with copies of a cell: they are fitted once.
    """
    fitted = {}
    for cell, owner in enumerate(streams.owners):
        if owner not in fitted:
            fitted[owner] = fit_cell(cell, int(generator(owner, purpose).integers(2**31)))
        progress(round(total * (cell + 1) / joint.n_cells), total)
    return [np.stack(arrays) for arrays in zip(*(fitted[owner] for owner in streams.owners), strict=True)]


def model_of(joint, cell):
    """PyMC's model of a cell on its training data."""
    which = joint.which[cell]
    x, y = joint.x[which].cpu().double().numpy(), joint.y[which].cpu().numpy()
    return pymc_models.build(joint.network, joint.models[cell], x, y, joint.likelihood)


def order(joint, cell, approximation):
    """Where PyMC's flat vector holds each of our latents, (latents,); -1 for inert ones, which it does not have."""
    slices = {name: (part, shape) for name, part, shape, _ in approximation.groups[0].ordering.values()}
    network, model = joint.network, joint.models[cell]
    place = {name: np.arange(part.start, part.stop).reshape(shape) for name, (part, shape) in slices.items()}
    found = pymc_models.point_to_latents(network, model, place, joint.likelihood).astype(int)
    active = joint.prior.active[cell].cpu().numpy()
    found[~active] = -1
    return found


class Counted:
    """A callback of `pm.sample` by which an interruption is one: PyMC ends the chain at Ctrl-C and begins the next.

    chains, length: how many chains, and how many draws in each, tuning included
    """

    def __init__(self, chains, length):
        self.chains, self.length, self._counts = chains, length, {}

    def __call__(self, trace, draw):
        if any(count < self.length for chain, count in self._counts.items() if chain != draw.chain):
            raise KeyboardInterrupt  # which ends this chain too, and so on to the last
        self._counts[draw.chain] = self._counts.get(draw.chain, 0) + 1

    @property
    def interrupted(self):
        """Whether draws are missing of what was begun. Ask when `pm.sample` is over."""
        return 0 < sum(self._counts.values()) < self.chains * self.length


def optimise(inference, steps, learning_rate):
    """The ELBO of each step under PyMC's Adam, (steps,), with NaN last if it diverged: PyMC stops at the first NaN.

    Raises KeyboardInterrupt where it was interrupted, which PyMC takes for the wish to have fewer steps.
    """
    import pymc as pm

    elbo = np.full(steps, np.nan)
    try:
        inference.fit(steps, obj_optimizer=pm.adam(learning_rate=learning_rate), progressbar=False)
    except FloatingPointError:
        elbo[: len(inference.hist)] = -inference.hist
    else:
        if len(inference.hist) < steps:
            raise KeyboardInterrupt
        elbo[:] = -inference.hist
    return elbo


def trace_of(elbos):
    """Steps and means of the stretches of steps that end there, as `maximise` gives them, from (cells, steps)."""
    steps = elbos.shape[1]
    stretch = stretch_of(steps)
    whole = steps // stretch * stretch
    return np.arange(stretch, whole + 1, stretch), elbos[:, :whole].reshape(len(elbos), -1, stretch).mean(2)
