"""Speed of training against other libraries, in one run on this machine's cores: `make bench`.

Seven comparisons. Four are ratios of seconds per model, larger being better for bnnbench:

1. one training step, nothing compiled in it: stacked mean-field (torch.compile, all cores) and `pm.fit`'s step (PyMC
   runs one model on one core) on moons at noise 0.4, 700 points, a 5-5-2 tanh network;
2. a grid: 1,000 models of 5,000 steps each, compilation counted on both sides, imports on neither. bnnbench trains it
   whole, from an empty compile cache. PyMC trains a sample, each model with an empty cache and again with the cache
   that this left, and the mean is multiplied;
3. the same step as in 1 against NumPyro's SVI, vmapped over as many models, in an environment of its own;
4. one effective draw of the function (worst bulk ESS of the log-odds at 50 training inputs) by sampling: a stack under
   HMC, one round, and `pm.sample`'s NUTS on some of its cells, both on all cores, warm-up counted, compilation not.

5. a step of mean field on the sources' MNIST network at batch 250, by each estimator, against a step of `map`: what
   variational inference costs. Smaller is better here, and the ratio is to stay below its target. Beside it the same
   of bayesian-torch's layers against torch's own, in an environment of its own.

6. the first and the second fit in a process of `BNNRegressor` and `BNNClassifier` by their defaults, on 1,000 rows of
   10 columns, beside scikit-learn's MLPs by theirs and sklearn-contrib-bde's ensembles, in an environment of their own,
   at the settings of its example. Imports are not counted. Each does another thing: this is what a user waits for;
7. one effective draw of the function by `BNNClassifier` with `mile`, `hmc` and `smc`, beside sklearn-contrib-bde's
   microcanonical chains: the same network, prior, data and number of stored draws, warm-up counted. Notes give R-hat
   and test NLL of each, since chains that have not mixed, or are biased, are quick.

Repeats are interleaved, and ratios are medians over them. Figures mean something on an otherwise idle machine only.
"""

import argparse
import json
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from comparisons import comparison, duration, table
from environment import ROOT, cores, machine, python_of
from estimators import time_chains, time_estimators
from serve import Worker

from bnnbench.base.allocation import MMAP_THRESHOLDS, TRIM_THRESHOLD
from bnnbench.datasets import moons

KEEP_FREED_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(TRIM_THRESHOLD), "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLDS[0])}
"""For a peer on images, what bnnbench's jobs do by `allocation.keep_freed_memory`: the same for both sides."""

PARTS = ("steps", "grid", "sampling", "images", "estimators", "chains")
MODELS = ("normal-1", "laplace-half_cauchy")
SAMPLE = ("normal-1", "laplace-half_cauchy", "scale_mixture-inverse_gamma")


@dataclass(frozen=True)
class Sizes:
    """How much is run."""

    stack: int = 512
    repeats: int = 9
    stacked_steps: int = 300
    pymc_steps: int = 3000
    numpyro_steps: int = 40
    image_steps: int = 40
    grid_models: int = 1000
    grid_steps: int = 5000
    sample: int = len(SAMPLE)
    hmc_cells: int = 32
    hmc_samples: int = 400
    hmc_tune: int = 300
    hmc_leapfrogs: int = 128
    nuts_cells: int = 2
    nuts_draws: int = 500
    estimator_repeats: int = 3
    bde_epochs: int = 1000
    chain_steps: int = 4000


QUICK = Sizes(
    stack=64, repeats=1, stacked_steps=10, pymc_steps=100, numpyro_steps=5, image_steps=2, grid_models=64,
    grid_steps=50, sample=1, hmc_cells=4, hmc_samples=20, hmc_tune=20, hmc_leapfrogs=16, nuts_cells=1, nuts_draws=20,
    estimator_repeats=1, bde_epochs=2, chain_steps=20
)  # fmt: skip


