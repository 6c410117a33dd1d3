"""The kernels against the specification, against their own invariants, and against other libraries."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from goldens.load import Golden, load
from hypothesis import example, given, settings
from hypothesis import strategies as st
from masks import lengths_to_mask
from ops.test_reference import (
    OF_STEPS,
    VARIANTS,
    Problem,
    each_common_variant,
    each_variant,
    make_problem,
    padded_masks,
    with_activations,
)
from tolerances import assert_close, kinds

from gatewright.ops import kernels
from gatewright.ops import numpy as ops
from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import ACTIVATIONS
from gatewright.ops.convert import keras_to_onnx, keras_to_pytorch, onnx_to_keras, pytorch_to_keras
from gatewright.ops.recurrence import Recurrence
from gatewright.ops.reference import Forward

each_instruction_set = pytest.mark.parametrize("instructions", kernels.instruction_sets())
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
each_direction = pytest.mark.parametrize("reverse", [False, True], ids=["onward", "reversed"])


# ---- a problem of the specification, through the kernels -----------------------------------------------------


def cast(problem: Problem, dtype: Any) -> Problem:
    def to(array: Any) -> Any:
        return array if array is None or array.dtype == bool else array.astype(dtype)

    return Problem(
        problem.rec,
        {name: to(array) for name, array in problem.differentiable.items()},
        {name: to(array) for name, array in problem.masks.items()},
        to(problem.d_sequence),
        tuple(map(to, problem.d_states)),
    )


def run(problem: Problem, *, keep: bool = True, **changed: Any) -> ops.Run:
    *operands, states = problem.operands()
    return ops.forward(*operands, initial_state=states, keep=keep, **(problem.masks | changed))


def outputs(result: ops.Run | Forward) -> list[Any]:
    return [result.sequence, *result.states]


def gradients(problem: Problem, result: ops.Run) -> dict[str, Any]:
    by = result.backward(problem.d_sequence, problem.d_states)
    named = {"x": by.x, "kernel": by.kernel, "recurrent_kernel": by.recurrent_kernel, "bias": by.bias}
    return named | dict(zip(problem.rec.state_names, by.states, strict=True))


def everything(problem: Problem, **changed: Any) -> list[Any]:
    """Outputs, gates and gradients."""
    result = run(problem, **changed)
    return [*outputs(result), *result.gates.values(), *gradients(problem, result).values()]


def assert_same_bits(actual: list[Any], expected: list[Any]) -> None:
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, e)


def assert_is_reference(problem: Problem, dtype: Any) -> None:
    """Outputs, gates and gradients equal those of the specification in float64, on the same numbers."""
    problem = cast(problem, dtype)
    exact = cast(problem, np.float64)
    result, expected = run(problem), exact.forward()
    features, units, bias = problem.differentiable["x"].shape[2], problem.d_sequence.shape[2], exact.operands()[4]
    of = kinds(problem.rec, features, units, small_gains=bias is not None)
    assert {a.dtype for a in outputs(result)} == {np.dtype(dtype)}
    for a, e in zip(outputs(result), outputs(expected), strict=True):
        assert_close(a, e, of.outward, dtype)
    assert tuple(result.gates) == problem.rec.saved_names
    for k, values in enumerate(result.gates.values()):
        assert_close(values, expected.saved[:, :, k], of.outward, dtype)
    by = gradients(problem, result)
    rows, steps = problem.differentiable["x"].shape[:2]
    for name, gradient in exact.gradients().items():
        if gradient is None:
            assert by[name] is None
        else:  # those of weights are sums over all rows and steps
            terms = rows * steps if name in ("kernel", "recurrent_kernel", "bias") else 1
            assert_close(by[name], gradient, of.gradient, dtype, terms)


def forgetful(problem: Problem) -> Problem:
    """The problem with recurrent weights so small that a rounding fades: tanh networks can enlarge it at every step.

    Normalised sums do not know how small their weights are; their gains do.
    """
    U, b = problem.differentiable["recurrent_kernel"], problem.differentiable["bias"]
    smaller = {"recurrent_kernel": np.clip(U / 2, -0.5, 0.5)}
    gains = problem.rec.definition.gain_rows
    if b is not None and gains.stop:
        smaller["bias"] = b.copy()
        smaller["bias"][gains] /= 4
    return problem._replace(differentiable=problem.differentiable | smaller)


batches = st.sampled_from([0, 1, 2, 7, 8, 9, 17, 129])
times = st.sampled_from([0, 1, 2, 7, 9, 17])
widths = st.sampled_from([0, 1, 7, 8, 9, 17, 129])


@st.composite
def problems(draw: st.DrawFn, rec: Recurrence | None = None, dtype: Any = None) -> Problem:
    rec = rec or draw(st.sampled_from(list(VARIANTS.values())))
    rec = dataclasses.replace(rec, reverse=draw(st.booleans()), zero_output_for_mask=draw(st.booleans()))
    time, bias = draw(times), draw(st.booleans())
    if rec.definition.gain_rows.stop and not bias:  # gains of 1: what such a network is off by grows at every step
        time = min(time, 2)
    problem = make_problem(
        rec,
        draw(st.integers(0, 2**32 - 1)),
        batch=draw(batches),
        time=time,
        features=draw(widths),
        units=draw(widths),
        bias=bias,
        masked=draw(st.booleans()),
        dropout_masks=draw(st.sampled_from([0, 1, rec.gates])),
    )
    if draw(st.booleans()):  # one kind of dropout alone
        problem.masks.pop(draw(st.sampled_from(["dropout_mask", "recurrent_dropout_mask", "zoneout_mask"])), None)
    return cast(forgetful(problem), dtype or draw(st.sampled_from([np.float32, np.float64])))


quick = settings(max_examples=8, deadline=None)
many = settings(max_examples=60, deadline=None)


# ---- the specification ---------------------------------------------------------------------------------------


@each_variant
@each_instruction_set
@each_dtype
@quick
@given(data=st.data())
def test_reference(rec: Recurrence, instructions: str, dtype: Any, data: st.DataObject) -> None:
    kernels.choose_instruction_set(instructions)
    assert_is_reference(data.draw(problems(rec, dtype)), dtype)


@pytest.mark.slow
@each_variant
@each_instruction_set
@each_dtype
@many
@given(data=st.data())
def test_reference_many_times(rec: Recurrence, instructions: str, dtype: Any, data: st.DataObject) -> None:
    kernels.choose_instruction_set(instructions)
    assert_is_reference(data.draw(problems(rec, dtype)), dtype)


@each_variant
@each_instruction_set
@pytest.mark.parametrize("threads", [1, 3])
def test_reference_of_a_long_sequence(rec: Recurrence, instructions: str, threads: int) -> None:
    """More positions than a chunk holds and more rows than a block; rows of many lengths."""
    kernels.choose_instruction_set(instructions)
    kernels.set_num_threads(threads)
    problem = make_problem(rec, batch=53, time=129, features=9, units=17, masked=True, dropout_masks=rec.gates)
    problem.masks["mask"] &= lengths_to_mask(np.arange(53) * 129 // 52, 129)
    assert_is_reference(forgetful(problem), np.float32)


@each_variant
@each_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("recurrent_activation", ACTIVATIONS)
def test_reference_of_activations(rec: Recurrence, dtype: Any, activation: str, recurrent_activation: str) -> None:
    rec = with_activations(rec, activation, recurrent_activation)
    # Two steps and small weights: unbounded gates compound, and a later tanh hides how large they were.
    problem = make_problem(rec, batch=5, time=2, features=9, units=9, masked=True)
    for name in ("kernel", "recurrent_kernel", "bias"):
        problem.differentiable[name] /= 4
    assert_is_reference(problem, dtype)


@each_variant
def test_activations_at_their_corners(rec: Recurrence) -> None:
    """A pre-activation of exactly 0, 3 or -3 gives the reference's derivative."""
    for bias in (0.0, 3.0, -3.0):
        for activation, recurrent in (("relu", "hard_sigmoid"), ("hard_sigmoid", "relu")):
            corner = with_activations(rec, activation, recurrent)
            problem = make_problem(corner, time=1, units=9)
            problem.differentiable["x"][:] = 0
            problem.differentiable["h"][:] = 0
            problem.differentiable["bias"][:] = bias
            assert_is_reference(problem, np.float64)


