"""Figures of the report, drawn by bnnbench.plots."""

import logging
from dataclasses import dataclass
from pathlib import Path

from bnnbench.results import Results

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figure:
    """An image of the report, its path relative to the report's folder."""

    path: str
    alt: str
    caption: str


def draw(results: Results, study: str, folder: Path) -> list[Figure]:
    """Draw the figures of a study into the report's folder."""
    return []
