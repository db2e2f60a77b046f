"""What the results say, in sentences computed from the tables; none claims more than its interval allows."""

from dataclasses import dataclass

import pandas as pd

from bnnbench.base.statistics import plain_method
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import point_methods
from bnnbench.metrics import registered
from bnnbench.report import estimates
from bnnbench.report.estimates import (
    CASE,
    PROVISIONAL_BELOW,
    Estimate,
    by_method,
    by_seed,
    names_in,
    paired,
    pick,
    where,
)
from bnnbench.words import prose
from bnnbench.words.names import data_name, name_of

POINT = "map"
CONTROL = "prior_only"
"""What never looks at the data: it bounds the others."""
LEARNED = "a scale learned under a hyperprior"
Names = dict[tuple[str, str], str]
"""What each (inference, recipe) is called."""


@dataclass(frozen=True)
class Finding:
    """A sentence with the effect behind it.

    `verdict` is clear, unclear (the interval covers zero) or single (one seed, so no interval), and `label` says it in
    words; `pairs` is how many differences it is the mean of; `detail` marks a part of a pooled finding.
    """

    topic: str
    subject: str
    sentence: str
    effect: Estimate
    verdict: str
    label: str
    pairs: int
    unit: str = "nats"
    detail: bool = False

    @property
    def n_seeds(self) -> int:
        return self.effect.n

    @property
    def provisional(self) -> bool:
        return self.n_seeds < PROVISIONAL_BELOW


def of_study(results: Results, study: str, names: Names, ideal: str = "Bayes rule") -> list[Finding]:
    """Every finding of a study that its results allow. `ideal` is what one who knows the generator is called."""
    nll = estimates.without_controls(by_seed(results, study, "nll"))
    if nll.empty:
        return []
    ece = estimates.without_controls(by_seed(results, study, "ece"))
    validation = estimates.without_controls(by_seed(results, study, "nll", "validation"))
    tuned = results.tuned[results.tuned.study == study]
    chosen = estimates.comparable(nll, tuned)
    return [
        *against_plain(chosen, names),
        *learned_or_set(nll, chosen, tuned, names),
        *against_point(chosen, "NLL", "test NLL", "nats", names),
        *against_point(ece.reindex(chosen.index), "ECE", "ECE", "", names),
        *gap_to_bayes(validation, by_seed(results, study, "excess_nll"), ideal),
        *sensitivity(nll, validation, names),
        *scores(results, study),
    ]


def against_plain(chosen: pd.DataFrame, names: Names) -> list[Finding]:
    """Each method with a prior, its scale tuned or learned, against the plain network."""
    drop = ["prior", "hyperprior", "scale", "inference", "recipe"]
    plain = pick(chosen, prior="flat", inference=plain_method(names_in(chosen, "inference")), recipe="").droplevel(drop)
    found = []
    for method, rows in by_method(where(chosen, lambda f: f.prior != "flat")):
        reference = plain.reindex(rows.index.droplevel(drop)).set_axis(rows.index)
        name = names[method]
        found += _difference(
            "Against the plain network", f"{name} with a prior − plain network", *paired(rows, reference),
            f"{name[:1].upper()}{name[1:]} with a prior has", "the plain network (flat prior)", "test NLL",
            "nats",
        )  # fmt: skip
    return found


def learned_or_set(nll: pd.DataFrame, chosen: pd.DataFrame, tuned: pd.DataFrame, names: Names) -> list[Finding]:
    """A scale learned under a hyperprior against the fixed one, tuned on validation data if its method has several."""
    found = []
    with_several = set(zip(tuned.inference, tuned.recipe, strict=True))
    fixed = where(chosen, lambda f: (f.hyperprior == "fixed") & (f.scale != 0)).droplevel(["hyperprior", "scale"])
    for method, part in by_method(where(nll, lambda f: f.hyperprior != "fixed")):
        kind = "tuned scale" if method in with_several else "fixed scale"
        other = "the fixed scale tuned on validation data" if method in with_several else "the fixed scale"
        for hyperprior in ["", *names_in(part, "hyperprior")]:
            rows = (pick(part, hyperprior=hyperprior) if hyperprior else part).droplevel("scale")
            reference = fixed.reindex(rows.index.droplevel("hyperprior").reorder_levels(CASE)).set_axis(rows.index)
            learned = f"a scale learned under {name_of(hyperprior)}" if hyperprior else LEARNED
            found += _difference(
                "Learned or fixed scale?", f"{names[method]}: {learned.removeprefix('a ')} − {kind}",
                *paired(rows, reference), f"With {names[method]}, {learned} gives", other, "test NLL", "nats",
                detail=bool(hyperprior),
            )  # fmt: skip
    return found


