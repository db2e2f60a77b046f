"""A study's config to its cells."""

import itertools
import math
from typing import Any

from bnnbench import datasets, tasks
from bnnbench.study.cells import COORDINATES, Cell, DatasetSpec, model_word
from bnnbench.study.config import StudyConfig
from bnnbench.study.prior_entries import PriorEntry

COORDINATE_NAMES = (*COORDINATES, "model")
"""What `only` may name."""


class NameClash(ValueError):
    """Two things of a grid that would have one name."""


def _varied(family: str, options: dict[str, Any]) -> dict[str, list]:
    """The options of an entry that stand for a data set a value."""
    return {
        key: value for key, value in options.items() if isinstance(value, list) and not datasets.takes_list(family, key)
    }


def n_expanded(family: str, options: dict[str, Any]) -> int:
    """How many data sets an entry stands for; they are not listed."""
    return math.prod(len(values) for values in _varied(family, options).values())


def expanded(family: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of each data set that an entry stands for: where an option is a list of values, one for each."""
    varied = _varied(family, options)
    fixed = {key: value for key, value in options.items() if key not in varied}
    return [fixed | dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]


def dataset_entries(study: StudyConfig) -> list[tuple[str, str, dict[str, Any]]]:
    """(name, family, options) of each entry of a study's data sets: called as its family, or naming it."""
    return [
        (name, options.get("family", name), {key: value for key, value in options.items() if key != "family"})
        for name, options in study.datasets.items()
    ]


def dataset_specs(study: StudyConfig) -> list[DatasetSpec]:
    """The data sets of a study. Raises NameClash where two have one name, ValueError for wrong options."""
    specs: dict[str, DatasetSpec] = {}
    for _, family, options in dataset_entries(study):
        for chosen in expanded(family, options):
            spec = DatasetSpec(study.name, datasets.dataset_name(family, chosen), family, chosen)
            if spec.name in specs:
                raise NameClash(
                    f"datasets: two would be called '{spec.name}', of {specs[spec.name].options} and {chosen}: "
                    "keep one, or vary an option that is part of the name"
                )
            specs[spec.name] = spec
    return list(specs.values())


def models(study: StudyConfig) -> list[tuple[str, str, float | None, str]]:
    """(prior, hyperprior or "fixed", scale, merged-into-and-why) of every model in a study's grid."""
    found = []
    for prior, options in study.priors.items():
        entry = PriorEntry.of(prior, options)
        own = entry.fixed_scale
        if own is not None:
            found.append((prior, "fixed", None, ""))
            reason = f"{prior}: its scale is fixed at {own:g}, so there is no scale to learn"
            found += [(prior, hyperprior, None, reason) for hyperprior in study.hyperpriors]
            continue
        found += [(prior, "fixed", float(scale), "") for scale in entry.given.scales or study.scales]
        found += [(prior, hyperprior, None, "") for hyperprior in study.hyperpriors]
    return found


def likelihoods(study: StudyConfig, spec: DatasetSpec) -> dict[str, dict[str, Any]]:
    """The likelihoods of a data set's cells with their options: the study's that its task has, or its default."""
    known = tasks.likelihoods(spec.task)
    named = {name: options for name, options in study.likelihoods.items() if name in known}
    return named or {known[0]: {}}


def names_of(study: StudyConfig) -> dict[str, set[str]]:
    """Names in a study, by coordinate."""
    return {
        "dataset": {spec.name for spec in dataset_specs(study)},
        "network": set(study.networks),
        "likelihood": {"", *study.likelihoods},
        "prior": set(study.priors),
        "hyperprior": {"fixed", *study.hyperpriors},
        "model": {model_word(prior, hyperprior, scale) for prior, hyperprior, scale, _ in models(study)},
        "inference": set(study.inference),
        "recipe": {"", *(recipe for method in study.inference.values() for recipe in method.recipes)},
    }


def study_cells(study: StudyConfig, specs: list[DatasetSpec], seeds: list[int]) -> list[Cell]:
    """Every cell of a study, in a stable order."""
    cells = []
    seeds_of = {spec.name: datasets.available_seeds(spec.family, spec.options, seeds) for spec in specs}
    on_data = [(spec, likelihood) for spec in specs for likelihood in likelihoods(study, spec).items()]
    for (inference, method), (spec, likelihood), (network, options), model in itertools.product(
        study.inference.items(), on_data, study.networks.items(), models(study)
    ):
        prior, hyperprior, scale, merged = model
        for recipe, change in ({"": {}} | method.recipes).items():
            cell = Cell(
                study=study.name, dataset=spec, network=network, network_options={"kind": network} | options,
                likelihood=likelihood[0], likelihood_options=likelihood[1],
                prior=prior, prior_options=study.priors[prior], hyperprior=hyperprior,
                hyperprior_options=study.hyperpriors.get(hyperprior, {}), scale=scale, inference=inference,
                recipe=recipe, settings=method.settings | change, seed=seeds[0], draws=method.draws or study.draws,
                curve=method.curve, merged=merged,
            )  # fmt: skip
            if study.models is None or cell.model in study.models:
                cells += [cell.with_seed(seed) for seed in _seeds(cell, method.only, seeds_of[spec.name])]
    return cells


def _seeds(cell: Cell, only: list[dict[str, list]], seeds: list[int]) -> list[int]:
    """The seeds with which a cell has the coordinates that one of the sets in `only` names."""
    of_others = [wanted for wanted in only if _agrees(cell, {k: v for k, v in wanted.items() if k != "seed"})]
    if any("seed" not in wanted for wanted in of_others):
        return seeds
    allowed = {seed for wanted in of_others for seed in wanted["seed"]}
    return [seed for seed in seeds if seed in allowed]


def matches(cell: Cell, only: list[dict[str, list]]) -> bool:
    """Whether a cell has the coordinates that one of the sets in `only` names."""
    return any(_agrees(cell, wanted) for wanted in only)


def _agrees(cell: Cell, wanted: dict[str, list]) -> bool:
    facts = {name: {value} for name, value in cell.coordinates().items()} | {"model": {cell.model}}
    facts["likelihood"].add(cell.likelihood)  # of the task's default the name too, which ids leave out
    return all(facts[name].intersection(allowed) for name, allowed in wanted.items())
