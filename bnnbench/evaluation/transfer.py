"""Results of a study of pretrained weights by the number of images: two priors, or two starts, on the same images."""

import re

import pandas as pd

from bnnbench.base.statistics import balanced
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, with_tuned_scales

PLAIN, INFORMED = "normal", "informed"
"""Names of the priors around zero and around pretrained weights in such a study."""
BY = ["pair", "network", "images"]


def images_of(dataset: str) -> tuple[str, int | None]:
    """What is transferred to, and how many training images there are: (`digits-5-to-9`, 50) for digits-5-to-9-n-50."""
    found = re.fullmatch(r"(.+)-n-(\d+)", dataset)
    return (found[1], int(found[2])) if found else (dataset, None)


def by_images(results: Results, study: str, metric: str, inference: str, prior: str) -> pd.DataFrame:
    """A test metric with a row each (pair, network, images) and a column a seed, at the scale that validation NLL chose
    for each number of images. NothingToDraw where there is none."""
    where = {"metric": metric, "inference": inference, "prior": prior, "hyperprior": "fixed", "recipe": ""}
    rows = with_tuned_scales(results, study, **where)
    placed = [images_of(dataset) for dataset in rows.dataset]
    rows = rows.assign(pair=[pair for pair, _ in placed], images=[n for _, n in placed]).dropna(subset=["images"])
    if rows.empty:
        raise NothingToDraw(f"no data set of {study} is one of several numbers of images")
    return rows.astype({"images": int}).set_index([*BY, "seed"]).value.unstack("seed")


def differences(
    results: Results, study: str, inference: str, prior: str = INFORMED, metric: str = "nll"
) -> pd.DataFrame:
    """A test metric under a prior less that under the plain one, as `by_images`, where all seeds have both.

    NothingToDraw where no number of images has.
    """
    ours, plain = (by_images(results, study, metric, inference, name) for name in (prior, PLAIN))
    found = (ours - plain).dropna(how="all")
    if found.empty:
        raise NothingToDraw(f"no number of images has both the prior {prior} and {PLAIN}")
    return balanced(found)
