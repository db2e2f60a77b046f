"""From stored predictions to the metrics of a cell."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from bnnbench import metrics


def some_draws(n=400, k=2, s=50, spread=0.7, seed=0):
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n, k)) + spread * rng.normal(size=(s, n, k))
    p = np.exp(logits)
    return p / p.sum(-1, keepdims=True)


def labels_of(draws, seed=1):
    return metrics.draw_labels(draws.mean(0)[None], "label", seed)[0]


@pytest.fixture(scope="module", params=[2, 4])
def cell(request):
    draws = some_draws(k=request.param)
    return draws, labels_of(draws), metrics.Predictions.from_draws(draws)


def test_values_are_those_of_the_functions(cell):
    draws, y, predictions = cell
    p, s = draws.mean(0), len(draws)
    wrong = p.argmax(1) != y
    total = metrics.total_variance(draws)
    chi = {kind: metrics.chi_square(metrics.votes(draws, kind)) for kind in ("argmax", "label")}
    error = {kind: metrics.expected_error_rate(metrics.votes(draws, kind)) for kind in ("argmax", "label")}
    values = metrics.chi_square_label_values_of_votes(predictions.label_votes)
    expected = {
        "accuracy": 1 - wrong.mean(),
        "nll": metrics.negative_log_likelihood(p, y),
        "brier": metrics.brier_score(p, y),
        "ece": metrics.expected_calibration_error(p, y),
        "ece_floor": metrics.calibration_floor(p),
        "predictive_entropy": metrics.predictive_entropy(p).mean(),
        "expected_entropy": metrics.expected_entropy(draws).mean(),
        "mutual_information": metrics.mutual_information(draws).mean(),
        "total_variance": total.mean(),
        "aleatoric_variance": metrics.aleatoric_variance(draws).mean(),
        "chi_square_argmax_per_draw": chi["argmax"].mean() / s,
        "chi_square_label_per_draw": chi["label"].mean() / s,
        "expected_error_rate_argmax": error["argmax"].mean(),
        "expected_error_rate_label": error["label"].mean(),
        "total_variance_wrong": total[wrong].mean(),
        "total_variance_right": total[~wrong].mean(),
        "chi_square_label_per_draw_wrong": chi["label"][wrong].mean() / s,
        "chi_square_label_per_draw_right": chi["label"][~wrong].mean() / s,
        "auroc_predictive_entropy": metrics.auroc(metrics.predictive_entropy(p), wrong),
        "auroc_mutual_information": metrics.auroc(metrics.mutual_information(draws), wrong),
        "auroc_total_variance": metrics.auroc(total, wrong),
        "auroc_max_probability": metrics.auroc(-p.max(1), wrong),
        "auroc_chi_square_label": metrics.auroc(-chi["label"], wrong),
        "auroc_chi_square_argmax": metrics.auroc(-chi["argmax"], wrong),
        "auroc_chi_square_values": metrics.auroc(np.nan_to_num(values), wrong),
        "aurc_max_probability": metrics.aurc(-p.max(1), wrong),
        "wrong_unanimous_per_10000": 10_000 * (wrong & (error["argmax"] == 0)).mean(),
    }
    if p.shape[1] > 2:
        expected |= {f"total_variance_class_{c}": total[y == c].mean() for c in range(p.shape[1])}
    found = metrics.evaluate(predictions, y)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert ("total_variance_class_0" in found) == (p.shape[1] > 2)  # of two classes the total says as much
    assert expected["wrong_unanimous_per_10000"] > 0 and expected["auroc_chi_square_label"] > 0.55


def test_toy_metrics(cell):
    draws, y, predictions = cell
    p, k = draws.mean(0), draws.shape[-1]
    best = np.random.default_rng(2).dirichlet(np.ones(k), len(p))
    found, without = metrics.evaluate(predictions, y, best), metrics.evaluate(predictions, y)
    margin = np.abs(best[:, 1] - 0.5) if k == 2 else np.diff(np.sort(best, 1)[:, -2:])[:, 0]
    sd = draws[..., 1].std(0) if k == 2 else metrics.total_variance(draws) ** 0.5
    expected = {
        "excess_nll": metrics.excess_nll(p, y, best),
        "kl_to_bayes": metrics.expected_excess_nll(p, best),
        "mae_to_bayes": np.abs(p - best).sum(1).mean() / 2,
        "accuracy_gap_to_bayes": metrics.accuracy(best, y) - metrics.accuracy(p, y),
        "bayes_nll": metrics.negative_log_likelihood(best, y),
        "bayes_accuracy": metrics.accuracy(best, y),
        "spearman_sd_boundary": stats.spearmanr(sd, margin).statistic,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert not expected.keys() & without.keys() and found.keys() >= without.keys()


def stored(predictions, dtype):
    floats = ("mean_proba", "class_variance", "expected_entropy")
    return metrics.Predictions(
        *(getattr(predictions, name).astype(dtype) for name in floats),
        predictions.argmax_votes.astype(np.uint8),
        predictions.label_votes.astype(np.uint8),
        predictions.n_draws,
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float16, 5e-3)])
def test_stored_precision_changes_little(cell, dtype, tolerance):
    _, y, predictions = cell
    rounded = metrics.evaluate(stored(predictions, dtype), y)
    exact = metrics.evaluate(predictions, y)
    assert rounded.pop("ece") == pytest.approx(exact.pop("ece"), abs=10 * tolerance)  # bins may move
    assert rounded == pytest.approx(exact, abs=tolerance)


def test_point_estimate_knows_nothing_by_variance_whatever_the_storage():
    draws = np.repeat(some_draws(s=1), 30, axis=0)
    for dtype in (np.float64, np.float32):
        predictions = stored(metrics.Predictions.from_draws(draws.astype(dtype)), np.float32)
        values = metrics.evaluate(predictions, labels_of(draws))
        for name in ("total_variance", "mutual_information"):
            assert values[name] == 0
            assert values[f"auroc_{name}"] == 0.5
        assert values["auroc_chi_square_argmax"] == 0.5
        assert values["auroc_max_probability"] > 0.6
        assert np.isnan(metrics.evaluate(predictions, labels_of(draws), draws[0])["spearman_sd_boundary"])


def test_mutual_information_is_never_negative():
    draws = some_draws(s=20, spread=0.01)
    exact = metrics.Predictions.from_draws(draws)
    fields = {**vars(exact), "expected_entropy": exact.expected_entropy + 1e-3}
    assert metrics.evaluate(metrics.Predictions(**fields), labels_of(draws))["mutual_information"] >= 0


def test_two_classes_from_class_one_only():
    draws = some_draws()
    y, predictions = labels_of(draws), metrics.Predictions.from_draws(draws)
    votes = (predictions.argmax_votes[:, 1].astype(np.uint8), predictions.label_votes[:, 1].astype(np.uint8))
    rebuilt = metrics.Predictions.from_class_one(
        predictions.mean_proba[:, 1],
        predictions.class_variance[:, 1],
        predictions.expected_entropy,
        *votes,
        predictions.n_draws,
    )
    assert metrics.evaluate(rebuilt, y) == pytest.approx(metrics.evaluate(predictions, y))


def test_nobody_wrong():
    draws = some_draws()
    values = metrics.evaluate(metrics.Predictions.from_draws(draws), draws.mean(0).argmax(1))
    assert values["accuracy"] == 1 and values["aurc_max_probability"] == 0
    assert np.isnan(values["total_variance_wrong"]) and np.isnan(values["auroc_max_probability"])


def test_renumbering_classes_changes_nothing():
    draws = some_draws(k=4)
    predictions, y, order = metrics.Predictions.from_draws(draws), labels_of(draws), np.array([2, 0, 3, 1])
    columns = ("mean_proba", "class_variance", "argmax_votes", "label_votes")
    moved = metrics.Predictions(
        **{name: v[:, order] if name in columns else v for name, v in vars(predictions).items()}
    )
    before = metrics.evaluate(predictions, y, draws[0])
    after = metrics.evaluate(moved, np.argsort(order)[y], draws[0][:, order])
    for new, old in enumerate(order):
        assert after.pop(f"total_variance_class_{new}") == pytest.approx(before[f"total_variance_class_{old}"])
    # The statistic of label values depends on how classes are numbered, which is what is wrong with it.
    assert after.pop("auroc_chi_square_values") != pytest.approx(before["auroc_chi_square_values"])
    assert after == pytest.approx({name: before[name] for name in after})


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("label_votes", lambda v: v + 1, "label_votes must have shape.*n_draws = 50"),
        ("argmax_votes", lambda v: v[:-1], "argmax_votes must have shape"),
        ("class_variance", lambda v: -v, "class_variance must lie in"),
        ("class_variance", lambda v: v[:, 0], "class_variance must have shape"),
        ("expected_entropy", lambda v: v * np.nan, "expected_entropy holds NaN"),
        ("mean_proba", lambda v: v * 2, "mean_proba must"),
    ],
)
def test_inconsistent_predictions_are_refused(cell, field, change, message):
    fields = {f.name: getattr(cell[2], f.name) for f in dataclasses.fields(cell[2])}
    with pytest.raises(ValueError, match=message):
        metrics.Predictions(**{**fields, field: change(fields[field])})


def test_imports_no_torch():
    code = "import sys, bnnbench.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