def main() -> None:
    """Run all, print the table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works")
    parser.add_argument("--output", type=Path, default=ROOT / "results" / "bench.json")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="which comparisons (default: all)")
    arguments = parser.parse_args()
    sizes, about = QUICK if arguments.quick else Sizes(), machine()
    if about["load_at_start"] > 0.3 * about["cores"]:
        print(f"The machine is busy (load {about['load_at_start']}): these figures are not to be trusted.")
    folder = Path(tempfile.mkdtemp(prefix="bnnbench-bench-"))
    try:
        sets = folder / "moons.npz"
        splits = moons.generate(0.4, seeds=range(sizes.stack), n_test=1)
        splits = [splits.split(seed) for seed in range(sizes.stack)]
        np.savez(sets, x=np.stack([s[0] for s in splits]), y=np.stack([s[1] for s in splits]))
        rows, about["versions"], notes = [], {}, []
        for part in arguments.parts:
            if part == "steps":
                found, of_each, missing = time_steps(sizes, str(sets))
                about["versions"] |= of_each
                notes += missing
            elif part == "grid":
                found = time_grid(sizes, str(sets), folder)
            elif part == "sampling":
                found = time_sampling(sizes, str(sets))
            else:
                if part == "chains":
                    found, of_each, missing = time_chains(sizes, folder)
                else:
                    found, of_each, missing = {"images": time_images, "estimators": time_estimators}[part](sizes)
                about["versions"] |= of_each
                notes += missing
            table(found)
            rows += found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(rows, about, notes, quick=arguments.quick)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": about, "quick": arguments.quick, "sizes": vars(sizes), "notes": notes, "comparisons": rows}
    arguments.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def time_steps(sizes: Sizes, sets: str) -> tuple[list[dict], dict, list[str]]:
    """Comparisons 1 and 3, repeats interleaved; versions of what was timed, and what could not be."""
    notes, versions, steps = [], {}, {"bnnbench": sizes.stacked_steps, "PyMC": sizes.pymc_steps}
    workers = {"bnnbench": Worker("stacked.py"), "PyMC": Worker("pymc_advi.py")}
    try:
        workers["NumPyro"] = Worker("numpyro_svi.py", python=python_of("numpyro"))
        steps["NumPyro"] = sizes.numpyro_steps
    except (OSError, RuntimeError) as error:
        notes.append(f"NumPyro was not timed: {error}.")
    seconds = {(library, model): [] for library in workers for model in MODELS}
    try:
        for library, worker in list(workers.items()):
            print(f"{library}: preparing {', '.join(MODELS)} ...", flush=True)
            for model in MODELS:
                versions[library] = worker.ask("prepare", model=model, sets=sets)["versions"]
                worker.ask("step", model=model, n=steps[library])
        for repeat in range(sizes.repeats):
            print(f"Timing steps, repeat {repeat + 1} of {sizes.repeats} ...", flush=True)
            for library, model in seconds:
                seconds[library, model].append(workers[library].ask("step", model=model, n=steps[library])["seconds"])
    finally:
        for worker in workers.values():
            worker.__exit__()
    targets = {"PyMC": 15, "NumPyro": 5}
    return (
        [
            comparison(f"step, {model}", library, seconds["bnnbench", model], seconds[library, model], targets[library])
            for library in targets
            if library in workers
            for model in MODELS
        ],
        versions,
        notes,
    )


def time_grid(sizes: Sizes, sets: str, folder: Path) -> list[dict]:
    """Comparison 2."""
    n, steps = sizes.grid_models, sizes.grid_steps
    print(f"bnnbench: {n} models of {steps} steps, nothing compiled before ...", flush=True)
    with Worker("stacked.py", TORCHINDUCTOR_CACHE_DIR=str(folder / "inductor")) as worker:
        ours = worker.ask("train_grid", n_models=n, steps=steps, stack=sizes.stack)
    print(f"  {ours['seconds']:.0f} s, {ours['finite']} of {n} with a finite ELBO")
    cold, warm = [], []
    for at, model in enumerate(SAMPLE[: sizes.sample]):
        flags = f"base_compiledir={folder / f'pytensor-{at}'}"
        for state, found in (("empty", cold), ("filled", warm)):
            print(f"PyMC: {model}, {steps} steps, {state} compile cache ...", flush=True)
            with Worker("pymc_advi.py", PYTENSOR_FLAGS=flags) as worker:
                found.append(worker.ask("one", model=model, sets=sets, at=at, steps=steps)["seconds"])
            print(f"  {found[-1]:.1f} s")
    name, sample = f"grid, {n} x {steps} steps", f"mean of {len(cold)} models x {n}"
    return [
        comparison(f"{name}, empty cache", "PyMC", [ours["seconds"] / n], [statistics.mean(cold)], 100, sample),
        comparison(f"{name}, filled cache", "PyMC", [ours["seconds"] / n], [statistics.mean(warm)], 100, sample),
    ]


def time_sampling(sizes: Sizes, sets: str) -> list[dict]:
    """Comparison 4."""
    rows, tune, samples = [], sizes.hmc_tune, sizes.hmc_samples
    settings = {"tune": tune, "samples": samples, "leapfrogs": sizes.hmc_leapfrogs, "keep": min(1000, samples)}
    for model in MODELS:
        print(f"bnnbench: HMC of {sizes.hmc_cells} cells of {model} ...", flush=True)
        with Worker("stacked.py") as worker:
            ours = worker.ask("sample", model=model, sets=sets, n_cells=sizes.hmc_cells, settings=settings)
        print(f"  {sampled(ours)} (medians over cells)", flush=True)
        theirs, n = [], sizes.nuts_draws
        with Worker("pymc_nuts.py") as worker:
            for at in range(sizes.nuts_cells):
                print(f"PyMC: NUTS of cell {at} of {model} ...", flush=True)
                theirs.append(worker.ask("sample", model=model, sets=sets, at=at, tune=n, draws=n))
                print(f"  {sampled(theirs[-1])}", flush=True)
        seconds = [found["seconds"] for found in theirs]
        rows.append(comparison(f"effective draw, {model}", "PyMC", [ours["seconds"]], seconds, 10))
    return rows


def sampled(found: dict) -> str:
    """What a sampler reached, and what a cell's effective draw cost."""
    return f"ESS {found['ess']:.0f}, R-hat {found['rhat']:.3f}, {duration(found['seconds'])} an effective draw"


