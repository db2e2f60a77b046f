"""A run without the workflow, in this process, and the config of a small one."""

from bnnbench import claims, datasets
from bnnbench.evaluation import controls, evaluate, probing
from bnnbench.source import digest
from bnnbench.study import grid
from bnnbench.training import train

NOTHING_ELSE = dict.fromkeys(digest.modules("inference"))
"""Leaves out of a study's methods all but those that are named beside it."""

SMALL = {
    "studies": ["toy"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "toy": {
            "datasets": {"moons": {"noise": [0.4], "n_test": 1000}, "circles": {"noise": [0.4], "n_test": 1000}},
            "models": ["normal-1", "normal-3", "laplace-1", "laplace-half_cauchy", "cauchy-1", "flat",
                       "flat-half_cauchy"],
            "inference": NOTHING_ELSE | {
                "map": {"settings": {"steps": 200}},
                "mean_field": {"settings": {"steps": 400}, "recipes": None},
            },
            "draws": 30,
        }
    },
}  # fmt: skip


def run(config: dict) -> grid.Plan:
    """Data, training, metrics, tables and claims of a config, without the workflow."""
    plan = grid.load(config)
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds, plan.config.data_dir)
        datasets.store(spec.family, spec.options, made, plan.results / "data" / f"{spec.name}.nc")
    for name, shard in plan.shards.items():
        train.train_shard(plan, shard, plan.results / "shards" / f"{name}.nc")
    for name, shard in plan.shards.items():  # of which some are compared with others
        path = plan.results / "shards" / f"{name}.nc"
        evaluate.evaluate_shard(plan, shard, path, plan.results / "metrics" / f"{name}.parquet")
        if plan.probes(shard):
            probing.probe_shard(plan, shard, path, plan.results / "probes" / f"{name}.parquet")
    for name, spec in plan.datasets.items():
        if datasets.controls(spec.family):
            controls.evaluate_controls(plan, name, plan.results / "controls" / f"{name}.parquet")
    evaluate.gather(plan)
    probing.gather(plan)
    claims.write(plan)
    return plan
