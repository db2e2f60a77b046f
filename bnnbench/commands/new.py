"""`bnnbench new KIND NAME`: writes the files of a new part of the project; a kind of part is a sub-parser here."""

import argparse
import os
from collections.abc import Callable

from bnnbench import skeletons
from bnnbench.study import config


def add(commands) -> None:
    """Add the command with its kinds to the sub-parsers of the command line."""
    new = commands.add_parser("new", help="Write the files of something new.", description=__doc__)
    kinds = new.add_subparsers(required=True, metavar="KIND")
    _kind(kinds, "study", _study, _study_options)
    _kind(kinds, "method", _method)
    _kind(kinds, "prior", _prior)
    _kind(kinds, "dataset", _dataset)
    _kind(kinds, "metric", _metric, _metric_options)
    _kind(kinds, "likelihood", _likelihood)


def _kind(
    kinds, name: str, run: Callable, add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None
) -> None:
    """One kind: `run` is given the options, of which `name` is the new part's."""
    sub = kinds.add_parser(name, help=run.__doc__, description=run.__doc__)
    sub.add_argument("name", help=f"of the new {name}")
    sub.add_argument("--log", help="also write messages to this file")
    add_options(sub)
    sub.set_defaults(run=run)


def _study_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, metavar="FILE", help="CSV or Parquet")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="column to predict")
    parser.add_argument("--task", choices=["classification", "regression"], help="default: by the target's values")
    parser.add_argument("--missing", choices=["impute", "refuse"], help="missing inputs (default: impute)")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--split", metavar="COLUMN", help="column that says train, validation or test")
    ways.add_argument("--groups", metavar="COLUMN", help="column whose groups are never divided between parts")
    ways.add_argument("--test-file", metavar="FILE", help="second file, which is tested on")
    parser.add_argument("--index", metavar="COLUMN", action="append", help="column to leave out; may be repeated")
    parser.add_argument("--sep", help="character between fields (default: found from the file)")
    parser.add_argument("--decimal", choices=[",", "."], help="decimal mark (default: found from the file)")
    parser.add_argument("--encoding", help="such as latin-1 (default: UTF-8)")


OPTIONS = ("task", "missing", "split", "groups", "test_file", "index", "sep", "decimal", "encoding")


def _study(options) -> None:
    """Write a study of a table of your own, and its run config."""
    from bnnbench.study import new_study

    chosen = {name: getattr(options, name) for name in OPTIONS}
    study, run = new_study.write(options.name, options.data, options.target, config.STUDIES.parent, **chosen)
    study, run = (os.path.relpath(path) for path in (study, run))
    print(f"written: {study}, {run}\nnext: make report CONFIG={run}")


def _metric_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--task", choices=["classification", "regression"], default="classification",
        help="whose predictions it judges (default: %(default)s)",
    )  # fmt: skip


def _method(options) -> None:
    """Write an inference method that works, to be changed."""
    _part("method", options.name)


def _prior(options) -> None:
    """Write a family of priors that works, to be changed."""
    _part("prior", options.name)


def _dataset(options) -> None:
    """Write a data set that is generated, to be changed; for a table of your own use `new study`."""
    _part("dataset", options.name)


def _metric(options) -> None:
    """Write a metric that works, to be changed."""
    _part("metric", options.name, options.task)


def _likelihood(options) -> None:
    """Write a likelihood of a real target that works, to be changed."""
    _part("likelihood", options.name)


def _part(kind: str, name: str, variant: str = "") -> None:
    path, about = skeletons.write(kind, name, variant), skeletons.KINDS[kind]
    print(f"written: {os.path.relpath(path)}\ntry it: pytest {about.tests} -k {name}")
    if kind == "likelihood":
        print(f"next: write '{name}' among LIKELIHOODS in bnnbench/tasks/regression.py")
    used = f"write '{name}' under '{about.section}' in a study" if about.section else "the next report has it"
    print(f"next: change it; {used}; docs/extending.md says more")
