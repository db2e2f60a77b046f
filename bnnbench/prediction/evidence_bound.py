"""The evidence lower bound of trained Gaussians, estimated well: by draws that no step of the training had.

ln p(y) = ELBO + KL(q || posterior), so that with a known evidence it tells how far q is from the posterior, in nats.
"""

import math

import numpy as np
import torch

from bnnbench.inference import Posterior
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks._symmetries import log_symmetries

DRAWS = 400
MOST_WORK = 2_000_000
"""Training points times weights, above which it is not estimated: it would take long, and the evidence is not known."""


def evidence_bound(posterior: Posterior, joint: LogJoint, streams: Streams) -> dict[str, np.ndarray]:
    """`elbo` with its Monte Carlo standard error `elbo_se`, and `log_symmetries`, (cells,) each.

    The ELBO is that at temperature 1, whatever was maximised. Empty where the density of the posterior is not known, as
    of draws and points, where the likelihood is none or itself an estimate, and where it would take too long.
    """
    network = joint.network
    entropy = posterior.entropy()
    exact = joint.likelihood.is_density and not network.noise
    if entropy is None or not exact or joint.n_points * network.n_weights > MOST_WORK:
        return {}
    draw = posterior.draws(streams, "elbo")
    with torch.no_grad():
        values = np.stack([joint.log_density(draw(s)).double().cpu().numpy() for s in range(DRAWS)], axis=1)
        # A mean over a row that lies together does not depend on how many rows there are.
        values = np.ascontiguousarray(values)
        bound = values.mean(1) + entropy.double().cpu().numpy()
    # Of the copies of a mode no prior knows whose weights differ in where they are centred.
    symmetric = np.array([model.centre is None for model in joint.models])
    copies = np.where(symmetric, log_symmetries(network), math.nan)
    return {"elbo": bound, "elbo_se": values.std(1, ddof=1) / math.sqrt(DRAWS), "log_symmetries": copies}
