"""The look of every figure, and how it becomes an image."""

import functools
import io
from collections.abc import Callable, Iterable

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from PIL import Image

from bnnbench.words.names import CHOICES, PRIORS, method_name, model_name

WIDTH = 7.0
"""Inches; at 100 pixels an inch a figure is 700 pixels wide, and its files hold twice as many."""

_COLOURS = sns.color_palette("colorblind").as_hex()
BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, GREY, YELLOW, SKY = _COLOURS
GROUPS = {"wrong": RED, "right": BLUE, "all": GREY}
DARK_BLUE, DARK_ORANGE = "#00365a", "#8f3f00"
CLASS_MAP = LinearSegmentedColormap.from_list("classes", ["#3b93c8", "#ffffff", "#e9a63a"])
GREY_MAP = LinearSegmentedColormap.from_list("strength", ["#ffffff", "#555555"])
_CLASSES = ["#3b93c8", "#e9a63a", GREEN, PURPLE, RED, BROWN, PINK, YELLOW, SKY, GREY]
_PRIORS = dict(zip(PRIORS, (BLUE, ORANGE, GREEN, GREY, PURPLE), strict=True))
_CHOICES = dict(zip(CHOICES, ("#222222", BLUE, SKY, ORANGE, GREEN), strict=True))
_METHODS = {"mean_field": BLUE, "map": ORANGE, "pymc_advi": GREEN}
_MARKERS = dict(zip(CHOICES, "osPD^", strict=True))
_SPARE = [SKY, PINK, BROWN, YELLOW, RED, PURPLE, GREY]
_SPARE_MARKERS = ["v", "X", "<", ">", "p", "h", "d", "*"]


_SETTINGS = {
    "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "figure.titlesize": 10, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.8, "grid.linewidth": 0.6, "lines.linewidth": 1.5,
    "xtick.major.size": 3, "ytick.major.size": 3, "legend.frameon": False, "svg.hashsalt": "bnnbench",
    "svg.fonttype": "path", "figure.constrained_layout.use": False,
}  # fmt: skip


def _plain_settings() -> dict:
    """matplotlib's own settings, whatever a matplotlibrc says; the backend apart, which is the user's to choose."""
    return {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")}


def styled(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator: draw in the project's style, and leave matplotlib's settings as they were."""

    @functools.wraps(plot)
    def drawn(*args, **options) -> Figure:
        with mpl.rc_context(_plain_settings()):
            sns.set_theme(context="paper", style="ticks", font="DejaVu Sans", rc=_SETTINGS)
            figure = plot(*args, **options)
            FigureCanvasAgg(figure)
            figure.draw_without_rendering()  # lays the figure out while the style holds
            return figure

    return drawn


def panels(rows: int, columns: int, height: float, width: float = WIDTH, **options):
    """A figure with a grid of axes, (rows, columns), each row `height` inches high; nothing global is touched."""
    figure = Figure(figsize=(width, rows * height), dpi=100, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def panels_of(n: int, height: float, most: int = 3):
    """A figure with n panels on common axes, at most so many a row and the last row as full as can be."""
    rows = -(-n // most)
    return panels(rows, -(-n // rows), height, sharex=True, sharey=True)


def hide_spare(axes, used: int) -> None:
    """Blank the axes of a grid beyond the first `used`."""
    for ax in list(axes.flat)[used:]:
        ax.axis("off")


def legend_of_all(figure: Figure, axes, columns: int = 2) -> None:
    """A legend below a figure with every label of its axes once."""
    found = {}
    for ax in axes.flat:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        options = {"loc": "outside lower center", "ncols": min(columns, len(found)), "fontsize": 7.5}
        figure.legend(found.values(), found.keys(), **options)


def method_title(ax, cell) -> None:
    """Method and model of a cell, a row of `cells`, above its panel."""
    name = method_name(cell.inference)
    ax.set_title(f"{name[:1].upper()}{name[1:]}\n", fontsize=8.5)
    text = ax.text(0, 1.03, model_name(cell), transform=ax.transAxes, fontsize=6.5, color="#444444", va="bottom")
    text.set_in_layout(False)  # a long name must not push the panels apart


def encode(figure: Figure, kind: str = "png") -> bytes:
    """The figure as a PNG of 256 colours at twice its size, or as SVG; figures made alike give the same bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(_plain_settings() | _SETTINGS):
        if kind == "svg":
            figure.savefig(buffer, format=kind, dpi=200, metadata={"Date": None, "Creator": None})
            return buffer.getvalue()
        image = _pixels(figure)
    few = image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _pixels(figure: Figure) -> Image.Image:
    """The figure at 200 pixels an inch, laid out once more: axes of a fixed shape move ticks and labels when they are
    first laid out. `savefig` would lay it out, draw it and pack it into a file that has to be unpacked again."""
    dpi, engine = figure.dpi, figure.get_layout_engine()
    figure.dpi = 200
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    try:
        canvas.draw()
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    finally:
        figure.dpi = dpi
        figure.set_layout_engine(engine)


def class_colours(n_classes: int) -> list[str]:
    """A colour for each class, to fill areas with."""
    return _CLASSES[:n_classes] if n_classes <= len(_CLASSES) else sns.husl_palette(n_classes).as_hex()


def log_ticks(axis) -> None:
    """Plain numbers at 1, 2 and 5 times the powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def _colours(known: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    """Known names keep their colours; others get those that no known name has, in order, and then darker ones."""
    names = list(dict.fromkeys(names))
    spare = [colour for colour in _SPARE if colour not in known.values()]
    spare += [to_hex([0.6 * part for part in to_rgb(colour)]) for colour in spare]
    new = {name: spare[i % len(spare)] for i, name in enumerate(n for n in names if n not in known)}
    return {name: known.get(name) or new[name] for name in names}


def prior_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each prior; those that have one keep it in every figure."""
    return _colours(_PRIORS, names)


def choice_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each way of setting the scale: fixed, or a hyperprior."""
    return _colours(_CHOICES, names)


def choice_markers(names: Iterable[str]) -> dict[str, str]:
    """A marker for each way of setting the scale."""
    names = list(dict.fromkeys(names))
    new = [name for name in names if name not in _MARKERS]
    spare = {name: _SPARE_MARKERS[i % len(_SPARE_MARKERS)] for i, name in enumerate(new)}
    return {name: _MARKERS.get(name) or spare[name] for name in names}


def method_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each inference method."""
    return _colours(_METHODS, names)
