"""Products in bfloat16: against the specification with rounded operands, and with the processor's instructions."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest
from ops.test_numpy import assert_same_bits, cast, each_instruction_set, everything, gradients, outputs, run
from ops.test_reference import VARIANTS, Problem, each_variant, make_problem
from tolerances import assert_nearly_all_close

from gatewright.ops import jax as jax_ops
from gatewright.ops import kernels
from gatewright.ops import numpy as ops
from gatewright.ops.packed import Packed
from gatewright.ops.recurrence import Recurrence, Tokens

needs_instructions = pytest.mark.skipif(not kernels.bf16_instructions(), reason="needs a processor with AVX512-BF16")


def rounded(array: Any) -> Any:
    """The nearest numbers of bfloat16, of two equally near ones the even; denormals become 0."""
    bits = np.asarray(array, np.float32).view(np.uint32)
    nearest = (bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)
    values = np.where(np.isfinite(array), nearest.view(np.float32), np.asarray(array, np.float32))
    return np.where(np.abs(values) < np.finfo(np.float32).tiny, 0, values).astype(np.float64)


class Rounding(np.ndarray):
    """An array of float64 whose matrix products round their operands, and so do those of all that is made from it."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(array) for array in inputs]
        if ufunc is np.matmul:
            plain = [rounded(array) for array in plain]
        if "out" in options:
            options["out"] = tuple(np.asarray(array) for array in options["out"])
        return rounding(getattr(ufunc, method)(*plain, **options))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        result = super().__array_function__(function, types, arguments, options)  # type: ignore[arg-type]
        return rounding(result) if isinstance(result, np.ndarray) else result


def rounding(array: Any) -> Any:
    return array if array is None or array.dtype != np.float64 else np.asarray(array).view(Rounding)


def specified(problem: Problem) -> tuple[list[Any], dict[str, Any]]:
    """Outputs and gradients of the reference in float64, whose matrix products round their operands."""
    problem = cast(problem, np.float64)._replace(rec=dataclasses.replace(problem.rec, precision="float32"))
    differentiable = {name: rounding(array) for name, array in problem.differentiable.items()}
    masks = {name: rounding(array) for name, array in problem.masks.items()}
    d_states = tuple(map(rounding, problem.d_states))
    problem = Problem(problem.rec, differentiable, masks, rounding(problem.d_sequence), d_states)
    return outputs(problem.forward()), problem.gradients()


def bf16(rec: Recurrence) -> Recurrence:
    return dataclasses.replace(rec, precision="bfloat16")


def problem_of(rec: Recurrence, **sizes: Any) -> Problem:
    options: dict[str, Any] = {"batch": 7, "time": 5, "features": 9, "units": 17, "masked": True, "dropout_masks": 1}
    return cast(make_problem(bf16(rec), **options | sizes), np.float32)


@each_variant
@each_instruction_set
def test_operands_of_every_product_are_rounded(rec: Recurrence, instructions: str) -> None:
    kernels.choose_instruction_set(instructions)
    problem = problem_of(rec)
    expected, by_expected = specified(problem)
    result = run(problem)
    for actual, exact in zip(outputs(result), expected, strict=True):
        assert_nearly_all_close(actual, exact, "gradient", np.float32)
    by = gradients(problem, result)
    for name, exact in by_expected.items():
        assert_nearly_all_close(by[name], exact, "gradient", np.float32, 7 * 5)
    # What the roundings change is more than what is allowed above.
    plain = cast(problem, np.float64)._replace(rec=dataclasses.replace(rec, precision="float32"))
    with pytest.raises(AssertionError):
        assert_nearly_all_close(result.sequence, plain.forward().sequence, "gradient", np.float32)
    with pytest.raises(AssertionError):
        assert_nearly_all_close(by["kernel"], plain.gradients()["kernel"], "gradient", np.float32, 7 * 5)


@needs_instructions
@each_variant
@pytest.mark.parametrize(
    "sizes",
    [
        {"features": 129, "units": 48, "batch": 9, "time": 31, "dropout_masks": 0},
        {"features": 33, "units": 129, "batch": 1},
        {"features": 1, "units": 1},
        {"features": 0, "units": 16},
        {"batch": 53, "time": 17},
    ],
    ids=["many positions", "one row", "one unit", "no features", "more rows than a block"],
)
def test_instructions_change_no_bit(rec: Recurrence, sizes: Any) -> None:
    problem = problem_of(rec, **sizes)
    with_them = everything(problem)
    kernels.use_bf16_instructions(False)
    assert not kernels.bf16_instructions()
    assert_same_bits(everything(problem), with_them)


@needs_instructions
def test_instructions_are_for_their_build() -> None:
    for name in kernels.instruction_sets():
        kernels.choose_instruction_set(name)
        assert kernels.bf16_instructions() == (name == "avx512")


