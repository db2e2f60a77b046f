"""Convergence of chains, judged in function space: weights are not identified, what the network computes is."""

import numpy as np
import torch

from bnnbench.model.joint import LogJoint, lay_out
from bnnbench.networks._apply import forward

LEAST_DRAWS = 4
"""Draws of a chain below which R-hat of its halves is not defined."""


def probe(joint: LogJoint, n: int):
    """Function of latents (cells, latents) giving what the likelihood judges chains by, (cells, values).

    It is that of n of a cell's own training inputs, which are fixed, at even distances in the training set.
    """
    index = torch.linspace(0, joint.n_points - 1, min(n, joint.n_points), device=joint.x.device).long()
    x = joint.with_fixed_noise(lay_out(joint.network, joint.x[joint.which.unsqueeze(1), index]))

    def functions(latents: torch.Tensor) -> torch.Tensor:
        outputs = forward(joint.network, joint.prior.weights(latents), x)
        return joint.likelihood.functions(outputs, joint.prior.own(latents))

    return functions


def of_chains(joint: LogJoint, draws: torch.Tensor, n: int = 20) -> dict[str, np.ndarray]:
    """R-hat and ESS, each (cells,), of draws (cells, chains, draws, latents) at n training inputs."""
    n_cells, n_chains = draws.shape[:2]
    functions_of = probe(joint.repeat(n_chains), n)
    with torch.no_grad():
        values = torch.stack([functions_of(z).float() for z in draws.flatten(0, 1).unbind(1)], 1)
    by_cell = values.unflatten(0, (n_cells, n_chains)).cpu().numpy()
    rhat, ess = zip(*map(worst_rhat_and_ess, by_cell), strict=True)
    return {"function_rhat": np.array(rhat), "function_ess": np.array(ess)}


def worst_rhat_and_ess(values: np.ndarray) -> tuple[float, float]:
    """Largest rank-normalised split R-hat and smallest bulk ESS over functions (Vehtari et al. 2021).

    values: (chains, draws, functions). Where a function is not finite, or moves in no chain, they are inf and 0; NaN
    where chains are too short to tell.
    """
    import arviz as az  # takes seconds, which planning a run need not wait for

    if values.shape[1] < LEAST_DRAWS:
        return np.nan, np.nan
    moves = np.isfinite(values).all((0, 1)) & (np.ptp(values, axis=1) > 0).any(0)
    if not moves.all():
        return np.inf, 0.0
    series = np.moveaxis(values, 2, 0).astype(float)
    # A function of few values can have no variance within half chains, or about the median: R-hat is then a ratio to 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat = np.max([az.rhat(s, method="rank") for s in series])
        return float(rhat), float(np.min([az.ess(s, method="bulk") for s in series]))
