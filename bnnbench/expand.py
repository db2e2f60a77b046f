"""A study's config to its cells, with a check of every name in it."""

import itertools
from typing import Any

from bnnbench import digest
from bnnbench.cells import Cell, DatasetSpec, model_word
from bnnbench.config import ConfigError, StudyConfig, suggest
from bnnbench.datasets import check_options, dataset_name


def dataset_specs(study: StudyConfig) -> list[DatasetSpec]:
    """The data sets of a study; a list of noise levels, or of classes to leave out, stands for one data set each."""
    specs = []
    for family, options in study.datasets.items():
        varied = next((name for name in ("noise", "without") if name in options), "noise")
        levels = options.get(varied, [None])
        for level in levels if isinstance(levels, list) else [levels]:
            resolved = {k: v for k, v in options.items() if k != varied}
            if level is not None:
                resolved[varied] = float(level) if varied == "noise" else level
            try:
                check_options(family, resolved)
            except ValueError as error:
                raise ConfigError(f"study '{study.name}': datasets: {error}") from None
            specs.append(DatasetSpec(study.name, dataset_name(family, resolved), family, resolved))
    return specs


def models(study: StudyConfig) -> list[tuple[str, str, float | None, str]]:
    """(prior, hyperprior or "fixed", scale, merged-into-and-why) of every model in a study's grid."""
    found = []
    for prior in study.priors:
        if prior == "flat":
            found.append((prior, "fixed", None, ""))
            reason = "flat: a flat prior is N(0, 100²), which has no scale to learn"
            found += [(prior, hyperprior, None, reason) for hyperprior in study.hyperpriors]
            continue
        found += [(prior, "fixed", float(scale), "") for scale in study.scales]
        found += [(prior, hyperprior, None, "") for hyperprior in study.hyperpriors]
    return found


def check_names(study: StudyConfig, whole: StudyConfig) -> None:
    """Refuse names in `models` and `only` that neither the study nor the `whole` one, its file without overrides, has.

    A name of something that overrides removed is sound: it matches no cell.
    """
    known = {key: names | _names(whole)[key] for key, names in _names(study).items()}
    places = [("models", {"model": study.models or []})]
    for kind, methods in (("inference", study.inference), ("probes", study.probes)):
        places += [(f"{kind}.{name}.only", wanted) for name, method in methods.items() for wanted in method.only]
    for place, wanted in places:
        for key in known.keys() & wanted.keys():
            for name in wanted[key]:
                if name not in known[key]:
                    raise ConfigError(f"study '{study.name}': {place}: no {key} '{name}': {suggest(name, known[key])}")


def _names(study: StudyConfig) -> dict[str, set[str]]:
    """Names in a study, by coordinate."""
    return {
        "dataset": {spec.name for spec in dataset_specs(study)},
        "network": set(study.networks),
        "prior": set(study.priors),
        "hyperprior": {"fixed", *study.hyperpriors},
        "model": {model_word(prior, hyperprior, scale) for prior, hyperprior, scale, _ in models(study)},
        "inference": set(study.inference),
        "recipe": {"", *(recipe for method in study.inference.values() for recipe in method.recipes)},
    }


def study_cells(study: StudyConfig, specs: list[DatasetSpec], seeds: list[int]) -> list[Cell]:
    """Every cell of a study, in a stable order."""
    cells = []
    for inference, method in study.inference.items():
        for recipe, settings in ({"": {}} | method.recipes).items():
            _check_settings(study.name, inference, method.settings | settings, recipe)
    for (inference, method), spec, (network, options), model in itertools.product(
        study.inference.items(), specs, study.networks.items(), models(study)
    ):
        prior, hyperprior, scale, merged = model
        recipes = {"": {}} | method.recipes
        for (recipe, change), seed in itertools.product(recipes.items(), seeds):
            cell = Cell(
                study=study.name, dataset=spec, network=network, network_options={"kind": network} | options,
                prior=prior, prior_options=study.priors[prior], hyperprior=hyperprior, scale=scale,
                inference=inference, recipe=recipe, settings=method.settings | change, seed=seed,
                draws=method.draws or study.draws, merged=merged,
            )  # fmt: skip
            if _kept(cell, study, method.only):
                cells.append(cell)
    return cells


def _check_settings(study: str, inference: str, settings: dict[str, Any], recipe: str) -> None:
    for name in ("temperature", "entropy_weight"):
        if not recipe and settings.get(name, 1) != 1:
            raise ConfigError(
                f"study '{study}': inference.{inference}.settings: {name} {settings[name]} changes the target and "
                f"must show in the cell's name: put it under recipes, e.g. recipes: {{{name}-{settings[name]}: ...}}"
            )
    place = f"inference.{inference}" + (f".recipes.{recipe}" if recipe else ".settings")
    check_known(settings, f"inference/{inference}.py", f"study '{study}': {place}")


def check_known(settings: dict[str, Any], source: str, place: str) -> None:
    known = digest.dataclass_fields(source)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ConfigError(f"{place}: no setting '{unknown[0]}': known are {', '.join(known)}")


def _kept(cell: Cell, study: StudyConfig, only: list[dict[str, list]]) -> bool:
    wanted = study.models is None or cell.model in study.models
    return wanted and matches(cell, only, f"study '{study.name}': inference.{cell.inference}")


def matches(cell: Cell, only: list[dict[str, list]], place: str) -> bool:
    """Whether a cell has the coordinates that one of the sets in `only` names."""
    facts = cell.coordinates() | {"model": cell.model}
    unknown = sorted({name for wanted in only for name in wanted} - set(facts))
    if unknown:
        raise ConfigError(f"{place}.only: unknown coordinate '{unknown[0]}': known are {', '.join(facts)}")
    return any(all(facts[name] in allowed for name, allowed in wanted.items()) for wanted in only)
