"""The plane of data with more than two classes, made up: no network is trained here."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from bnnbench import plots
from bnnbench.claims import toy as claims
from bnnbench.datasets import DataSet
from bnnbench.evaluation.results import Results
from bnnbench.plots import style, toy

CENTRES = np.array([[0.0, 1.0], [-1.0, -0.7], [1.0, -0.7], [0.0, 3.0], [2.5, 2.0]])
WHERE = {"study": "plane", "network": "mlp-5", "likelihood": "", "inference": "mean_field", "recipe": "", "seed": 3}


def bayes_proba(x, n_classes, sharpness=2.0):
    """Class probabilities of points (n, 2): each class is a round cloud about its centre."""
    logits = -sharpness * ((np.asarray(x)[:, None] - CENTRES[:n_classes]) ** 2).sum(-1)
    p = np.exp(logits - logits.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


class Trained:
    """A cell whose draws are the Bayes rule, sharper and less so."""

    def __init__(self, n_classes):
        self.n_classes = n_classes

    def sample_proba(self, x, n_draws):
        return np.stack([bayes_proba(x, self.n_classes, s) for s in np.linspace(0.5, 4, n_draws)])


def data_of(name, n_classes, n_features=2):
    rng = np.random.default_rng(0)
    y = np.arange(400) % n_classes
    x = np.zeros((400, n_features), np.float32)
    x[:, :2] = CENTRES[y] + 0.4 * rng.normal(size=(400, 2))
    train, validation = np.arange(300)[None], np.arange(300, 400)[None]
    return DataSet(name, x, y, train, validation, np.array([WHERE["seed"]]), x, y, n_classes=n_classes)


def results_of(monkeypatch, **n_classes) -> Results:
    """Results of a study whose data sets have so many classes each, with two priors trained on each."""
    cells = [
        WHERE | {"dataset": name, "family": name, "noise": 0.4, "prior": prior, "hyperprior": "fixed", "scale": 1.0,
                 "id": f"plane/{name}/{prior}", "state": "done"}
        for name in n_classes for prior in ("normal", "laplace")
    ]  # fmt: skip
    metrics = [cell | {"split": "validation", "metric": "nll", "value": 0.5} for cell in cells]
    specs = {name: SimpleNamespace(family=name, options={}) for name in n_classes}
    found = Results("nowhere")
    found.__dict__.update(
        cells=pd.DataFrame(cells),
        metrics=pd.DataFrame(metrics),
        references=pd.DataFrame({"id": [], "passed": np.array([], bool)}),
        plan=SimpleNamespace(datasets=specs),
    )
    monkeypatch.setattr(Results, "data", lambda self, name: data_of(name, n_classes[name]))
    monkeypatch.setattr(Results, "trained", lambda self, cell_id: Trained(n_classes[cell_id.split("/")[1]]))
    monkeypatch.setattr(toy, "bayes_proba", lambda family, options, x: bayes_proba(x, n_classes[family]))
    return found


def map_panels(figure):
    return [ax for ax in figure.axes if ax.get_title(loc="left")]


def colour_at(ax, point):
    """The colour of a map at a point of the plane."""
    (image,) = ax.images
    left, right, bottom, top = image.get_extent()
    rgb = np.asarray(image.get_array())
    column = int((point[0] - left) / (right - left) * rgb.shape[1])
    return rgb[int((point[1] - bottom) / (top - bottom) * rgb.shape[0]), column]


@pytest.mark.parametrize("n_classes", [3, 5])
def test_each_class_has_its_area_its_points_and_its_name(monkeypatch, n_classes):
    results = results_of(monkeypatch, clouds=n_classes)
    figure = plots.plane_maps(results, "plane", "probability", n_grid=60, n_draws=5)
    panels = map_panels(figure)
    assert [ax.get_title(loc="left") for ax in panels] == ["exact", "normal, scale 1", "Laplace, scale 1"]
    y = data_of("clouds", n_classes).y_pool[:250]
    for ax in panels:
        for label, colour in enumerate(style.class_colours(n_classes)):
            assert colour_at(ax, CENTRES[label]) == pytest.approx(np.array(to_rgb(colour)), abs=0.25)
        points = {c.get_label(): len(c.get_offsets()) for c in ax.collections if c.get_label().startswith("class ")}
        assert points == {f"class {label}": (y == label).sum() for label in range(n_classes)}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [f"class {label}" for label in range(n_classes)]
    assert figure.get_suptitle() == "Most probable class and its probability, mean field"


def test_the_less_probable_the_paler(monkeypatch):
    results = results_of(monkeypatch, clouds=3)
    ax = map_panels(plots.plane_maps(results, "plane", "probability", n_grid=80, n_draws=5))[0]
    middle = np.array([0.0, -0.13])  # all three are nearly as probable
    assert colour_at(ax, middle).min() > 0.75 and colour_at(ax, CENTRES[2]).min() < 0.5


def test_the_boundary_is_where_the_most_probable_class_changes(monkeypatch):
    results = results_of(monkeypatch, clouds=3)
    ax = map_panels(plots.plane_maps(results, "plane", "probability", n_grid=80, n_draws=5))[1]
    lines = [path.vertices for c in ax.collections if not c.get_label().startswith("class ") for path in c.get_paths()]
    at = np.concatenate([line for line in lines if len(line)])
    top = np.sort(bayes_proba(at, 3), axis=1)
    assert np.abs(top[:, -1] - top[:, -2]).max() < 0.05
    neighbours = np.sort(np.argsort(bayes_proba(at, 3), axis=1)[:, -2:], axis=1)
    assert set(map(tuple, neighbours)) == {(0, 1), (0, 2), (1, 2)}


def test_uncertainty_of_more_than_two_classes_is_the_mutual_information(monkeypatch):
    results = results_of(monkeypatch, clouds=3)
    drawn, draw = [], toy._draw_map
    monkeypatch.setattr(
        toy, "_draw_map", lambda ax, plane, z, *rest: drawn.append((plane, z)) or draw(ax, plane, z, *rest)
    )
    figure = plots.plane_maps(results, "plane", "uncertainty", n_grid=30, n_draws=6)
    assert figure.get_suptitle() == "Mutual information of class and draw (nats), mean field"
    plane, shown = drawn[0]
    draws = Trained(3).sample_proba(plane.points, 6)
    p = draws.mean(0)
    expected = -(p * np.log(p)).sum(1) + (draws * np.log(draws)).sum(2).mean(0)
    assert shown == pytest.approx(expected, abs=1e-9) and len(drawn) == 2


def test_two_classes_beside_three_are_drawn_as_ever_and_named_at_their_bar(monkeypatch):
    results = results_of(monkeypatch, pair=2, clouds=3)
    figure = plots.plane_maps(results, "plane", "probability", ["pair", "clouds"], n_grid=30, n_draws=4)
    assert figure.get_suptitle() == "Class probabilities, mean field"
    bars = [ax.get_ylabel() for ax in figure.axes if not ax.get_title(loc="left")]
    assert bars == ["p(class 1)", "highest probability"]
    assert [len(ax.images) for ax in map_panels(figure)] == [0, 0, 0, 1, 1, 1]
    assert len(figure.legends[0].get_texts()) == 3


def test_data_outside_the_plane_are_left_out(monkeypatch):
    results = results_of(monkeypatch, clouds=3, solid=3)
    shapes = {"clouds": 2, "solid": 4}
    monkeypatch.setattr(Results, "data", lambda self, name: data_of(name, 3, shapes[name]))
    figure = plots.plane_maps(results, "plane", "probability", ["solid", "clouds"], n_grid=20, n_draws=3)
    assert len(map_panels(figure)) == 3
    with pytest.raises(plots.NothingToDraw, match="not points of the plane"):
        plots.plane_maps(results, "plane", "probability", ["solid"])


def test_sentences_and_claims_know_more_than_two_classes(monkeypatch):
    results = results_of(monkeypatch, clouds=3)
    rows = results.metrics.assign(split="test", metric="spearman_sd_boundary", value=-0.6)
    tuned = pd.DataFrame(columns=["study", "dataset", "network", "likelihood", "prior", "inference", "recipe", "scale"])
    results.__dict__.update(metrics=rows, tuned=tuned.astype({"scale": float}))
    assert "the gap between the two highest p*" in plots.boundary_in_words(results, "plane")
    assert claims.boundary_correlation("mean_field")(results, "plane").by_seed == pytest.approx([-0.6])
    with pytest.raises(plots.NothingToDraw, match="no data set of two classes"):
        claims.logit_correlation("mean_field")(results, "plane")
