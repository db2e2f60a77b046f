"""Weights of other libraries by a file, as the config's README has it: from the example there to a model's centre."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml

from bnnbench.study import grid
from bnnbench.study.pretraining import network_of
from bnnbench.training.pretrained import Sources
from bnnbench.training.weight_files import named, of_plain_inputs, read_weights

WIDTH = 1 / 16
README = Path(__file__).parents[2] / "config" / "README.md"


def resnet_18() -> dict[str, torch.Tensor]:
    """Random tensors under torchvision's names and in its order, of a narrow network of 1,000 classes."""
    found, (n_in, *widths) = {}, [round(WIDTH * c) for c in (64, 64, 128, 256, 512)]
    convolution(found, "conv1", "bn1", 3, n_in, 7)
    for stage, n_out in enumerate(widths, 1):
        for block in (0, 1):
            place = f"layer{stage}.{block}"
            convolution(found, f"{place}.conv1", f"{place}.bn1", n_in, n_out, 3)
            convolution(found, f"{place}.conv2", f"{place}.bn2", n_out, n_out, 3)
            if n_in != n_out:
                convolution(found, f"{place}.downsample.0", f"{place}.downsample.1", n_in, n_out, 1)
            n_in = n_out
    return found | {"fc.weight": torch.randn(1000, n_in), "fc.bias": torch.randn(1000)}


def vgg_19() -> dict[str, torch.Tensor]:
    """The same, with the paper's dense layers, of which the study's network has none."""
    found, n_in, place = {}, 3, 0
    for width, n in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(n):
            convolution(found, f"features.{place}", f"features.{place + 1}", n_in, round(WIDTH * width), 3)
            n_in, place = round(WIDTH * width), place + 3
        place += 1
    for i, (a, b) in enumerate(((n_in * 49, 64), (64, 64), (64, 1000))):
        found |= {f"classifier.{3 * i}.weight": torch.randn(b, a), f"classifier.{3 * i}.bias": torch.randn(b)}
    return found


def convolution(found, name, norm, n_in, n_out, kernel):
    found[f"{name}.weight"] = torch.randn(n_out, n_in, kernel, kernel)
    for tensor in ("weight", "bias", "running_mean"):
        found[f"{norm}.{tensor}"] = torch.randn(n_out)
    found[f"{norm}.running_var"] = torch.rand(n_out) + 0.1
    found[f"{norm}.num_batches_tracked"] = torch.tensor(7)


def planned(folder, tensors, network):
    """The README's example with this network and this file."""
    example = re.search(r"```yaml\n(studies: \[transfer-pets.*?)```", README.read_text(), re.DOTALL)[1]
    config, path = yaml.safe_load(example), folder / "weights.pth"
    torch.save(tensors, path)
    for study in config["overrides"].values():
        study["networks"] = dict.fromkeys(study["networks"]) | {"the-network": network | {"width": WIDTH}}
        study["networks"].pop("resnet-18")
        for place in (study["priors"]["informed"]["centre"], study["priors"]["fine_tuned"]["start"]):
            place |= {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return grid.load(config | {"results_dir": str(folder / "results")}, thorough=False)


@pytest.mark.parametrize("study", ["transfer-pets", "transfer-cifar"])
@pytest.mark.parametrize(
    ("tensors", "network"),
    [(resnet_18, {"kind": "resnet", "depth": 18}), (vgg_19, {"kind": "vgg", "depth": 19})],
    ids=["resnet-18", "vgg-19"],
)
def test_the_readmes_example_centres_priors_on_all_convolutions_of_a_file(tmp_path, study, tensors, network):
    torch.manual_seed(0)
    plan = planned(tmp_path, tensors(), network)
    cells = [c for c in plan.cells if c.study == study and c.inference == "map" and c.seed == 0]
    cell = next(c for c in cells if c.prior == "informed")
    start = next(c for c in cells if c.prior == "fine_tuned")
    built, sources = network_of(cell), Sources(plan, [cell, start])
    model = sources.model(cell, built)
    where = str(tmp_path / "weights.pth")
    assert sources.words(cell, model, built) == f"centred on {where}; on zero: dense1.weight, dense1.bias"
    begun = sources.model(start, built)
    assert sources.words(start, begun, built) == f"starts at {where}; at random: dense1.weight, dense1.bias"
    first = read_weights(where, cell.entry.pretrained.sha256)["conv1.weight"]
    by = np.reshape([0.229, 0.224, 0.225], (1, 3, 1, 1))
    np.testing.assert_allclose(model.centre.weights[: first.size], (first / by).ravel(), rtol=1e-5)
    of_convolutions = model.centre.weights[: built.parameters[-2].start]
    assert np.isfinite(of_convolutions).all() and (of_convolutions != 0).all()


def test_a_batch_norm_is_part_of_the_convolution_before_it():
    """With a bias of the convolution's own, and with neither scale nor shift."""
    torch.manual_seed(0)
    conv, norm, plain = torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3, affine=False)
    for module in (norm, plain):
        module(torch.randn(50, 3, 4, 4) * 2 + 1)
    norm.weight.data, norm.bias.data = torch.randn(3), torch.randn(3)
    x = torch.randn(5, 2, 6, 6)
    for module in (norm, plain):
        state = torch.nn.Sequential(conv, module).eval().state_dict()
        found = named({name: a.float().numpy() for name, a in state.items()}, "w")
        assert list(found) == ["conv1.weight", "conv1.bias"]
        ours = F.conv2d(x, *(torch.from_numpy(a) for a in found.values()))
        torch.testing.assert_close(ours, module(conv(x)), rtol=1e-4, atol=1e-5)


def test_weights_for_scaled_images_become_weights_for_plain_ones():
    torch.manual_seed(0)
    w, b, x = torch.randn(4, 3, 3, 3), torch.randn(4), torch.rand(5, 3, 6, 6)
    mean, sd = [0.4, 0.5, 0.6], [0.2, 0.3, 0.1]
    given = {"conv1.weight": w.numpy(), "conv1.bias": b.numpy(), "conv2.weight": w.numpy()}
    found = of_plain_inputs(given, mean, sd, "w.pth")
    scaled = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(sd)[:, None, None]
    ours = F.conv2d(x, torch.from_numpy(found["conv1.weight"]), torch.from_numpy(found["conv1.bias"]))
    torch.testing.assert_close(ours, F.conv2d(scaled, w, b), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found["conv2.weight"], given["conv2.weight"])
    assert of_plain_inputs(given, None, None, "w.pth") == given
    with pytest.raises(ValueError, match=r"w\.pth: input_mean and input_sd are of 3 channels"):
        of_plain_inputs(given, [0.5], None, "w.pth")
