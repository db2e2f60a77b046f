"""The overview's findings: where many methods were compared with the same thing, one sentence for all of them."""

from dataclasses import replace

from bnnbench.report.findings import Finding, amount
from bnnbench.words import prose

MOST = 3
"""So many findings of one kind stand for themselves."""

CONTROL = "prior only"
"""What never looks at the data bounds the others, and is no news."""


def headlines(findings: list[Finding]) -> list[Finding]:
    """Pooled findings.

    A method run on one seed only, as a witness, makes no headline beside methods run on more.
    """
    pooled = [f for f in findings if not f.detail and _name(f) != CONTROL]
    pooled = [f for f in pooled if f.verdict != "single"] or pooled
    kinds: dict[str, list[Finding]] = {}
    for finding in pooled:
        kinds.setdefault(_kind(finding), []).append(finding)
    return [h for kind, found in kinds.items() for h in (found if len(found) <= MOST else [_summary(kind, found)])]


def _kind(finding: Finding) -> str:
    """The topic, comparisons with MAP being of one kind for each metric."""
    _, against_map, metric = finding.topic.partition(" or MAP? ")
    return f"Against MAP, {metric}" if against_map else finding.topic


def _summary(kind: str, found: list[Finding]) -> Finding:
    """One finding for several of a kind: who is lower, who cannot be told apart, who is higher, and the lowest.

    The lowest is named with its pairs where methods were not compared on equally many.
    """
    by_label: dict[str, list[Finding]] = {}
    for finding in sorted(found, key=lambda f: f.effect.mean):
        by_label.setdefault(_side(finding), []).append(finding)
    parts = [f"{label}: {prose.listing(_name(f) for f in group)}" for label, group in by_label.items()]
    first = min(found, key=lambda f: f.effect.mean)
    pairs = sorted(f.pairs for f in found)
    over = f", over {prose.count(first.pairs, 'pair')} (each method has its own: {pairs[0]} to {pairs[-1]})"
    over = over if pairs[0] < pairs[-1] else ""
    lowest = f"The lowest: {_name(first)}, {amount(first.effect, first.unit, signed=True)}{over}."
    sentence = f"{'; '.join(parts)}. {lowest}"
    clear = sum(f.verdict == "clear" for f in found)
    label = f"{clear} of {len(found)} clear"
    return replace(first, topic=kind, sentence=sentence[:1].upper() + sentence[1:], label=label, subject=kind)


def _side(finding: Finding) -> str:
    """On which side of zero a finding is, as far as its seeds can tell."""
    if finding.verdict != "single":
        return finding.label
    return f"{'higher' if finding.effect.mean > 0 else 'lower'} in the one seed"


def _name(finding: Finding) -> str:
    """The method that a finding is about."""
    return finding.subject.partition(" − ")[0].partition(":")[0].removesuffix(" with a prior")
