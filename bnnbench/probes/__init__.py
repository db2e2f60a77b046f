"""Probes: what trained cells answer to questions that training did not put, one file each.

A probe is a dataclass of settings with `run(cell, data, seed)`, named `PROBE` in its file. It trains nothing: a study
names its probes under `probes:`, and each cell's readings become rows of `probes.parquet`.
"""

import importlib

from bnnbench.base import settings as declared
from bnnbench.probes._base import Probe, Reading
from bnnbench.source.plugins import check_name

__all__ = ["Probe", "Reading", "find", "make"]


def find(name: str) -> type[Probe]:
    """The class of the probe in the file `name`; ValueError on an unknown name."""
    check_name("probe", name)
    return importlib.import_module(f"bnnbench.probes.{name}").PROBE


def make(name: str, settings: dict) -> Probe:
    """The probe in the file `name` with these settings; ValueError on an unknown name or setting, or a wrong value."""
    return declared.make(find(name), settings, "setting", f"probe '{name}'")
