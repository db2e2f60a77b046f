"""Random streams: the same numbers alone, stacked and in any order; others for other owners and purposes."""

import numpy as np
import pytest
import torch

from bnnbench.base.philox import generator
from bnnbench.model.streams import PIECE, Streams

OWNERS = ["a", "b", "c"]


by_whom = pytest.mark.parametrize("on_device", [False, True], ids=["numpy", "torch"])


def steps(owners, purpose="variational", shape=(5,), order=(0, 1, 63, 64, 200), on_device=False, kind="normals"):
    streams = Streams(owners, ["pair"] * len(owners), on_device=on_device)
    noise = getattr(streams, kind)(purpose, shape)
    return {t: noise.step(t) for t in order}


@by_whom
def test_a_cell_draws_the_same_numbers_alone_and_stacked(on_device):
    stacked, alone = steps(OWNERS, on_device=on_device), steps(["b"], on_device=on_device)
    for t, values in alone.items():
        assert torch.equal(values[0], stacked[t][1])


@by_whom
def test_neither_the_order_of_cells_nor_that_of_steps_matters(on_device):
    forward = steps(OWNERS, on_device=on_device)
    backward = steps(OWNERS[::-1], order=(200, 64, 0, 63, 1), on_device=on_device)
    for t, values in forward.items():
        assert torch.equal(values, backward[t].flip(0))


@by_whom
def test_owners_purposes_and_steps_have_numbers_of_their_own(on_device):
    def drawn(*args):
        return steps(*args, on_device=on_device)

    rows = [v for purpose in ("variational", "predict") for step in drawn(OWNERS, purpose).values() for v in step]
    assert len({tuple(r.tolist()) for r in rows}) == len(rows) == 30
    many = *drawn(["a", "b"], "variational", (20_000,))[0], *drawn(["a"], "x", (20_000,))[0]
    correlation = np.corrcoef(torch.stack(many))
    assert abs(correlation - np.eye(3)).max() < 0.04


@by_whom
def test_normals_are_standard_normal(on_device):
    noise = torch.stack(list(steps(["a"], shape=(40_000,), order=range(5), on_device=on_device).values()))
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01


