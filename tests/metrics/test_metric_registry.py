"""The catalogue of metrics: what it refuses, how it finds a file, and its order."""

import math
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from bnnbench import metrics
from bnnbench.metrics import _registry, classification

GOOD = {
    "label": "Made-up score",
    "definition": "Mean of the highest probability.",
    "direction": "higher",
    "task": "classification",
}

NEW_FILE = """
import numpy as np
from bnnbench.metrics import metric

@metric("made_up_score", label="Made-up score", definition="Mean of the highest probability.", direction="higher",
        bounds=(0, 1))
def made_up_score(proba):
    return np.max(proba, axis=1).mean()

@metric("made_up_share_{c}", label="Made-up share of {c}", definition="Made-up share of class {c}.", direction="")
def shares(proba):
    read = np.argmax(proba, axis=1)
    return [np.mean(read == c) for c in range(np.shape(proba)[1])]
"""


@pytest.fixture
def catalogue(monkeypatch):
    """The catalogue, put back as it was at the end."""
    monkeypatch.setattr(_registry, "_METRICS", dict(_registry._METRICS))


@pytest.fixture
def new_file(catalogue, tmp_path, monkeypatch):
    """A file in the folder of metrics that nothing names, as far as the package can tell."""
    (tmp_path / "made_up_score.py").write_text(NEW_FILE, encoding="utf-8")
    monkeypatch.setattr(classification, "__path__", [*classification.__path__, str(tmp_path)])
    metrics.load("bnnbench.metrics", metrics.__path__)
    yield
    sys.modules.pop("bnnbench.metrics.classification.made_up_score")
    del classification.made_up_score


def test_the_example_of_the_documents_works(catalogue, tmp_path, monkeypatch):
    section = (
        (Path(__file__).parents[2] / "docs" / "extending.md")
        .read_text(encoding="utf-8")
        .split("How to add a metric")[1]
    )
    example = section[section.index('    """') : section.index("\n- The names")]
    example = example.replace("sharpness", "made_up_score").replace('"Sharpness"', '"Made-up score"')
    (tmp_path / "made_up_score.py").write_text(textwrap.dedent(example), encoding="utf-8")
    monkeypatch.setattr(classification, "__path__", [*classification.__path__, str(tmp_path)])
    metrics.load("bnnbench.metrics", metrics.__path__)
    try:
        assert values_of(proba_of())["made_up_score"] == pytest.approx(proba_of().max(1).mean())
    finally:
        sys.modules.pop("bnnbench.metrics.classification.made_up_score")
        del classification.made_up_score


def proba_of(n=50, k=3):
    return np.random.default_rng(0).dirichlet(np.ones(k), n)


def values_of(proba):
    return metrics.evaluate(metrics.Predictions.from_draws(proba[None]), np.zeros(len(proba), int))


def test_a_new_file_is_evaluated_and_described_and_comes_after_the_known_ones(new_file):
    proba = proba_of()
    found = values_of(proba)
    assert found["made_up_score"] == pytest.approx(proba.max(1).mean())
    assert found["made_up_share_2"] == pytest.approx((proba.argmax(1) == 2).mean())
    order = list(found)
    at = order.index("made_up_score")
    assert order[at : at + 4] == ["made_up_score", "made_up_share_0", "made_up_share_1", "made_up_share_2"]
    assert at > max(order.index(name) for name in ("accuracy", "ece", "total_variance_class_0"))
    assert metrics.describe("made_up_score").label == "Made-up score"
    assert metrics.describe("made_up_share_11").definition == "Made-up share of class 11."


def test_what_is_gone_from_the_folder_is_known_no_more():
    with pytest.raises(ValueError, match="unknown metric 'made_up_score'"):
        metrics.describe("made_up_score")
    assert "made_up_score" not in values_of(proba_of())


