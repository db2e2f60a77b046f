"""Flows are invertible, their log determinants are those of the Jacobian, and their densities integrate to one."""

import math

import pytest
import torch

from bnnbench import networks
from bnnbench.likelihoods import make
from bnnbench.networks._apply import forward
from bnnbench.networks._bijections import flow_forward, flow_inverse, inverse_logit, logit, outside, spline
from bnnbench.networks._flows import LOGIT_UNIT, Affine, Flow, Logit, Spline

SPLINE = networks.make({"kind": "flow", "couplings": 3, "hidden": [6], "bins": 5}, (2,), 1)
AFFINE = networks.make({"kind": "flow", "transform": "affine", "couplings": 4, "hidden": [6]}, (3,), 1)
LINE = networks.make({"kind": "flow", "bins": 6}, (1,), 1)
IMAGES = networks.make({"kind": "flow", "couplings": 2, "hidden": [5], "bins": 4}, (1, 2, 3), 1)
GREY = networks.make({"kind": "flow", "couplings": 2, "hidden": [5], "bins": 4, "logit_margin": 0.01}, (2,), 1)
FLOWS = [SPLINE, AFFINE, LINE, IMAGES, GREY]


def weights_of(flow, cells=3, scale=0.5, dtype=torch.float64):
    return scale * torch.randn(cells, flow.n_weights, dtype=dtype, generator=torch.Generator().manual_seed(0))


def points_of(flow, cells=3, n=20, dtype=torch.float64):
    return 1.5 * torch.randn(cells, flow.n_features, n, dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("flow", FLOWS)
def test_the_log_determinant_is_that_of_the_jacobian(flow):
    weights, x = weights_of(flow), points_of(flow)
    found = flow_forward(flow, weights, x)
    for cell in range(3):
        own = weights[cell : cell + 1]

        def coordinates(point, own=own):
            return flow_forward(flow, own, point[None, :, None])[0, :-1, 0]

        for n in range(4):
            jacobian = torch.autograd.functional.jacobian(coordinates, x[cell, :, n])
            assert float(torch.linalg.slogdet(jacobian)[1]) == pytest.approx(float(found[cell, -1, n]), abs=1e-9)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(("scale", "dtype", "within"), [(0.5, torch.float64, 1e-8), (0.2, torch.float32, 1e-5)])
def test_the_inverse_leads_back(flow, scale, dtype, within):
    """Steep flows lose digits, which cells report: here single precision has moderate weights."""
    weights, x = weights_of(flow, scale=scale, dtype=dtype), points_of(flow, n=500, dtype=dtype)
    z = flow_forward(flow, weights, x)[:, :-1]
    assert float((flow_inverse(flow, weights, z) - x).abs().max()) < within


def test_stacked_flows_are_each_alone_and_take_images_as_vectors():
    weights, x = weights_of(IMAGES), points_of(IMAGES)
    stacked = forward(IMAGES, weights, x)
    alone = torch.cat([forward(IMAGES, weights[c : c + 1], x[c : c + 1]) for c in range(3)])
    torch.testing.assert_close(stacked, alone)
    images = x.transpose(1, 2).unflatten(2, (1, 2, 3))
    torch.testing.assert_close(forward(IMAGES, weights, images), stacked)


@pytest.mark.parametrize(("flow", "n", "end"), [(SPLINE, 700, 12), (LINE, 20_000, 12), (GREY, 900, 2.5)])
def test_mass_is_conserved(flow, n, end):
    """Also of points that leave the splines' domain."""
    edge, d = torch.linspace(-end, end, n, dtype=torch.float64), flow.n_features
    grid = torch.stack(torch.meshgrid(*[edge] * d, indexing="ij")).flatten(1)
    weights = weights_of(flow, 1, scale=0.3)
    total = make("normal_base").log_density(flow_forward(flow, weights, grid[None])).exp().sum()
    assert float(total) * float(edge[1] - edge[0]) ** d == pytest.approx(1, abs=2e-3)


def test_no_knots_mean_the_identity_and_so_do_points_outside():
    x = torch.linspace(-6, 6, 49, dtype=torch.float64).expand(1, 1, 49)
    turned, log_slope = spline(x, torch.zeros(1, 1, 14, 1, dtype=torch.float64), 4.0)
    torch.testing.assert_close(turned, x)
    torch.testing.assert_close(log_slope, torch.zeros_like(x))
    raw = torch.randn(1, 1, 14, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    turned, log_slope = spline(x, raw, 4.0)
    beyond = (x.abs() > 4).squeeze()
    assert (turned[0, 0, beyond] == x[0, 0, beyond]).all() and (log_slope[0, 0, beyond] == 0).all()
    assert (turned.diff() > 0).all() and (turned[0, 0, ~beyond] - x[0, 0, ~beyond]).abs().max() > 0.1
    (slope,) = torch.autograd.grad((turned + log_slope).sum(), raw)
    assert torch.isfinite(slope).all()


def test_points_outside_a_domain_are_counted():
    flow = Flow((Affine(1), Spline(1, 4, 2.0)), (1,), 2)
    weights = torch.zeros(2, flow.n_weights)
    weights[1, 0] = math.log(3)  # the second flow spreads its points first
    x = torch.tensor([[[0.0, 1.0, -1.0, 2.5]]]).expand(2, 1, 4)
    assert outside(flow, weights, x).tolist() == [[False, False, False, True], [False, True, True, True]]


@pytest.mark.parametrize("margin", [0.1, 1e-6])
def test_logits_keep_their_digits_at_both_ends_and_go_on_beyond(margin):
    x = torch.tensor([0.0, 1e-7, 1 / 512, 0.3, 0.5, 1 - 1 / 512, 1.0, -0.25, 1.5]).reshape(1, 1, -1)
    turned, log_slope = logit(x, margin)
    inside = x[..., :7].double()
    p = margin + (1 - 2 * margin) * inside
    torch.testing.assert_close(turned[..., :7].double(), torch.logit(p) / LOGIT_UNIT, rtol=1e-5, atol=1e-5)
    slope = (1 - 2 * margin) / (p * (1 - p)) / LOGIT_UNIT
    torch.testing.assert_close(log_slope[..., :7].double(), slope.log(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(turned[..., 7], turned[..., 0] - 0.25 * log_slope[..., 0].exp())
    assert float((inverse_logit(turned, margin) - x).abs().max()) < 2e-6
    flow = Flow((Logit(1, margin),), (1,), 2)
    assert outside(flow, torch.zeros(1, 0), x).tolist() == [[False] * 7 + [True] * 2]


@pytest.mark.parametrize(
    ("options", "n_outputs", "message"),
    [
        ({}, 3, "a flow gives a density and not 3 outputs"),
        ({"transform": "planar"}, 1, "transform is 'planar': it must be one of affine, spline"),
        ({"couplings": 0}, 1, "couplings is 0"),
        ({"bound": -1}, 1, "bound is -1"),
        ({"logit_margin": 0.5}, 1, "logit_margin is 0.5"),
    ],
)
def test_mistakes_are_named(options, n_outputs, message):
    with pytest.raises(ValueError, match=message):
        networks.make({"kind": "flow"} | options, (2,), n_outputs)
