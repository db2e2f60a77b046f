"""The look of every figure, what things are called in it, and how it becomes an image."""

import functools
import io
from collections.abc import Callable, Iterable

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from PIL import Image

from bnnbench.metrics import describe

WIDTH = 7.0
"""Inches; at 100 pixels an inch a figure is 700 pixels wide, and its files hold twice as many."""

_COLOURS = sns.color_palette("colorblind").as_hex()
BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, GREY, YELLOW, SKY = _COLOURS
GROUPS = {"wrong": RED, "right": BLUE, "all": GREY}
DARK_BLUE, DARK_ORANGE = "#00365a", "#8f3f00"
CLASS_MAP = LinearSegmentedColormap.from_list("classes", ["#3b93c8", "#ffffff", "#e9a63a"])
GREY_MAP = LinearSegmentedColormap.from_list("strength", ["#ffffff", "#555555"])
_CLASSES = ["#3b93c8", "#e9a63a", GREEN, PURPLE, RED, BROWN, PINK, YELLOW, SKY, GREY]
_PRIORS = {"normal": BLUE, "laplace": ORANGE, "cauchy": GREEN, "flat": GREY, "scale_mixture": PURPLE}
_CHOICES = {
    "fixed": "#222222", "half_normal": BLUE, "shared_half_normal": SKY, "half_cauchy": ORANGE, "inverse_gamma": GREEN,
}  # fmt: skip
_METHODS = {"mean_field": BLUE, "map": ORANGE, "pymc_advi": GREEN}
_MARKERS = {"fixed": "o", "half_normal": "s", "shared_half_normal": "P", "half_cauchy": "D", "inverse_gamma": "^"}
_SPARE = [SKY, PINK, BROWN, YELLOW, RED, PURPLE, GREY]
_SPARE_MARKERS = ["v", "X", "<", ">", "p", "h", "d", "*"]

_WORDS = {
    "advi": "ADVI", "bayes": "Bayes", "cauchy": "Cauchy", "fashion_mnist": "Fashion-MNIST", "gauss": "Gauss",
    "half_cauchy": "half-Cauchy", "half_normal": "half-normal", "hmc": "HMC", "inverse_gamma": "inverse-gamma",
    "laplace": "Laplace", "map": "MAP", "mc": "MC", "mle": "MLE", "mnist": "MNIST", "nuts": "NUTS", "pymc": "PyMC",
    "pymc_fullrank": "PyMC full-rank ADVI", "sghmc": "SGHMC", "sgld": "SGLD",
    "shared_half_normal": "shared half-normal", "student": "Student", "swag": "SWAG",
}  # fmt: skip
"""Nicer words for a name, or for a part of one; whatever is not here is written as it is."""

_SETTINGS = {
    "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "figure.titlesize": 10, "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.8, "grid.linewidth": 0.6, "lines.linewidth": 1.5,
    "xtick.major.size": 3, "ytick.major.size": 3, "legend.frameon": False, "svg.hashsalt": "bnnbench",
    "svg.fonttype": "path", "figure.constrained_layout.use": False,
}  # fmt: skip


class NothingToDraw(ValueError):
    """The results hold nothing that the figure could show; the message says what is missing."""


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
            FigureCanvasAgg(figure).draw()  # lays the figure out while the style holds
            return figure

    return drawn


def panels(rows: int, columns: int, height: float, width: float = WIDTH, **options):
    """A figure with a grid of axes, (rows, columns), each row `height` inches high; nothing global is touched."""
    figure = Figure(figsize=(width, rows * height), dpi=100, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


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


def encode(figure: Figure, kind: str = "png") -> bytes:
    """The figure as a PNG of 256 colours at twice its size, or as SVG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(_plain_settings() | _SETTINGS):
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=200, metadata=metadata)
    if kind != "png":
        return buffer.getvalue()
    few = Image.open(buffer).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()


_CLOTHES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
)  # fmt: skip


def class_colours(n_classes: int) -> list[str]:
    """A colour for each class, to fill areas with."""
    return _CLASSES[:n_classes] if n_classes <= len(_CLASSES) else sns.husl_palette(n_classes).as_hex()


def name_of(word: str) -> str:
    """How a prior, hyperprior, method or data set is written: half-Cauchy for half_cauchy, PyMC NUTS for pymc_nuts."""
    return _WORDS.get(word) or " ".join(_WORDS.get(part, part) for part in word.split("_"))


def data_name(dataset: str) -> str:
    """`circles, noise 0.4` for circles-0.4, and what a class left out holds; other names as they are."""
    family, left_out = _without(dataset)
    if left_out is not None:
        return f"{name_of(family)} without {class_name(family, left_out)}"
    family, dash, rest = dataset.partition("-")
    return f"{name_of(family)}, noise {rest}" if dash and rest.replace(".", "", 1).isdigit() else name_of(dataset)


def class_name(family: str, label: int) -> str:
    """A class of a whole data set in words, such as `sneaker`, where it has a name."""
    return _CLOTHES[label] if family == "fashion_mnist" else f"class {label}"


def class_names(dataset: str, n_classes: int) -> list[str]:
    """What a data set's labels stand for, or their numbers; labels above a class left out have moved down by one."""
    family, left_out = _without(dataset)
    if family != "fashion_mnist":
        return [str(label) for label in range(n_classes)]
    return [name for label, name in enumerate(_CLOTHES) if label != left_out]


def left_out_name(dataset: str) -> str:
    """The class that a data set leaves out, in words."""
    return class_name(*_without(dataset))


def _without(dataset: str) -> tuple[str, int | None]:
    """The family and the class that is left out, of a name such as mnist-without-7; other names hold none."""
    family, _, left_out = dataset.partition("-without-")
    return (family, int(left_out)) if left_out.isdecimal() else (dataset, None)


def model_name(row) -> str:
    """`Laplace, half-Cauchy`, `normal, scale 0.3` or `flat` for a row with prior, hyperprior and scale."""
    if row.hyperprior != "fixed":
        return f"{name_of(row.prior)}, {name_of(row.hyperprior)}"
    return name_of(row.prior) if row.scale != row.scale else f"{name_of(row.prior)}, scale {row.scale:g}"


def method_name(inference: str, recipe: str = "") -> str:
    """`mean field`, or with its recipe `mean field (flipout)`."""
    return name_of(inference) + (f" ({name_of(recipe)})" if recipe else "")


def metric_name(metric: str, split: str = "test") -> str:
    """Axis label of a metric with its unit, such as `Test NLL (nats)`."""
    about = describe(metric)
    label = about.label if about.label[1:2].isupper() else about.label[:1].lower() + about.label[1:]
    return f"{split.capitalize()} {label}" + (f" ({about.unit})" if about.unit else "")


def ordered_priors(names: Iterable[str]) -> list[str]:
    """Priors in the order of every figure; unknown ones last."""
    return _ordered(_PRIORS, names)


def ordered_choices(names: Iterable[str]) -> list[str]:
    """Ways of setting the scale in the order of every figure: fixed, then the hyperpriors."""
    return _ordered(_CHOICES, names)


def _ordered(known: dict[str, str], names: Iterable[str]) -> list[str]:
    names = set(names)
    return [n for n in known if n in names] + sorted(names - set(known))


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