# ---- invariants ----------------------------------------------------------------------------------------------


@quick
@given(problem=problems(), data=st.data())
def test_lengths_are_a_mask_in_short(problem: Problem, data: st.DataObject) -> None:
    batch, time = problem.d_sequence.shape[:2]
    lengths = data.draw(st.lists(st.integers(0, time), min_size=batch, max_size=batch))
    short = problem._replace(masks=problem.masks | {"mask": None})
    written_out = problem._replace(masks=problem.masks | {"mask": lengths_to_mask(lengths, time)})
    assert_same_bits(everything(short, lengths=lengths), everything(written_out))


@quick
@given(problem=problems(), before=st.integers(0, 3), after=st.integers(0, 9))
@example(problem=cast(make_problem(Recurrence("gru"), batch=40, time=17, units=9), np.float32), before=3, after=9)
def test_padding_changes_nothing(problem: Problem, before: int, after: int) -> None:
    """Padding at either end, even of NaN and infinity, leaves every bit inside as it is, and has no gradient."""
    x = problem.differentiable["x"]
    inside = slice(before, before + x.shape[1])
    junk = np.resize(
        np.array([np.nan, np.inf, -np.inf], x.dtype), (x.shape[0], before + x.shape[1] + after, x.shape[2])
    )
    junk[:, inside] = x
    around = ((0, 0), (before, after))
    padded = problem._replace(
        rec=dataclasses.replace(problem.rec, zero_output_for_mask=True),
        differentiable=problem.differentiable | {"x": junk},
        masks=padded_masks(problem, around),
        d_sequence=np.pad(problem.d_sequence, (*around, (0, 0)), constant_values=np.nan),
    )
    plain = problem._replace(rec=padded.rec)
    actual, expected = run(padded), run(plain)
    np.testing.assert_array_equal(actual.sequence[:, inside], expected.sequence)
    assert_same_bits(list(actual.states), list(expected.states))
    by, wanted = gradients(padded, actual), gradients(plain, expected)
    outside = np.delete(by["x"], np.r_[inside], axis=1)
    np.testing.assert_array_equal(outside, np.zeros_like(outside))
    by["x"] = by["x"][:, inside]
    assert_same_bits(list(by.values()), list(wanted.values()))


