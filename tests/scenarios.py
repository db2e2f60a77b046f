"""Models, data and small worlds that tests share: what every method must satisfy is checked on these."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import torch

from bnnbench import datasets, hyperpriors, priors
from bnnbench.evaluation.evaluate import evaluate_shard
from bnnbench.files.shards import ShardFile
from bnnbench.files.tables import read_table
from bnnbench.inference import DrawsPosterior, find, make
from bnnbench.inference._base import gaussian_entropy as entropy
from bnnbench.inference._pymc import PymcMethod
from bnnbench.likelihoods._location_scale import LocationScale
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.networks.mlp import build as mlp
from bnnbench.priors.normal import Normal
from bnnbench.source import digest
from bnnbench.study import grid
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan
from bnnbench.training.train import train_shard

METHODS = [name for name in digest.modules("inference") if not find(name).is_played]
"""Every method there is that targets a log joint: a new file in `bnnbench/inference` is tested without new test
code."""

OWN_MODEL = {name for name in METHODS if issubclass(find(name), PymcMethod)}
"""Methods that fit a model of another library's, so that no other likelihood can be put under them."""

QUICK_RATES = {"pymc_fullrank": 0.003}
"""Learning rates, instead of those of the quick tests, for a method whose parameters are in other units than ours."""

FAMILIES = tuple(priors.make(name) for name in digest.modules("priors"))
HYPERPRIORS = tuple(hyperpriors.make(name) for name in digest.modules("hyperpriors"))
"""Every family and hyperprior there is, with its default options: a new file is tested without new test code."""


def models_of(family) -> dict[str, Model]:
    """The models of a family by name: at scale 1 and with every hyperprior, or at the scale that it is fixed at."""
    if family.fixed_scale is not None:
        return {family.name: Model(family)}
    learned = {f"{family.name}-{h.name}": Model(family, hyperprior=h) for h in HYPERPRIORS}
    return {f"{family.name}-1": Model(family, 1.0)} | learned


ALL_MODELS = {name: model for family in FAMILIES for name, model in models_of(family).items()}
"""All models of prior x hyperprior."""


