"""What a study's parts are set to, checked before anything runs: all faults at once, each with its place.

Options and settings are declared where they are used, with their types and bounds; here they are looked up and tried,
so that a new method, prior, network, data set or probe is covered by its own file.
"""

import itertools
from collections.abc import Iterable
from typing import Any

from bnnbench import datasets, hyperpriors, likelihoods, networks, tasks
from bnnbench.base.settings import faults_together, repeated
from bnnbench.study.cells import DatasetSpec
from bnnbench.study.config import NOTEBOOKS, StudyConfig
from bnnbench.study.config_files import suggest
from bnnbench.study.expand import (
    COORDINATE_NAMES,
    NameClash,
    dataset_entries,
    dataset_specs,
    expanded,
    n_expanded,
    names_of,
)
from bnnbench.study.expand import likelihoods as likelihoods_of
from bnnbench.study.prior_entries import entry_faults, weights_faults

MOST_DATASETS = 1_000
MOST_WEIGHTS = 1_000_000_000
"""Of a network: a thousand times what a machine holds of its posterior draws."""


def study_faults(study: StudyConfig, whole: StudyConfig) -> list[str]:
    """Faults of all that can be checked without importing torch: methods and probes are `method_faults`.

    `whole` is the study without overrides: names that an override removed are sound.
    """
    found = [
        *_prior_faults(study),
        *_option_faults("hyperpriors", study.hyperpriors, hyperpriors.density),
        *_option_faults("likelihoods", study.likelihoods, likelihoods.find),
        *_dataset_faults(study),
        *_notebook_faults(study),
    ]
    if found:  # what follows is built of these
        return found + _network_faults(study, [])
    try:
        specs = dataset_specs(study)
    except NameClash as error:
        return [*_network_faults(study, []), str(error)]
    if unknown := _task_faults(specs):
        return [*_network_faults(study, []), *unknown]
    return [*_network_faults(study, specs), *_likelihood_faults(study, specs), *_name_faults(study, whole)]


def _task_faults(specs: list[DatasetSpec]) -> list[str]:
    """Files that do not say what is predicted, because they cannot be read."""
    found = []
    for spec in specs:
        try:
            spec.task  # noqa: B018
        except ValueError as error:
            found.append(f"datasets.{spec.family}: {error}")
    return found


def _likelihood_faults(study: StudyConfig, specs: list[DatasetSpec]) -> list[str]:
    """Likelihoods that describe the targets of none of the study's data sets."""
    found_tasks = {spec.task: spec.name for spec in specs}
    known = [name for task in found_tasks for name in tasks.likelihoods(task)]
    return [
        f"likelihoods.{name} is none of {', '.join(found_tasks)}, the task of {', '.join(found_tasks.values())}: its "
        f"likelihoods are {', '.join(known)}"
        for name in study.likelihoods
        if name not in known
    ]


def _option_faults(section: str, named: dict[str, dict], find) -> list[str]:
    return [
        line
        for name, options in named.items()
        for line in _placed(faults_together(find(name), options, "option"), f"{section}.{name}", options)
    ]


def _prior_faults(study: StudyConfig) -> list[str]:
    found = []
    for name, values in study.priors.items():
        place = f"priors.{name}"
        found += _placed(entry_faults(name, values), place, values)
        found += [f"{place}.{fault}" for fault in weights_faults(values)]
    return found


def _placed(faults: Iterable[str], place: str, values: dict[str, Any]) -> list[str]:
    """Faults with their place, of which the key that a fault begins with is a part."""
    return [f"{place}.{fault}" if fault.split()[0].split(".")[0] in values else f"{place}: {fault}" for fault in faults]


def _dataset_faults(study: StudyConfig) -> list[str]:
    if fault := _crowd(study):
        return [fault]
    found = []
    for name, family, options in dataset_entries(study):
        place = f"datasets.{name}"
        lists = {key: v for key, v in options.items() if isinstance(v, list) and not datasets.takes_list(family, key)}
        in_lists = [line for key, values in lists.items() for line in _list_faults(family, key, values)]
        if not in_lists:
            each = (datasets.faults(family, chosen) for chosen in expanded(family, options))
            in_lists = list(dict.fromkeys(itertools.chain.from_iterable(each)))
        found += _placed(in_lists, place, options)
    return found


def _crowd(study: StudyConfig) -> str:
    """Lists of options that multiply to more data sets than could be listed; "" where there are not so many."""
    n = {name: n_expanded(family, options) for name, family, options in dataset_entries(study)}
    if sum(n.values()) <= MOST_DATASETS:
        return ""
    return (
        f"datasets.{max(n, key=n.get)}: its lists of options make {max(n.values()):,} data sets: the study may have "
        f"{MOST_DATASETS:,}: name fewer values"
    )


def file_faults(study: StudyConfig) -> list[str]:
    """Faults of files of the user's that data sets are made of; of data sets whose options are sound."""
    if _crowd(study):
        return []
    found = []
    for name, family, options in dataset_entries(study):
        for chosen in expanded(family, options):
            faults = [] if datasets.faults(family, chosen) else datasets.file_faults(family, chosen)
            found += [f"datasets.{name}: {fault}" for fault in faults]
    return list(dict.fromkeys(found))


