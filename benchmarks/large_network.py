"""Memory and time that methods take on VGG-19's twenty million weights, beside torch's own training of the network.

    python benchmarks/large_network.py memory | steps

`memory`: each fit in a process of its own, whose peak, less that of a fit of few weights before, is told in units
of the weights (float32); at two batch sizes, so that what each image adds can be told from what there is for any. A
table in Markdown. `steps`: the fits take turns of a few steps, so that a machine whose speed drifts is the same to all.
"""

import json
import resource
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

from bnnbench import inference, networks, priors
from bnnbench.base.allocation import keep_freed_memory
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks.vgg import CHANNELS, CONVOLUTIONS

DEPTH, N_POINTS, N_CLASSES = 19, 64, 2
FITS = {
    "plain": ("", {}),
    "map": ("map", {}),
    "mean_field": ("mean_field", {}),
    "mean_field, local": ("mean_field", {"estimator": "local"}),
    "mean_field, flipout": ("mean_field", {"estimator": "flipout"}),
    "laplace_approximation, last layer": ("laplace_approximation", {"structure": "last_layer"}),
    "swag, rank 20": ("swag", {"rank": 20, "steps": 44}),
    "ensemble of 5": ("ensemble", {"members": 5}),
}
"""Method and settings by name; the plain network of torch has none."""
BATCHES = 8, 64
TIMED, TURNS, STEPS_OF_TURN = ("plain", "map", "mean_field"), 7, 3


def data() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(N_POINTS, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return x, torch.arange(N_POINTS) % N_CLASSES


def fit(name: str, batch: int, width: float, steps: int, before_step=lambda: None) -> int:
    """Train so many steps, calling `before_step` at each; how many weights there are."""
    method, settings = FITS[name]
    if not method:
        return fit_plain(batch, width, steps, before_step)
    network = networks.make({"kind": "vgg", "depth": DEPTH, "width": width}, (3, 32, 32), N_CLASSES)
    x, y = data()
    model = Model(priors.make("normal", {}), 0.1)
    joint = Watched(network, [model], x[None], y[None], torch.zeros(1, dtype=torch.long), block=1)
    joint.before_step = before_step
    given = {"steps": steps, "batch_size": batch} | ({"map_batch_size": batch} if method == "swag" else {})
    made = inference.make(method, given | settings)
    made.fit(joint, Streams(["cell"], ["pair"]))
    return network.n_weights


class Watched(LogJoint):
    """A log joint that tells when a step asks for its data."""

    before_step = staticmethod(lambda: None)

    def batches(self, streams, size):
        of_step = super().batches(streams, size)

        def watched(step):
            self.before_step()
            return of_step(step)

        return watched


def fit_plain(batch: int, width: float, steps: int, before_step) -> int:
    """Torch's modules, Adam and mean cross-entropy."""
    layers, n_in = [], 3
    for channels, n in zip(CHANNELS, CONVOLUTIONS[DEPTH], strict=True):
        for _ in range(n):
            n_out = max(1, round(width * channels))
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
            n_in = n_out
        layers.append(nn.MaxPool2d(2))
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_in, N_CLASSES))
    adam, (x, y) = torch.optim.Adam(module.parameters(), 1e-3), data()
    for step in range(steps):
        before_step()
        rows = torch.arange(step * batch, (step + 1) * batch) % N_POINTS
        adam.zero_grad()
        F.cross_entropy(module(x[rows]), y[rows]).backward()
        adam.step()
    return sum(p.numel() for p in module.parameters())


def peak() -> int:
    """Bytes, by Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work_on_memory(name: str, batch: str) -> None:
    fit(name, int(batch), 1 / 64, 2)
    before = peak()
    n_weights = fit(name, int(batch), 1.0, 2)
    print(json.dumps({"peak": peak(), "more": peak() - before, "weights": 4 * n_weights}))


def work_on_steps(name: str, batch: str) -> None:
    """A line of seconds a step after every turn; a turn begins when a line is read."""
    keep_freed_memory()  # as a training job
    steps = marked = 0

    def before_step():
        nonlocal steps, marked
        if steps % STEPS_OF_TURN == 0:
            print((time.perf_counter() - marked) / STEPS_OF_TURN, flush=True)
            sys.stdin.readline()
            marked = time.perf_counter()
        steps += 1

    fit(name, int(batch), 1.0, (TURNS + 1) * STEPS_OF_TURN + 1, before_step)


def worker(task: str, name: str, batch: int) -> list[str]:
    return [sys.executable, __file__, task, name, str(batch)]


def memory() -> None:
    print("| fit | peak at batch 8, GB | above the start at batch 8 and 64, in units of the weights | an image |")
    print("|---|---|---|---|")
    for name in FITS:
        found = [json.loads(subprocess.check_output(worker("of-memory", name, b), text=True)) for b in BATCHES]
        units = [f["more"] / f["weights"] for f in found]
        image = (units[1] - units[0]) / (BATCHES[1] - BATCHES[0])
        print(f"| {name} | {found[0]['peak'] / 1e9:.2f} | {units[0]:.1f}, {units[1]:.1f} | {image:.2f} |", flush=True)


def steps(batch: int = 16) -> None:
    seconds = {name: [] for name in TIMED}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = {name: subprocess.Popen(worker("of-steps", name, batch), **pipes) for name in TIMED}
    for w in workers.values():
        w.stdout.readline()
    for _ in range(TURNS + 1):
        for name, w in workers.items():
            print("go", file=w.stdin, flush=True)
            seconds[name].append(float(w.stdout.readline()))
    for w in workers.values():
        w.kill()
        w.wait()
    for name in TIMED:
        own, plain = seconds[name][1:], seconds["plain"][1:]  # the first turn warms up
        ratios = sorted(a / b for a, b in zip(own, plain, strict=True))
        ratio = f"{statistics.median(ratios):.2f} times plain ({ratios[0]:.2f} to {ratios[-1]:.2f} in {TURNS} turns)"
        print(f"{name}, batch {batch}: {statistics.median(own):.3f} s a step, {ratio}", flush=True)


TASKS = {"memory": memory, "steps": steps, "of-memory": work_on_memory, "of-steps": work_on_steps}

if __name__ == "__main__":
    torch.set_num_threads(1)
    TASKS[sys.argv[1]](*sys.argv[2:])
