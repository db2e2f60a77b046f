"""Which pictures a study's page shows of its systems, by what its results hold: each kind of study has its own.

Plots are imported where they are needed: who renders a study of one kind does not wait for those of others.
"""

from collections.abc import Callable
from typing import NamedTuple

from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.report import generative_pictures as generative


class Picture(NamedTuple):
    """What is drawn: its name, caption and alternative text, the function and its arguments after results and study."""

    name: str
    caption: str
    alt: str
    plot: Callable
    arguments: tuple = ()


def of_study(results: Results, study: str) -> list[Picture]:
    """The pictures of a study, which its page begins with."""
    kinds = (
        _of_maps,
        _of_curves,
        generative.of_densities,
        generative.of_novelty,
        generative.of_codes,
        generative.of_samples,
        _of_sequences,
        _of_transfer,
        _of_sizes,
    )
    found = []
    for kind in kinds:
        try:
            found += [Picture(*(parts[:4]), tuple(parts[4:])) for parts in kind(results, study)]
        except NothingToDraw:
            continue  # the study is of another kind
    return found


def _of_maps(results: Results, study: str) -> list[tuple]:
    """Of a study with a class a pixel what is drawn: as `_of_curves`."""
    from bnnbench.plots import segmentation
    from bnnbench.words.names import data_name

    names = segmentation.mapped(results, study)
    found = []
    for name in names:
        title = data_name(name)
        found += [
            (
                f"scenes-{name}",
                f"{title}: test images with their true and predicted classes, the confidence, and the aleatoric and "
                "epistemic parts of the entropy, of the network that validation data choose. Black pixels are void; "
                "in maps dark is certain.",
                f"Images of {title} beside maps of classes and of uncertainties, a row an image.",
                segmentation.scenes, name,
            ),
            (
                f"kept-{name}",
                f"{title}: accuracy of the pixels that are kept where the most uncertain are set aside, by each score, "
                "each method with the model that validation data choose. Bands are 95% intervals over seeds.",
                f"Curves of accuracy on {title} against the share of pixels kept, a panel a method.",
                segmentation.pixels_kept, name,
            ),
        ]  # fmt: skip
    return found


def _of_curves(results: Results, study: str) -> list[tuple]:
    """Of a study of curves what is drawn: name, caption, alternative text, function and its arguments."""
    from bnnbench.plots import curves, quantiles
    from bnnbench.words.names import data_name

    names = curves.curves_of(results, study)
    best = "each method with its best model by validation NLL"
    found = []
    for name in names:
        title = data_name(name)
        found += [
            (
                f"bands-{name}",
                f"{title}: predictive median with its central 50% and 90% bands, {best}; dashed the true mean, dotted "
                "the true 90% band, grey the gap between the training inputs.",
                f"Curves with bands along the input on {title}, a panel a method, with training points and the truth.",
                curves.predictive_bands, name,
            ),
            (
                f"uncertainties-{name}",
                f"{title}: aleatoric and epistemic sd along the input, {best}; dotted the sd of the true noise.",
                f"Curves of two standard deviations along the input on {title}, a panel a method.",
                curves.uncertainties_along, name,
            ),
        ]  # fmt: skip
    title = data_name(names[0])
    return [
        *found,
        (
            "bands-by-noise", "Noise of one sd beside noise that grows, small and large: bands under each likelihood.",
            "Curves with bands along the input, a column a data set and a row a likelihood.", curves.bands_by_noise,
        ),
        (
            "pit", f"{title}: histogram of the PIT of the test targets, {best}. Grey: where 95% of bars lie if "
            "predictions are calibrated. A U is too narrow a prediction, a hump too wide a one.",
            "Histograms of the probability integral transform, a panel a method.", quantiles.pit_histograms, names[0],
        ),
    ]  # fmt: skip


def _of_sequences(results: Results, study: str) -> list[tuple]:
    """Of a study of recurrent networks what is drawn: as `_of_curves`."""
    from bnnbench.plots import attempt, sequences
    from bnnbench.words.names import data_name

    kinds = {options["kind"] for options in results.plan.study_configs[study].networks.values()}
    if not kinds & {"lstm", "gru"}:
        return []
    found = []
    for name in dict.fromkeys(_done(results, study).dataset):
        found.append((
            f"scores-{name}", f"{data_name(name)}: test metrics by method and network, each with the model that "
            "validation "
            "chose; dashed what the true source would reach, dotted the ECE's floor.",
            f"Dot plots of test metrics on {data_name(name)}, a panel a metric.", sequences.recurrent_scores, name,
        ))  # fmt: skip
    for name in attempt(sequences.symbol_sets, results, study) or []:
        found.append((
            f"bits-{name}", f"{data_name(name)}: bits of the symbols at each step of a piece, by method; the true "
            "source's "
            "dashed. How far the curve falls says how long a memory is made use of.",
            f"Curves of bits a symbol on {data_name(name)} along pieces.", sequences.bits_along_pieces, name,
        ))  # fmt: skip
    return found


