"""What predictions of a sampler must show before it serves as a reference (posteriordb: Magnusson et al. 2024)."""

import math
from collections.abc import Mapping

RHAT_BELOW = 1.01
ESS_ABOVE = 400
DIVERGENCES = 0
"""Chains are judged by R-hat and effective sample size of the log-odds at training inputs, and by divergences after
warm-up."""

ENERGY_VARIANCE = 0.1
"""Chains without a Metropolis test have no divergences: they are judged by the variance of a step's energy error, per
latent, instead, and, as populations, by the distance between halves of them. On eight posteriors of small networks
their predictions were off by about as much below it as halves of a reference are, and by twice as much at .2.
"""

EVIDENCE_SE = 0.3
ROOTS = 10
ACCEPTANCE = 0.5
DISTANCE = 0.005
"""Populations of particles are judged by the standard error of their log evidence in nats, by how many prior draws the
particles of each descend from, by how many of their moves were accepted, and by the distance between the predictions
of one half of the populations and the other."""


def fault(found: Mapping[str, float], distance: str = "total_variation_floor") -> str:
    """Why a sampler's result may not serve as a reference; empty where it may.

    found: diagnostics and floors by name. Where it has the error of an evidence, it is judged as particles, where it
    has that of a step's energy, as chains without a Metropolis test, else as chains; a diagnostic that is not there is
    not known.
    distance: name of the floor that is a distance; of tasks that have none R-hat says instead whether populations agree
    """
    if not math.isnan(found.get("log_evidence_se", math.nan)):
        return _of_populations(found, distance)
    rhat, ess, divergences, energy = (
        found.get(name, math.nan) for name in ("function_rhat", "function_ess", "divergences", "energy_variance")
    )
    adjusted = math.isnan(energy)
    if any(map(math.isnan, (rhat, ess, divergences if adjusted else energy))):
        return "its diagnostics are not known"
    faults = _of_chains(rhat, ess)
    if adjusted:
        faults += [f"{divergences:.0f} divergences after warm-up"] if divergences > DIVERGENCES else []
    else:
        faults += _of_unadjusted(energy, found.get(distance, 0.0))
    return "; ".join(faults)


def _of_chains(rhat: float, ess: float) -> list[str]:
    faults = [f"R-hat of predictions {rhat:.3f} is not below {RHAT_BELOW}"] if not rhat < RHAT_BELOW else []
    return faults + ([f"ESS of predictions {ess:.0f} is not above {ESS_ABOVE}"] if not ess > ESS_ABOVE else [])


def _of_unadjusted(energy: float, distance: float) -> list[str]:
    faults = (
        [f"variance of the energy error {energy:.2f} is above {ENERGY_VARIANCE}"] if energy > ENERGY_VARIANCE else []
    )
    return faults + ([_too_far("halves of the chains", distance)] if distance > DISTANCE else [])


def _of_populations(found: Mapping[str, float], distance: str) -> str:
    se, roots, acceptance = (found[name] for name in ("log_evidence_se", "surviving_roots", "acceptance"))
    faults = [f"standard error of the log evidence {se:.2f} is above {EVIDENCE_SE}"] if not se <= EVIDENCE_SE else []
    faults += [f"{roots:.0f} surviving roots are fewer than {ROOTS}"] if not roots >= ROOTS else []
    faults += [f"acceptance {acceptance:.2f} is below {ACCEPTANCE}"] if not acceptance >= ACCEPTANCE else []
    if distance in found:
        if not found[distance] <= DISTANCE:
            faults.append(_too_far("populations", found[distance]))
    elif not (rhat := found.get("function_rhat", math.nan)) < RHAT_BELOW:
        faults.append(f"R-hat of predictions {rhat:.3f} is not below {RHAT_BELOW}")
    return "; ".join(faults)


def _too_far(what: str, distance: float) -> str:
    return f"{what} differ by a distance of {distance:.4f}, which is above {DISTANCE}"
