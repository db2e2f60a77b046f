"""Probes: what trained cells answer to questions that training did not put, one file each.

A probe is a dataclass of settings with `run(cell, data, seed)`, named `PROBE` in its file. It trains nothing: a study
names its probes under `probes:`, and each cell's readings become rows of `probes.parquet`.
"""

import importlib
from dataclasses import fields

from bnnbench.config import check_name
from bnnbench.probes._base import Probe, Reading

__all__ = ["Probe", "Reading", "make"]


def make(name: str, settings: dict) -> Probe:
    """The probe in the file `name` with these settings; ValueError on an unknown name or setting."""
    check_name("probe", name)
    cls = importlib.import_module(f"bnnbench.probes.{name}").PROBE
    accepted = [f.name for f in fields(cls)]
    unknown = sorted(set(settings) - set(accepted))
    if unknown:
        raise ValueError(f"probe '{name}' has no setting '{unknown[0]}': known are {', '.join(accepted)}")
    return cls(**settings)
