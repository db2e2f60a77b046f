"""The report of a run: a static site and a PDF, made from the tables."""

from bnnbench.report.render import render

__all__ = ["render"]
