"""Kernels: values and gradients, whatever the blocks, compiled or not."""

import logging

import pytest
import torch

from bnnbench.model.kernels import Compiled, Kernel
from bnnbench.training.device import resolve_compile


def quadratic(a, b, shared):
    """Does not use b where a is all that counts."""
    return (a.square() * shared).sum(1)


def test_values_and_gradients_do_not_depend_on_the_blocks_and_unused_inputs_have_gradient_zero():
    a, b, kernel = torch.randn(7, 3), torch.randn(7, 2), Kernel(quadratic, compiled=False)
    for block in (2, 7, 10):
        value, (of_a, of_b) = kernel.with_gradient(block, [a, b], [torch.tensor(3.0)])
        torch.testing.assert_close(value, 3 * a.square().sum(1))
        torch.testing.assert_close(of_a, 6 * a)
        assert of_b.shape == b.shape and not of_b.any()
        a_, b_ = a.clone().requires_grad_(), b.clone().requires_grad_()
        weighted = kernel(block, [a_, b_], [torch.tensor(3.0)]) * torch.arange(7)
        weighted.sum().backward()
        torch.testing.assert_close(a_.grad, 6 * a * torch.arange(7).unsqueeze(1))


@pytest.mark.slow
@pytest.mark.skipif(not resolve_compile("auto"), reason="no C++ compiler")
def test_any_number_of_kinds_stays_compiled():
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True, recompile_limit=2):
        for offset in (1.0, 2.0):
            kernel = Kernel(lambda a, c=offset: (a.square() + c).sum(1), compiled=True)
            for n in (2, 3, 4):
                a = torch.randn(n, n)
                value, (gradient,) = kernel.with_gradient(n, [a], [])
                torch.testing.assert_close(value, a.square().sum(1) + offset * n)
                torch.testing.assert_close(gradient, 2 * a)


@pytest.mark.slow
@pytest.mark.skipif(not resolve_compile("auto"), reason="no C++ compiler")
def test_where_the_compiler_fails_the_same_is_computed_and_a_warning_says_so_once(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    kernel, a = Kernel(lambda a: (a.square() + 5.0).sum(1), compiled=True), torch.randn(3, 4)
    # The settings' own patch puts them back whole; monkeypatch would leave the second deleted for every later test.
    settings = {"cpp.cxx": ("/no/such/compiler",), "force_disable_caches": True}
    with torch._inductor.config.patch(settings), caplog.at_level(logging.WARNING):
        for _ in range(2):
            value, (gradient,) = kernel.with_gradient(3, [a], [])
    torch.testing.assert_close(value, a.square().sum(1) + 20)
    torch.testing.assert_close(gradient, 2 * a)
    assert [r.message[:21] for r in caplog.records if "torch.compile" in r.message] == ["torch.compile failed "]


def test_where_the_compiler_has_no_room_for_its_cache_the_same_is_computed_uncompiled(caplog):
    doubled = Compiled(lambda x: 2 * x)

    def without_room(*tensors):
        raise OSError(30, "Read-only file system", "/cache")

    doubled._function = without_room
    assert doubled(torch.ones(2)).tolist() == [2, 2]
    assert "Read-only file system" in caplog.text and "uncompiled" in caplog.text
