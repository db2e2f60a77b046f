"""A class that was left out: in the data, in the probe's scores, in the claims and in the figures."""

import numpy as np
import pandas as pd
import pytest
import torch
from small_run import NOTHING_ELSE, run

from bnnbench import datasets, networks, plots, probes
from bnnbench.claims import of_study, verdicts
from bnnbench.datasets import DataSet
from bnnbench.datasets._idx import _less, find
from bnnbench.evaluation.results import Results, load_results
from bnnbench.inference import GaussianPosterior
from bnnbench.metrics import Predictions
from bnnbench.model.prior import LogPrior, Model
from bnnbench.prediction.trained import TrainedCell
from bnnbench.priors.normal import Normal
from bnnbench.probes.novelty import scores
from bnnbench.study import grid


def has_data() -> bool:
    import os

    try:
        return bool(os.environ.get("BNNBENCH_DATA")) and all(find(f) for f in ("mnist", "fashion-mnist"))
    except ValueError:
        return False


REAL = pytest.mark.skipif(not has_data(), reason="BNNBENCH_DATA names no folder with MNIST and Fashion-MNIST")


def test_classes_after_the_one_left_out_move_down():
    x, y = np.arange(6), np.array([0, 1, 2, 3, 2, 1])
    kept = _less(x, y, 2)
    assert kept[0].tolist() == [0, 1, 3, 5] and kept[1].tolist() == [0, 1, 2, 1]


def test_a_list_of_classes_stands_for_a_data_set_each():
    plan = grid.load({"studies": ["novelty"], "seeds": [0]})
    assert list(plan.datasets) == [f"fashion_mnist-without-{c}" for c in range(10)]


def one_input_data(novel):
    x = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
    index = np.arange(50)[None]
    return DataSet("line", x, (x[:, 0] > 0).astype(int), index, index + 50, np.array([0]), x, (x[:, 0] > 0).astype(int),
                   2, novel=novel)  # fmt: skip


@pytest.fixture
def line_cell():
    """Logistic regression of which the slope is known and the sign of the offset is not."""
    network = networks.make({"kind": "mlp", "hidden": []}, (1,), 2)
    prior = LogPrior.of_models(network, [Model(Normal(), 1.0)])
    loc = torch.tensor([[-4.0, 4.0, 0.0, 0.0]])
    arrays = {"loc": loc, "sd": torch.tensor([[0.1, 0.1, 0.1, 0.1]])}
    pad = torch.zeros(1, prior.n_latents - 4)
    return TrainedCell(network, GaussianPosterior(prior, {k: torch.cat([a, pad], 1) for k, a in arrays.items()}), "c")


def readings_of(cell, novel):
    found = probes.make("novelty", {"draws": 50}).run(cell, one_input_data(novel), 0)
    return {(r.variable, r.metric): r.value for r in found}


def test_inputs_on_the_boundary_are_uncertain_and_inputs_far_from_it_are_not(line_cell):
    near, far = np.zeros((40, 1), np.float32), np.full((40, 1), 5, np.float32)
    found = readings_of(line_cell, {"near": near, "far": far})
    for score in ("predictive_entropy", "nll", "total_variance"):
        assert found[f"near/{score}", "auroc"] > 0.9 and found[f"far/{score}", "auroc"] < 0.1
        assert found[f"near/{score}", "recall"] == 1 and found[f"far/{score}", "recall"] == 0
        assert found[f"near/{score}", "fpr_at_95_tpr"] < 0.2
        assert found[f"near/{score}", "mean_novel"] > found[f"near/{score}", "mean_known"]
    assert 0.5 < found["near/predictive_entropy", "precision"] <= 1
    assert np.isnan(found["far/predictive_entropy", "precision"]) or found["far/predictive_entropy", "precision"] == 0


def test_a_point_estimate_tells_nothing_new_by_scores_of_disagreement():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), 200).astype(np.float32)
    entropy = -(proba * np.log(proba)).sum(1)  # in single precision, as it is stored
    votes = np.eye(3, dtype=int)[proba.argmax(1)]
    found = scores(Predictions(proba, np.zeros_like(proba), entropy, votes, votes, 1))
    assert not found["mutual_information"].any() and not found["total_variance"].any()


def test_a_data_set_without_novel_inputs_is_refused_by_name(line_cell):
    with pytest.raises(ValueError, match="'line' has no novel inputs: give it the option 'without'"):
        readings_of(line_cell, {})


