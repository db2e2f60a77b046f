"""What all rules share: the plan made from the config, and the digests that say when a step is out of date."""

import os
import re
import sys
from pathlib import Path

import yaml

from bnnbench.datasets import controls
from bnnbench.study import failures, grid, planning, requests
from bnnbench.base import lifetime
from bnnbench.study.batches import batches, goes_first, in_words
from bnnbench.study.config import ConfigError
from bnnbench.source import plugins
from bnnbench.source.digest import of_files, of_source, of_value
from bnnbench.files.writing import replacing

# Snakemake sees rules and files, not the package's source: a step whose source here changes is run again.
# Training is not among them: a shard's digest covers the source of every cell in it.
# What they follow leaves out the plan: its digest stands beside it, or what it asks for does.
PLANNING = (
    *(
        f"bnnbench.study.{name}"
        for name in (
            "grid",
            "batches",
            "config",
            "config_files",
            "yaml_files",
            "checks",
            "expand",
            "cells",
        )
    ),
    "bnnbench.source.digest",
    "bnnbench.source.plugins",
    "bnnbench.base.settings",
    "bnnbench.files.folders",
)


def source_of(*starts):
    """Digest of the source that these modules reach, the plan's own apart."""
    return of_source(*starts, without=PLANNING)


# A task's own file may hold its metrics; it is found by its name, so that nothing that is followed names it.
METRICS = (
    "bnnbench.metrics",
    *(f"bnnbench.tasks.{name}" for name in plugins.known("task")),
)
READING = ("bnnbench.plots", *METRICS, "bnnbench.evaluation.results:Results")
SOURCES = {
    "dataset": source_of("bnnbench.datasets:DataSet"),
    "evaluate": source_of("bnnbench.evaluation.evaluate", *METRICS),
    "controls": source_of(
        "bnnbench.evaluation.controls",
        *(f"bnnbench.controls.{name}" for name in plugins.known("control")),
        *METRICS,
    ),
    "probe": source_of("bnnbench.evaluation.probing", *METRICS),
    "claims": source_of("bnnbench.claims", *READING),
    "notebook": source_of("bnnbench.report.notebooks", *READING),
    "report": source_of("bnnbench.report", "bnnbench.claims", *READING),
}


def source(*parts):
    """A file or folder of the project, seen from the working directory."""
    return os.path.relpath(Path(workflow.basedir, *parts))


# The report's templates, styles and scripts: what is not Python in these folders.
TEMPLATES = [
    path
    for folder in (source("reports"), source("bnnbench", "report"))
    for path in Path(folder).rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
]


def load_plan():
    """The plan of the config as Snakemake resolved it: --configfile, then --config. A mistake ends the run in a line."""
    try:
        plan = grid.load(config, thorough=False)
        if not workflow.remote_exec:  # or it was checked by who sent this job
            planning.check(plan, config)
        return plan
    except ConfigError as error:
        files = [
            os.path.relpath(file)
            for file in workflow.overwrite_configfiles or workflow.configfiles
        ]
        sys.exit(str(error).replace("the configuration", ", ".join(files)))


def write_resolved_config():
    """Write that config for the command line, which every rule calls. Untouched if unchanged.

    Only when jobs start: a dry run, or a run that Snakemake's lock refuses, must not change that of a run in progress.
    """
    path = Path(CONFIG)
    text = yaml.safe_dump(dict(config), sort_keys=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


# Jobs end with the run that make report started, and the next such run waits for whoever works in this folder. Jobs on
# other machines know of no run, and are ended by their queue.
if workflow.remote_exec:
    os.environ.pop(lifetime.VARIABLE, None)
else:
    lifetime.share(Path(".snakemake"))
    lifetime.end_with_run()


def look_for_work_only_when_there_may_be_some():
    """Lift Snakemake's limit of jobs a second, which would come to take a processor for itself.

    With it a timer is started whenever Snakemake looks for work, and each timer makes it look again: after n jobs it
    looks n times a second.
    """
    if workflow.scheduler is not None:
        workflow.scheduler.job_rate_limiter = None


onstart:
    look_for_work_only_when_there_may_be_some()
    lifetime.end_group_when_told()
    write_resolved_config()


onerror:
    if not workflow.remote_exec:
        failures.set_aside(PLAN)


def plan_digest():
    """Digest of all that tables and report show of the config: everything but where and how it runs."""
    run = PLAN.config.model_dump(
        exclude={"results_dir", "data_dir", "threads", "job_seconds"}
    )
    studies = [study.model_dump() for study in PLAN.study_configs.values()]
    return of_value([run, studies, [shard.digest for shard in PLAN.shards.values()]])


# The command line of the environment that runs Snakemake, whether or not that environment is active.
os.environ.update(
    PATH=os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()])
)

PLAN = load_plan()
RESULTS = str(PLAN.results)
LOGS = f"{RESULTS}/logs"
CONFIG = str(PLAN.results / "config.resolved.yaml")
PLAN_DIGEST = plan_digest()
# A shard that has a job to itself is a rule's wildcard. Jobs of several are rules of their own, made in loops: which
# files belong together cannot be told from a file's name.
BATCHES = batches(PLAN)
ALONE = [names[0] for names in BATCHES.values() if len(names) == 1]
SHARED = {name: names for name, names in BATCHES.items() if len(names) > 1}


def one_of(names):
    """A pattern for these names and no others."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


wildcard_constraints:
    dataset=r"[^/]+",
    shard=one_of(ALONE),
    study=r"[^/]+",


def data_of(shards):
    """The data-set files that these shards need."""
    names = dict.fromkeys(
        dataset for shard in shards for dataset in PLAN.shards[shard].datasets
    )
    return [f"{RESULTS}/data/{name}.nc" for name in names]


def pretraining_of(shards):
    """The files of the shards that these shards' cells have pretrained weights of."""
    found = [
        name for shard in shards for name in PLAN.pretraining_shards(PLAN.shards[shard])
    ]
    return expand(f"{RESULTS}/shards/{{shard}}.nc", shard=dict.fromkeys(found))


def references_of(shards):
    """The files of the references that these shards' cells are compared with, where their studies have them."""
    found = [
        reference.name
        for shard in shards
        for reference in PLAN.reference_shards(PLAN.shards[shard])
    ]
    return expand(f"{RESULTS}/shards/{{shard}}.nc", shard=dict.fromkeys(found))


def probe_digest(name):
    """Digest of what is asked of a shard's cells: which cells, the probes' settings and their own source."""
    shard = PLAN.shards[name]
    settings = PLAN.study_configs[shard.study].probes
    asked = {
        probe: [
            settings[probe].settings,
            [cell.id for cell in cells],
            source_of(f"bnnbench.probes.{probe}"),
        ]
        for probe, cells in PLAN.probes(shard).items()
    }
    return of_value(asked)


# The shards that are trained before others.
FIRST = [name for name in ALONE if goes_first(PLAN, PLAN.shards[name])]

# The data sets that have controls to fit.
CONTROLLED = [name for name, spec in PLAN.datasets.items() if controls(spec.family)]

# The shards whose cells are probed.
PROBED = [name for name, shard in PLAN.shards.items() if PLAN.probes(shard)]


def shards_of(study):
    """Names of a study's shards."""
    return [name for name, shard in PLAN.shards.items() if shard.study == study]
