"""`bnnbench new KIND NAME`: writes the files of a new part of the project; a kind of part is a sub-parser here."""

import argparse
import os
from collections.abc import Callable

from bnnbench.study import config


def add(commands) -> None:
    """Add the command with its kinds to the sub-parsers of the command line."""
    new = commands.add_parser("new", help="Write the files of something new.", description=__doc__)
    kinds = new.add_subparsers(required=True, metavar="KIND")
    _kind(kinds, "study", _study, _study_options)


def _kind(kinds, name: str, run: Callable, add_options: Callable[[argparse.ArgumentParser], None]) -> None:
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
