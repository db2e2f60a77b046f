"""Which trained autoencoders a figure or a claim is of: by network and likelihood, at the chosen scale."""

import pandas as pd

from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, best_models, cells_of, datasets_of, probed
from bnnbench.likelihoods import find, make
from bnnbench.likelihoods._elbo import Elbo

BOUND = "bernoulli_elbo"
"""The likelihood of the bound itself, its divergence in closed form."""


def dataset_of(results: Results, study: str) -> str:
    """The first data set of a study; raises NothingToDraw where it has no autoencoders."""
    names = datasets_of(results, study)
    if not names or not any(is_variational(results, study, name) for name in networks_of(results, study)):
        raise NothingToDraw(f"the study {study} has no variational autoencoder")
    return names[0]


def networks_of(results: Results, study: str) -> dict[str, dict]:
    """Options of a study's autoencoders by name, shortest code first."""
    found = {n: o for n, o in results.plan.study_configs[study].networks.items() if o.get("kind", n) == "vae"}
    return dict(sorted(found.items(), key=lambda item: item[1].get("latent", 20)))


def is_variational(results: Results, study: str, network: str) -> bool:
    """Whether a network of a study draws its codes."""
    return networks_of(results, study)[network].get("sampled", True)


def latent_of(results: Results, study: str, network: str) -> int:
    """How many numbers a code of a network has."""
    return networks_of(results, study)[network].get("latent", 20)


def bounds_of(results: Results, study: str) -> list[str]:
    """Likelihoods of a study that are the bound itself, the closed form first."""
    names = [n for n in results.plan.study_configs[study].likelihoods if issubclass(find(n), Elbo)]
    return sorted((n for n in names if make(n).is_density), key=lambda n: make(n).estimator, reverse=True)


def cells_by_seed(results: Results, study: str, network: str, likelihood: str, inference: str) -> pd.DataFrame:
    """Trained cells, a seed each, of the scale with the lowest mean validation NLL. Raises NothingToDraw if none."""
    dataset = dataset_of(results, study)
    models = best_models(results, study, dataset, inference, network=network, likelihood=likelihood)
    if models.empty:
        raise NothingToDraw(f"no cell of {network} under {likelihood} by {inference}")
    found = cells_of(results, study, models.iloc[0], dataset=dataset, inference=inference)
    return found.sort_values("seed")


def values(results: Results, cells: pd.DataFrame, metric: str) -> pd.Series:
    """A test metric of cells by seed."""
    rows = results.rows("metrics", id=list(cells.id), metric=metric, split="test")
    return rows.set_index("seed").value.sort_index()


def readings(results: Results, study: str, cells: pd.DataFrame, variable: str, metric: str):
    """A reading of the probe `codes` of cells by seed, with a column each level where there are several.

    Raises NothingToDraw where they were not probed.
    """
    table = probed(results, study, "codes")
    rows = table[table.id.isin(cells.id) & (table.variable == variable) & (table.metric == metric)]
    if rows.empty:
        raise NothingToDraw(f"the probe 'codes' has no {metric} of {variable}")
    if rows.level.nunique() > 1:
        return rows.set_index(["seed", "level"]).value.unstack("level")
    return rows.set_index("seed").value.sort_index()