def _list_faults(family: str, key: str, values: list) -> list[str]:
    """Faults of an option that stands for a data set a value."""
    if not values:
        return [f"{key} is empty: name at least one value"]
    found = [f"{key}: {fault}" for fault in repeated(values)]
    for place, value in enumerate(values):
        found += [fault.replace(key, f"{key}.{place}", 1) for fault in datasets.option_faults(family, key, value)]
    return found


def _notebook_faults(study: StudyConfig) -> list[str]:
    path = NOTEBOOKS / f"{study.notebook or study.name}.ipynb"
    if path.is_file():
        return []
    return [f"notebook: there is no notebooks/{path.name}: write it, or name another under 'notebook'"]


def _network_faults(study: StudyConfig, specs: list[DatasetSpec]) -> list[str]:
    """Faults of the options, and networks that cannot be built on the study's data."""
    shapes = {spec: shape for spec in specs if (shape := datasets.shape(spec.family, spec.options))}
    found = []
    for name, options in study.networks.items():
        options = {"kind": name} | options
        place = f"networks.{name}"
        if faults := networks.faults(options):
            found += _placed(faults, place, options)
            continue
        reasons = {}
        for spec, shape in shapes.items():
            try:
                network = networks.make(options, shape.inputs, shape.classes)
            except ValueError as error:
                reasons.setdefault(str(error), spec.name)
                continue
            if network.n_weights > MOST_WEIGHTS:
                reasons.setdefault(f"it would have more than {MOST_WEIGHTS:,} weights: make it smaller", spec.name)
                continue
            asked = [tasks.find(spec.task), *(likelihoods.make(*one) for one in likelihoods_of(study, spec).items())]
            for fault in filter(None, (part.network_fault(network) for part in asked)):
                reasons.setdefault(fault, spec.name)
        found += [f"{place} cannot be built on {dataset}: {reason}" for reason, dataset in reasons.items()]
    return found


def _name_faults(study: StudyConfig, whole: StudyConfig) -> list[str]:
    """Names in `models` and `only` that neither the study nor the whole one has, and coordinates that there are not."""
    try:
        of_whole = names_of(whole)
    except ValueError:  # the file itself is at fault, and an override mended it
        of_whole = {}
    known = {key: names | of_whole.get(key, set()) for key, names in names_of(study).items()}
    places: list[tuple[str, Iterable[dict[str, list[Any]]]]] = [("models", [{"model": study.models or []}])]
    for kind, parts in (("inference", study.inference), ("probes", study.probes)):
        places += [(f"{kind}.{name}.only", part.only) for name, part in parts.items()]
    found = []
    for place, sets in places:
        for wanted in sets:
            found += [
                f"{place}: unknown coordinate '{key}': known are {', '.join(COORDINATE_NAMES)}"
                for key in wanted
                if key not in COORDINATE_NAMES
            ]
            found += [
                f"{place}: {key} {value!r} is no number: write one"
                for key in ("seed", "scale")
                for value in wanted.get(key, [])
                if isinstance(value, str)
            ]
            found += [
                f"{place}: no {key} '{name}': {suggest(name, known[key])}"
                for key in known.keys() & wanted.keys()
                for name in wanted[key]
                if name not in known[key]
            ]
    return list(dict.fromkeys(found))


def method_faults(study: StudyConfig) -> list[str]:
    """Faults of methods' and probes' settings, which importing these, and so torch, tells."""
    from bnnbench import inference, probes

    found = []
    for name, chosen in study.inference.items():
        method = inference.find(name)
        faults = faults_together(method, chosen.settings, "setting")
        found += _placed(faults, f"inference.{name}.settings", chosen.settings)
        found += [] if faults else _unnamed_targets(name, chosen.settings, method.changes_target)
        for recipe, change in chosen.recipes.items():
            settings = chosen.settings | change
            new = [fault for fault in faults_together(method, settings, "setting") if fault not in faults]
            found += _placed(new, f"inference.{name}.recipes.{recipe}", settings)
        if chosen.curve and not method.has_curve:
            having = [other for other in study.inference if inference.find(other).has_curve]
            found.append(f"inference.{name} has no curve: remove it; {', '.join(having) or 'none here'} have one")
    for name, probe in study.probes.items():
        faults = faults_together(probes.find(name), probe.settings, "setting")
        found += _placed(faults, f"probes.{name}.settings", probe.settings)
    return list(dict.fromkeys(found))


def _unnamed_targets(method: str, settings: dict[str, Any], changes_target: tuple[str, ...]) -> list[str]:
    """Settings that change the target must show in the cell's name."""
    return [
        f"inference.{method}.settings: {name} {settings[name]} changes the target and must show in the cell's name: "
        f"put it under recipes, e.g. recipes: {{{name}-{settings[name]}: ...}}"
        for name in changes_target
        if settings.get(name, 1) != 1
    ]
