"""What the sources say of variational autoencoders: the law of their codes, the bound's two terms, its two estimators.

Margins were fixed before any of it was trained.
"""

import numpy as np

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure
from bnnbench.evaluation.autoencoders import (
    BOUND,
    bounds_of,
    cells_by_seed,
    is_variational,
    latent_of,
    networks_of,
    readings,
    values,
)
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw

LECTURE = "Lecture: the variational autoencoder"
PAPER = "Kingma & Welling 2014"
RECONSTRUCTION, DIVERGENCE = "bernoulli_reconstruction", "bernoulli_kl"
LEAST_RATIO = float(np.log(4))
PLANES, LENGTHS = "notebooks/{study}.html#The-plane-of-codes", "notebooks/{study}.html#Length-of-the-code"


def _on_the_plane(results: Results, study: str, likelihood: str, variational: bool = True):
    """MAP cells of the network with a code of two numbers."""
    for network in networks_of(results, study):
        if latent_of(results, study, network) == 2 and is_variational(results, study, network) == variational:
            return cells_by_seed(results, study, network, likelihood, "map")
    raise NothingToDraw("no network has a code of two numbers")


def law_of_codes(results: Results, study: str) -> Measured:
    """Log of the distance of a plain autoencoder's codes from the prior over that of the VAE's."""
    distances = [
        readings(results, study, _on_the_plane(results, study, likelihood, variational), "codes", "distance_to_prior")
        for likelihood, variational in ((RECONSTRUCTION, False), (BOUND, True))
    ]
    note = f"Distances {distances[0].mean():.3g} and {distances[1].mean():.3g}."
    return Measured(np.log(distances[0] / distances[1]).dropna().to_numpy(), note)


def lost_without(term: str) -> Measure:
    """By how much the nearest neighbour's accuracy falls where a term is left out."""

    def measure(results: Results, study: str) -> Measured:
        both, one = (
            readings(results, study, _on_the_plane(results, study, likelihood), "codes", "neighbour_accuracy")
            for likelihood in (BOUND, term)
        )
        note = f"Accuracy {both.mean():.3f} with both terms, {one.mean():.3f} with one."
        return Measured((both - one).dropna().to_numpy(), note)

    return measure


def of_estimators(results: Results, study: str) -> Measured:
    """Negative ELBO by estimator A less that by B, mean over lengths of the code."""
    found, bounds = {}, bounds_of(results, study)[:2]
    if len(bounds) < 2:
        raise NothingToDraw("one of the two estimators was not run")
    for network in networks_of(results, study):
        if not is_variational(results, study, network):
            continue
        try:
            closed, drawn = (
                values(results, cells_by_seed(results, study, network, likelihood, "map"), "negative_elbo")
                for likelihood in bounds
            )
        except NothingToDraw:
            continue
        found[network] = drawn - closed
    if not found:
        raise NothingToDraw("no network was trained by both estimators")
    return Measured(np.mean([d.to_numpy() for d in found.values()], axis=0), f"Over {', '.join(found)}.")


def of_longer_code(results: Results, study: str) -> Measured:
    """Negative ELBO at the longest code less the lowest mean over lengths."""
    names = [n for n in networks_of(results, study) if is_variational(results, study, n)]
    found = {n: values(results, cells_by_seed(results, study, n, BOUND, "map"), "negative_elbo") for n in names}
    best = min(names, key=lambda n: found[n].mean())
    note = f"{names[-1]}: {found[names[-1]].mean():.2f}; lowest {best}: {found[best].mean():.2f}."
    return Measured((found[names[-1]] - found[best]).dropna().to_numpy(), note)


CLAIMS = (
    Claim(
        "V1", LECTURE, "The codes of a variational autoencoder follow the prior, those of a plain autoencoder do not.",
        (Statistic("log ratio of the codes' distances from the prior", "above", LEAST_RATIO, law_of_codes, PLANES),),
    ),
    Claim(
        "V2", LECTURE, "The KL alone makes codes that tell nothing of the image.",
        (Statistic("fall in the nearest neighbour's accuracy", "above", 0.2, lost_without(DIVERGENCE), PLANES),
         Statistic("the same with the reconstruction alone", "at most", 0.1, lost_without(RECONSTRUCTION), PLANES,
                   beside=True)),
    ),
    Claim(
        "V3", PAPER, "The estimator with the divergence in closed form gives the better bound.",
        (Statistic("negative ELBO, divergence drawn less closed form", "above", 0.0, of_estimators, LENGTHS,
                   unit="nats"),),
    ),
    Claim(
        "V4", PAPER, "Superfluous latent variables do not lead to overfitting.",
        (Statistic("negative ELBO, longest code less best", "at most", 0.5, of_longer_code, LENGTHS, unit="nats"),),
    ),
)  # fmt: skip