@quick
@given(problem=problems(), junk=st.sampled_from([np.nan, np.inf]))
def test_masked_inputs_have_no_influence(problem: Problem, junk: float) -> None:
    mask = problem.masks.setdefault("mask", np.zeros(problem.d_sequence.shape[:2], dtype=bool))
    expected = everything(problem)
    problem.differentiable["x"][~mask] = junk
    assert_same_bits(everything(problem), expected)
    by_x = gradients(problem, run(problem))["x"][~mask]
    np.testing.assert_array_equal(by_x, np.zeros_like(by_x))


@each_variant
@each_instruction_set
@each_dtype
@each_direction
@pytest.mark.parametrize("junk", [np.nan, np.inf])
def test_nan_in_a_live_step_shows(rec: Recurrence, instructions: str, dtype: Any, reverse: bool, junk: float) -> None:
    """NaN reaches every later output of its row, no earlier one, and no other row. (So does inf - inf.)"""
    kernels.choose_instruction_set(instructions)
    rec = dataclasses.replace(rec, reverse=reverse)
    problem = cast(make_problem(rec, batch=4, time=5, features=3, units=9), dtype)
    problem.differentiable["x"][1, 2] = [junk, -junk, junk]
    problem.differentiable["kernel"][:] = 1
    result = run(problem)
    after = slice(None, 3) if reverse else slice(2, None)
    finite = np.isfinite(result.sequence)
    assert not finite[1, after].any()
    finite[1, after] = True
    assert finite.all()
    assert not np.isfinite(gradients(problem, result)["kernel"]).any()


@pytest.mark.parametrize("name", ACTIVATIONS)
@each_instruction_set
@each_dtype
def test_activations_do_not_hide_nan(name: str, instructions: str, dtype: Any) -> None:
    kernels.choose_instruction_set(instructions)
    one = np.ones((1, 1), dtype)
    result = ops.simple_rnn(np.full((1, 1, 1), np.nan, dtype), one, one, activation=name)
    assert np.isnan(result.states[0]).all()


@quick
@given(problem=problems())
def test_reversed_is_flipped(problem: Problem) -> None:
    flipped = problem._replace(
        rec=dataclasses.replace(problem.rec, reverse=not problem.rec.reverse),
        masks={k: (v[:, ::-1] if k in OF_STEPS else v) for k, v in problem.masks.items()},
        d_sequence=problem.d_sequence[:, ::-1],
        differentiable=problem.differentiable | {"x": problem.differentiable["x"][:, ::-1]},
    )
    result, other = run(problem), run(flipped)
    np.testing.assert_array_equal(result.sequence, other.sequence[:, ::-1])
    assert_same_bits(list(result.states), list(other.states))
    by, by_flipped = gradients(problem, result), gradients(flipped, other)
    by_flipped["x"] = by_flipped["x"][:, ::-1]
    assert_same_bits(list(by.values()), list(by_flipped.values()))


@quick
@given(problem=problems())
def test_rows_do_not_meet(problem: Problem) -> None:
    """A batch equals its rows one at a time, to the bit; the gradients by weights add up."""
    whole = run(problem)
    by = gradients(problem, whole)
    sums = dict.fromkeys(("kernel", "recurrent_kernel", "bias"), 0.0)
    for row in range(whole.sequence.shape[0]):
        here = slice(row, row + 1)
        of_row = {name: problem.differentiable[name][here] for name in ("x", *problem.rec.state_names)}
        alone = Problem(
            problem.rec,
            problem.differentiable | of_row,
            {k: (v[here] if k in OF_STEPS else v[:, here]) for k, v in problem.masks.items()},
            problem.d_sequence[here],
            tuple(d[here] for d in problem.d_states),
        )
        result = run(alone)
        assert_same_bits(outputs(result), [o[here] for o in outputs(whole)])
        by_row = gradients(alone, result)
        assert_same_bits([by_row[name] for name in of_row], [by[name][here] for name in of_row])
        sums = {name: sums[name] + by_row[name] for name in sums if by_row[name] is not None}
    for name, total in sums.items():
        if whole.sequence.shape[0] and by[name] is not None:
            assert_close(by[name], total, "gradient", problem.d_sequence.dtype)


