"""What a comparison is made of, and how it is printed."""

import statistics


def comparison(
    what: str, library: str, ours: list[float], theirs: list[float], target: float | None, sample=""
) -> dict:
    """One row: medians of seconds per model (and step), and the ratio: a median over repeats where both were repeated.

    What is timed in the same repeat is timed within seconds, so that a machine whose speed drifts is the same to both.
    """
    ours_median, theirs_median = statistics.median(ours), statistics.median(theirs)
    paired = len(ours) == len(theirs)
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)] if paired else [theirs_median / ours_median]
    return {
        "what": what,
        "against": library,
        "seconds": ours_median,
        "against_seconds": theirs_median,
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)] if paired else [min(theirs) / max(ours), max(theirs) / min(ours)],
        "target": target,
        "sample": sample,
    }


def table(rows: list[dict]) -> None:
    """Print a line for each comparison."""
    head = f"{'what':<44}{'against':<20}{'time':>11}{'its time':>11}{'ratio':>8}{'range':>16}{'target':>8}"
    print(f"\n{head}\n{'-' * len(head)}")
    for row in rows:
        low, high = row["ratio_range"]
        print(
            f"{row['what']:<44}{row['against']:<20}{duration(row['seconds']):>11}"
            f"{duration(row['against_seconds']):>11}{row['ratio']:>8.1f}{f'{low:.1f} to {high:.1f}':>16}"
            f"{row['target'] or '-':>8}{verdict(row)}",
            flush=True,
        )


def verdict(row: dict) -> str:
    """What to say where the ratio of a comparison misses its target."""
    if row["target"] is None:
        return ""
    if row.get("at_most"):
        return "  above target" if row["ratio"] > row["target"] else ""
    return "  below target" if row["ratio"] < row["target"] else ""


def duration(seconds: float) -> str:
    """1.2 s, 3.4 ms or 56.7 us."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds * 1e6:.1f} us"
