# config -> data -> shards (train) -> metrics (evaluate) -> notebooks -> report -> check
from snakemake.utils import min_version

min_version("9.0")


# A config is whole: one given by --configfile takes the place of the default instead of being merged into it.
if not workflow.overwrite_configfiles:

    configfile: os.path.relpath(f"{workflow.basedir}/config/config.yaml")


# What every rule needs is the project's own environment (make env, or environment.yml). The image says which
# Python that is, for those who run with --software-deployment-method apptainer.
container: "docker://python:3.11-slim"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/notebooks.smk"
include: "workflow/rules/report.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        f"{RESULTS}/report/index.html",
        f"{RESULTS}/report/report.pdf",
        f"{RESULTS}/checked",
        # What is to be tried again (failed data and notebooks, cells that `bnnbench retry` forgot) is missing, and is
        # noticed here: Snakemake does not look for what only finished files are made of.
        data_of(PLAN.shards),
        expand(f"{RESULTS}/shards/{{shard}}.nc", shard=PLAN.shards),
        expand(rules.notebook.output, study=PLAN.studies),
    message:
        "The report is {input[0]}"