def _of_transfer(results: Results, study: str) -> list[tuple]:
    """Of a study of priors that are centred on pretrained weights what is drawn: as `_of_curves`."""
    from bnnbench.plots import transfer
    from bnnbench.words.names import data_name

    if not any("centre" in options for options in results.plan.study_configs[study].priors.values()):
        return []
    found = []
    for pair in transfer.pairs_of_transfer(results, study):
        title = data_name(pair)
        found += [
            (
                f"images-{pair}", f"{title}: test NLL against the number of training images under each prior, with "
                "the scale "
                "that validation data chose. Bars are 95% intervals over seeds.",
                f"Curves of test NLL on {title} against the number of training images, a panel a method.",
                transfer.metric_by_images, "nll", pair,
            ),
            (
                f"gains-{pair}", f"{title}: the same less that under the plain prior, seed by seed: below 0 the "
                "pretrained "
                "weights helped.",
                f"Curves of differences in test NLL on {title}, a panel a method.", transfer.gains, "nll", pair,
            ),
        ]  # fmt: skip
    return found


def _of_sizes(results: Results, study: str) -> list[tuple]:
    """Of a study of the two uncertainties what is drawn: as `_of_curves`."""
    from bnnbench.plots import uncertainty

    found = []
    for task in uncertainty.tasks_of(results, study):
        found += [
            (
                f"sizes-{task}", f"{task.capitalize()}: both uncertainties against the number of training points; "
                "black the true "
                "noise, dotted how far the mean prediction is from the true one. Bars are 95% intervals over seeds.",
                f"Curves of two uncertainties against the number of training points, {task}.",
                uncertainty.uncertainties_by_size, task,
            ),
            (
                f"along-{task}", f"{task.capitalize()}: both uncertainties along the input at each size of the "
                "training set, "
                "beside the true noise; grey the gap between the training inputs.",
                f"Curves of two uncertainties along the input, a column a size, {task}.",
                uncertainty.uncertainties_at_sizes, task,
            ),
        ]  # fmt: skip
    found.append((
        "correlation", "Rank correlation over test points of the two uncertainties, against the number of training "
        "points: "
        "near 1 they say the same.", "Curves of the rank correlation against the number of training points.",
        uncertainty.correlation_by_size,
    ))  # fmt: skip
    return found


def _done(results: Results, study: str):
    return results.cells[(results.cells.study == study) & (results.cells.state == "done")]


def of_evidence(results: Results, study: str) -> list[tuple]:
    """Of a study whose references have an evidence what is drawn: name, caption, alternative text and function."""
    from bnnbench.evaluation.evidences import evidences
    from bnnbench.plots import evidence

    try:
        several = evidences(results, study).groupby("dataset").prior.size().max() > 1
    except NothingToDraw:
        return []
    of_models = [
        (
            "evidence",
            "Log evidence of each model, the best first: minus the best of the data set, with 1.96 standard errors of "
            "the estimate. Only models whose reference passed its gate are shown.",
            "Dot plot of the log evidence of each model, a panel a data set.",
            evidence.evidence_of_models,
        ),
        (
            "evidence-nll",
            "Does Bayes' own choice of a model predict the test set? Test NLL of each model's exact posterior against "
            "its log evidence; marks as above.",
            "Scatter plot of test NLL against log evidence, a mark a model, a panel a data set.",
            evidence.evidence_against_nll,
        ),
    ]
    return [
        *(of_models if several else []),
        (
            "kl",
            "What Gaussians miss of the posterior: KL(q || posterior) = log evidence − ELBO, in nats. A Gaussian sits "
            "on one of the equal copies that permutations and signs of hidden units make of every mode: the dashed "
            "line is the log of their number, which costs no prediction anything.",
            "Dot plot of the KL to the posterior by model and method, on a log axis.",
            evidence.divergence_by_method,
        ),
        (
            "kl-distance",
            "Does a smaller gap of the ELBO mean better predictions? Total variation to the reference against KL to "
            "the posterior, a mark a cell.",
            "Scatter plot of total variation to the reference against KL to the posterior, a mark a cell.",
            evidence.divergence_against_distance,
        ),
    ]
