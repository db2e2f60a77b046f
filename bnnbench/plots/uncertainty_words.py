"""Tables of the two uncertainties beside what they stand for, and of networks that are too small."""

from contextlib import suppress

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.evaluation.sizes import PARTS, by_method, chosen_scores, facts, methods, true_noise
from bnnbench.metrics import describe
from bnnbench.plots.sentences import number
from bnnbench.words.names import data_name, method_name

RANKS = {
    "regression": ("aleatoric_rank_correlation", "epistemic_error_rank_correlation"),
    "classification": ("aleatoric_entropy_rank_correlation", "information_excess_rank_correlation"),
}
"""By task, how each uncertainty ranks points beside what it stands for."""


def checks_in_words(results: Results, study: str, task: str) -> str:
    """What each uncertainty is over what it stands for, and the rank correlations of the two, by method and size."""
    parts = PARTS[task]
    shown = (parts.aleatoric_ratio, parts.epistemic_ratio, *RANKS[task])
    rows = {}
    for metric in shown:
        with suppress(NothingToDraw):
            table = by_method(results, study, metric, task)
            for (method, n), part in table[table.plain].groupby(["inference", "n_train"], sort=False):
                values = part.value.dropna()
                row = rows.setdefault((method, n), {"Method": method_name(method), "Points": f"{n:,}"})
                row[describe(metric, task).label] = number(mean_interval(values), 2) if len(values) else "–"
    return _table(rows, "no data set of this task has the default options")


def small_network_in_words(results: Results, study: str) -> str:
    """The aleatoric uncertainty of each network on the same data, beside the true noise."""
    networks = list(results.plan.study_configs[study].networks)
    known, rows = facts(results, study), {}
    for task, parts in PARTS.items():
        true = true_noise(results, study, parts.aleatoric, known).set_index("dataset").value
        on = {}
        for method in methods(results, study):
            for network in networks:
                with suppress(NothingToDraw):
                    on[method, network] = chosen_scores(results, study, parts.aleatoric, method, task, network)
        for (method, network), table in on.items():
            others = [on[method, other] for other in networks if other != network and (method, other) in on]
            both = set.intersection(set(table.dataset), *(set(other.dataset) for other in others)) if others else set()
            for dataset, part in table[table.dataset.isin(both)].groupby("dataset", sort=False):
                head = {"Data": data_name(dataset), "Method": method_name(method), "True noise": f"{true[dataset]:.3f}"}
                rows.setdefault((dataset, method), head)[network] = number(mean_interval(part.value), 3)
    return _table(rows, "no data set was run with two networks")


def _table(rows: dict, nothing: str) -> str:
    if not rows:
        raise NothingToDraw(nothing)
    head = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = [[row.get(name, "–") for name in head] for row in rows.values()]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))
