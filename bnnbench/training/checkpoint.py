"""A training job's progress: a line in the log every few seconds, and a checkpoint every minute."""

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from bnnbench.base.progress import Progress
from bnnbench.files.writing import replacing

log = logging.getLogger(__name__)

LOGGED_EVERY, KEPT_EVERY = 5.0, 60.0
"""Seconds."""


class Logged(Progress):
    """Logs steps or draws (`what`) and the time left."""

    def __init__(self, name: str, what: str):
        self._name, self._what, self._step = name, what, 0
        self._started = self._last = time.monotonic()
        self._first = 0, self._started

    def __call__(self, step, total):
        now = time.monotonic()
        if not 0 < self._step < step:  # begun, perhaps in the middle after a resume; or another stretch of the same fit
            self._first = step, now
        self._step, done = step, step - self._first[0]
        if step == total or (done and now - self._last >= LOGGED_EVERY):
            self._last = now
            left = (now - self._first[1]) * (total - step) / max(done, 1)
            log.info("%s, %s %d of %d, %.0f s left", self._name, self._what, step, total, left)


@dataclass
class Curve:
    """What `measure` finds of the posterior, an array (..., cells), at `points` evenly spaced steps of training."""

    points: int
    measure: Callable[[object], np.ndarray]
    steps: list[int] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)

    def due(self, step: int, total: int) -> bool:
        last = self.steps[-1] if self.steps else 0
        return step > last and step * self.points // total > last * self.points // total


class Checkpointed(Logged):
    """The same, with a file that holds the latest state of each stage of the fit, and of a curve.

    A file that cannot be read counts as none: the fit starts anew.
    """

    def __init__(
        self, name: str, what: str, path: Path, device: str, curve: Curve | None = None, every: float | None = None
    ):
        super().__init__(name, what)
        self._curve, self._spent = curve, 0.0
        self._path, self._kept, self._states = path, self._started, {}
        self._every = KEPT_EVERY if every is None else every
        self._begun = self._started
        if path.is_file():
            try:
                stored = torch.load(path, map_location=device, weights_only=True)
                if stored["job"]["file"] != path.name:
                    raise ValueError(f"it is that of {stored['job']['file']}")
                self._states = stored
                log.info("%s: going on from a checkpoint", name)
            except Exception as error:  # torch.load raises whatever the broken bytes lead to
                log.warning("%s: the checkpoint is unreadable and is left aside: %s", name, error)
        self._before = self._states.get("job", {}).get("seconds", 0.0)
        if curve and (stored := self._states.get("curve")):
            curve.steps, curve.values = stored["steps"], [v.cpu().numpy() for v in stored["values"]]

    def keep(self, stage: str, state: Callable[[], dict]) -> None:
        if time.monotonic() - self._kept < self._every:
            return
        # A copy: a stage that is over may go on in place, and what is kept of it must stay what it was at its step.
        self._states |= {stage: copy.deepcopy(state()), "job": {"seconds": self.seconds, "file": self._path.name}}
        if self._curve:
            values = [torch.from_numpy(v) for v in self._curve.values]
            self._states["curve"] = {"steps": self._curve.steps, "values": values}
        with replacing(self._path) as temporary:
            try:
                torch.save(self._states, temporary)
            except RuntimeError as error:  # by which a fit would count as failed, though nothing is wrong with it
                fault = str(error).splitlines()[0]
                raise OSError(f"{self._path} could not be written ({fault}); is the disk full?") from None
        self._kept = time.monotonic()

    def watch(self, step: int, total: int, posterior: Callable[[], object]) -> None:
        if self._curve and self._curve.due(step, total):
            started = time.monotonic()
            self._curve.values.append(self._curve.measure(posterior()))
            self._curve.steps.append(step)
            self._spent += time.monotonic() - started

    @property
    def seconds(self) -> float:
        """Time spent on the fit, before and after it was killed; what was lost, and the curve, are not counted."""
        return self._before + time.monotonic() - self._begun - self._spent

    def restored(self, stage: str) -> dict | None:
        return self._states.get(stage)