@quick
@given(problem=problems())
def test_step_by_step(problem: Problem) -> None:
    """A sequence equals its steps one at a time, the states handed on, to the bit."""
    whole = run(problem)
    states = problem.operands()[-1]
    for t in reversed(range(whole.sequence.shape[1])) if problem.rec.reverse else range(whole.sequence.shape[1]):
        now = slice(t, t + 1)
        masks = {k: (v[:, now] if k in OF_STEPS else v) for k, v in problem.masks.items()}
        of_step = {"x": problem.differentiable["x"][:, now]} | dict(zip(problem.rec.state_names, states, strict=True))
        one = run(problem._replace(masks=masks, differentiable=problem.differentiable | of_step), keep=False)
        np.testing.assert_array_equal(one.sequence[:, 0], whole.sequence[:, t])
        states = one.states
    assert_same_bits(list(states), list(whole.states))


@each_variant
@pytest.mark.parametrize(
    "sizes",
    [
        {"batch": 37, "time": 17, "features": 33, "units": 65},
        {"batch": 300, "time": 3, "features": 33, "units": 65},
        {"batch": 35, "time": 80, "features": 60, "units": 17},
    ],
    ids=["rows", "groups", "two sets of rows"],
)
def test_threads(rec: Recurrence, sizes: dict[str, int]) -> None:
    """Any number of threads gives the same outputs and gradients to the bit."""
    problem = cast(make_problem(rec, **sizes, masked=True, dropout_masks=rec.gates), np.float32)
    kernels.set_num_threads(1)
    alone = everything(problem)
    for threads in (2, 3, 8, 24, 64):
        kernels.set_num_threads(threads)
        assert_same_bits(everything(problem), alone)


@quick
@given(problem=problems())
def test_keeping_changes_nothing(problem: Problem) -> None:
    assert_same_bits(outputs(run(problem, keep=False)), outputs(run(problem, keep=True)))


@quick
@given(problem=problems())
def test_an_absent_gradient_is_zero(problem: Problem) -> None:
    zero = problem._replace(
        d_sequence=np.zeros_like(problem.d_sequence), d_states=tuple(map(np.zeros_like, problem.d_states))
    )
    result = run(problem)
    none = [None] * len(problem.d_states)
    pairs = (
        (result.backward(problem.d_sequence), problem._replace(d_states=zero.d_states)),
        (result.backward(None, problem.d_states), problem._replace(d_sequence=zero.d_sequence)),
        (result.backward(problem.d_sequence, none), problem._replace(d_states=zero.d_states)),
    )
    for actual, written_out in pairs:
        expected = list(gradients(written_out, result).values())
        assert_same_bits([*actual[:4], *actual.states], expected)


def test_absent_operands_have_their_defaults() -> None:
    problem = cast(make_problem(Recurrence("lstm"), bias=False), np.float32)
    rec, x, kernel, recurrent_kernel, _, states = problem.operands()
    zeros = [np.zeros_like(s) for s in states]
    expected = ops.forward(rec, x, kernel, recurrent_kernel, None, initial_state=zeros)
    assert_same_bits(outputs(ops.lstm(x, kernel, recurrent_kernel)), outputs(expected))


@pytest.mark.parametrize("name", CELLS)
def test_functions_are_forward_with_their_recurrence(name: str) -> None:
    options: dict[str, Any] = {"activation": "relu", "reverse": True, "zero_output_for_mask": True, "zoneout": 0.3}
    options |= {"reset_after": False, "recurrent_activation": CELLS[name].recurrent_activations[-1]}
    rec = Recurrence(name, **options)
    problem = cast(make_problem(rec, masked=True), np.float64)
    _, x, kernel, recurrent_kernel, bias, states = problem.operands()
    recurrent = recurrent_kernel if rec.recurrent_gates else None
    function = getattr(ops, name)
    actual = function(x, kernel, recurrent, bias, initial_state=states, **problem.masks, **options)
    assert_same_bits(outputs(actual), outputs(run(problem)))


