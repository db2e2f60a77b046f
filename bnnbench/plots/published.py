"""Results on customary splits beside those that papers print."""

import numpy as np
import pandas as pd

from bnnbench.base.statistics import resampled_interval
from bnnbench.datasets import published, shape
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, best_models, cells_of, datasets_of, methods_of, scores
from bnnbench.plots.sentences import markdown_table, number
from bnnbench.words.names import method_name, model_name

OTHERS = {"dropout": "converged MC dropout", "ensemble": "deep ensembles", "best": "best published"}


def chosen_on_validation(results: Results, study: str, dataset: str) -> pd.Series:
    """The method and model of a data set with the lowest mean validation NLL over its splits.

    Methods with recipes, likelihoods and networks compete too; models that lack a split that another has do not.
    """
    found = []
    for inference in methods_of(results, study, dataset):
        try:
            found.append(best_models(results, study, dataset, inference).assign(inference=inference))
        except NothingToDraw:
            continue  # its chains missed the gate, or only variations of it were run
    if not found:
        raise NothingToDraw(f"no method has a trained cell on {dataset}")
    table = pd.concat(found)
    return table[table.n == table.n.max()].sort_values("mean", kind="stable").iloc[0]


def against_published(results: Results, study: str) -> str:
    """For each table with published results, ours with the method and model of the lowest validation NLL, and
    the differences.

    Test log-likelihoods a row, in the target's own units. Brackets hold 95% intervals over splits that allow for the
    rows that splits share (`resampled_interval`); the published mean is taken as it stands, without its own error.
    """
    rows = []
    for dataset in datasets_of(results, study):
        spec = results.plan.datasets[dataset]
        figures = published(spec.family, spec.options)
        if figures is None:
            continue
        chosen = chosen_on_validation(results, study, dataset)
        cells = cells_of(results, study, chosen, dataset=dataset, inference=chosen.inference)
        likelihoods = -scores(results, study, dataset=dataset, id=list(cells.id)).value
        sizes = shape(spec.family, spec.options)
        share = sizes.test / sizes.train
        failed = results.cells[(results.cells.dataset == dataset) & (results.cells.state == "failed")]
        row = {
            "Table": dataset,
            "Chosen": f"{method_name(chosen.inference)}, {model_name(chosen)}",
            "Splits": str(len(likelihoods)),
            "Log-likelihood": number(resampled_interval(likelihoods, share)),
            "Median": number((likelihoods.median(), np.nan, np.nan)),
            "Cells that failed": str(len(failed)),
        }
        for name, label in OTHERS.items():
            other = getattr(figures, name)
            row[f"Minus {label}"] = f"{number(resampled_interval(likelihoods - other, share), sign=True)} ({other:g})"
        rows.append(row)
    if not rows:
        raise NothingToDraw(f"no data set of {study} has published results")
    return markdown_table(rows)
