"""The most memory that training takes for a config with one shard, on inputs that are made up."""

import json

import numpy as np
from peak import peak

from bnnbench import datasets
from bnnbench.datasets import DataSet
from bnnbench.study.grid import Plan

TRAIN = """
import json, sys
from bnnbench.base import allocation
allocation.keep_freed_memory()
from bnnbench.study import grid
from bnnbench.training import train
plan = grid.load(json.loads(sys.argv[1]), thorough=False)
train.train_shards(plan, {name: plan.results / "shards" / f"{name}.nc" for name in plan.shards})
assert all(row["state"] == "done" for name in plan.shards
           for row in train.ShardFile.read(plan.results / "shards" / f"{name}.nc", []).rows)
"""


def made_up(plan: Plan) -> None:
    """Noise in the shape of the plan's data sets, in their places."""
    random = np.random.default_rng(0)
    for spec in plan.datasets.values():
        shape, seeds = datasets.shape(spec.family, spec.options), plan.config.seeds
        n = shape.train + shape.validation
        is_image = len(shape.inputs) == 3
        x = [
            random.integers(0, 256, (k, *shape.inputs)).astype(np.uint8 if is_image else np.float32)
            for k in (n, shape.test)
        ]
        y = [random.integers(0, shape.classes, k) for k in (n, shape.test)]
        order = np.stack([random.permutation(n) for _ in seeds])
        made = DataSet(
            spec.name, x[0], y[0], order[:, : shape.train], order[:, shape.train :], np.array(seeds), x[1], y[1],
            shape.classes, x_divisor=255.0,
        )  # fmt: skip
        datasets.store(spec.family, spec.options, made, plan.results / "data" / f"{spec.name}.nc")


def measured(config: dict) -> float:
    """MB at the peak of a process that trains all shards of a config, one after the other."""
    return peak(TRAIN, json.dumps(config))


EVALUATE = """
import json, sys
from bnnbench.evaluation import evaluate
from bnnbench.study import grid
plan = grid.load(json.loads(sys.argv[1]), thorough=False)
for name, shard in plan.shards.items():
    stored, table = plan.results / "shards" / f"{name}.nc", plan.results / "metrics" / f"{name}.parquet"
    evaluate.evaluate_shard(plan, shard, stored, table)
"""


def measured_evaluation(config: dict) -> float:
    """The same of evaluating them."""
    return peak(EVALUATE, json.dumps(config))
