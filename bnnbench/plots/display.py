"""Figures and texts in a notebook."""

import inspect
from collections.abc import Callable

from matplotlib.figure import Figure

from bnnbench.plots.style import NothingToDraw, encode


def show(make: Callable, *args, **options) -> None:
    """Display what `make(*args, **options)` returns: a figure, or text as Markdown.

    Where the results hold nothing for it, one line says why.
    """
    from IPython.display import Image, Markdown, display

    try:
        made = make(*args, **options)
    except NothingToDraw as reason:
        display(Markdown(f"*Not shown: {reason}.*"))
        return
    if isinstance(made, Figure):
        width = round(made.get_figwidth() * 100)
        # what the figure shows, for those who cannot see it
        meaning = " ".join(inspect.getdoc(make).split("\n\n")[0].split())
        display(Image(encode(made), format="png", width=width, alt=meaning))
    else:
        display(Markdown(made))


def attempt(make: Callable, *args, **options):
    """What `make(*args, **options)` returns, or None where the results hold nothing for it."""
    try:
        return make(*args, **options)
    except NothingToDraw:
        return None