def small_data(n: int = 80, seed: int = 0, noise: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    """Two noisy rings: x (n, 2) and y (n,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    angle = rng.uniform(0, 2 * np.pi, n)
    ring = np.where(y == 0, 1.0, 0.5)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return ring + noise * rng.standard_normal((n, 2)), y


def stack_joint(network: Network, models: list[Model], x, y, dtype=torch.float64, **options) -> LogJoint:
    """Log joint of a stack of models, all on the same data."""
    which = torch.zeros(len(models), dtype=torch.long)
    return LogJoint(network, models, torch.as_tensor(x, dtype=dtype)[None], torch.as_tensor(y)[None], which, **options)


def settings_of(method: str) -> set[str]:
    """Names of a method's settings."""
    return {f.name for f in fields(find(method))}


FEW_PARTICLES = {"populations": 2, "particles": 32}
"""So many unless a test wants others."""


def quick_method(name: str, **settings):
    """A method with those of these settings that it has."""
    known, settings = settings_of(name), FEW_PARTICLES | settings
    if "learning_rate" in settings:
        settings["learning_rate"] = QUICK_RATES.get(name, settings["learning_rate"])
    return make(name, {k: v for k, v in settings.items() if k in known})


def covariance_of(arrays: dict[str, torch.Tensor]) -> torch.Tensor:
    """Covariances (cells, latents, latents) of a Gaussian posterior from its arrays, whatever its form."""
    if "sd" in arrays:
        return torch.diag_embed(arrays["sd"].square())
    if "cholesky" in arrays:
        return arrays["cholesky"] @ arrays["cholesky"].mT
    return torch.diag_embed(arrays["diagonal"].square()) + arrays["factor"] @ arrays["factor"].mT


def gaussian_elbo(joint: LogJoint, posterior, streams: Streams, n_draws: int = 500) -> np.ndarray:
    """ELBO (cells,) of a Gaussian posterior, the mean over draws."""
    root = torch.linalg.cholesky(covariance_of(posterior.arrays))
    logs = torch.where(joint.prior.active, root.diagonal(dim1=1, dim2=2).log(), 0.0).sum(1)
    sd, noise, total = root.square().sum(2).sqrt(), streams.normals("evaluation", (joint.prior.n_latents,)), 0.0
    for step in range(n_draws):
        sample = posterior.arrays["loc"] + (root @ noise.step(step).unsqueeze(2)).squeeze(2)
        total = total + joint.log_likelihood(sample)
        total = total + joint.prior.expected_log_density(posterior.arrays["loc"], sd, sample)
    return (total / n_draws + entropy(joint.prior, logs)).numpy()


@dataclass(frozen=True)
class KnownNoise(LocationScale):
    """y ~ N(output, sd²) with a known sd."""

    sd: float
    one_scale = True

    def log_prob(self, outputs, y, own):
        residuals = (y - outputs[:, 0]) / self.sd
        return -0.5 * (residuals.square() + np.log(2 * np.pi * self.sd**2)).sum(1)

    def curvature_root(self, outputs, own):
        return torch.full_like(outputs, 1 / self.sd).unsqueeze(2)

    def functions(self, outputs, own):
        return outputs.flatten(1)

    def location_and_log_scale(self, outputs, own):
        return outputs[:, 0], torch.full_like(outputs[:, 0], np.log(self.sd))


class LinearGaussian(LogJoint):
    """y = x w + b + N(0, noise²) under N(0, scale²) priors, one scale a cell: the posterior is known exactly.

    The same log joint that methods are given, with another likelihood.
    """

    noise = 0.5
    scales = (1.0, 0.3, 3.0)

    def __init__(self, n: int = 40, dtype=torch.float64):
        rng = np.random.default_rng(0)
        x = rng.standard_normal((n, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])  # correlated inputs
        y = x @ np.array([0.7, -0.4]) + 0.3 + self.noise * rng.standard_normal(n)
        models = [Model(Normal(), scale) for scale in self.scales]
        tensors = torch.as_tensor(x, dtype=dtype)[None], torch.as_tensor(y, dtype=dtype)[None]
        which = torch.zeros(len(models), dtype=torch.long)
        super().__init__(mlp((2,), 1, hidden=()), models, *tensors, which, KnownNoise(self.noise))
        design = np.column_stack([x, np.ones(n)])
        self.precisions = np.stack([design.T @ design / self.noise**2 + np.eye(3) / s**2 for s in self.scales])
        self.least_squares = np.linalg.lstsq(design, y, rcond=None)[0]
        self.posterior_mean = np.stack([np.linalg.solve(p, design.T @ y / self.noise**2) for p in self.precisions])

    def streams(self) -> Streams:
        return Streams([f"cell-{s}" for s in self.scales], ["pair"] * len(self.scales), dtype=self.x.dtype)

    def expected(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of the weights, each (cells, weights), that a method says it reaches with many steps.

        The sd is NaN where the method says nothing of it.
        """
        zero = np.zeros_like(self.posterior_mean)
        reached = {
            "posterior": (self.posterior_mean, self.marginal_sd),
            "factorised": (self.posterior_mean, self.factorised_sd),
            "mode": (self.posterior_mean, zero),
            "maximum_likelihood": (np.tile(self.least_squares, (len(self.scales), 1)), zero),
            "prior": (zero, zero + np.array(self.scales)[:, None]),
            "other": (self.posterior_mean, np.full_like(zero, np.nan)),
        }
        return reached[find(name).reaches]

    def effective_draws(self, method, posterior, n: int) -> float:
        """Independent draws that n draws of a posterior are worth: chains' stored draws are worth their ESS."""
        if not isinstance(posterior, DrawsPosterior) or not hasattr(method, "chains"):
            return n
        chains = by_chain(posterior.arrays["draws"][:, :, : self.prior.n_weights].numpy(), method.chains)
        return min(az.ess(c[:, :, k], method="bulk") for c in chains for k in range(self.prior.n_weights))

    @property
    def factorised_sd(self) -> np.ndarray:
        """Standard deviations of the best independent Gaussians, (cells, weights)."""
        return np.stack([1 / np.sqrt(np.diag(p)) for p in self.precisions])

    @property
    def marginal_sd(self) -> np.ndarray:
        """Standard deviations of the exact posterior, (cells, weights)."""
        return np.stack([np.sqrt(np.diag(np.linalg.inv(p))) for p in self.precisions])


def by_chain(draws: np.ndarray, chains: int) -> np.ndarray:
    """Stored draws (cells, draws, latents) as (cells, chains, draws, latents): undoes `DrawsPosterior.of_chains`."""
    halves = 1 if chains % 2 else 2
    turns = draws.reshape(len(draws), halves, -1, chains // halves, draws.shape[2])
    return turns.swapaxes(2, 3).reshape(len(draws), chains, -1, draws.shape[2])


def circles_plan(folder: Path, method: str, seeds: range, settings: dict, recipes: dict | None = None, **study) -> Plan:
    """The toy study narrowed to small circles and one method, its data set written into `folder`."""
    sizes = {"n_train": 60, "n_validation": 40, "n_test": 300}
    study["datasets"] = {"moons": None, "circles": {"noise": [0.4]} | sizes}
    settings = {k: v for k, v in settings.items() if k in settings_of(method)}
    of_toy = grid.load({"studies": ["toy"], "seeds": [0]}).study_configs["toy"].inference.get(method)
    recipes = dict.fromkeys(of_toy.recipes if of_toy else ()) | (recipes or {})
    others = dict.fromkeys(METHODS) | {method: {"settings": settings, "recipes": recipes, "draws": 30, "only": None}}
    study |= {"inference": others}
    config = {"studies": ["toy"], "seeds": list(seeds), "device": "cpu", "compile": "off"}
    plan = grid.load(config | {"results_dir": str(folder), "overrides": {"toy": study}})
    for spec in plan.datasets.values():
        datasets.make(spec.family, spec.options, seeds).to_netcdf(folder / "data" / f"{spec.name}.nc")
    return plan


def train_cells(plan: Plan, cells: list[Cell], name: str) -> tuple[dict[str, dict], pd.Series]:
    """Train these cells of the plan's only shard into a file of that name, or the ones that it lacks.

    Returns the rows by id, and the metrics with a row for each id, split and metric.
    """
    (shard,) = plan.shards.values()
    shard, path = replace(shard, name=name, cells=tuple(cells)), plan.results / "shards" / f"{name}.nc"
    train_shard(plan, shard, path)
    evaluate_shard(plan, shard, path, plan.results / "metrics" / f"{name}.parquet")
    rows = {row["id"]: row for row in ShardFile.read(path, []).rows}
    table = read_table(plan.results / "metrics" / f"{name}.parquet", name)
    return rows, table.set_index(["id", "split", "metric"]).value.sort_index()
