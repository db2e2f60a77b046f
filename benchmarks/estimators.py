"""Fits by estimators, ours and other libraries': what a user waits for, and what effective draws of chains cost."""

import statistics
import sys
from pathlib import Path

import numpy as np
from comparisons import comparison
from environment import python_of
from serve import Worker

from bnnbench.inference._diagnostics import worst_rhat_and_ess

BDE = {"n_members": 4, "hidden_layers": [16, 16], "epochs": 1000, "patience": 10, "warmup_steps": 400, "n_samples": 100,
       "n_thinning": 1}  # fmt: skip
FITS = {"first": 10.0, "second": 5.0}
"""Seconds that a fit of our estimators may take on two idle cores."""


def time_estimators(sizes) -> tuple[list[dict], dict, list[str]]:
    """Comparison 6, a new process for each repeat; versions of what was timed, and what could not be, or was slow."""
    pythons, notes, versions = {"bnnbench": sys.executable, "scikit-learn": sys.executable}, [], {}
    try:
        pythons["sklearn-contrib-bde"] = python_of("sklearn-contrib-bde")
    except (OSError, RuntimeError) as error:
        notes.append(f"sklearn-contrib-bde was not timed: {error}.")
    settings = {library: {} for library in pythons} | {"sklearn-contrib-bde": BDE | {"epochs": sizes.bde_epochs}}
    kinds = [(library, task) for task in ("regression", "classification") for library in pythons]
    seconds = {(*kind, which): [] for kind in kinds for which in FITS}
    for repeat in range(sizes.estimator_repeats):
        print(f"Timing fits of estimators, repeat {repeat + 1} of {sizes.estimator_repeats} ...", flush=True)
        for library, task in kinds:
            with Worker("estimator_fits.py", python=pythons[library]) as worker:
                for which in FITS:
                    found = worker.ask("fit", library=library, task=task, settings=settings[library])
                    seconds[library, task, which].append(found["seconds"])
                    versions[library] = found["versions"]
    rows = []
    for library, task in kinds:
        for which, most in FITS.items():
            ours = seconds["bnnbench", task, which]
            if library != "bnnbench":
                rows.append(comparison(f"{which} fit, {task}", library, ours, seconds[library, task, which], None))
            elif statistics.median(ours) > most:
                notes.append(
                    f"Our {which} fit of {task} took {statistics.median(ours):.1f} s, and {most:g} s is wanted."
                )
    return rows, versions, notes


def time_chains(sizes, folder: Path) -> tuple[list[dict], dict, list[str]]:
    """Comparison 7, two fits in a process for each peer, of which the second counts; the same returns."""
    try:
        python = python_of("sklearn-contrib-bde")
    except (OSError, RuntimeError) as error:
        return [], {}, [f"Chains of sklearn-contrib-bde were not timed: {error}."]
    n, chains = sizes.chain_steps, 8
    start, tune, keep, iterations, particles = (
        min(1000, n),
        min(1000, n),
        min(2000, 8 * n),
        max(4, n // 20),
        min(512, n),
    )
    peers = {
        ("sklearn-contrib-bde", "mile"): {
            "n_members": chains, "epochs": start, "warmup_steps": tune, "n_samples": n, "validation_split": None,
            "n_thinning": max(1, chains * n // keep),
        },
        ("bnnbench", "mile"): {"chains": chains, "start_steps": start, "tune": tune, "samples": n, "keep": keep},
        ("bnnbench", "hmc"): {
            "chains": chains, "tune": min(300, n), "samples": iterations, "leapfrogs": 64, "rounds": 1,
            "keep": min(keep, chains * iterations),
        },
        ("bnnbench", "smc"): {"particles": particles, "populations": 4, "keep": min(keep, 4 * particles)},
    }  # fmt: skip
    found, versions, notes = {}, {}, []
    for (library, method), settings in peers.items():
        print(f"Timing chains: {library}, {method} ...", flush=True)
        path = str(folder / "log_odds.npy")
        with Worker("chains_fits.py", python=python if library != "bnnbench" else sys.executable) as worker:
            for seed in range(2):
                fit = worker.ask("fit", library=library, method=method, settings=settings, seed=seed, path=path)
        rhat, ess = worst_rhat_and_ess(np.load(path))
        found[library, method], versions[library] = fit["seconds"] / ess, fit["versions"]
        notes.append(
            f"{library}, {method}: {fit['seconds']:.0f} s, ESS {ess:.0f} of {fit['draws']} draws, R-hat {rhat:.3f}, "
            f"test NLL {fit['nll']:.4f}."
        )
    theirs = [found.pop(("sklearn-contrib-bde", "mile"))]
    rows = [
        comparison(f"effective draw of {method}", "sklearn-contrib-bde", [ours], theirs, None)
        for (_, method), ours in found.items()
    ]
    return rows, versions, notes
