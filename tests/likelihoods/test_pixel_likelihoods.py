"""Likelihoods of pixels: those of classes, each pixel a point, but for void ones and weights."""

import numpy as np
import pytest
import torch

from bnnbench import likelihoods, tasks
from bnnbench.inference import make as method
from bnnbench.likelihoods._summary import Drawn
from bnnbench.metrics import Maps
from bnnbench.networks import make as network

OF_POINTS = {"pixels": "categorical", "pixels_logit_noise": "logit_noise"}
OWN = torch.zeros(2, 0)


def outputs_and_labels(likelihood, k=3, dtype=torch.float64):
    made = torch.Generator().manual_seed(0)
    outputs = torch.randn(2, likelihood.n_outputs(k), 4, 5, 6, dtype=dtype, generator=made)
    return outputs, torch.randint(0, k, (2, 4, 5, 6), generator=made)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("name", OF_POINTS)
def test_pixels_are_points_of_the_likelihood_of_classes(name, k):
    ours, of_points = likelihoods.make(name), likelihoods.make(OF_POINTS[name])
    outputs, y = outputs_and_labels(ours, k)
    flat = outputs.flatten(2)
    torch.testing.assert_close(ours.log_prob(outputs, ours.target(y), OWN), of_points.log_prob(flat, y.flatten(1), OWN))
    torch.testing.assert_close(ours.log_proba(outputs).flatten(2), of_points.log_proba(flat))
    torch.testing.assert_close(ours.functions(outputs, OWN), of_points.functions(flat, OWN))
    torch.testing.assert_close(ours.curvature_root(outputs, OWN), of_points.curvature_root(flat, OWN))


@pytest.mark.parametrize("name", OF_POINTS)
def test_void_pixels_change_neither_value_nor_gradient(name):
    ours = likelihoods.make(name)
    outputs, y = outputs_and_labels(ours)
    y[:, 1:, :2] = -1
    other = torch.where((y == -1).unsqueeze(1), 1e3 * torch.sign(outputs), outputs)
    values, slopes = [], []
    for given in (outputs, other):
        given = given.clone().requires_grad_()
        values.append(ours.log_prob(given, ours.target(y), OWN))
        slopes.append(torch.autograd.grad(values[-1].sum(), given)[0])
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*slopes)
    assert not slopes[0].movedim(1, -1)[y == -1].any()


def test_weights_are_median_frequency_over_frequency_and_one_on_average():
    """Class 0 fills the first image but for a void half; class 1 a quarter of the second, which class 2 fills."""
    y = torch.zeros(1, 2, 4, 4, dtype=torch.long)
    y[0, 0, :2] = -1
    y[0, 1] = 2
    y[0, 1, 0] = 1
    weight = likelihoods.make("pixels", {"class_weights": "median_frequency"}).target(y)[..., 1]
    frequency = torch.tensor([8 / 8, 4 / 16, 12 / 16])
    raw = torch.where(y < 0, 0.0, (0.75 / frequency)[y.clamp_min(0)])
    torch.testing.assert_close(weight, raw * 24 / raw.sum())
    assert float(weight.sum()) == pytest.approx(24)


def test_weighted_classes_are_an_objective_that_samplers_refuse():
    weighted = likelihoods.make("pixels", {"class_weights": "median_frequency"})
    net = network({"kind": "segnet", "channels": [4], "kernel": 3}, (3, 8, 8), 3)
    outputs, y = outputs_and_labels(weighted)
    y[0] = 0  # where one class alone is there, its weight is 1
    value = weighted.log_prob(outputs[:1], weighted.target(y[:1]), OWN[:1])
    torch.testing.assert_close(value, likelihoods.make("pixels").log_prob(outputs[:1], y[:1], OWN[:1]))
    from scenarios import ALL_MODELS

    reasons = {name: method(name, {}).unsuited(net, ALL_MODELS["normal-1"], weighted) for name in ("map", "sghmc")}
    assert reasons["map"] is None and "no density" in reasons["sghmc"]


@pytest.mark.parametrize("name", OF_POINTS)
def test_the_summary_of_draws_is_that_of_all_at_once_and_survives_storage(name):
    ours = likelihoods.make(name)
    summary, k = ours.summary, 3
    made = torch.Generator().manual_seed(1)
    draws = torch.randn(6, 2, ours.n_outputs(k), 4, 5, 6, dtype=torch.float64, generator=made)
    totals = summary.empty(2, ours.n_outputs(k), 4, torch.zeros(2, 4, 3, 5, 6, dtype=torch.float64))
    for s, outputs in enumerate(draws):
        totals = summary.add(totals, outputs, OWN, None, float(s + 1))
    arrays = summary.arrays(totals, None, Drawn(6, 6, False, ["a", "b"], "test"))
    proba = torch.stack([ours.proba(d) for d in draws]).numpy()
    expected = Maps.from_draws(np.moveaxis(proba[:, 1], 1, 2))
    task = tasks.find("segmentation")
    found = task.summarise(arrays, 1, 6)
    stored = task.encode(arrays, 6, False)
    import xarray as xr

    read = task.decode(xr.Dataset(stored, {"cell": ["a", "b"]}, {"n_draws": 6}), 1)
    for field in ("mean_proba", "class_sd", "total_variance", "expected_entropy", "mutual_information"):
        np.testing.assert_allclose(getattr(found, field), getattr(expected, field), atol=2e-6)
        np.testing.assert_allclose(getattr(read, field), getattr(expected, field), atol=1e-3, rtol=1e-3)