@pytest.mark.parametrize("name", CELLS)
def test_functions_describe_themselves(name: str) -> None:
    for function, first in ((getattr(ops, name), "x"), (getattr(ops, f"pack_{name}"), "kernel")):
        assert function.__name__ in (name, f"pack_{name}")
        assert CELLS[name].title in function.__doc__.splitlines()[0]
        assert next(iter(inspect.signature(function).parameters)) == first


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.reads_state])
def test_a_missing_recurrent_kernel(name: str) -> None:
    problem = cast(make_problem(Recurrence(name)), np.float32)
    _, x, kernel, *_ = problem.operands()
    with pytest.raises(ValueError, match=rf"^{name} needs a recurrent_kernel of shape \[units, \d \* units\]."):
        getattr(ops, name)(x, kernel)
    with pytest.raises(ValueError, match=rf"^{name} needs a recurrent_kernel"):
        getattr(ops, f"pack_{name}")(kernel)


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if not cell.reads_state])
def test_functions_without_a_recurrent_kernel(name: str) -> None:
    function = getattr(ops, name)
    problem = cast(make_problem(Recurrence(name), masked=True), np.float64)
    _, x, kernel, _, bias, states = problem.operands()
    actual = function(x, kernel, bias=bias, initial_state=states, keep=True, **problem.masks)
    assert actual.backward().recurrent_kernel.shape == (2, 0)
    with pytest.raises(ValueError, match=r"^kernel must have shape \[3, \d\], not \[3, \d\]."):
        function(x, kernel[:, 1:], bias=bias)
    with pytest.raises(ValueError, match=f"^{name} has no recurrent kernel, so recurrent_dropout_mask must be None."):
        function(x, kernel, bias=bias, recurrent_dropout_mask=np.ones((1, 3, 2)))


@each_variant
def test_operands_are_left_alone_and_need_not_be_contiguous(rec: Recurrence) -> None:
    problem = cast(make_problem(rec, masked=True, dropout_masks=rec.gates), np.float32)
    expected = everything(problem)

    def spread(array: Any) -> Any:
        """The same numbers, read-only, with a gap after each."""
        strided = np.repeat(array, 2, axis=-1)[..., ::2]
        strided.flags.writeable = False
        return strided

    scattered = Problem(
        rec,
        {k: spread(v) for k, v in problem.differentiable.items()},
        {k: spread(v) for k, v in problem.masks.items()},
        spread(problem.d_sequence),
        tuple(map(spread, problem.d_states)),
    )
    assert_same_bits(everything(scattered), expected)
    assert_same_bits(everything(problem), expected)


# ---- extremes ------------------------------------------------------------------------------------------------


@each_variant
@each_instruction_set
@each_dtype
@pytest.mark.parametrize("size", [1e4, 1e-40, 1e-310])
def test_extreme_inputs(rec: Recurrence, instructions: str, dtype: Any, size: float) -> None:
    """Saturated or denormal, results are finite and those of the reference, and nothing warns."""
    kernels.choose_instruction_set(instructions)
    problem = make_problem(rec, batch=5, time=9, features=1, units=9)
    problem.differentiable["bias"][:] = 0
    problem.differentiable["x"] = size * np.sign(problem.differentiable["x"])
    problem.differentiable["kernel"] = np.sign(problem.differentiable["kernel"])
    if size > 1 and not rec.recurrent_gates:  # no function bounds the candidate: its weights keep it of order 1
        problem.differentiable["kernel"][:, -9:] /= size
    if size < 1:
        for name in rec.state_names:
            problem.differentiable[name] *= size
    with np.errstate(under="ignore"):  # the conversion to float32 makes the denormals
        problem = cast(problem, dtype)
    with np.errstate(all="raise"):
        result = run(problem)
        by = gradients(problem, result)
    assert all(np.isfinite(a).all() for a in (*outputs(result), *by.values()))
    with np.errstate(under="ignore"):
        assert_is_reference(problem, dtype)


@each_dtype
def test_the_callers_denormals_survive(dtype: Any) -> None:
    """Kernels flush denormals; the thread that calls them does not."""
    tiny = np.nextafter(np.zeros(1, dtype), np.ones(1, dtype))
    run(cast(make_problem(Recurrence("gru")), dtype)).backward()
    with np.errstate(under="ignore"):
        assert (tiny * dtype(1)) > 0


# ---- goldens and live comparisons ----------------------------------------------------------------------------


