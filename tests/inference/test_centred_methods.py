"""Every method under priors that are centred on weights: what it reaches is known of a linear model."""

import numpy as np
import pytest
import torch
from scenarios import METHODS, OWN_MODEL, LinearGaussian, quick_method

from bnnbench.hyperpriors.half_normal import HalfNormal
from bnnbench.inference import make
from bnnbench.inference._curvature import diagonal, to_latents
from bnnbench.inference._optimise import initial_gaussian, initial_latents
from bnnbench.model.centre import Centre, start_of
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.priors.normal import Normal

CENTRE = Centre(np.array([1.5, -2.0, 0.5], np.float32), np.array([0.5, 2.0, 1.0], np.float32))


class Informed(LinearGaussian):
    """The linear model with another centre and another scale for each weight."""

    def __init__(self):
        super().__init__()
        network = self.network
        models = [Model(Normal(), s, centre=CENTRE, start=start_of(network, CENTRE)) for s in self.scales]
        LogJoint.__init__(self, network, models, self.x, self.y, self.which, self.likelihood)
        design = np.column_stack([self.x[0], np.ones(self.x.shape[1])])
        likelihood = design.T @ design / self.noise**2
        of_prior = [np.diag((s * CENTRE.spread.astype(float)) ** -2) for s in self.scales]
        self.precisions = np.stack([likelihood + p for p in of_prior])
        weighted = [design.T @ self.y[0].numpy() / self.noise**2 + p @ CENTRE.weights for p in of_prior]
        self.posterior_mean = np.stack([np.linalg.solve(p, w) for p, w in zip(self.precisions, weighted, strict=True)])

    def expected(self, name):
        if name == "prior_only":
            sd = np.array(self.scales)[:, None] * CENTRE.spread
            return np.tile(CENTRE.weights, (len(self.scales), 1)), sd
        return super().expected(name)


def weights_of(joint, posterior, n):
    draw = posterior.draws(joint.streams(), "test")
    return torch.stack([joint.prior.weights(draw(s)) for s in range(n)]).numpy()


VARIANTS = {
    **{
        name: {}
        for name in METHODS
        if name not in OWN_MODEL and name not in ("mle", "sgld", "sghmc", "ensemble", "swag")
    },
    **{f"mean_field+{e}": {"estimator": e} for e in ("local", "flipout", "sticking_the_landing")},
    **{f"laplace_approximation+{s}": {"structure": s} for s in ("diagonal", "last_layer")},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_reaches_the_known_posterior_around_another_centre(variant):
    name, joint = variant.partition("+")[0], Informed()
    settings = {
        "steps": 1000,
        "learning_rate": 0.03,
        "schedule": "cosine",
        "initial_sd": 0.5,
        "samples": 200,
        "tune": 100,
        "populations": 4,
        "particles": 128,
    }
    if name == "mile":  # whose draws come one step after the other
        settings |= {"samples": 1500, "tune": 400}
    method = quick_method(name, **settings, chains=8, leapfrogs=8, keep=1000, **VARIANTS[variant])
    posterior = method.fit(joint, joint.streams()).posterior
    mean, sd = joint.expected(name)
    if "diagonal" in variant:
        sd = joint.factorised_sd
    draws = weights_of(joint, posterior, 1000)
    # Adam's noise at the end of so few steps: a centre that were lost would be missed by several sds.
    unknown, loose = np.isnan(sd), 0.3 if name in ("full_rank", "mean_field") else 0.12
    monte_carlo = (
        5 * np.where(unknown, draws.std(0), sd) / np.sqrt(joint.effective_draws(method, posterior, len(draws)))
    )
    slack = np.where(unknown, 0.5, loose) * joint.factorised_sd
    assert (abs(draws.mean(0) - mean) < monte_carlo + slack).all()
    np.testing.assert_allclose(np.where(unknown, np.nan, draws.std(0)), sd, rtol=loose, atol=1e-6)


def test_dropped_weights_are_zero_and_not_the_centre():
    joint = Informed()
    method = make("mc_dropout", {"steps": 10, "rate": 0.5})
    posterior = method.fit(joint, joint.streams()).posterior
    # The network's raw inputs are never dropped, so that draws of a linear model are all the same.
    assert np.ptp(weights_of(joint, posterior, 20), axis=0).max() == 0


def learned(centre):
    joint = Informed()
    models = [Model(Normal(), hyperprior=HalfNormal(), centre=centre, start=start_of(joint.network, centre))] * 3
    return LogJoint(joint.network, models, joint.x, joint.y, joint.which, joint.likelihood), joint.streams()


def test_training_begins_at_the_centre_and_no_wider_than_the_prior():
    joint, streams = Informed(), Informed().streams()
    for found in (joint, learned(CENTRE)[0]):
        weights = found.prior.weights(initial_latents(found, streams, "fan_in", 0.7))
        np.testing.assert_allclose(weights, np.tile(CENTRE.weights, (3, 1)), atol=1e-6)
    _, rho = initial_gaussian(joint, streams, "fan_in", 1.0, 1.0)
    limits = np.minimum(1.0, np.array(joint.scales)[:, None] * CENTRE.spread)
    np.testing.assert_allclose(torch.nn.functional.softplus(rho[:, :3]), limits, rtol=1e-6)


def test_curvature_in_log_scales_is_that_of_the_deviations():
    """Gauss-Newton matrices are exact in a linear network: J of the outputs in the latents, by autograd."""
    joint, streams = learned(CENTRE)
    latents = initial_latents(joint, streams, "fan_in", 0.7) + 0.3
    design = torch.cat([joint.x[0], torch.ones_like(joint.x[0, :, :1])], dim=1)
    ggn = (design.T @ design / joint.likelihood.sd**2).expand(3, -1, -1)
    found = to_latents(joint, latents, ggn)
    for cell in range(3):
        one = joint.prior.take([cell])
        jacobian = torch.autograd.functional.jacobian(
            lambda z, one=one: design @ one.weights(z.unsqueeze(0))[0], latents[cell]
        )
        torch.testing.assert_close(found[cell], jacobian.T @ jacobian / joint.likelihood.sd**2)
    n = joint.prior.n_weights
    torch.testing.assert_close(diagonal(joint, latents)[:, n:], found.diagonal(dim1=1, dim2=2)[:, n:])