SCORES = ("predictive_entropy", "mutual_information", "total_variance", "nll")
COLUMNS = ["study", "dataset", "network", "likelihood", "prior", "hyperprior", "scale", "inference", "recipe", "seed",
           "probe", "variable", "metric", "value"]  # fmt: skip


def hand_made(entropy=0.8, plain=0.75, ratio=2.0, other=None) -> Results:
    """Results with two left-out classes; validation NLL is 1. `other` is the validation NLL of a second setting of
    mean field for class 7, with draws that do not vary; a second one of dropout is then there too, and worse."""
    rows = []
    for method, prior, values in (
        ("mean_field", "normal", {"predictive_entropy/auroc": entropy, "total_variance/mean_novel": ratio * 0.1}),
        ("mc_dropout", "normal", {"predictive_entropy/auroc": entropy, "total_variance/mean_novel": 0.1}),
        ("mle", "flat", {"predictive_entropy/auroc": plain}),
    ):
        for name, value in values.items():
            score, metric = name.split("/")
            rows += [
                ("novelty", f"fashion_mnist-without-{c}", "net", "", prior, "fixed", 1.0, method, "", seed, "novelty",
                 f"left_out/{score}", metric, value + 0.01 * c * (prior == "normal") + 1e-4 * seed)
                for c in (0, 7) for seed in range(3)
            ]  # fmt: skip
    made = Results("made by hand")
    table = pd.DataFrame(rows, columns=COLUMNS)
    if other is not None:
        here = table.inference.isin(["mean_field", "mc_dropout"]) & (table.dataset == "fashion_mnist-without-7")
        table = pd.concat([table, table[here].assign(recipe="slower", value=1e-6)])
    seconds = np.where(table.inference == "mean_field", other, 2.0)
    nll = table.assign(split="validation", metric="nll", value=np.where(table.recipe == "", 1.0, seconds))
    made.__dict__.update(probes=table, cells=table.assign(state="done"), metrics=nll, tuned=table[:0])
    return made


def verdict(results, claim_id):
    (claim,) = (c for c in of_study("novelty") if c.id == claim_id)
    return {v.part: (v.verdict, v.effect) for v in verdicts(claim, results, "novelty")}


def test_a_bayesian_network_is_compared_with_the_plain_one_class_by_class():
    found = verdict(hand_made(), "P1")
    assert found["a"] == ("reproduced", pytest.approx(0.05 + 0.035)) and set(found) == {"a", "b"}
    assert verdict(hand_made(entropy=0.6), "P1")["a"][0] == "not reproduced"


def test_the_class_that_is_shown_is_that_of_the_median_effect():
    made, gains = hand_made(), {0: 0.3, 7: 0.1, 9: 0.2}  # by class, in any order
    table = pd.concat([made.probes, made.probes[made.probes.dataset.str.endswith("-7")].assign(dataset="without-9")])
    number = table.dataset.str[-1].astype(int)
    bayesian = (table.prior == "normal") & (table.variable == "left_out/predictive_entropy")
    made.__dict__["probes"] = table.assign(value=np.where(bayesian, 0.5 + number.map(gains), 0.5))
    assert plots.novelty.median_data_set(made, "novelty") == "without-9"
    made.__dict__["probes"] = made.probes[made.probes.dataset != "fashion_mnist-without-0"]
    assert plots.novelty.median_data_set(made, "novelty") == "fashion_mnist-without-7"  # the lower of two


def test_draws_of_both_methods_are_compared_on_the_new_class():
    for ratio, wanted in ((0.3, "not reproduced"), (4.0, "reproduced")):
        found = verdict(hand_made(ratio=ratio, other=1.1), "P2")
        assert [found[part][0] for part in "ab"] == [wanted, wanted]
        assert found["b"][1] == pytest.approx((ratio + (0.1 * ratio + 0.07) / (0.1 + 0.07)) / 2, rel=0.01)


def test_a_setting_stands_for_its_method_where_validation_data_prefer_it():
    worse, better = (verdict(hand_made(other=nll), "P2")["a"][1] for nll in (1.1, 0.9))
    assert worse == pytest.approx((0.2 + 0.07) / (0.1 + 0.07), rel=0.01) and better == pytest.approx(0, abs=1e-4)