@each_variant
@pytest.mark.parametrize("used", [True, False], ids=["instructions", "none"])
def test_threads_change_no_bit(rec: Recurrence, used: bool) -> None:
    kernels.use_bf16_instructions(used)
    problem = problem_of(rec, batch=30, time=9, features=24, units=40)
    kernels.set_num_threads(1)
    alone = everything(problem)
    for threads in (2, 3, 8):
        kernels.set_num_threads(threads)
        assert_same_bits(everything(problem), alone)


@pytest.mark.parametrize("used", [True, False], ids=["instructions", "none"])
@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        (1 + 2**-9, 1.0),
        (1 + 2**-8, 1.0),  # halfway: to the even number
        (1 + 3 * 2**-8, 1 + 2**-6),
        (-1 - 2**-8 - 2**-20, -1 - 2**-7),
        (1e-39, 0.0),
        (3.3e38, 248 * 2.0**120),
        (3.4e38, np.inf),
        (np.inf, np.inf),
        (np.nan, np.nan),
    ],
)
def test_roundings(used: bool, value: float, nearest: float) -> None:
    kernels.use_bf16_instructions(used)
    one, x = np.ones((1, 1), np.float32), np.full((1, 1, 1), value, np.float32)
    for first, second in ((x, one), (one[None], x[0])):
        result = ops.simple_rnn(first, second, 0 * one, activation="linear", precision="bfloat16")
        np.testing.assert_allclose(result.states[0], nearest, rtol=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_jax_runs_the_same_kernels(name: str) -> None:
    problem = problem_of(VARIANTS[name], dropout_masks=0)
    rec, x, kernel, recurrent_kernel, bias, states = problem.operands()
    masks = problem.masks

    def loss(x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, states: Any) -> Any:
        sequence, _ = jax_ops.forward(rec, x, kernel, recurrent_kernel, bias, initial_state=states, **masks)
        return (sequence * problem.d_sequence).sum(), sequence

    by, sequence = jax.grad(loss, argnums=(0, 1, 2, 3, 4), has_aux=True)(x, kernel, recurrent_kernel, bias, states)
    result = run(problem)
    grads = result.backward(problem.d_sequence)
    assert_same_bits([sequence, *by[:4], *by[4]], [result.sequence, *grads[:4], *grads.states])


@pytest.mark.parametrize("used", [True, False], ids=["instructions", "none"])
def test_ids_give_what_their_rows_give(used: bool) -> None:
    kernels.use_bf16_instructions(used)
    problem = problem_of(VARIANTS["lstm"], features=6, dropout_masks=0, masked=False)
    rec, _, kernel, recurrent_kernel, bias, _ = problem.operands()
    rng = np.random.default_rng(3)
    ids, table = rng.integers(0, 11, (7, 5)), rng.normal(size=(11, 6)).astype(np.float32)
    tokens = ops.forward(rec, Tokens(ids, table), kernel, recurrent_kernel, bias, keep=True)
    rows = ops.forward(rec, table[ids], kernel, recurrent_kernel, bias, keep=True)
    np.testing.assert_allclose(tokens.sequence, rows.sequence, atol=1e-3)
    by_tokens, by_rows = tokens.backward(problem.d_sequence), rows.backward(problem.d_sequence)
    by_table = np.zeros_like(table)
    np.add.at(by_table, ids, by_rows.x)
    # Equal ids have one gradient, which is rounded after it is summed.
    np.testing.assert_allclose(by_tokens.x, by_table, atol=0.05)
    np.testing.assert_allclose(by_tokens.kernel, by_rows.kernel, atol=0.05)


@pytest.mark.filterwarnings("ignore::gatewright.ops.derivatives.SlowDerivativeWarning")
def test_what_bfloat16_is_not_for() -> None:
    problem = problem_of(VARIANTS["gru"], dropout_masks=0)
    rec, x, kernel, recurrent_kernel, bias, _ = problem.operands()
    with pytest.raises(ValueError, match=r"^precision must be one of 'float32', 'bfloat16', not 'float16'"):
        Recurrence("gru", precision="float16")
    with pytest.raises(TypeError, match=r"^precision 'bfloat16' needs float32 operands, not float64\.$"):
        run(cast(problem, np.float64))
    with pytest.raises(ValueError, match=r"^Packed weights support precision 'float32' only, not 'bfloat16'\.$"):
        Packed(rec, kernel, recurrent_kernel, bias)
    with pytest.raises(ValueError, match=r"^precision 'bfloat16' is supported by the compiled kernels only, "):
        jax_ops.forward(rec, x, kernel, recurrent_kernel, bias, implementation="scan")
    with pytest.raises(ValueError, match=r"^precision 'bfloat16' is supported by the compiled kernels only, "):
        jax.jvp(lambda x: jax_ops.forward(rec, x, kernel, recurrent_kernel, bias)[0], (x,), (x,))
