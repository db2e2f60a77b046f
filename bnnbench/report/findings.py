"""What the results say, in sentences computed from the tables; none claims more than its interval allows."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bnnbench.grid import Plan
from bnnbench.report import words
from bnnbench.report.estimates import PROVISIONAL_BELOW, Estimate, by_seed, paired
from bnnbench.report.leaderboard import CONTROLS, Board
from bnnbench.results import Results

POINT = "map"
SCORES = {
    "auroc_predictive_entropy": "predictive entropy",
    "auroc_max_probability": "maximum probability",
    "auroc_mutual_information": "mutual information",
    "auroc_total_variance": "total variance",
    "auroc_chi_square_label": "label-vote chi-square",
    "auroc_chi_square_argmax": "arg-max-vote chi-square",
}


@dataclass(frozen=True)
class Finding:
    """A sentence with the effect behind it. `verdict` is clear, unclear (the interval covers zero) or single (one
    seed, so no interval); `label` says the verdict in words; `detail` marks a part of a pooled finding."""

    topic: str
    subject: str
    sentence: str
    effect: Estimate
    verdict: str
    label: str
    unit: str = "nats"
    detail: bool = False

    @property
    def n_seeds(self) -> int:
        return self.effect.n

    @property
    def provisional(self) -> bool:
        return self.n_seeds < PROVISIONAL_BELOW


def of_study(plan: Plan, results: Results, study: str, boards: list[Board]) -> list[Finding]:
    """Every finding of a study that its results allow."""
    nll = without_controls(by_seed(results.metrics, study, "nll"))
    if nll.empty:
        return []
    reference = comparable(nll, results.tuned[results.tuned.study == study])
    return [
        *best(boards),
        *learned_or_set(nll, reference),
        *against_point(nll, reference, "nll", "test NLL", "nats"),
        *against_point(
            without_controls(by_seed(results.metrics, study, "ece")), reference, "ece", "calibration error (ECE)", ""
        ),
        *gap_to_bayes(boards, by_seed(results.metrics, study, "excess_nll")),
        *sensitivity(nll, without_controls(by_seed(results.metrics, study, "nll", "validation"))),
        *scores(results, study),
    ]


def best(boards: list[Board]) -> list[Finding]:
    """The entry with the lowest test NLL of each data set, and how many cannot be told from it."""
    found = []
    for board in boards:
        row = board.best
        if row is None:
            continue
        estimate, n, tied = row.values["nll"], len(board.ranked), len(board.tied)
        rest = (
            f"{tied} of the {n - 1} other entries cannot be told from it"
            if estimate.has_interval
            else "one seed cannot tell it from the others"
        )
        sentence = f"Lowest test NLL on {board.title}: {row.name}, {_value(estimate, 'nats')}; {rest}."
        verdict = "single" if not estimate.has_interval else "unclear" if tied else "clear"
        label = {"single": "one seed", "unclear": f"{tied} tied with it", "clear": "clearly lowest"}[verdict]
        found.append(Finding("Best entry", board.title, sentence, estimate, verdict, label))
    return found


def learned_or_set(nll: pd.DataFrame, reference: pd.DataFrame) -> list[Finding]:
    """A scale learned under a hyperprior against the fixed scale tuned on validation data, by method."""
    found = []
    case = ["dataset", "network", "prior", "inference", "recipe"]
    learned = where(nll, lambda f: f.hyperprior != "fixed")
    fixed = where(reference, lambda f: (f.hyperprior == "fixed") & (f.prior != "flat"))
    has_choice = where(nll, lambda f: (f.hyperprior == "fixed") & (f.scale != 0)).reset_index().scale.nunique() > 1
    against = "the fixed scale tuned on validation data" if has_choice else "the fixed scale"
    fixed = fixed.droplevel(["hyperprior", "scale"])
    for name, part in by_method(learned):
        for hyperprior, rows in [("", part), *((h, pick(part, hyperprior=h)) for h in names_in(part, "hyperprior"))]:
            rows = rows.droplevel("scale")
            matched = fixed.reindex(rows.index.droplevel("hyperprior").reorder_levels(case))
            estimate, over = paired(rows, matched.set_axis(rows.index))
            subject = f"{name_of(hyperprior)} scale" if hyperprior else "a scale learned under a hyperprior"
            found += _difference(
                "Learned or set scale", f"{name}: {subject} − {'tuned' if has_choice else 'fixed'} scale", estimate,
                f"With {name}, {subject} gives", f"than {against}", "test NLL", "nats", over, bool(hyperprior),
            )  # fmt: skip
    return found


def against_point(table: pd.DataFrame, reference: pd.DataFrame, metric: str, label: str, unit: str) -> list[Finding]:
    """Each other method against MAP on the same priors, tuned scales each method's own."""
    if table.empty:
        return []
    chosen = table.reindex(table.index.intersection(_chosen(table, reference)))
    chosen = chosen.droplevel("scale")
    point = pick(chosen, inference=POINT, recipe="").droplevel(["inference", "recipe"])
    found = []
    for name, rows in by_method(chosen):
        if name == words.method(POINT):
            continue
        rows = rows.droplevel(["inference", "recipe"])
        for dataset, part in [("", rows), *((d, pick(rows, dataset=d)) for d in names_in(rows, "dataset"))]:
            estimate, over = paired(part, point.reindex(part.index))
            where = f" on {dataset}" if dataset else ""
            found += _difference(
                f"{name} or MAP, {metric.upper()}", f"{name} − MAP{where}", estimate,
                f"{name[0].upper()}{name[1:]} has", f"than MAP{where}", label, unit, over, bool(dataset),
            )  # fmt: skip
    return found