def test_the_tuned_scale_of_every_network_is_judged():
    results = hand_made(other=1.1)

    def several(table):
        """A scale that was not chosen, and a network on which all values are lower by as much."""
        untuned = table[table.prior == "normal"].assign(scale=0.2, value=lambda t: t.value - 0.5)
        return pd.concat([table, untuned, table.assign(network="wide", value=table.value - 0.3)])

    results.__dict__.update({name: several(getattr(results, name)) for name in ("probes", "metrics", "cells")})
    keys = ["study", "dataset", "network", "likelihood", "inference", "recipe", "prior"]
    bayesian = results.probes[results.probes.prior == "normal"]
    results.__dict__["tuned"] = bayesian[keys].drop_duplicates().assign(scale=1.0)
    assert verdict(results, "P1")["a"] == ("reproduced", pytest.approx(0.05 + 0.035))
    (claim,) = (c for c in of_study("novelty") if c.id == "P1")
    assert "over 4 left-out classes" in verdicts(claim, results, "novelty")[0].note
    assert "b" in verdict(results, "P2")


def test_methods_that_had_one_setting_are_not_tuned_ones():
    found = verdict(hand_made(ratio=4.0), "P2")
    assert found["a"][0] == "undecided" and np.isnan(found["a"][1])
    assert found["b"][0] == "reproduced"


@REAL
def test_the_left_out_class_is_in_no_split_and_all_of_its_test_images_are_novel():
    counts = {"n_train": 500, "n_validation": 100, "n_test": 9000}
    whole = datasets.make("fashion_mnist", {"n_test": 10_000}, [0])
    data = datasets.make("fashion_mnist", {"without": 7, "strangers": "mnist", **counts}, [0])
    assert data.name == "fashion_mnist-without-7" and data.n_classes == 9
    sneakers = whole.x_test[whole.y_test == 7]
    assert np.array_equal(data.novel["left_out"], sneakers) and data.novel["mnist"].shape == (10_000, 1, 28, 28)
    boots = whole.x_test[whole.y_test == 9]
    assert np.array_equal(data.x_test[data.y_test == 8], boots)


@REAL
@pytest.mark.slow
def test_the_study_runs_from_data_to_figures(tmp_path):
    short = {"settings": {"steps": 30, "batch_size": 100}, "only": {"seed": [0, 1], "recipe": [""]}}
    config = {
        "studies": ["novelty"],
        "seeds": [0, 1],
        "device": "cpu",
        "compile": "off",
        "results_dir": str(tmp_path / "results"),
        "overrides": {
            "novelty": {
                "datasets": {"fashion_mnist": {"without": [7], "n_train": 400, "n_validation": 200, "n_test": 300}},
                "networks": {"lenet-5": {"channels": [2, 4], "hidden": [16]}},
                "inference": NOTHING_ELSE | {m: short for m in ("mle", "mean_field", "mc_dropout")},
                "draws": 10,
                "probes": {"novelty": {"settings": {"inputs": 100, "draws": 10}}},
            }
        },
    }
    results = load_results(run(config).results)
    table = results.probes
    assert set(table.variable.str.partition("/")[0]) == {"left_out", "mnist"}
    assert table[table.metric == "auroc"].value.between(0, 1).all()
    assert set(results.claims.id) == {"P1", "P2"} and (results.claims.n_seeds[:1] == 2).all()
    figure = plots.novelty_scores(results, "novelty", kind="left_out")
    assert len(figure.axes) == 4 and figure.axes[0].get_yticklabels()[0].get_text() == "sneaker,\nleft out"
    assert plots.novelty_scores(results, "novelty", kind="mnist").axes
    cells = plots.novel_cells(results, "novelty")
    assert len(cells) == 2 and len(plots.draws_for_two_images(results, cells[0], n_draws=3).axes) == 4


def test_the_default_kind_is_the_first_and_models_of_a_method_are_told_apart():
    rows = [
        ("mnist", "mnist", "net", "", "normal", hyperprior, 1.0, "mean_field", "", seed, "novelty",
         f"fashion-mnist/{score}", "auroc", value + 0.01 * seed)
        for hyperprior, value in (("fixed", 0.9), ("half_normal", 0.7))
        for score in SCORES
        for seed in range(2)
    ]  # fmt: skip
    made = Results("made by hand")
    table = pd.DataFrame(rows, columns=COLUMNS)
    made.__dict__.update(probes=table, tuned=table[:0])
    figure = plots.novelty_scores(made, "mnist")
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "mean field: normal, scale 1",
        "mean field: normal, half-normal",
    ]
    dots = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == pytest.approx([0.905, 0.705])
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["Fashion-MNIST"]
