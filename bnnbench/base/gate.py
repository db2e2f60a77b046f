"""What predictions of a sampler must show before it serves as a reference (posteriordb: Magnusson et al. 2024)."""

import math

RHAT_BELOW = 1.01
ESS_ABOVE = 400
DIVERGENCES = 0


def fault(rhat: float, ess: float, divergences: float) -> str:
    """Why a sampler's result may not serve as a reference; empty where it may."""
    if any(map(math.isnan, (rhat, ess, divergences))):
        return "its diagnostics are not known"
    faults = [f"R-hat of predictions {rhat:.3f} is not below {RHAT_BELOW}"] if not rhat < RHAT_BELOW else []
    faults += [f"ESS of predictions {ess:.0f} is not above {ESS_ABOVE}"] if not ess > ESS_ABOVE else []
    faults += [f"{divergences:.0f} divergences after warm-up"] if divergences > DIVERGENCES else []
    return "; ".join(faults)
