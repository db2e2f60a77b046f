"""What names in tables are called in prose, and how numbers are written."""

import math
import re
from collections.abc import Iterable

from bnnbench.words.names import method_name

NONE = "–"
MARKUP = re.compile(r"""[^\w\s.,:;?!'"/()%=+–-]|_|^[=+-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]""")
"""Characters that Markdown may take for more than text, some of them at the beginning only."""


def method(inference: str, recipe: str = "", temperature: float = 1.0) -> str:
    """Name of an inference method; a recipe is named, and so is any temperature other than 1."""
    name = method_name(inference, recipe)
    return name if temperature == 1 else f"{name}, temperature {temperature:g}"


def number(value: float | None, digits: int = 3, signed: bool = False) -> str:
    """A number with so many decimals and a true minus sign; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    return (text.lstrip("+-") if float(text.replace(",", "")) == 0 else text).replace("-", "−")


def significant(value: float | None, digits: int = 2) -> str:
    """A number with so many significant digits, never in exponent form below a million."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    return number(value, max(0, digits - 1 - math.floor(math.log10(abs(value)))))


def duration(seconds: float | None) -> str:
    """5.2 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 60:
        return f"{significant(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(n: int, noun: str, plural: str = "") -> str:
    """1 seed, 2 seeds, 1,234 cells."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listing(items: Iterable[str]) -> str:
    """a, b and c."""
    items = list(items)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def upfirst(text: str) -> str:
    """The text with a capital at its beginning, the rest as it is."""
    return text[:1].upper() + text[1:]


def markdown(text: str) -> str:
    """A user's text, in a line, as Markdown that shows it as it is: what means something there becomes a reference."""
    return MARKUP.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def ranges(numbers: Iterable[int]) -> str:
    """0, 1, 2, 5 -> 0–2, 5."""
    runs: list[list[int]] = []
    for n in sorted(set(numbers)):
        if runs and n == runs[-1][1] + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}{'–' if b > a + 1 else ', '}{b}" for a, b in runs)