def against_point(chosen: pd.DataFrame, short: str, metric: str, unit: str, names: Names) -> list[Finding]:
    """Each other method against MAP under the same priors, tuned scales being each method's own."""
    chosen = chosen.droplevel("scale")
    point = pick(chosen, inference=POINT, recipe="").droplevel(["inference", "recipe"])
    found = []
    for method, rows in by_method(chosen):
        if method == (POINT, ""):
            continue
        rows, name = rows.droplevel(["inference", "recipe"]), names[method]
        for on, part in [("", rows), *_parts(rows)]:
            found += _difference(
                f"{name[:1].upper()}{name[1:]} or MAP? {short}", f"{name} − MAP{on}, {short}",
                *paired(part, point.reindex(part.index)), f"Under the same priors, {name} has", f"MAP{on}",
                metric, unit, detail=bool(on),
            )  # fmt: skip
    return found


def _parts(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each data set and of each network, where there are several."""
    found = []
    for level, word, name in (("dataset", "on", data_name), ("network", "with", str)):
        values = names_in(table, level)
        if len(values) > 1:
            found += [(f" {word} {name(value)}", pick(table, **{level: value})) for value in values]
    return found


def gap_to_bayes(validation: pd.DataFrame, excess: pd.DataFrame, ideal: str = "Bayes rule") -> list[Finding]:
    """How far the entry of each data set that validation data choose stays above the NLL of who knows the generator."""
    complete = validation.dropna().mean(axis=1)
    keys = [key for key in complete.groupby(level="dataset", sort=False).idxmin() if key in excess.index]
    if not keys:
        return []
    estimate, over = paired(excess.loc[keys], excess.loc[keys] * 0)
    if over.empty:
        return []
    verdict, gap = _verdict(estimate), amount(estimate, "nats", signed=True)
    end = {
        "clear": f"clearly {'above' if estimate.mean > 0 else 'below'} that of the {ideal}: {gap}",
        "unclear": f"not clearly different from that of the {ideal}: {gap}",
        "single": f"{'above' if estimate.mean > 0 else 'below'} that of the {ideal} in the one seed: {gap}",
    }[verdict]
    start = "Where the exact answer is known, the entry chosen on validation data has a test NLL"
    sentence = f"{start} {end}, {_over(over, 'data set')}."
    label = {"clear": "a gap remains", "unclear": "no clear gap", "single": "one seed"}[verdict]
    return [Finding(f"Gap to the {ideal}", f"chosen entry − {ideal}", sentence, estimate, verdict, label, len(over))]


def sensitivity(nll: pd.DataFrame, validation: pd.DataFrame, names: Names) -> list[Finding]:
    """What a badly set fixed scale costs: the worst against the best, both picked on validation data."""
    fixed = where(validation, lambda f: (f.hyperprior == "fixed") & (f.scale != 0)).dropna()
    mean = fixed.mean(axis=1).rename("value").reset_index().sort_values("value", kind="stable")
    mean = mean[mean.groupby(CASE).scale.transform("nunique") > 1]
    found = []
    for method, rows in mean.groupby(["inference", "recipe"]):
        worst, best_ = (
            nll.reindex(pd.MultiIndex.from_frame(end[nll.index.names])).droplevel(["hyperprior", "scale"]).sort_index()
            for end in (rows.groupby(CASE).tail(1), rows.groupby(CASE).head(1))
        )
        found += _difference(
            "Sensitivity to the scale", f"{names[method]}: worst − best fixed scale", *paired(worst, best_),
            f"With {names[method]}, the fixed scale that is worst on validation data gives",
            "the one that is best there", "test NLL", "nats",
        )  # fmt: skip
    return found


def scores(results: Results, study: str) -> list[Finding]:
    """Which score tells wrong from right predictions best, over the methods that have draws."""
    left_out = [*point_methods(results, study), CONTROL]
    known = {found.score: metric for metric, found in registered().items() if found.score}
    tables = {name: estimates.without_controls(by_seed(results, study, metric)) for name, metric in known.items()}
    tables = {name: where(t, lambda f: ~f.inference.isin(left_out)) for name, t in tables.items() if len(t)}
    tables = {name: t for name, t in tables.items() if t.notna().any(axis=None)}
    if len(tables) < 2:
        return []
    common = pd.concat(tables, axis=1).dropna().index
    tables = {name: t.loc[common] for name, t in tables.items()}
    means = {name: t.to_numpy().mean() if len(t) else 0.0 for name, t in tables.items()}
    first, *others = sorted(tables, key=lambda name: -means[name])
    same = [n for n in others if len(common) and (tables[n] - tables[first]).abs().max(axis=None) < 1e-9]
    others = [name for name in others if name not in same]
    if common.empty or not others:
        return []
    estimate, _ = paired(tables[first], tables[others[0]])
    verdict, leaders = _verdict(estimate), prose.listing([first, *same])
    lead = f"{leaders} (mean AUROC {prose.number(means[first])})"
    rest = f"{others[0]} ({prose.number(means[others[0]])}): {amount(estimate, '', signed=True)}"
    start = "Wrong predictions are told from right ones"
    sentence = {
        "clear": f"{start} best by {lead}, ahead of {rest}",
        "unclear": f"{start} about as well by {lead} as by {rest}, no clear difference",
        "single": f"In the one seed, wrong predictions are told from right ones best by {lead}, then {rest}",
    }[verdict]
    label = {"clear": "ahead of the next", "unclear": "no clear difference", "single": "one seed"}[verdict]
    sentence = f"{sentence}, {_over(common, 'entry with draws', 'entries with draws')}."
    subject = f"{leaders} − {others[0]}, AUROC"
    return [Finding("Telling wrong from right", subject, sentence, estimate, verdict, label, len(common), "")]


def _difference(
    topic: str, subject: str, estimate: Estimate, over: pd.Index, start: str, other: str, metric: str, unit: str,
    detail: bool = False,
) -> list[Finding]:  # fmt: skip
    """A finding on a paired difference of a metric of which less is better; none where nothing could be paired."""
    if over.empty:
        return []
    verdict, side = _verdict(estimate), "higher" if estimate.mean > 0 else "lower"
    middle = {
        "clear": f"a {side} {metric} than {other}",
        "unclear": f"no clear difference in {metric} from {other}",
        "single": f"a {side} {metric} than {other} in the one seed",
    }[verdict]
    sentence = f"{start} {middle}: {amount(estimate, unit, signed=True)}, {_over(over, 'pair')}."
    label = {"clear": f"{side} {metric}", "unclear": "no clear difference", "single": "one seed"}[verdict]
    return [Finding(topic, subject, sentence, estimate, verdict, label, len(over), unit, detail)]


def amount(estimate: Estimate, unit: str, signed: bool = False) -> str:
    """`+0.012 nats (95% interval +0.004 to +0.020)`."""
    spread = estimate.high - estimate.low if estimate.has_interval else 0.0
    digits = 3 if max(abs(estimate.mean), spread) >= 0.02 else 4
    value = prose.number(estimate.mean, digits, signed) + (f" {unit}" if unit else "")
    if not estimate.has_interval:
        return f"{value} (no interval)"
    low, high = prose.number(estimate.low, digits, signed), prose.number(estimate.high, digits, signed)
    return f"{value} (95% interval {low} to {high})"


def _over(index: pd.Index, noun: str, plural: str = "") -> str:
    sets = index.get_level_values("dataset").nunique()
    on = "" if noun == "data set" else f" on {prose.count(sets, 'data set')}"
    return f"mean over {prose.count(len(index), noun, plural)}{on}"


def _verdict(estimate: Estimate) -> str:
    return "single" if not estimate.has_interval else "unclear" if estimate.covers_zero else "clear"