def golden_problem(golden: Golden, weights: Any, names: str) -> Problem:
    """The golden as a problem; `names` is the prefix of its initial states."""
    arrays = golden.arrays
    kernel, recurrent_kernel, bias = weights
    states = dict(zip(golden.recurrence.state_names, golden.states(names), strict=True))
    masks = {"mask": golden.mask} | {k: arrays.get(k) for k in ("dropout_mask", "recurrent_dropout_mask")}
    d_sequence = arrays.get("d_sequence", arrays["x"][..., :0])
    return Problem(
        golden.recurrence,
        {"x": arrays["x"], "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias} | states,
        {k: v for k, v in masks.items() if v is not None},
        d_sequence,
        golden.states("d_last_") if "d_last_h" in arrays else (),
    )


@pytest.mark.parametrize("golden", load("keras"), ids=str)
def test_keras_goldens(golden: Golden) -> None:
    arrays = golden.arrays
    weights = (arrays["kernel"], arrays["recurrent_kernel"], arrays["bias"] if golden.use_bias else None)
    problem = golden_problem(golden, weights, "initial_")
    if "output" in arrays:  # the output alone is that of the last time step, and so is its gradient
        d_sequence = np.zeros_like(problem.d_sequence)
        d_sequence[:, -1] = problem.d_sequence[:, -1]
        problem = problem._replace(d_sequence=d_sequence)
    problem = cast(problem, np.float32)
    result = run(problem)
    if "output" in arrays:
        assert_close(result.sequence[:, -1], arrays["output"], "forward", np.float32)
    else:
        assert_close(result.sequence, arrays["sequence"], "forward", np.float32)
    for actual, expected in zip(result.states, golden.states("last_"), strict=True):
        assert_close(actual, expected, "forward", np.float32)
    for name, gradient in gradients(problem, result).items():
        prefix = "gradient_initial_" if name in problem.rec.state_names else "gradient_"
        if gradient is not None:
            assert_close(gradient, arrays[prefix + name], "gradient", np.float32)


@pytest.mark.parametrize("golden", load("pytorch"), ids=str)
def test_pytorch_goldens(golden: Golden) -> None:
    arrays, rec = golden.arrays, golden.recurrence
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    problem = golden_problem(golden, pytorch_to_keras(rec, *(arrays[n] for n in names)), "initial_")
    result = run(problem)
    for actual, expected in zip(outputs(result), (arrays["sequence"], *golden.states("last_")), strict=True):
        assert_close(actual, expected, "forward", np.float64)
    by = gradients(problem, result)
    back = keras_to_pytorch(rec, by["kernel"], by["recurrent_kernel"], by["bias"])
    two_biases = len(rec.bias_shape(1)) == 2
    for name in names if two_biases else names[:3]:
        assert_close(getattr(back, name), arrays[f"gradient_{name}"], "gradient", np.float64)
    assert_close(by["x"], arrays["gradient_x"], "gradient", np.float64)
    for name in rec.state_names:
        assert_close(by[name], arrays[f"gradient_initial_{name}"], "gradient", np.float64)


@pytest.mark.parametrize("golden", load("onnxruntime"), ids=str)
def test_onnx_goldens(golden: Golden) -> None:
    weights = onnx_to_keras(golden.recurrence, *(golden.arrays[name] for name in ("W", "R", "B")))
    result = run(cast(golden_problem(golden, weights, "initial_"), np.float32))
    expected = (golden.arrays["sequence"], *golden.states("last_"))
    for actual, wanted in zip(outputs(result), expected, strict=True):
        assert_close(actual, wanted, "forward", np.float32)


live_sizes = {"batch": 19, "time": 11, "features": 9, "units": 17}
some_lengths = 1 + np.arange(19) * 7 % 11


@pytest.mark.slow
@each_common_variant
@each_dtype
@each_direction
@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
def test_live_pytorch(rec: Recurrence, dtype: Any, reverse: bool, packed: bool) -> None:
    if rec == VARIANTS["gru_reset_before"]:
        pytest.skip("PyTorch has no such GRU")
    torch = pytest.importorskip("torch")
    rec = dataclasses.replace(rec, reverse=reverse, zero_output_for_mask=True)
    problem = cast(make_problem(rec, **live_sizes), dtype)
    x, *weights, states = problem.operands()[1:]
    name = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[rec.cell]
    module = getattr(torch.nn, name)(
        9, 17, batch_first=True, bidirectional=True, dtype=getattr(torch, np.dtype(dtype).name)
    )
    direction, suffix = (1, "_l0_reverse") if reverse else (0, "_l0")
    with torch.no_grad():
        for field, value in keras_to_pytorch(rec, *weights)._asdict().items():
            getattr(module, field + suffix).copy_(torch.from_numpy(value))
    x_torch = torch.tensor(x, requires_grad=True)
    initial = [torch.tensor(s, requires_grad=True) for s in states]
    both = tuple(torch.stack([s, s]) for s in initial)
    given = both if rec.cell == "lstm" else both[0]
    if packed:
        rnn = torch.nn.utils.rnn
        sequence, last = module(
            rnn.pack_padded_sequence(x_torch, some_lengths.tolist(), batch_first=True, enforce_sorted=False),
            given,
        )
        sequence, _ = rnn.pad_packed_sequence(sequence, batch_first=True, total_length=11)
    else:
        sequence, last = module(x_torch, given)
    sequence = sequence[..., direction * 17 : (direction + 1) * 17]
    last = [s[direction] for s in (last if rec.cell == "lstm" else (last,))]
    loss = (sequence * torch.from_numpy(problem.d_sequence)).sum()
    for state, d in zip(last, problem.d_states, strict=True):
        loss = loss + (state * torch.from_numpy(d)).sum()
    loss.backward()
    result = run(problem, lengths=some_lengths if packed else None)
    for actual, expected in zip(outputs(result), (sequence, *last), strict=True):
        assert_close(actual, expected.detach(), "forward", dtype)
    by = gradients(problem, result)
    assert_close(by["x"], x_torch.grad, "gradient", dtype)
    for name, state in zip(rec.state_names, initial, strict=True):
        assert_close(by[name], state.grad, "gradient", dtype)
    back = keras_to_pytorch(rec, by["kernel"], by["recurrent_kernel"], by["bias"])
    for field in back._fields if rec.cell == "gru" else back._fields[:3]:
        assert_close(getattr(back, field), getattr(module, field + suffix).grad, "gradient", dtype)


@pytest.mark.slow
@each_common_variant
@each_direction
@pytest.mark.parametrize("padded", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_live_onnx_runtime(rec: Recurrence, reverse: bool, padded: bool, activation: str) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from goldens import onnx_node

    rec = dataclasses.replace(rec, reverse=reverse, zero_output_for_mask=True, activation=activation)
    problem = cast(make_problem(rec, **live_sizes), np.float32)
    x, *weights, states = problem.operands()[1:]
    lengths = some_lengths if padded else None
    expected = onnx_node.run(rec, x, keras_to_onnx(rec, *weights), states, lengths)
    for actual, wanted in zip(outputs(run(problem, lengths=lengths)), expected, strict=True):
        assert_close(actual, wanted, "forward", np.float32)


# ---- concurrent callers --------------------------------------------------------------------------------------


def test_concurrent_callers_get_what_they_get_alone() -> None:
    kernels.set_num_threads(3)
    recurrences = list(VARIANTS.values()) * 2
    tasks = [
        cast(make_problem(rec, seed, batch=9 + seed, time=17, features=33, units=65), np.float32)
        for seed, rec in enumerate(recurrences)
    ]
    expected = [everything(problem) for problem in tasks]
    found: list[Any] = [None] * len(tasks)
    start = threading.Barrier(len(tasks))

    def work(k: int) -> None:
        start.wait()
        found[k] = [everything(tasks[k]) for _ in range(10)]

    workers = [threading.Thread(target=work, args=(k,)) for k in range(len(tasks))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for repeats, wanted in zip(found, expected, strict=True):
        for repeat in repeats:
            assert_same_bits(repeat, wanted)


FORK = """
import os, signal
import numpy as np
from gatewright.ops import kernels
from gatewright.ops import numpy as ops
kernels.set_num_threads(3)
rng = np.random.default_rng(0)
x, W, U = (rng.normal(size=s).astype("f") / 8 for s in ((16, 32, 64), (64, 192), (64, 192)))
def compute():
    run = ops.gru(x, W, U, keep=True)
    return run.sequence.tobytes() + run.backward(run.sequence).kernel.tobytes()
expected = compute()
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a child that hangs is a failure, not a wait
        os._exit(0 if compute() == expected and compute() == expected else 1)
    children.append(child)
assert compute() == expected
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_children_of_a_fork_compute() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", FORK], check=True, timeout=120)


# ---- what is refused -----------------------------------------------------------------------------------------


def good(rec: Recurrence = VARIANTS["lstm"], **changed: Any) -> Any:
    """A call that works (batch 3, time 4, features 3, units 2), with some operands changed."""
    problem = cast(make_problem(rec), np.float32)
    _, x, kernel, recurrent_kernel, bias, states = problem.operands()
    operands = {
        "x": x,
        "kernel": kernel,
        "recurrent_kernel": recurrent_kernel,
        "bias": bias,
        "initial_state": states,
    }
    return ops.forward(rec, **(operands | changed))


def zeros(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"x": zeros(3, 4)}, ValueError, r"x must have shape \[batch, time, features\], not \[3, 4\]."),
        ({"x": zeros(3, 4, 5)}, ValueError, r"kernel must have shape \[5, 8\], not \[3, 8\]."),
        ({"x": zeros(3, 4, 3, dtype=int)}, TypeError, "x must be float32 or float64, not int64."),
        ({"x": zeros(3, 4, 3, dtype="f2")}, TypeError, "x must be float32 or float64, not float16."),
        ({"x": zeros(3, 4, 3, dtype=">f4")}, TypeError, "x must be float32 or float64, not >f4."),
        ({"x": [[["a"]]]}, TypeError, "x must be float32 or float64, not <U1."),
        ({"x": zeros(3, 4, 3, dtype="f8")}, TypeError, "kernel must be float64 like x, not float32."),
        ({"kernel": zeros(3, 6)}, ValueError, r"kernel must have shape \[3, 8\], not \[3, 6\]."),
        ({"recurrent_kernel": zeros(8)}, ValueError, r"recurrent_kernel must have shape .*, not \[8\]."),
        ({"recurrent_kernel": zeros(2, 6)}, ValueError, r"recurrent_kernel must have shape \[2, 8\]"),
        ({"bias": zeros(2, 8)}, ValueError, r"bias must have shape \[8\], not \[2, 8\]."),
        ({"bias": zeros(8, dtype=int)}, TypeError, "bias must be float32 like x, not int64."),
        ({"initial_state": zeros(3, 2)}, TypeError, "initial_state must be a list of 2 arrays, not one array."),
        ({"initial_state": [zeros(3, 2)]}, ValueError, "states must contain one array for each of h, c, but has 1."),
        ({"initial_state": [zeros(3, 2), zeros(3, 1)]}, ValueError, r"state c must have shape \[3, 2\]"),
        ({"initial_state": [zeros(3, 2), zeros(3, 2, dtype="f8")]}, TypeError, "initial_state must be float32"),
        ({"mask": zeros(3, 4)}, TypeError, "mask must be bool, not float32."),
        ({"mask": zeros(3, 4, dtype="u1")}, TypeError, "mask must be bool, not uint8."),
        ({"mask": zeros(3, 4, 1, dtype=bool)}, ValueError, r"mask must have shape \[3, 4\], not \[3, 4, 1\]."),
        ({"lengths": [1, 2, np.nan]}, TypeError, "lengths must be whole numbers, not float64."),
        ({"lengths": [True, True, True]}, TypeError, "lengths must be whole numbers, not bool."),
        ({"lengths": [1, -1, 2]}, ValueError, "lengths must lie between 0 and time = 4, not -1 to 2."),
        ({"lengths": [1, 5, 2]}, ValueError, "lengths must lie between 0 and time = 4, not 1 to 5."),
        ({"lengths": [1, 2**32, 2]}, ValueError, "lengths must lie between 0 and time = 4"),
        ({"lengths": [1, 2]}, ValueError, r"lengths must have shape \[3\], not \[2\]."),
        ({"lengths": 2}, ValueError, r"lengths must have shape \[3\], not \[\]."),
        (
            {"mask": zeros(3, 4, dtype=bool), "lengths": [1, 2, 3]},
            ValueError,
            "mask and lengths are both given. Give only one of them.",
        ),
        ({"dropout_mask": zeros(3, 3)}, ValueError, r"dropout_mask must have shape \[1, 3, 3\] or \[4, 3, 3\]"),
        ({"dropout_mask": zeros(2, 3, 3)}, ValueError, r"dropout_mask must have shape \[1, 3, 3\] or"),
        ({"recurrent_dropout_mask": zeros(1, 3, 3)}, ValueError, "recurrent_dropout_mask must have shape"),
        ({"dropout_mask": zeros(1, 3, 3, dtype=bool)}, TypeError, "dropout_mask must be float32 like x"),
        ({"zoneout_mask": zeros(3, 4, 2, 2)}, TypeError, "zoneout_mask must be bool, not float32"),
        (
            {"zoneout_mask": zeros(3, 4, 2, 2, dtype=bool)},
            ValueError,
            "zoneout_mask must be None if zoneout is 0",
        ),
    ],
)
def test_operands_that_do_not_fit(changed: dict[str, Any], error: type[Exception], sentence: str) -> None:
    good()
    with pytest.raises(error, match=f"^{sentence}"):
        good(**changed)


def test_two_biases_are_those_of_reset_after_alone() -> None:
    with pytest.raises(ValueError, match=r"^bias must have shape \[2, 6\], not \[6\]."):
        good(VARIANTS["gru"], bias=zeros(6))
    with pytest.raises(ValueError, match=r"^bias must have shape \[6\], not \[2, 6\]."):
        good(VARIANTS["gru_reset_before"], bias=zeros(2, 6))


def test_a_run_that_kept_nothing() -> None:
    result = good()
    sentence = "^This run did not store its gates and states: call the operation with keep=True."
    with pytest.raises(ValueError, match=sentence):
        _ = result.gates
    with pytest.raises(ValueError, match=sentence):
        result.backward()


@pytest.mark.parametrize(
    ("d_sequence", "d_states", "error", "sentence"),
    [
        (zeros(3, 4, 3), None, ValueError, r"d_sequence must have shape \[3, 4, 2\], not \[3, 4, 3\]."),
        (zeros(3, 4, 2, dtype="f8"), None, TypeError, "d_sequence must be float32 like x, not float64."),
        (None, [zeros(3, 2)], ValueError, "d_states must contain 2 arrays, not 1."),
        (None, [zeros(3, 2), zeros(2, 3)], ValueError, r"d_states must have shape \[3, 2\], not \[2, 3\]."),
        (None, [zeros(3, 2, dtype=int), None], TypeError, "d_states must be float32 like x, not int64."),
    ],
)
def test_gradients_that_do_not_fit(d_sequence: Any, d_states: Any, error: type[Exception], sentence: str) -> None:
    result = good(keep=True)
    with pytest.raises(error, match=f"^{sentence}"):
        result.backward(d_sequence, d_states)
