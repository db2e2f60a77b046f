"""A fit that is killed goes on where it was, and ends with the same result."""

import io
import logging

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, METHODS, OWN_MODEL, quick_method, small_data, stack_joint
from small_run import NOTHING_ELSE, SMALL

from bnnbench import datasets
from bnnbench.base.progress import Progress
from bnnbench.files.shards import ShardFile
from bnnbench.inference.map import Map
from bnnbench.model.streams import Streams
from bnnbench.networks.mlp import build as mlp
from bnnbench.study import grid
from bnnbench.training import checkpoint, train
from bnnbench.training.checkpoint import Checkpointed, Logged

RESUMED = [m for m in METHODS if m not in (*OWN_MODEL, "prior_only")]


class Killed(Exception):
    pass


class Mortal(Progress):
    """Keeps every state, and dies at a report."""

    def __init__(self, dies_at=None, states=()):
        self.reports, self.dies_at, self.states = 0, dies_at, dict(states)

    def __call__(self, step, total):
        self.reports += 1
        if self.reports == self.dies_at:
            raise Killed

    def keep(self, stage, state):
        torch.save(state(), stored := io.BytesIO())
        self.states[stage] = stored.getvalue()

    def restored(self, stage):
        return torch.load(io.BytesIO(self.states[stage]), weights_only=True) if stage in self.states else None


@pytest.mark.parametrize("share", [0.3, 0.8])
@pytest.mark.parametrize("name", RESUMED)
def test_a_fit_that_was_killed_ends_as_if_it_had_not_been(name, share):
    models = [ALL_MODELS[m] for m in ("normal-1", "laplace-1")]
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), models, *small_data(40), torch.float32)
    streams = Streams(["a", "b"], ["p", "q"])
    short = {"steps": 60, "tune": 20, "samples": 20, "leapfrogs": 4, "chains": 2, "keep": 20, "members": 2}
    method = quick_method(name, learning_rate=0.03, batch_size=16, **short)
    whole = Mortal()
    expected = method.fit(joint, streams, whole)
    victim = Mortal(dies_at=max(2, round(share * whole.reports)))
    with pytest.raises(Killed):
        method.fit(joint, streams, victim)
    assert victim.states
    heir = Mortal(states=victim.states)
    found = method.fit(joint, streams, heir)
    assert heir.reports < whole.reports
    for key, array in expected.posterior.arrays.items():
        assert torch.equal(found.posterior.arrays[key], array)
    np.testing.assert_array_equal(found.trace, expected.trace)
    np.testing.assert_array_equal(found.trace_steps, expected.trace_steps)


def test_what_is_kept_of_a_stage_stays_as_it_was_when_the_fit_goes_on(tmp_path):
    """SWAG starts with a MAP fit, of which the file holds a state from its middle when the second stage is killed."""

    class Rarely(Checkpointed):
        calls = 0

        def keep(self, stage, state):
            self.calls += 1
            if (stage, self.calls) == ("optimise", 3) or stage == "swag":
                super().keep(stage, state)
            if stage == "swag":
                raise Killed

    joint = stack_joint(mlp((2,), 2, hidden=(3,)), [ALL_MODELS["normal-1"]], *small_data(40), torch.float32)
    method, streams, path = (
        quick_method("swag", steps=60, batch_size=16),
        Streams(["a"], ["p"]),
        tmp_path / "fit.checkpoint",
    )
    expected = method.fit(joint, streams)
    with pytest.raises(Killed):
        method.fit(joint, streams, Rarely("fit", "step", path, "cpu", every=0.0))
    found = method.fit(joint, streams, Checkpointed("fit", "step", path, "cpu"))
    for key, array in expected.posterior.arrays.items():
        assert torch.equal(found.posterior.arrays[key], array)
    np.testing.assert_array_equal(found.trace_steps, expected.trace_steps)


def test_what_swag_collected_does_not_depend_on_how_its_start_is_rounded_the_second_time(monkeypatch):
    """A GPU may round otherwise: the moments are taken about the start that was kept, not about its repetition."""
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), [ALL_MODELS["normal-1"]], *small_data(40), torch.float32)
    method, streams, whole = quick_method("swag", steps=60, batch_size=16), Streams(["a"], ["p"]), Mortal()
    expected = method.fit(joint, streams, whole)
    victim, fit_map = Mortal(dies_at=whole.reports - 3), Map.fit
    with pytest.raises(Killed):
        method.fit(joint, streams, victim)

    def rounded_otherwise(self, *arguments):
        found = fit_map(self, *arguments)
        found.posterior.arrays["loc"] += 0.05
        return found

    monkeypatch.setattr(Map, "fit", rounded_otherwise)
    found = method.fit(joint, streams, Mortal(states=victim.states))
    assert torch.equal(found.posterior.arrays["loc"], expected.posterior.arrays["loc"])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.6, 0.7, 0.9])