def gap_to_bayes(boards: list[Board], excess: pd.DataFrame) -> list[Finding]:
    """How far the best entry of each data set stays above the NLL of the Bayes rule, where that is known."""
    keys = [board.best.key for board in boards if board.best and board.best.key in excess.index]
    if not keys:
        return []
    rows = excess.loc[keys]
    estimate, over = paired(rows, rows * 0)
    if over.empty:
        return []
    over_text = f", averaged over {words.count(len(over), 'data set')}"
    text = f"Where the exact answer is known, the best entry of each data set has a test NLL {{}} {{}}{over_text}."
    amount = _amount(estimate, "nats")
    sentence = {
        "clear": text.format(amount, f"{_side(estimate, 'above', 'below')} that of the Bayes rule"),
        "unclear": text.format("not clearly different from", f"that of the Bayes rule ({amount})"),
        "single": text.format(amount, f"{_side(estimate, 'above', 'below')} that of the Bayes rule in the one seed"),
    }[_verdict(estimate)]
    label = {"clear": "a gap remains", "unclear": "no clear gap", "single": "one seed"}[_verdict(estimate)]
    return [Finding("Gap to the Bayes rule", "best entry − Bayes rule", sentence, estimate, _verdict(estimate), label)]


def sensitivity(nll: pd.DataFrame, validation: pd.DataFrame) -> list[Finding]:
    """What a badly set fixed scale costs: the worst against the best, both picked on validation data."""
    found = []
    case = ["dataset", "network", "prior", "inference", "recipe"]
    fixed = where(validation, lambda f: (f.hyperprior == "fixed") & (f.scale != 0))
    mean = fixed.dropna().mean(axis=1).rename("value").reset_index().sort_values("value", kind="stable")
    mean = mean[mean.groupby(case).scale.transform("nunique") > 1]
    test = nll.droplevel("hyperprior")[nll.index.get_level_values("hyperprior") == "fixed"]
    for (inference, recipe), rows in mean.groupby(["inference", "recipe"]):
        ends = []
        for end in (rows.groupby(case).tail(1), rows.groupby(case).head(1)):
            index = pd.MultiIndex.from_frame(end[test.index.names])
            ends.append(test.reindex(index).droplevel("scale").sort_index())
        name = words.method(inference, recipe)
        estimate, over = paired(*ends)
        found += _difference(
            "Sensitivity to the scale", f"{name}: worst − best fixed scale", estimate,
            f"With {name}, the fixed scale that is worst on validation data gives", "than the one that is best",
            "test NLL", "nats", over,
        )  # fmt: skip
    return found


