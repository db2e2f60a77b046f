"""The steps of the workflow, a command each."""

import logging
import os

from bnnbench.base import allocation
from bnnbench.base.pieces import one_by_one
from bnnbench.commands._options import load, outputs, pick


def dataset(options) -> int:
    """Make a data set and write it to netCDF."""
    from bnnbench import datasets
    from bnnbench.study import failures

    plan = load(options)
    spec = pick(plan.datasets, options.dataset, "data set")
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


def train(options) -> None:
    """Train the missing cells of a shard, or of those of a batch."""
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    allocation.keep_freed_memory()
    from bnnbench.training import train

    plan = load(options)
    train.train_shards(plan, outputs(options, plan, "shards", ".nc"), options.threads)


def evaluate(options) -> None:
    """Compute the metrics of a shard, or of those of a batch, from their stored predictions."""
    allocation.keep_freed_memory()
    from bnnbench.evaluation import evaluate

    plan = load(options)
    paths = outputs(options, plan, "metrics", ".parquet")

    def work(name: str) -> None:
        evaluate.evaluate_shard(plan, plan.shards[name], plan.results / "shards" / f"{name}.nc", paths[name])

    one_by_one(paths, work)


def controls(options) -> None:
    """Fit the controls of a data set, such as a linear model, and compute their metrics."""
    from bnnbench.evaluation import controls

    plan = load(options)
    controls.evaluate_controls(plan, pick(plan.datasets, options.dataset, "data set").name, options.output)


def probe(options) -> None:
    """Put the study's probes to the trained cells of a shard, or of those shards of a batch that they are for."""
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    allocation.keep_freed_memory()
    from bnnbench.evaluation import probing

    plan = load(options)
    paths = outputs(options, plan, "probes", ".parquet")

    def work(name: str) -> None:
        path = plan.results / "shards" / f"{name}.nc"
        probing.probe_shard(plan, plan.shards[name], path, paths[name], options.threads)

    one_by_one([name for name in paths if options.shard or plan.probes(plan.shards[name])], work)


def gather(options) -> None:
    """Write metrics.parquet, cells.parquet, tuned.parquet, references.parquet and probes.parquet."""
    from bnnbench.evaluation import evaluate, probing

    plan = load(options)
    evaluate.gather(plan)
    probing.gather(plan)


def claims(options) -> None:
    """Test the claims of the studies and write claims.parquet."""
    from bnnbench import claims

    claims.write(load(options))


def notebook(options) -> int:
    """Execute a study's notebook and write it as .ipynb and .html."""
    from bnnbench.report import notebooks

    plan = load(options)
    fault = notebooks.execute(plan, pick(plan.study_configs, options.study, "study"))
    return 2 if fault and not options.go_on else 0


def report(options) -> None:
    """Render the report: a static site and a PDF."""
    from bnnbench import report

    report.render(load(options))
