"""Figures and texts in a notebook."""

import base64
import html
import inspect
from collections.abc import Callable

from matplotlib.figure import Figure

from bnnbench.evaluation.select import NothingToDraw
from bnnbench.plots.style import encode


def show(make: Callable, *args, **options) -> None:
    """Display what `make(*args, **options)` returns: a figure, or text as Markdown.

    Where the results hold nothing for it, one line says why.
    """
    from IPython.display import HTML, Markdown, display

    try:
        made = make(*args, **options)
    except NothingToDraw as reason:
        display(Markdown(f"*Not shown: {reason}.*"))
        return
    if isinstance(made, Figure):
        # As HTML, because an exported page drops the alternative text and the width of an image.
        meaning = " ".join(inspect.getdoc(make).split("\n\n")[0].split())
        source = base64.b64encode(encode(made)).decode()
        width = round(made.get_figwidth() * 100)
        style = f'width="{width}" style="max-width: 100%" alt="{html.escape(meaning)}"'
        display(HTML(f'<img {style} src="data:image/png;base64,{source}">'))
    else:
        display(Markdown(made))


def attempt(make: Callable, *args, **options):
    """What `make(*args, **options)` returns, or None where the results hold nothing for it."""
    try:
        return make(*args, **options)
    except NothingToDraw:
        return None
