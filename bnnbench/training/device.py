"""Where training runs, how precisely, and how many cells are computed together there."""

import shutil
import sysconfig
from pathlib import Path

import torch

from bnnbench.files.provenance import processor
from bnnbench.model.joint import BLOCK, block_size
from bnnbench.study.config import ConfigError


def resolve_device(wanted: str) -> str:
    """ "cuda" where it is asked for or there is one; ConfigError where it is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device: cuda was asked for and torch sees no GPU: use device: auto, or install a CUDA build")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def resolve_compile(wanted: str, device: str = "cpu") -> bool:
    """Whether to use torch.compile; "auto" where it can run: with a C++ compiler on the path and Python's headers, and
    for a GPU with a Triton that knows it."""
    compiler = any(shutil.which(c) for c in ("g++", "clang++", "c++"))
    headers = Path(sysconfig.get_path("include"), "Python.h").is_file()
    return wanted == "on" or (wanted == "auto" and compiler and headers and (device == "cpu" or _has_triton()))


def _has_triton() -> bool:
    from torch.utils._triton import has_triton

    return has_triton()


def prepare(device: str) -> None:
    """Make the device compute in full single precision and, run after run, by the same kernels.

    By default cuDNN rounds the factors of convolutions to ten bits (TF32) and may choose kernels that add in any order.
    """
    if device == "cpu":
        return
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch._inductor.config.deterministic = True


def device_name(device: str) -> str:
    """A device as results name it: the GPU's name, or "cpu" with the processor's."""
    return torch.cuda.get_device_name() if device == "cuda" else f"cpu ({processor()})"


def cells_together(device: str, n_cells: int, stack: int) -> int:
    """Cells of a block, of a stack of at most `stack` in which there are `n_cells`.

    On the processor a block stays in the cache. A GPU takes a stack at once, filled up to the same multiple: a
    kernel there takes longer to start than 32 small networks take to compute.
    """
    return min(block_size() if device == "cpu" else -(-n_cells // BLOCK) * BLOCK, stack)