def scores(results: Results, study: str) -> list[Finding]:
    """Which score tells wrong from right predictions best, over the methods that have draws."""
    tables = {}
    for metric, name in SCORES.items():
        table = without_controls(by_seed(results.metrics, study, metric))
        if len(table):
            tables[name] = table[table.index.get_level_values("inference") != POINT]
    tables = {name: table for name, table in tables.items() if table.notna().any(axis=None)}
    if len(tables) < 2:
        return []
    common = pd.concat(tables, axis=1).dropna().index
    means = {name: float(table.loc[common].mean(axis=None)) for name, table in tables.items()}
    first, *others = sorted(means, key=lambda name: -means[name])
    level, _ = paired(tables[first].loc[common], tables[first].loc[common] * 0)
    same = [
        name for name in others if (tables[name].loc[common] - tables[first].loc[common]).abs().max(axis=None) < 1e-9
    ]
    others = [name for name in others if name not in same]
    if not others or common.empty:
        return []
    estimate, over = paired(tables[first].loc[common], tables[others[0]].loc[common])
    verdict = _verdict(estimate)
    leaders = words.listing([first, *same])
    lead = f"AUROC {words.number(level.mean)}, mean over {words.count(len(over), 'entry', 'entries')} with draws"
    against = f"{others[0]} ({words.number(means[others[0]])}): {_amount(estimate, '', signed=True)}"
    sentence = {
        "clear": f"Wrong predictions are told from right ones best by {leaders} ({lead}), ahead of {against}.",
        "unclear": f"Wrong predictions are told from right ones about as well by {leaders} ({lead}) as by {against}, "
        "no clear difference.",
        "single": f"In the one seed, wrong predictions are told from right ones best by {leaders} ({lead}), "
        f"then {against}.",
    }[verdict]
    label = {"clear": "ahead of the next", "unclear": "no clear difference", "single": "one seed"}[verdict]
    return [
        Finding("Telling wrong from right", f"{leaders} − {others[0]}", sentence, estimate, verdict, label, "AUROC")
    ]


def _difference(
    topic: str, subject: str, estimate: Estimate, start: str, end: str, metric: str, unit: str, over: pd.Index,
    detail: bool = False,
) -> list[Finding]:  # fmt: skip
    """A finding on a paired difference of a metric of which less is better; none where nothing could be paired."""
    if over.empty:
        return []
    verdict, side = _verdict(estimate), _side(estimate, "higher", "lower")
    average = f", {_over(over)}"
    sentence = {
        "clear": f"{start} a {side} {metric} {end}: {_amount(estimate, unit, signed=True)}{average}.",
        "unclear": f"{start} no clearly different {metric} {end}: {_amount(estimate, unit, signed=True)}{average}.",
        "single": f"{start} a {side} {metric} {end} in the one seed: {_amount(estimate, unit, signed=True)}{average}.",
    }[verdict]
    label = {"clear": f"{side} {metric}", "unclear": "no clear difference", "single": "one seed"}[verdict]
    return [Finding(topic, subject, sentence, estimate, verdict, label, unit, detail)]


def _over(index: pd.Index) -> str:
    sets = index.get_level_values("dataset").nunique()
    return f"averaged over {words.count(len(index), 'pair')} on {words.count(sets, 'data set')}"


def _verdict(estimate: Estimate) -> str:
    return "single" if not estimate.has_interval else "unclear" if estimate.covers_zero else "clear"


def _side(estimate: Estimate, positive: str, negative: str) -> str:
    return positive if estimate.mean >= 0 else negative


def _amount(estimate: Estimate, unit: str, signed: bool = False) -> str:
    digits = (
        3 if max(abs(estimate.mean), abs(estimate.high - estimate.low) if estimate.has_interval else 0) >= 0.02 else 4
    )
    value = words.number(estimate.mean, digits, signed) + (f" {unit}" if unit else "")
    if not estimate.has_interval:
        return f"{value} (no interval)"
    low, high = words.number(estimate.low, digits, signed), words.number(estimate.high, digits, signed)
    return f"{value} (95% interval {low} to {high})"
