"""The cross-entropy of an output layer is that of its logits, and so are its gradients, in any chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.ops import kernels

jax = pytest.importorskip("jax")

from gatewright.nn.backend import NUMPY  # noqa: E402
from gatewright.ops import cross_entropy  # noqa: E402

SIZES = (1, 7, 8, 9, 17, 129)


def problem(rows: int, features: int, ids: int, tied: bool) -> tuple[Any, ...]:
    draw = np.random.default_rng([rows, features, ids])
    x = draw.normal(0, 1, (rows, features)).astype(np.float32)
    kernel = draw.normal(0, 1, (features, ids)).astype(np.float32) / np.float32(features**0.5)
    bias = draw.normal(0, 1, ids).astype(np.float32)
    targets, live = draw.integers(0, ids, rows).astype(np.int32), draw.random(rows) < 0.7
    return x, kernel.T if tied else kernel, bias, targets, live


def expected(
    x: Any, kernel: Any, bias: Any, targets: Any, live: Any, tied: bool, by_losses: Any
) -> tuple[Any, tuple[Any, Any, Any]]:
    """Return the losses, and the gradients of their product with `by_losses`, in float64."""
    x, bias = np.asarray(x, np.float64), np.asarray(bias, np.float64)
    W = np.asarray(kernel.T if tied else kernel, np.float64)
    logits = x @ W + bias
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p, rows = e / e.sum(axis=1, keepdims=True), np.arange(len(x))
    d = p.copy()
    d[rows, targets] -= 1
    d *= np.where(live, by_losses, 0)[:, None]
    d_W = x.T @ d
    return np.where(live, -np.log(p[rows, targets]), 0), (d @ W.T, d_W.T if tied else d_W, d.sum(axis=0))


def compiled() -> Any:
    """Return the losses and their gradients as a function, compiled anew."""

    def found(
        x: Any, kernel: Any, bias: Any, targets: Any, live: Any, tied: bool, by_losses: Any
    ) -> tuple[Any, tuple[Any, Any, Any]]:
        def losses(x: Any, kernel: Any, bias: Any) -> Any:
            return cross_entropy.losses(x, kernel, bias, targets, live, tied)

        out, back = jax.vjp(losses, x, kernel, bias)
        return out, back(by_losses)

    return jax.jit(found, static_argnums=5)


found = compiled()


def assert_all_close(actual: Any, wanted: Any, rows: int) -> None:
    assert_close(actual[0], wanted[0], "forward", np.float32)
    for gradient, exact in zip(actual[1], wanted[1], strict=True):
        assert_close(gradient, exact, "gradient", np.float32, terms=rows)


class TestLosses:
    @pytest.mark.parametrize("tied", [False, True])
    @pytest.mark.parametrize("chunk", [None, 4])
    def test_they_and_their_gradients_are_those_of_the_logits(self, monkeypatch, tied, chunk):
        if chunk:
            monkeypatch.setattr(cross_entropy, "_CHUNK_VALUES", 1)
            monkeypatch.setattr(cross_entropy, "_CHUNK_ROWS", chunk)
        found = compiled()
        for rows, features, ids in zip(SIZES, SIZES[3:] + SIZES[:3], SIZES[2:] + SIZES[:2], strict=True):
            operands = problem(rows, features, ids, tied)
            draw = np.random.default_rng(0)
            for by_losses in (
                np.full(rows, -0.3, np.float32),  # equal for all rows
                draw.normal(0, 1, rows).astype(np.float32),
                np.where(draw.random(rows) < 0.5, 0.5, 0).astype(np.float32),
                np.zeros(rows, np.float32),
            ):
                wanted = expected(*operands, tied, by_losses)
                assert_all_close(found(*operands, tied, by_losses), wanted, rows)
            assert_close(cross_entropy.losses(*operands, tied), wanted[0], "forward", np.float32)
            assert_close(NUMPY.losses(*operands, tied), wanted[0], "forward", np.float32)

    def test_reference_gradients_are_finite_differences(self):
        x, kernel, bias, targets, live = problem(7, 9, 17, tied=False)
        by_losses, step = np.random.default_rng(1).normal(0, 1, 7), np.finfo(np.float64).eps ** (1 / 3)
        direction = np.random.default_rng(2).normal(0, 1, kernel.shape)
        _, (_, d_kernel, _) = expected(x, kernel, bias, targets, live, False, by_losses)
        moved = [
            (expected(x, kernel + sign * step * direction, bias, targets, live, False, by_losses)[0] * by_losses).sum()
            for sign in (1, -1)
        ]
        exact = (d_kernel * direction).sum()
        assert_close((moved[0] - moved[1]) / (2 * step), exact, "finite_difference", np.float64)

    def test_they_are_the_same_for_any_thread_count_and_close_for_any_instruction_set(self):
        operands, by_losses = problem(129, 17, 1009, tied=False), np.ones(129, np.float32)
        usual, threads = found(*operands, False, by_losses), kernels.num_threads()
        try:
            for count in (1, 3, 8):
                kernels.set_num_threads(count)
                jax.tree.map(np.testing.assert_array_equal, found(*operands, False, by_losses), usual)
            for name in kernels.instruction_sets():
                kernels.choose_instruction_set(name)
                assert_all_close(found(*operands, False, by_losses), usual, 129)
        finally:
            kernels.set_num_threads(threads)
            kernels.choose_instruction_set(kernels.instruction_sets()[0])

    def test_extreme_logits_have_finite_losses_and_gradients(self):
        logits = np.array([[1000, -1000, 0], [-1e30, 1e30, 5], [3, 3, 3]], np.float32)
        operands = np.eye(3, dtype=np.float32), logits, np.zeros(3, np.float32), np.array([1, 1, 2]), np.ones(3, bool)
        losses, gradients = found(*operands, False, np.ones(3, np.float32))
        assert_close(losses, [2000, 0, np.log(3)], "forward", np.float32)
        assert_close(gradients[1], [[1, -1, 0], [0, 0, 0], [1 / 3, 1 / 3, -2 / 3]], "forward", np.float32)

    def test_a_number_that_is_not_finite_stays_in_its_row_and_padding_hides_it(self):
        x, kernel, bias, targets, live = problem(9, 8, 17, tied=False)
        live[:] = True
        for wrong in (np.nan, np.inf):
            x[3] = wrong
            losses, (d_x, _, _) = found(x, kernel, bias, targets, live, False, np.ones(9, np.float32))
            assert np.isnan(losses[3])
            assert np.isnan(d_x[3]).all()
            assert np.isfinite(np.delete(losses, 3)).all()
            assert np.isfinite(np.delete(d_x, 3, axis=0)).all()
        live[3], targets[5] = False, 17
        losses, _ = found(x, kernel, bias, targets, live, False, np.ones(9, np.float32))
        assert losses[3] == 0
        assert np.isnan(losses[5]), "the target is not an id"

    def test_all_logits_never_exist_together(self):
        rows, features, ids = 2048, 8, 4096

        def loss(x: Any, kernel: Any, bias: Any, targets: Any) -> Any:
            return cross_entropy.losses(x, kernel, bias, targets, targets > 0).sum()

        shapes = [(rows, features), (features, ids), (ids,)]
        operands = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
        targets = jax.ShapeDtypeStruct((rows,), np.int32)
        step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2))).lower(*operands, targets).compile()
        assert step.memory_analysis().temp_size_in_bytes < rows * ids * 4 / 2

    def test_platforms_without_the_kernel_compute_the_same(self, monkeypatch):
        operands = problem(17, 9, 129, tied=True)
        usual = compiled()(*operands, True, np.ones(17, np.float32))
        monkeypatch.setattr(cross_entropy, "_softmax_by_kernel", cross_entropy._softmax_without_kernel)
        assert_all_close(compiled()(*operands, True, np.ones(17, np.float32)), usual, 17)