def test_the_chains_that_still_ran_go_on_beside_those_that_had_passed(share):
    """Of two cells one passes the gate in the first round: what is kept later is of the other alone."""
    models = [ALL_MODELS[m] for m in ("normal-1", "laplace-half_cauchy")]
    joint = stack_joint(mlp((2,), 2, hidden=(3,)), models, *small_data(40), torch.float32)
    streams = Streams(["a", "b"], ["p", "q"])
    short = {"tune": 20, "samples": 40, "leapfrogs": 4, "chains": 2, "keep": 20}
    first = quick_method("hmc", **short, rounds=1).fit(joint, streams).diagnostics["function_ess"]
    method = quick_method("hmc", **short, rounds=2, rhat=1e9, ess=float(first.mean()))
    whole = Mortal()
    expected = method.fit(joint, streams, whole)
    assert sorted(expected.diagnostics["draws_run"]) == [80, 160]
    victim = Mortal(dies_at=round(share * whole.reports))
    with pytest.raises(Killed):
        method.fit(joint, streams, victim)
    found = method.fit(joint, streams, Mortal(states=victim.states))
    assert torch.equal(found.posterior.arrays["draws"], expected.posterior.arrays["draws"])
    for key, values in expected.diagnostics.items():
        np.testing.assert_array_equal(found.diagnostics[key], values)


def test_states_survive_in_the_file_with_the_time_that_they_took(tmp_path):
    path = tmp_path / ".x.checkpoint"
    first = Checkpointed("x", "step", path, "cpu", every=0)
    assert first.restored("optimise") is None
    first.keep("optimise", lambda: {"step": 3, "trace": [torch.ones(2)]})
    again = Checkpointed("x", "step", path, "cpu")
    assert again.restored("optimise")["step"] == 3 and torch.equal(
        again.restored("optimise")["trace"][0], torch.ones(2)
    )
    assert again.seconds >= first._states["job"]["seconds"] > 0
    again.keep("optimise", lambda: pytest.fail("made before its time"))


def test_the_time_left_is_by_the_steps_since_the_resume(caplog, monkeypatch):
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: next(clock))
    caplog.set_level(logging.INFO)
    progress = Logged("fit", "step")
    for step in (600, 650, 700):  # ten seconds each
        progress(step, 1000)
    assert [line.rpartition(", ")[2] for line in caplog.messages] == ["70 s left", "60 s left"]


def test_a_broken_file_counts_as_none(tmp_path, caplog):
    path = tmp_path / ".x.checkpoint"
    path.write_bytes(b"not a checkpoint")
    with caplog.at_level(logging.WARNING):
        assert Checkpointed("x", "step", path, "cpu").restored("optimise") is None
    assert "unreadable" in caplog.text


def test_a_job_goes_on_from_its_file_and_removes_it(tmp_path, monkeypatch):
    toy = SMALL["overrides"]["toy"] | {
        "models": ["normal-1"],
        "datasets": {"moons": {"noise": [0.4], "n_test": 300}, "circles": None},
        "inference": NOTHING_ELSE | {"map": {"settings": {"steps": 100}}},
    }
    monkeypatch.setattr("bnnbench.training.checkpoint.KEPT_EVERY", 0.0)
    outcomes = []
    for killed in (False, True):
        plan = grid.load(SMALL | {"overrides": {"toy": toy}, "results_dir": str(tmp_path / f"killed-{killed}")})
        (spec,), ((name, shard),) = plan.datasets.values(), plan.shards.items()
        made = datasets.make(spec.family, spec.options, plan.config.seeds)
        made.to_netcdf(plan.results / "data" / f"{spec.name}.nc")
        path = plan.results / "shards" / f"{name}.nc"
        if killed:
            with monkeypatch.context() as patch:
                patch.setattr(Map, "posterior", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
                with pytest.raises(KeyboardInterrupt):
                    train.train_shard(plan, shard, path)
            assert len(list(path.parent.glob(".*.checkpoint"))) == 1
        steps = []
        with monkeypatch.context() as patch:
            patch.setattr(Checkpointed, "__call__", lambda self, step, total, steps=steps: steps.append(step))
            train.train_shard(plan, shard, path)
        assert not list(path.parent.glob(".*"))
        outcomes.append((len(steps), ShardFile.read(path).groups["posterior"]["loc"].values))
    assert outcomes[1][0] < outcomes[0][0]
    np.testing.assert_array_equal(outcomes[0][1], outcomes[1][1])


def test_a_checkpoint_that_cannot_be_written_is_no_fault_of_the_fit(tmp_path, monkeypatch):
    def full(states, path):
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 1024 vs 918")

    progress = Checkpointed("cells", "step", tmp_path / ".a.checkpoint", "cpu", every=0.0)
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="is the disk full"):
        progress.keep("fit", lambda: {"step": 1})
    assert not list(tmp_path.iterdir())