@pytest.mark.parametrize(
    ("name", "changes", "fault"),
    [
        ("made_up_score", {"definition": ""}, "has no definition: say in a sentence"),
        ("made_up_score", {"definition": "Highest probability"}, "has no definition: say in a sentence"),
        ("made_up_score", {"label": " "}, "has no label"),
        ("made_up_score", {"direction": "up"}, "has the direction 'up': choose 'higher' or 'lower'"),
        ("made_up_score", {"direction": None}, "has the direction None: choose 'higher' or 'lower'"),
        ("made_up_score", {"bounds": (1, 0)}, r"has the bounds \(1, 0\)"),
        ("made_up_score", {"label": "NLL"}, "has the label of 'nll'"),
        ("nll", {}, "has the name of one in metrics/classification/accuracy.py"),
        ("total_variance_class_4", {}, "has the name of one in metrics/classification/by_class.py"),
        ("Made up", {}, "has a bad name"),
    ],
)
def test_a_faulty_registration_is_refused_with_its_place_and_a_remedy(catalogue, name, changes, fault):
    with pytest.raises(
        ValueError, match=rf"metric '{name}' in metrics/classification/test_metric_registry\.py {fault}"
    ):
        metrics.metric(name, **(GOOD | changes))(lambda proba: 0.0)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda probabilities: 0.0, "takes 'probabilities', which there is not: its parameters can be proba, y"),
        (lambda: 0.0, "takes nothing"),
        (lambda proba, y, reference: 0.0, "takes other things than proba and reference"),
    ],
)
def test_inputs_that_there_are_not_are_refused(catalogue, function, fault):
    with pytest.raises(ValueError, match=fault):
        metrics.metric("made_up_score", **GOOD)(function)


def test_a_metric_of_one_class_may_not_hide_one_of_each(catalogue):
    metrics.metric("made_up_3", **GOOD)(lambda proba: 0.0)
    several = GOOD | {"label": "Made-up {c}"}
    with pytest.raises(ValueError, match="has the name of one"):
        metrics.metric("made_up_{c}", **several)(lambda proba: [0.0])


def test_a_floor_must_be_registered(catalogue):
    metrics.metric("made_up_score", floor="made_up_score_floor", **GOOD)(lambda proba: 0.0)
    with pytest.raises(ValueError, match="has the floor 'made_up_score_floor', which is not registered"):
        metrics.load("bnnbench.metrics", metrics.__path__)


def test_a_metric_that_is_no_number_is_named(catalogue):
    metrics.metric("made_up_score", **GOOD)(lambda proba: proba.max(1))
    with pytest.raises(
        ValueError, match=r"metric 'made_up_score' returned an array of shape \(50,\); return one number"
    ):
        values_of(proba_of())


def test_a_metric_is_left_out_where_its_inputs_or_classes_are(catalogue):
    metrics.metric("made_up_against_rule", **GOOD)(lambda proba, bayes_proba: 1.0)
    metrics.metric("made_up_of_many", min_classes=4, **(GOOD | {"label": "Made-up of many"}))(lambda proba: 1.0)
    proba = proba_of(k=3)
    predictions, y = metrics.Predictions.from_draws(proba[None]), np.zeros(len(proba), int)
    without, with_rule = metrics.evaluate(predictions, y), metrics.evaluate(predictions, y, proba)
    assert "made_up_against_rule" not in without and with_rule["made_up_against_rule"] == 1
    assert "made_up_of_many" not in with_rule and values_of(proba_of(k=4))["made_up_of_many"] == 1


def test_a_metric_against_the_reference_comes_with_its_floor(catalogue):
    metrics.declare(
        __name__,
        "made_up_gap_floor",
        label="Made-up gap, reference to itself",
        definition="The same of two halves.",
        direction="",
    )
    about = GOOD | {"label": "Made-up gap", "definition": "Largest gap to the reference.", "direction": "lower"}
    metrics.metric("made_up_gap", floor="made_up_gap_floor", **about)(
        lambda proba, reference: np.abs(proba - reference).max()
    )
    p, q = proba_of(), proba_of(40)
    q = np.concatenate([q, q[:10]])
    assert metrics.compare(p, q)["made_up_gap"] == np.abs(p - q).max()
    assert "made_up_gap" not in values_of(p) and "made_up_gap_floor" in metrics.declared()
    from bnnbench.evaluation import reference

    assert "made_up_gap_floor" in reference.floor_names() and "made_up_gap_floor" in reference.columns()


def test_an_unknown_name_is_refused_with_a_near_one():
    with pytest.raises(ValueError, match="unknown metric 'acuracy': did you mean 'accuracy'"):
        metrics.describe("acuracy")
    with pytest.raises(ValueError, match="unknown metric 'total_variance_class_x'"):
        metrics.describe("total_variance_class_x")
    assert metrics.describe("nll").unit == "nats" and math.isinf(metrics.describe("kl_to_bayes").bounds[1])


def test_the_order_is_that_of_the_files_whatever_was_imported_first(catalogue, monkeypatch):
    before = list(metrics.registered())
    shuffled = sorted(_registry._METRICS.items(), key=lambda item: item[1].file)
    monkeypatch.setattr(_registry, "_METRICS", dict(shuffled))
    assert list(metrics.registered()) == before
    assert before[:5] == ["accuracy", "nll", "brier", "ece", "ece_floor"]
