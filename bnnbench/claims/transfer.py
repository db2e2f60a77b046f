"""Claims on priors that are centred on pretrained weights, which the source set out to show and had no result for.

The plain prior is a normal around zero; its rival is the normal around pretrained weights, with a new head around zero.
Each has the scale with the lowest validation NLL where several were run, at each number of images. A gain is the plain
prior's test NLL less the informed one's, on the same images, seed by seed. T1 is judged by the number of images at
which the mean difference is worst, so that it holds at every other too.
"""

import numpy as np

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.evaluation.transfer import INFORMED, differences
from bnnbench.words.names import method_name

CHOSEN_ON = range(3)
"""Seeds of digits whose test NLL was looked at when the centre, the scales and the steps of `transfer` were chosen."""
REPORT = "Slides on Bayesian deep learning: priors from pretrained networks"


def worst(inference: str, prior: str = INFORMED) -> Measure:
    """The difference in NLL at the number of images at which its mean over seeds is largest."""

    def measure(results: Results, study: str) -> Measured:
        found = differences(results, study, inference, prior)
        means = found.mean(axis=1)
        pair, _, images = means.idxmax()
        listed = ", ".join(f"{value:+.3f} at {n}" for (*_, n), value in means.items())
        note = f"{method_name(inference)}: worst at {images:g} images of {pair}. By images: {listed}."
        if study == "transfer" and set(CHOSEN_ON) & set(found.columns):
            note += " The study's settings were chosen on seeds 0 to 2, by test NLL too: these seeds do not test it."
        return Measured(found.loc[means.idxmax()].to_numpy(), note[:1].upper() + note[1:])

    return measure


def slope(inference: str, prior: str = INFORMED) -> Measure:
    """Change of the gain in NLL for ten times as many images: least squares, seed by seed, the mean over pairs."""

    def measure(results: Results, study: str) -> Measured:
        slopes = []
        for _, part in differences(results, study, inference, prior).groupby(level=["pair", "network"]):
            images = part.index.get_level_values("images").to_numpy(float)
            if len(images) > 1:
                slopes.append(np.polyfit(np.log10(images), -part.to_numpy(), 1)[0])
        if not slopes:
            raise NothingToDraw("a slope needs two numbers of images")
        return Measured(np.mean(slopes, axis=0))

    return measure


CURVES = "notebooks/{study}.html#What-the-prior-gains,-by-number-of-images"
OTHERS = ("map", "laplace_approximation", "ensemble", "swag")
WORST = "test NLL under the informed prior less that under the plain one, {}, at the number of images where it is worst"
SLOPE = "change of the gain in test NLL for ten times as many images, {}"

CLAIMS = (
    Claim(
        "T1", REPORT, "A prior centred on a pretrained network's weights beats one around zero at every size.",
        (
            Statistic(WORST.format("mean field"), "below", 0.0, worst("mean_field"), CURVES),
            *(Statistic(WORST.format(method_name(m)), "below", 0.0, worst(m), CURVES, True) for m in OTHERS),
            Statistic(WORST.format("mean field, with sd in proportion to the weights"), "below", 0.0,
                      worst("mean_field", "relative"), CURVES, True),
            Statistic(WORST.format("mean field, only started at the weights"), "below", 0.0,
                      worst("mean_field", "fine_tuned"), CURVES, True),
        ),
    ),
    Claim(
        "T2", REPORT, "What the informed prior gains shrinks as the images grow in number.",
        (
            Statistic(SLOPE.format("mean field"), "below", 0.0, slope("mean_field"), CURVES),
            *(Statistic(SLOPE.format(method_name(m)), "below", 0.0, slope(m), CURVES, True) for m in OTHERS),
        ),
    ),
)  # fmt: skip
