"""What data sets, priors, methods and metrics are called in text, tables and figures, and in which order."""

import re
from collections.abc import Iterable

from bnnbench.metrics import describe

PRIORS = ("normal", "laplace", "cauchy", "flat", "scale_mixture")
CHOICES = ("fixed", "half_normal", "shared_half_normal", "half_cauchy", "inverse_gamma")
"""Ways of setting the scale."""

_WORDS = {
    "advi": "ADVI", "bayes": "Bayes", "blundell": "Blundell", "cauchy": "Cauchy",
    "cifar10": "CIFAR-10", "dcgan": "DCGAN", "depeweg": "Depeweg", "fashion_mnist": "Fashion-MNIST",
    "foong": "Foong", "gan": "GAN", "gauss": "Gauss", "gaussian_process": "Gaussian process",
    "half_cauchy": "half-Cauchy", "half_normal": "half-normal", "hmc": "HMC", "inverse_gamma": "inverse-gamma",
    "laplace": "Laplace", "map": "MAP", "markov": "Markov", "matern": "Matérn", "mc": "MC", "mle": "MLE",
    "mile": "MILE", "mnist": "MNIST", "nuts": "NUTS",
    "pymc": "PyMC", "pymc_fullrank": "PyMC full-rank ADVI", "sghmc": "SGHMC", "sgld": "SGLD", "smc": "SMC",
    "shared_half_normal": "shared half-normal", "student": "Student", "swag": "SWAG",
}  # fmt: skip
"""Nicer words for a name, or for a part of one; whatever is not here is written as it is."""

_LIKELIHOODS = {
    "gaussian": "Gaussian", "gaussian_heteroscedastic": "heteroscedastic Gaussian",
    "beta_gaussian_heteroscedastic": "β-weighted heteroscedastic Gaussian", "student_t": "Student-t",
    "bernoulli_elbo": "Bernoulli ELBO", "bernoulli_elbo_sampled": "Bernoulli ELBO, sampled KL",
    "bernoulli_reconstruction": "reconstruction alone", "bernoulli_kl": "KL alone", "gaussian_elbo": "Gaussian ELBO",
    "gaussian_elbo_heteroscedastic": "Gaussian ELBO, noise by pixel",
    "logit_noise": "noise on the logits", "pixels_logit_noise": "noise on the logits",
}  # fmt: skip
_CURVE = re.compile(
    r"(?P<family>[a-z_]+)(?P<heteroscedastic>-heteroscedastic)?(-noise-(?P<noise>[\d.]+))?(-quiet-(?P<quiet>[\d.]+))?"
)
"""The name of a data set along a line."""
_SIZE = re.compile(r"(?P<rest>.+)-n-(?P<n>\d+)")
"""The name of a data set that is one of several sizes."""
_PART = re.compile(r"(?P<family>[a-z_]+\d*)(-(?P<side>\d+)px)?(-(?P<first>\d)-to-(?P<last>\d))?(-n-\d+)?")
"""The name of an image set or of a part of it: images so many pixels wide, classes in a row, or a number of training
images."""

_CLASSES = {
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "fashion_mnist": (
        "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
    ),
    "cats_vs_dogs": ("cat", "dog"),
}  # fmt: skip
"""What the labels of whole data sets stand for, where they have names."""


def name_of(word: str) -> str:
    """How a prior, hyperprior, method or data set is written: half-Cauchy for half_cauchy, PyMC NUTS for pymc_nuts."""
    return _WORDS.get(word) or " ".join(_WORDS.get(part, part) for part in word.split("_"))


def likelihood_name(likelihood: str) -> str:
    """How a likelihood is written; "" for a task's default, which goes without saying."""
    return _LIKELIHOODS.get(likelihood) or name_of(likelihood)


def data_name(dataset: str) -> str:
    """`circles, noise 0.4` for circles-0.4 and circles-noise-0.4, and what a class left out holds; else as it is."""
    family, left_out = _without(dataset)
    if left_out is not None:
        return f"{name_of(family)} without {class_name(family, left_out)}"
    if sized := _SIZE.fullmatch(dataset):
        return f"{data_name(sized['rest'])}, {int(sized['n']):,} points"
    if (part := _PART.fullmatch(dataset)) and part["first"]:
        return f"{name_of(part['family'])} {part['first']} to {part['last']}"
    if part and part["side"]:
        return f"{name_of(part['family'])}, {part['side']} x {part['side']} pixels"
    if curve := _CURVE.fullmatch(dataset):
        kind = "heteroscedastic" if curve["heteroscedastic"] else ""
        noise = f"noise {curve['noise']}" if curve["noise"] else ""
        quiet = f"{100 * float(curve['quiet']):g}% quiet" if curve["quiet"] else ""
        return ", ".join(filter(None, [name_of(curve["family"]), kind, noise, quiet]))
    family, dash, rest = dataset.partition("-")
    return f"{name_of(family)}, noise {rest}" if dash and rest.replace(".", "", 1).isdigit() else name_of(dataset)


def class_name(family: str, label: int) -> str:
    """A class of a whole data set in words, such as `sneaker`, where it has a name."""
    return _CLASSES[family][label] if family in _CLASSES else f"class {label}"


def class_names(dataset: str, n_classes: int) -> list[str]:
    """What a data set's labels stand for, or their numbers; labels above a class left out have moved down by one."""
    part = _PART.fullmatch(dataset)
    dataset, first = (part["family"], int(part["first"] or 0)) if part else (dataset, 0)
    family, left_out = _without(dataset)
    if family not in _CLASSES:
        return [str(first + label) for label in range(n_classes)]
    return [name for label, name in enumerate(_CLASSES[family]) if label != left_out][first : first + n_classes]


def left_out_name(dataset: str) -> str:
    """The class that a data set leaves out, in words."""
    return class_name(*_without(dataset))


def _without(dataset: str) -> tuple[str, int | None]:
    """The family and the class that is left out, of a name such as mnist-without-7; other names hold none."""
    family, _, left_out = dataset.partition("-without-")
    return (family, int(left_out)) if left_out.isdecimal() else (dataset, None)


def model_name(row) -> str:
    """`Laplace, half-Cauchy`, `normal, scale 0.3` or `flat` for a row with prior, hyperprior and scale.

    With the likelihood, where the row has one that is not its task's default: `flat, Student-t`.
    """
    words = [name_of(row.prior)]
    if row.hyperprior != "fixed":
        words.append(name_of(row.hyperprior))
    elif row.scale == row.scale:
        words.append(f"scale {row.scale:g}")
    return ", ".join([*words, *filter(None, [likelihood_name(getattr(row, "likelihood", ""))])])


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
    return _ordered(PRIORS, names)


def ordered_choices(names: Iterable[str]) -> list[str]:
    """Ways of setting the scale in the order of every figure: fixed, then the hyperpriors."""
    return _ordered(CHOICES, names)


def _ordered(known: Iterable[str], names: Iterable[str]) -> list[str]:
    names = set(names)
    return [n for n in known if n in names] + sorted(names - set(known))