def time_images(sizes: Sizes) -> tuple[list[dict], dict, list[str]]:
    """Comparison 5; versions of what was timed beside ours, and what could not be."""
    targets = {"draw": 1.2, "flipout": 2.0, "local": 2.2}
    variants, versions, notes = [("bnnbench", v) for v in ("map", *targets)], {}, []
    workers = {"bnnbench": Worker("stacked.py")}
    try:
        peer = python_of("bayesian-torch", beside_ours=True)
        workers["bayesian-torch"] = Worker("bayesian_torch_steps.py", python=peer, **KEEP_FREED_MEMORY)
        versions["bayesian-torch"] = workers["bayesian-torch"].ask("step", variant="plain", n=1)["versions"]
        variants += [("bayesian-torch", v) for v in ("plain", "draw", "flipout")]
    except (OSError, RuntimeError) as error:
        notes.append(f"bayesian-torch was not timed: {error}.")
    seconds = {each: [] for each in variants}
    try:
        for repeat in range(sizes.repeats):
            print(f"Timing steps on images, repeat {repeat + 1} of {sizes.repeats} ...", flush=True)
            for (library, variant), found in seconds.items():
                do = "image_steps" if library == "bnnbench" else "step"
                found.append(workers[library].ask(do, variant=variant, n=sizes.image_steps)["seconds"])
    finally:
        for worker in workers.values():
            worker.__exit__()
    rows = []
    for library, variant in variants:
        point = "map" if library == "bnnbench" else "plain"
        if variant != point:
            what, target = f"image step, {variant}", targets[variant] if library == "bnnbench" else None
            if library != "bnnbench":
                what += f" of {library}"
            row = comparison(what, point, seconds[library, point], seconds[library, variant], target)
            # Here the ratio is time spent over time of the point estimate, so the columns change places.
            of_point, of_variant = row["seconds"], row["against_seconds"]
            rows.append(row | {"seconds": of_variant, "against_seconds": of_point, "at_most": True})
    return rows, versions, notes


def report(rows: list[dict], about: dict, notes: list[str], quick: bool) -> None:
    """Print the machine, the table and what to bear in mind."""
    print(f"\n{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}")
    print(f"Python {about['python']}, bnnbench {about['bnnbench']}, " + ", ".join(about["versions"].values()))
    table(rows)
    print("\nTimes are per model, and per step in the rows called step; bnnbench and NumPyro use every core, PyMC one.")
    print(f"One PyMC process on each of the {cores()} cores would at best divide its ratios by {cores()}.")
    print("The grid is trained whole by bnnbench; PyMC's time is the mean over a sample of models, multiplied.")
    print("Effective draw: seconds per unit of ESS in function space; NUTS has all cores for its one model, as HMC.")
    print("Time is that of what the row names, by bnnbench where it names no library; its time is that of the other.")
    print("Image step: mean field over map, both ours; bayesian-torch's layers over torch's own; smaller is better.")
    print("Fits: of one data set by the estimators' defaults, on every core; what they learn is not the same.")
    print("Empty cache: each PyMC model as on a fresh machine. Filled cache: as for the second cell of a model.")
    for note in notes:
        print(note)
    if quick:
        print("Quick sizes: these ratios say nothing.")


if __name__ == "__main__":
    main()
