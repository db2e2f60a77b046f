"""Files of pretrained weights: NumPy's `.npz`, and `state_dict`s that torch wrote. Nothing in them is executed."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from bnnbench.files.folders import expanded

TORCH = (".pt", ".pth")
EPSILON = 1e-5
"""Torch's default, which torchvision keeps, added to a batch norm's variances; a `state_dict` does not tell it."""


def read_weights(file: str, sha256: str) -> dict[str, np.ndarray]:
    """Parameter tensors by the names of `Network.parameters`, float32.

    A file of this project has these names. Of others, such as torchvision's, whose tensors are called
    `features.0.weight`, the first tensor of four axes becomes `conv1.weight`, the first of two `dense1.weight`, and so
    on; a batch norm is folded into the convolution before it (`folded`). Raises ValueError for a file that is missing,
    another than its digest says, holds no arrays, or has a batch norm that cannot be folded.
    """
    path = expanded(file)
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is no file: name one that holds weights")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): place the weights there") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.lower():
        raise ValueError(
            f"{path} has the SHA-256 {found}, not {sha256}: place the right file there, or correct the digest"
        )
    return named(_arrays(path), str(path))


def _arrays(path: Path) -> Mapping[str, np.ndarray]:
    if path.suffix in TORCH:
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
            return {name: tensor.float().numpy() for name, tensor in stored.items()}
        except Exception as error:  # of the many that a file of something else raises
            raise ValueError(f"{path} is no state_dict of tensors ({type(error).__name__}): save one") from None
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name].astype(np.float32) for name in stored.files}
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} is no archive of arrays ({error}): write it by numpy.savez") from None
    raise ValueError(f"{path}: weights are read of .npz, {', '.join(TORCH)}: save them as one of these")


def named(arrays: Mapping[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    """The arrays under a network's names; see `read_weights`."""
    if all(re.fullmatch(r"(conv|dense|lstm|gru)\d+\.\w+", name) for name in arrays):
        return dict(arrays)
    arrays = folded(arrays, where)
    found, counts, kinds = {}, {"conv": 0, "dense": 0}, {4: "conv", 2: "dense"}
    for name, array in arrays.items():
        if not name.endswith("weight") or array.ndim not in kinds:
            continue
        kind = kinds[array.ndim]
        counts[kind] += 1
        found[f"{kind}{counts[kind]}.weight"] = array
        bias = name.removesuffix("weight") + "bias"
        if bias in arrays:
            found[f"{kind}{counts[kind]}.bias"] = arrays[bias]
    if not found:
        raise ValueError(
            f"{where} has no tensor of two or four axes whose name ends in 'weight': it has {list(arrays)}"
        )
    return found


def folded(arrays: Mapping[str, np.ndarray], where: str) -> dict[str, np.ndarray]:
    """The arrays with each batch norm, as it is in prediction, made part of the convolution before it in their order.

    With running mean m and variance v, weight g (1) and bias b (0), filters w become w g / sqrt(v + e) and the bias c
    (0) becomes b + (c - m) g / sqrt(v + e), which is the same function (Ioffe & Szegedy 2015, section 3.1). ValueError
    for one that does not follow a convolution of as many channels.
    """
    modules: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        module, _, tensor = name.rpartition(".")
        modules.setdefault(module, {})[tensor] = array
    before = ""
    for module in list(modules):
        if "running_mean" in modules[module]:
            norm = modules.pop(module)
            conv = modules.get(before, {})
            if np.ndim(conv.get("weight")) != 4 or len(conv["weight"]) != norm["running_mean"].size:
                raise ValueError(f"{where}: the batch norm {module} does not follow a convolution of its channels")
            modules[before] = conv | _normalised(conv, norm)
            module = ""
        before = module
    return {f"{m}.{t}" if m else t: array for m, tensors in modules.items() for t, array in tensors.items()}


def _normalised(conv: Mapping[str, np.ndarray], norm: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Filters and bias of a convolution that does what it did with the batch norm after it; in double precision."""
    mean, variance = (norm[f"running_{name}"].astype(np.float64) for name in ("mean", "var"))
    factor = norm.get("weight", np.ones_like(mean)) / np.sqrt(variance + EPSILON)
    bias = norm.get("bias", 0.0) + (conv.get("bias", 0.0) - mean) * factor
    weight = conv["weight"] * factor[:, None, None, None]
    return {"weight": weight.astype(np.float32), "bias": bias.astype(np.float32)}


def of_plain_inputs(
    tensors: Mapping[str, np.ndarray], mean: Sequence[float] | None, sd: Sequence[float] | None, where: str
) -> dict[str, np.ndarray]:
    """Tensors for images as they are, of ones for images less `mean` and divided by `sd`, of each channel (0 and 1).

    Both go into the first convolution. Where it pads, zeros stand for zeros now and not for the mean, so that outputs
    at a map's edge differ a little. ValueError where it has not as many channels.
    """
    if mean is None and sd is None:
        return dict(tensors)
    filters = tensors.get("conv1.weight")
    n = 0 if filters is None else filters.shape[1]
    if any(given is not None and len(given) != n for given in (mean, sd)):
        raise ValueError(f"{where}: input_mean and input_sd are of {n} channels, those of its first convolution")
    shape = (1, n, 1, 1)
    scaled = filters / np.reshape(np.ones(n) if sd is None else sd, shape)
    moved = (scaled * np.reshape(np.zeros(n) if mean is None else mean, shape)).sum((1, 2, 3))
    bias = tensors.get("conv1.bias", 0.0) - moved
    return dict(tensors) | {"conv1.weight": scaled.astype(np.float32), "conv1.bias": bias.astype(np.float32)}
