"""The command line: each step of the workflow is one command, and so can be run and tried alone."""

import argparse
import errno
import logging
import os
import sys
import warnings
from pathlib import Path

from bnnbench import commands_new
from bnnbench.base import allocation, lifetime
from bnnbench.base.pieces import one_by_one
from bnnbench.study.config import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; a mistake of the user's ends in one line that names place and remedy, and exit code 2."""
    if arguments is None:  # this process is the command, and may be a job of a run
        lifetime.end_when_told()
        lifetime.end_with_run()
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has enough, such as head
        return 141
    except OSError as error:
        code = _refused(f"{error}{_remedy(error)}: then run the same again, it goes on from here")
        if arguments is None:
            _close_output()
            os._exit(code)  # HDF5 crashes at a regular exit where it could not write
        return code
    finally:
        _close_output()


def _run(arguments: list[str] | None) -> int:
    options = _parser().parse_args(arguments)
    _set_up_logging(options.log)
    try:
        return options.run(options) or 0
    except (ConfigError, ValueError, FileNotFoundError) as error:
        return _refused(str(error))


def _refused(message: str) -> int:
    log = logging.getLogger("bnnbench")
    log.error("error: %s", message)
    log.debug("traceback", exc_info=True)
    return 2


def _remedy(error: OSError) -> str:
    """What to do about what the system refuses; libraries hand its number on in their messages only."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if error.errno in full or any(os.strerror(number) in str(error) for number in full):
        return "; make room on the disk that holds the results"
    return "; see to what the message names"


def _close_output() -> None:
    """Write what is left to write while the error of a reader that is gone can still be caught."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bnnbench", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, *extra: str, **flags):
        sub = commands.add_parser(run.__name__.strip("_"), help=run.__doc__, description=run.__doc__)
        sub.add_argument("--config", default="config/config.yaml", help="run config (default: %(default)s)")
        sub.add_argument("--log", help="also write messages to this file")
        for name in extra:
            sub.add_argument(f"--{name}", required=True)
        for name, settings in flags.items():
            sub.add_argument(f"--{name}", **settings)
        sub.set_defaults(run=run)
        return sub

    command(_plan, summary={"action": "store_true", "help": "totals, time and disk instead of every cell"})
    go_on = {"action": "store_true", "help": "of a failure, leave a note for the steps that follow, and no exit code"}
    command(_dataset, "dataset", "output", study={"help": "kept for the log"}, **{"go-on": go_on})
    threads = {"type": int, "default": 1}
    _add_shards(command(_train, threads=threads), "SHARD.nc in results/shards")
    _add_shards(command(_evaluate), "SHARD.parquet in results/metrics")
    command(_controls, "dataset", "output")
    _add_shards(command(_probe, threads=threads), "SHARD.parquet in results/probes")
    command(_gather)
    command(_claims)
    command(_notebook, "study", **{"go-on": go_on})
    command(_report)
    command(_check)
    command(_retry)
    command(_show, "cell")
    commands_new.add(commands)
    return parser


def _add_shards(command: argparse.ArgumentParser, usual: str) -> None:
    """Let a command take one shard, or the name of a batch of them."""
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--shard", help="one shard")
    which.add_argument("--batch", help="the shards that share a job of the workflow, by its name")
    command.add_argument("--output", help=f"of one shard: where to write (default: {usual})")


def _set_up_logging(path: str | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers)
    logging.getLogger("arviz").setLevel(logging.WARNING)  # it tells what it has not got
    warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS")  # of no use to networks so small


def _plan(options) -> None:
    """List the cells that a run would train, or sum the run up."""
    from bnnbench.study import planning

    plan = _load(options)
    planning.check(plan, options.config)
    print(planning.summary(plan) if options.summary else planning.listing(plan))


def _dataset(options) -> int:
    """Make a data set and write it to netCDF."""
    from bnnbench import datasets
    from bnnbench.study import failures

    plan = _load(options)
    spec = _pick(plan.datasets, options.dataset, "data set")
    try:
        made = datasets.make(spec.family, spec.options, plan.config.seeds, plan.config.data_dir)
    except Exception as error:  # a data set's file may be a user's
        known = isinstance(error, ValueError | OSError)
        logging.error("error: %s", error, exc_info=None if known else error)
        if options.go_on:
            failures.mark_data(options.output, str(error) if known else f"{type(error).__name__}: {error}")
        return 0 if options.go_on else 2
    datasets.store(spec.family, spec.options, made, options.output)
    sizes = made.train_index.shape[1], made.validation_index.shape[1], made.n_test
    logging.info("%s: of each seed %d points to train on, %d to validate, %d to test", spec.name, *sizes)
    return 0


def _train(options) -> None:
    """Train the missing cells of a shard, or of those of a batch."""
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    allocation.keep_freed_memory()
    from bnnbench.training import train

    plan = _load(options)
    train.train_shards(plan, _outputs(options, plan, "shards", ".nc"), options.threads)


