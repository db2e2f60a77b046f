"""Methods on networks with outputs for each pixel: they fit and predict maps, or say why they do not."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, METHODS, OWN_MODEL, quick_method

from bnnbench import likelihoods, tasks
from bnnbench.inference import make
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks import make as network
from bnnbench.prediction.predict import predict
from bnnbench.study import grid
from bnnbench.study.config import ConfigError

NETWORK = network({"kind": "segnet", "channels": [3, 4], "kernel": 3, "dropped": 1}, (3, 8, 8), 2)
FEW = {"steps": 20, "keep": 4, "chains": 2, "rounds": 1, "start_steps": 5, "tune": 2, "samples": 4, "leapfrogs": 2}
FEW |= {"learning_rate": 0.003, "swa_learning_rate": 0.001, "cycles": 1, "batch_size": 4, "members": 2}
REFUSED = {"laplace_approximation", *OWN_MODEL}


def joint_of(model, n_cells: int = 2) -> tuple[LogJoint, torch.Tensor]:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.random((1, 8, 3, 8, 8), np.float32))
    y = torch.from_numpy(rng.integers(-1, 2, (1, 8, 8, 8)))
    which = torch.zeros(n_cells, dtype=torch.long)
    return LogJoint(NETWORK, [model] * n_cells, x, y, which, likelihoods.make("pixels"), block=n_cells), x


@pytest.mark.parametrize("name", METHODS)
def test_every_method_fits_maps_or_says_why_not(name):
    model = ALL_MODELS["flat" if name == "mle" else "normal-1"]
    joint, x = joint_of(model)
    reason = make(name, {}).unsuited(NETWORK, model, joint.likelihood)
    assert bool(reason) == (name in REFUSED)
    if reason:
        return
    streams, method = Streams(["a", "b"], ["a", "b"]), quick_method(name, **FEW)
    found = predict(method.fit(joint, streams).posterior, x, joint.which, streams, 4, block=2)
    alone, _ = joint_of(model, 1)
    second = Streams(["b"], ["b"])
    again = predict(method.fit(alone, second).posterior, x, alone.which, second, 4, block=1)
    np.testing.assert_allclose(found["mean_proba"][1:], again["mean_proba"], atol=2e-3)
    maps = tasks.find("segmentation").summarise(found, 0, 4)
    assert maps.mean_proba.shape == (8, 2, 8, 8) and np.isfinite(maps.predictive_entropy).all()


def test_dropout_at_rate_0_is_map_and_predicts_with_masks_otherwise():
    joint, x = joint_of(ALL_MODELS["normal-1"])
    settings = {"steps": 20, "learning_rate": 0.01}
    streams = Streams(["a", "b"], ["a", "b"])
    plain, none, some = (
        predict(make(name, settings | rate).fit(joint, streams).posterior, x, joint.which, streams, 8, block=2)
        for name, rate in (("map", {}), ("mc_dropout", {"rate": 0.0}), ("mc_dropout", {"rate": 0.3}))
    )
    np.testing.assert_allclose(none["mean_proba"], plain["mean_proba"], atol=1e-5)
    assert some["total_variance"].max() > 1e-6 and none["total_variance"].max() == 0


def test_networks_whose_outputs_are_not_those_of_the_targets_are_refused_in_planning():
    perceptron = {"segmentation": {"networks": {"mlp-5": {"kind": "mlp", "hidden": [5]}}}}
    with pytest.raises(ConfigError, match="outputs for a whole image, and segmentation has a target a pixel"):
        grid.load({"studies": ["segmentation"], "seeds": [0], "overrides": perceptron}, thorough=False)
    maps = {"digits": {"networks": {"maps": {"kind": "segnet", "channels": [4], "kernel": 3}}}}
    with pytest.raises(ConfigError, match="outputs for each pixel, and classification has one target"):
        grid.load({"studies": ["digits"], "seeds": [0], "overrides": maps}, thorough=False)
