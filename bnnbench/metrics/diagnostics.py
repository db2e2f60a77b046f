"""What samplers report of their chains, and what fitting took. It is measured where it happens; here it is described.

A method's diagnostic is a metric of the tables where a file here declares it.
"""

import math

from bnnbench.base.gate import ENERGY_VARIANCE, ESS_ABOVE, RHAT_BELOW

from ._registry import declare

declare(
    __name__,
    "function_rhat",
    label="R-hat of predictions",
    definition=f"Largest split R-hat over the log-odds at training inputs; a reference needs less than {RHAT_BELOW}.",
    direction="lower",
)
declare(
    __name__,
    "function_ess",
    label="ESS of predictions",
    definition=f"Smallest bulk effective sample size over the same; a reference needs more than {ESS_ABOVE}.",
    direction="higher",
    unit="draws",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "divergences",
    label="Divergences",
    definition="Diverging transitions after warm-up; a reference needs none.",
    direction="lower",
    unit="steps",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "acceptance",
    label="Acceptance rate",
    definition="Mean acceptance probability of the sampler's proposals.",
    direction="",
    bounds=(0, 1),
)
declare(
    __name__,
    "step_size",
    label="Step size",
    definition="The sampler's step size after warm-up.",
    direction="",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "energy_variance",
    label="Variance of the energy error",
    definition="Of chains without a Metropolis test: the mean square of a step's energy error after warm-up, per "
    f"latent; a reference needs at most {ENERGY_VARIANCE}.",
    direction="lower",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "log_evidence",
    label="Log evidence",
    definition="Log marginal likelihood of the training targets, log p(y), as the method estimates it: exact but for "
    "Monte Carlo error by sequential Monte Carlo, by Laplace's method of one mode alone.",
    direction="higher",
    unit="nats",
)
declare(
    __name__,
    "log_evidence_se",
    label="Standard error of log evidence",
    definition="Standard deviation of the log evidence over independent populations, over the root of their number.",
    direction="lower",
    unit="nats",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "surviving_roots",
    label="Surviving roots",
    definition="Draws from the prior that the particles of a population descend from; of several populations the "
    "fewest.",
    direction="higher",
    unit="draws",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "temperatures",
    label="Temperatures",
    definition="Temperatures between prior and posterior, the mean over populations.",
    direction="",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "fit_seconds",
    label="Seconds of fitting",
    definition="Of a control that is fitted, on one thread; seconds of trained cells stand in the table of cells.",
    direction="",
    unit="s",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "elbo",
    label="ELBO",
    definition="Evidence lower bound E_q[log p(y, w) - log q(w)] of the trained Gaussian q at temperature 1, by draws "
    "that training did not have.",
    direction="higher",
    unit="nats",
)
declare(
    __name__,
    "elbo_se",
    label="Standard error of the ELBO",
    definition="Its Monte Carlo error.",
    direction="lower",
    unit="nats",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "log_symmetries",
    label="Log number of symmetries",
    definition="Natural logarithm of the number of permutations and changes of sign of hidden units that leave a "
    "network's outputs as they are: so many copies has every mode of the posterior.",
    direction="",
    unit="nats",
    bounds=(0, math.inf),
    undefined="where the network has other layers than dense ones, or the prior is centred on weights",
)
declare(
    __name__,
    "kl_to_posterior",
    label="KL to the posterior",
    definition="KL(q || posterior) = log evidence - ELBO, the log evidence being that of a reference of the same "
    "model, data set and seed. A Gaussian around one of the posterior's equal copies misses all the others, so that "
    "about the log number of symmetries is in it that costs no prediction anything. Left out where the ELBO's standard "
    "error is above a nat and a twentieth of it.",
    direction="lower",
    unit="nats",
)
declare(
    __name__,
    "kl_to_posterior_se",
    label="Standard error of the KL",
    definition="Of the log evidence and of the ELBO together.",
    direction="lower",
    unit="nats",
    bounds=(0, math.inf),
)
declare(
    __name__,
    "kl_less_symmetry",
    label="KL less the symmetries",
    definition="KL to the posterior minus the log number of symmetries: what is missed besides the copies.",
    direction="lower",
    unit="nats",
    undefined="where the network has other layers than dense ones, or the prior is centred on weights",
)