def _evaluate(options) -> None:
    """Compute the metrics of a shard, or of those of a batch, from their stored predictions."""
    allocation.keep_freed_memory()
    from bnnbench.evaluation import evaluate

    plan = _load(options)
    outputs = _outputs(options, plan, "metrics", ".parquet")

    def work(name: str) -> None:
        evaluate.evaluate_shard(plan, plan.shards[name], plan.results / "shards" / f"{name}.nc", outputs[name])

    one_by_one(outputs, work)


def _controls(options) -> None:
    """Fit the controls of a data set, such as a linear model, and compute their metrics."""
    from bnnbench.evaluation import controls

    plan = _load(options)
    controls.evaluate_controls(plan, _pick(plan.datasets, options.dataset, "data set").name, options.output)


def _probe(options) -> None:
    """Put the study's probes to the trained cells of a shard, or of those shards of a batch that they are for."""
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    allocation.keep_freed_memory()
    from bnnbench.evaluation import probing

    plan = _load(options)
    outputs = _outputs(options, plan, "probes", ".parquet")

    def work(name: str) -> None:
        path = plan.results / "shards" / f"{name}.nc"
        probing.probe_shard(plan, plan.shards[name], path, outputs[name], options.threads)

    one_by_one([name for name in outputs if options.shard or plan.probes(plan.shards[name])], work)


def _gather(options) -> None:
    """Write metrics.parquet, cells.parquet, tuned.parquet, references.parquet and probes.parquet."""
    from bnnbench.evaluation import evaluate, probing

    plan = _load(options)
    evaluate.gather(plan)
    probing.gather(plan)


def _claims(options) -> None:
    """Test the claims of the studies and write claims.parquet."""
    from bnnbench import claims

    claims.write(_load(options))


def _notebook(options) -> int:
    """Execute a study's notebook and write it as .ipynb and .html."""
    from bnnbench.report import notebooks

    plan = _load(options)
    fault = notebooks.execute(plan, _pick(plan.study_configs, options.study, "study"))
    return 2 if fault and not options.go_on else 0


def _report(options) -> None:
    """Render the report: a static site and a PDF."""
    from bnnbench import report

    report.render(_load(options))


def _check(options) -> int:
    """Exit with code 1 if a cell, a notebook or a figure failed, naming them; data and notebooks are tried again."""
    from bnnbench.files.tables import read_table
    from bnnbench.study import failures

    plan = _load(options)
    cells = read_table(plan.results / "cells.parquet")
    bad = cells[cells.state.isin(["failed", "missing"])]
    for row in bad.itertuples():
        logging.error("%s %s: %s", row.state, row.id, row.reason)
    if len(bad):
        logging.error("%d of %d cells failed; the report names them: %s", len(bad), len(cells), plan.results / "report")
    broken = failures.notebook_faults(plan)
    for study, fault in broken.items():
        logging.error("the notebook of study %s failed: %s; %s", study, fault, failures.failed_notebook(plan, study))
    figures = failures.figure_faults(plan)
    for name, fault in figures.items():
        logging.error("a figure of the report failed: %s: %s", name, fault)
    failures.forget(plan)
    return int(len(bad) > 0 or bool(broken) or bool(figures))


def _retry(options) -> None:
    """Forget the failed cells, so that the next run of the same config trains them again."""
    from bnnbench.training import train

    plan = _load(options)
    try:
        with lifetime.claimed(Path(".snakemake"), f"bnnbench retry --config {options.config}", patience=5):
            forgotten = train.forget_failed(plan)
    except lifetime.Busy as busy:
        raise ConfigError(str(busy)) from None
    for cell in forgotten:
        logging.info("forgotten: %s", cell)
    if forgotten:
        logging.info("These %d cells are trained by the next make report CONFIG=%s", len(forgotten), options.config)
    else:
        logging.info("No cell of %s failed.", options.config)


def _show(options) -> None:
    """Print the state and the metrics of one cell."""
    from bnnbench.evaluation.results import load_results

    try:
        print(load_results(_load(options).results).describe(options.cell))
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def _load(options):
    """The plan; the settings of methods and probes were checked when the run was planned."""
    from bnnbench.study import grid

    return grid.load(options.config, thorough=False)


def _outputs(options, plan, folder: str, ending: str) -> dict[str, Path]:
    """Where a command writes what it makes of each shard that it is asked for, by the shard's name."""
    from bnnbench.study.batches import batches

    if options.shard:
        names = [_pick(plan.shards, options.shard, "shard").name]
    elif options.output:
        raise ConfigError("--output is of one shard: those of a batch have their files in the results folder")
    else:
        names = _pick(batches(plan), options.batch, "batch")
    if options.output:
        return {options.shard: Path(options.output)}
    return {name: plan.results / folder / f"{name}{ending}" for name in names}


def _pick(known: dict, name: str, kind: str):
    if name not in known:
        raise ConfigError(f"no {kind} '{name}' in this config: it has {', '.join(known)}")
    return known[name]


if __name__ == "__main__":
    sys.exit(main())