@pytest.mark.parametrize("shape", [(7,), (PIECE // 3, 4)], ids=["whole", "in pieces"])
def test_coarse_normals_are_a_cells_own_and_normal_up_to_four_standard_deviations(shape):
    both, alone = (steps(owners, shape=shape, order=(0, 1), kind="coarse_normals") for owners in (["a", "b"], ["b"]))
    assert all(torch.equal(both[t][1], alone[t][0]) for t in (0, 1))
    assert not torch.equal(both[0][0], both[0][1])
    assert not torch.equal(both[0][0], both[1][0])
    many = steps(["a"], shape=(1_000_000,), order=(0,), kind="coarse_normals")[0].flatten().double()
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3)):
        error = many.pow(power).std() / 1000
        assert abs(many.pow(power).mean() - moment) < 4 * error + 0.001 * (power == 4)
    for bound, beyond in ((1.0, 0.31731), (2.0, 0.04550), (3.0, 0.00270), (4.0, 0.0000633)):
        assert abs((many.abs() > bound).double().mean() - beyond) < 4 * (beyond / 1e6) ** 0.5 + 1e-5
    assert many.abs().max() < 4.4


def test_many_numbers_are_drawn_in_pieces_of_their_own_whatever_the_number_of_threads():
    shape = (3, PIECE // 2 + 1)
    before = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            found.append([steps(owners, shape=shape, order=(0, 1)) for owners in (["a", "b"], ["b"])])
    finally:
        torch.set_num_threads(before)
    for t in (0, 1):
        alone = [single[t][0] for _, single in found]
        assert all(torch.equal(values, alone[0]) for values in [*alone, *(both[t][1] for both, _ in found)])
    both, half = found[0][0], PIECE // 2
    first, second = (both[0].reshape(2, -1)[:, start : start + half] for start in (0, PIECE))
    rows = [*first, *second, both[1][0].flatten()[:half]]
    assert abs(np.corrcoef(torch.stack(rows)) - np.eye(5)).max() < 0.015
    drawn = torch.stack(rows).flatten()
    assert abs(drawn.mean()) < 0.006
    assert abs(drawn.std() - 1) < 0.005
    for bound, beyond in ((1.0, 0.31731), (2.0, 0.04550), (3.0, 0.00270)):
        assert abs((drawn.abs() > bound).float().mean() - beyond) < 5 * (beyond / len(drawn)) ** 0.5


@by_whom
def test_signs_and_masks_are_a_cells_own_too(on_device):
    together, alone = (Streams(o, ["p"] * len(o), on_device=on_device) for o in (OWNERS, ["b"]))
    for t in (0, 70, 3):
        assert torch.equal(together.signs("x", (3, 5)).step(t)[1], alone.signs("x", (3, 5)).step(t)[0])
        stacked, single = together.masks("x", (3, 5), [0.1, 0.5, 0.9]), alone.masks("x", (3, 5), [0.5])
        assert torch.equal(stacked.step(t)[1], single.step(t)[0])


@by_whom
def test_signs_are_fair_and_masks_drop_at_their_rates_with_mean_one(on_device):
    streams = Streams(OWNERS, ["p"] * 3, on_device=on_device)
    signs = streams.signs("x", (100_001,)).step(1)
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert signs.mean(1).abs().max() < 0.015
    masks = streams.masks("x", (100_001,), [0.0, 0.1, 0.5]).step(1)
    assert (masks[0] == 1).all()
    np.testing.assert_allclose((masks == 0).float().mean(1), [0, 0.1, 0.5], atol=0.006)
    np.testing.assert_allclose(masks.amax(1), [1, 1 / 0.9, 2], rtol=1e-4)
    np.testing.assert_allclose(masks.mean(1), 1, atol=0.015)


def test_what_a_pair_shares_does_not_depend_on_the_stack():
    streams = Streams(OWNERS, ["p", "q", "p"])
    shared = streams.paired_normals("initial", (7,))
    assert torch.equal(shared[0], shared[2])
    assert not torch.equal(shared[0], shared[1])
    assert torch.equal(Streams(["z"], ["q"]).paired_normals("initial", (7,))[0], shared[1])


def test_batches_pass_once_over_the_points_in_an_order_of_each_epochs_own():
    batches = Streams(OWNERS, ["p", "q", "p"]).batches(50, 15)
    epochs = [torch.cat([batches(3 * e + i) for i in range(3)], dim=1) for e in range(2)]
    for epoch in epochs:
        assert epoch.shape == (3, 45)
        assert all(len(set(row.tolist())) == 45 for row in epoch)
        assert torch.equal(epoch[0], epoch[2])
        assert not torch.equal(epoch[0], epoch[1])
    assert not torch.equal(*epochs)
    assert Streams(["z"], ["q"]).batches(50, 15)(4)[0].tolist() == batches(4)[1].tolist()
    assert Streams(["z"], ["q"]).batches(50, 50)(0) is None


@by_whom
def test_double_precision_holds_the_same_numbers(on_device):
    streams = [Streams(["a"], ["p"], dtype=d, on_device=on_device) for d in (torch.float32, torch.float64)]
    single, double = (s.normals("x", (3,)).step(0) for s in streams)
    assert double.dtype == torch.float64
    assert torch.equal(single.double(), double)


def test_a_generator_is_reproducible():
    draws = [generator("cell", "purpose", chunk).random() for chunk in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_torch_draws_where_the_numbers_are_used():
    assert [Streams(["a"], ["p"], device).on_device for device in ("cpu", "cuda", "cuda:1")] == [False, True, True]
    copies = Streams(["a"], ["p"], on_device=True).repeat(2).take([0, 1])
    assert copies.on_device
    first, second = copies.normals("x", (3,)).step(0)
    assert not torch.equal(first, second)
    assert not torch.equal(first, Streams(["a"], ["p"]).normals("x", (3,)).step(0)[0])
