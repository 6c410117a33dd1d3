"""The differentiable operations in JAX: the kernels, their twin in `lax.scan`, and the specification are one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from masks import lengths_to_mask
from ops.test_reference import VARIANTS, Problem, each_variant, make_problem
from tolerances import assert_close, kinds

from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

from gatewright.ops import jax as ops  # noqa: E402

each_implementation = pytest.mark.parametrize("implementation", ["auto", "scan"])
slow = pytest.mark.slow
quick_kernel = pytest.mark.parametrize("implementation", ["auto", pytest.param("scan", marks=slow)])


def cast(tree: Any, dtype: Any) -> Any:
    return jax.tree.map(lambda a: a if a.dtype == bool else a.astype(dtype), tree)


def apply(problem: Problem, **options: Any) -> Callable[[Any], Any]:
    """The operation as a function of the problem's differentiable operands."""
    rec, dtype = problem.rec, options.pop("dtype", np.float32)
    masks = cast(problem.masks, dtype)

    def function(o: dict[str, Any]) -> Any:
        states = [o[name] for name in rec.state_names]
        weights = (o["kernel"], o["recurrent_kernel"], o["bias"])
        return ops.forward(rec, o["x"], *weights, initial_state=states, **(masks | options))

    return function


def loss_of(problem: Problem, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The loss that is linear in all that comes out, with the weights that the problem names."""

    def loss(o: dict[str, Any]) -> Any:
        sequence, states = function(o)
        total = sum((s * d.astype(s.dtype)).sum() for s, d in zip(states, problem.d_states, strict=True))
        if sequence is not None:
            total = total + (sequence * problem.d_sequence.astype(sequence.dtype)).sum()
        return total, (sequence, states)

    return loss


def assert_is_reference(problem: Problem, dtype: Any = np.float32, **options: Any) -> None:
    """Outputs and gradients under `jit` equal those of the specification in float64."""
    operands = cast(problem.differentiable, dtype)
    loss = loss_of(problem, apply(problem, dtype=dtype, **options))
    call = jax.jit(jax.value_and_grad(loss, has_aux=True), compiler_options={"xla_backend_optimization_level": 0})
    (_, (sequence, states)), gradients = call(operands)
    expected = problem.forward()
    of = kinds(problem.rec, problem.differentiable["x"].shape[2], problem.d_sequence.shape[2], small_gains=False)
    if sequence is None:
        problem = problem._replace(d_sequence=np.zeros_like(problem.d_sequence))
    else:
        assert_close(sequence, expected.sequence, of.outward, dtype)
    for actual, wanted in zip(states, expected.states, strict=True):
        assert_close(actual, wanted, of.outward, dtype)
    for name, gradient in problem.gradients().items():
        if gradient is not None:
            assert gradients[name].dtype == dtype
            assert_close(gradients[name], gradient, of.gradient, dtype)


# ---- the specification ---------------------------------------------------------------------------------------


@each_variant
@quick_kernel
def test_reference(rec: Recurrence, implementation: str) -> None:
    rec = dataclasses.replace(rec, reverse=True)
    problem = make_problem(rec, units=9, masked=True, dropout_masks=rec.gates)
    assert_is_reference(problem, implementation=implementation)


@slow
@each_variant
@each_implementation
@pytest.mark.parametrize(
    ("sizes", "flags", "options"),
    [
        ({"bias": False}, {}, {}),
        ({"masked": True, "dropout_masks": 1}, {"zero_output_for_mask": True}, {}),
        ({"masked": True}, {"reverse": True}, {"return_sequence": False}),
        ({}, {"activation": "relu", "recurrent_activation": "hard_sigmoid"}, {}),
    ],
    ids=["no_bias", "zeroed", "last", "hard"],
)
def test_reference_of_options(
    rec: Recurrence, implementation: str, sizes: dict[str, Any], flags: dict[str, Any], options: dict[str, Any]
) -> None:
    if rec.cell == "min_lstm":
        flags = {name: value for name, value in flags.items() if name != "recurrent_activation"}
    rec = dataclasses.replace(rec, **flags)
    assert_is_reference(make_problem(rec, **sizes), implementation=implementation, **options)


@slow
@each_variant
@each_implementation
def test_reference_in_float64(rec: Recurrence, implementation: str) -> None:
    with jax.enable_x64(True):
        problem = make_problem(rec, masked=True, dropout_masks=rec.gates)
        assert_is_reference(problem, np.float64, implementation=implementation)


@each_implementation
@pytest.mark.parametrize("traced", [False, pytest.param(True, marks=slow)], ids=["known", "traced"])
def test_lengths_are_a_mask_in_short(implementation: str, traced: bool) -> None:
    problem = make_problem(Recurrence("lstm"))
    lengths = np.array([4, 0, 2])
    o = cast(problem.differentiable, np.float32)
    if traced:
        call = jax.jit(lambda lengths: apply(problem, implementation=implementation, lengths=lengths)(o))
        actual = call(jnp.asarray(lengths))
    else:
        actual = apply(problem, implementation=implementation, lengths=lengths)(o)
    masked = problem._replace(masks={"mask": lengths_to_mask(lengths, 4)}).forward()
    assert_close(actual[0], masked.sequence, "forward", np.float32)
    for a, e in zip(actual[1], masked.states, strict=True):
        assert_close(a, e, "forward", np.float32)


def test_no_sequence_is_none() -> None:
    problem = make_problem(Recurrence("gru"))
    o = cast(problem.differentiable, np.float32)
    sequence, states = apply(problem, return_sequence=False)(o)
    assert sequence is None
    np.testing.assert_array_equal(states[0], apply(problem)(o)[1][0])


@quick_kernel
def test_masked_inputs_have_no_influence(implementation: str) -> None:
    problem = make_problem(Recurrence("gru"), masked=True)
    problem.differentiable["x"][~problem.masks["mask"]] = np.nan
    assert_is_reference(problem, implementation=implementation)


@quick_kernel
def test_dropout_masks_are_constants(implementation: str) -> None:
    problem = make_problem(Recurrence("gru"), dropout_masks=1)
    o = cast(problem.differentiable, np.float32)

    def loss(masks: Any) -> Any:
        return apply(problem._replace(masks={}), implementation=implementation, **masks)(o)[0].sum()

    for gradient in jax.grad(loss)(cast(problem.masks, np.float32)).values():
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


@pytest.mark.parametrize("name", CELLS)
def test_functions_are_forward_with_their_recurrence(name: str) -> None:
    options: dict[str, Any] = {"activation": "relu", "reverse": True, "zero_output_for_mask": True, "zoneout": 0.3}
    options |= {"reset_after": False, "recurrent_activation": CELLS[name].recurrent_activations[-1]}
    rec = Recurrence(name, **options)
    problem = make_problem(rec, masked=True, features=17, units=18)
    _, x, kernel, recurrent_kernel, bias, states = (rec, *cast(problem.operands()[1:], np.float32))
    recurrent = recurrent_kernel if rec.recurrent_gates else None
    sequence, last = getattr(ops, name)(x, kernel, recurrent, bias, initial_state=states, **problem.masks, **options)
    expected = problem.forward()
    for actual, wanted in zip((sequence, *last), (expected.sequence, *expected.states), strict=True):
        assert_close(actual, wanted, kinds(rec, 17, 18).outward, np.float32)


# ---- transformations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", ["x", pytest.param("kernel", marks=slow), pytest.param("bias", marks=slow)])
def test_vmap(axis: str) -> None:
    """Over sequences, and over weights; alone, under jit, and under the gradient."""
    problem = make_problem(Recurrence("lstm"), masked=True)
    o = cast(problem.differentiable, np.float32)
    loss = loss_of(problem, apply(problem))
    several = jnp.stack([o[axis], -o[axis], 2 * o[axis]])

    def of_axis(value: Any, o: Any) -> Any:
        return loss(o | {axis: value})[0]

    def total(several: Any, o: Any) -> Any:
        return jax.vmap(of_axis, (0, None))(several, o).sum()

    value, gradients = jax.jit(jax.value_and_grad(total, (0, 1)))(several, o)
    one_by_one = [jax.value_and_grad(of_axis, (0, 1))(value, o) for value in several]
    assert_close(value, sum(v for v, _ in one_by_one), "gradient", np.float32)
    assert_close(gradients[0], np.stack([g for _, (g, _) in one_by_one]), "gradient", np.float32)
    for name in o:
        if name != axis:
            expected = sum(np.asarray(by[name]) for _, (_, by) in one_by_one)
            assert_close(gradients[1][name], expected, "gradient", np.float32)


def test_inside_scan() -> None:
    """A sequence in pieces, the states carried by `lax.scan`, equals the sequence; so do its gradients."""
    problem = make_problem(Recurrence("gru"), time=6)
    o = cast(problem.differentiable, np.float32)

    def in_pieces(o: Any) -> Any:
        weights = (o["kernel"], o["recurrent_kernel"], o["bias"])

        def body(states: Any, x: Any) -> Any:
            sequence, states = ops.gru(x, *weights, initial_state=states)
            return states, sequence

        pieces = jnp.moveaxis(o["x"].reshape(3, 3, 2, 3), 1, 0)
        states, sequences = jax.lax.scan(body, (o["h"],), pieces)
        return jnp.moveaxis(sequences, 0, 1).reshape(3, 6, 2), states

    (_, (sequence, _)), gradients = jax.jit(jax.value_and_grad(loss_of(problem, in_pieces), has_aux=True))(o)
    assert_close(sequence, problem.forward().sequence, "forward", np.float32)
    for name, gradient in problem.gradients().items():
        assert_close(gradients[name], gradient, "gradient", np.float32)


def test_checkpoint() -> None:
    problem = make_problem(Recurrence("gru"))
    o = cast(problem.differentiable, np.float32)
    gradients = jax.jit(jax.grad(lambda o: loss_of(problem, jax.checkpoint(apply(problem)))(o)[0]))(o)
    for name, gradient in problem.gradients().items():
        assert_close(gradients[name], gradient, "gradient", np.float32)


@slow
def test_the_twin_has_every_derivative() -> None:
    problem = make_problem(Recurrence("gru"), time=2)
    o = cast(problem.differentiable, np.float32)
    loss = loss_of(problem, apply(problem, implementation="scan"))

    def of_h(h: Any) -> Any:
        return loss(o | {"h": h})[0]

    direction = np.ones_like(o["h"])
    _, along = jax.jvp(of_h, (o["h"],), (direction,))
    assert_close(along, problem.gradients()["h"].sum(), "gradient", np.float32)

    def of_slope(gradients: Callable[[Any], Any]) -> Any:
        return jax.grad(lambda h: (gradients(h) * direction).sum())(o["h"])

    distance = 1e-4
    sides = [problem.differentiable | {"h": problem.differentiable["h"] + s * distance} for s in (1, -1)]
    above, below = (problem._replace(differentiable=side).gradients()["h"] for side in sides)
    np.testing.assert_allclose(of_slope(jax.grad(of_h)), (above - below) / (2 * distance), rtol=1e-3, atol=1e-4)


def test_donated_operands() -> None:
    problem = make_problem(Recurrence("gru"), features=2)
    o = cast(problem.differentiable, np.float32)
    x, h = jnp.array(o["x"]), jnp.array(o["h"])
    call = jax.jit(lambda x, h: apply(problem)(o | {"x": x, "h": h}), donate_argnums=(0, 1))
    sequence, states = call(x, h)
    assert x.is_deleted()
    expected = problem.forward()
    assert_close(sequence, expected.sequence, "forward", np.float32)
    assert_close(states[0], expected.states[0], "forward", np.float32)


@pytest.mark.parametrize("size", ["batch", "time", "features", "units"])
def test_nothing(size: str) -> None:
    """A size of 0 gives the gradients of the specification: zeros, or what passes by."""
    options: dict[str, Any] = {size: 0}
    assert_is_reference(make_problem(Recurrence("lstm"), masked=True, **options))


# ---- other platforms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rec", [VARIANTS["lstm"], pytest.param(VARIANTS["simple_rnn"], marks=slow)], ids=str)
@pytest.mark.parametrize("return_sequence", [True, pytest.param(False, marks=slow)])
def test_where_there_are_other_platforms(
    rec: Recurrence, return_sequence: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The choice at lowering gives a CPU the kernels, with their results, and another platform the twin."""
    monkeypatch.setattr(ops, "on_cpu_only", lambda: False)
    problem = make_problem(rec, batch=2, units=5, masked=True)  # of a shape that no other test has traced
    assert_is_reference(problem, return_sequence=return_sequence)
    o = cast(problem.differentiable, np.float32)
    loss = loss_of(problem, apply(problem, return_sequence=return_sequence))
    traced = jax.jit(jax.value_and_grad(lambda o: loss(o)[0])).trace(o)
    here, elsewhere = (traced.lower(lowering_platforms=(p,)).as_text() for p in ("cpu", "cuda"))
    assert "gatewright_forward" in here
    assert "gatewright_backward" in here
    assert "gatewright" not in elsewhere
    assert "while" in elsewhere


# ---- what is refused -----------------------------------------------------------------------------------------


def good(rec: Recurrence = VARIANTS["lstm"], **changed: Any) -> Any:
    problem = make_problem(rec)
    _, x, kernel, recurrent_kernel, bias, states = problem.operands()
    operands = {"x": x, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias, "initial_state": states}
    return ops.forward(rec, **(cast(operands, np.float32) | changed))


def zeros(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"x": zeros(3, 4)}, ValueError, r"x must have shape \[batch, time, features\], not \[3, 4\]."),
        ({"x": zeros(3, 4, 3, dtype=int)}, TypeError, "x must be float32 or float64, not int"),
        ({"kernel": zeros(3, 6)}, ValueError, r"kernel must have shape \[3, 8\], not \[3, 6\]."),
        ({"bias": zeros(2, 8)}, ValueError, r"bias must have shape \[8\], not \[2, 8\]."),
        ({"bias": zeros(8, dtype=int)}, TypeError, "bias must be float32 like x, not int"),
        ({"initial_state": zeros(3, 2)}, TypeError, "initial_state must be a list of 2 arrays, not one array."),
        ({"initial_state": [zeros(3, 2)]}, ValueError, "states must contain one array for each of h, c, but has 1."),
        ({"mask": zeros(3, 4)}, TypeError, "mask must be bool, not float32."),
        ({"mask": zeros(4, 3, dtype=bool)}, ValueError, r"mask must have shape \[3, 4\], not \[4, 3\]."),
        ({"lengths": [1.0, 2.0, np.nan]}, TypeError, "lengths must be whole numbers, not float64."),
        ({"lengths": [1, 5, 2]}, ValueError, "lengths must lie between 0 and time = 4, not 1 to 5."),
        ({"lengths": [1, 2]}, ValueError, r"lengths must have shape \[3\], not \[2\]."),
        (
            {"mask": zeros(3, 4, dtype=bool), "lengths": [1, 2, 3]},
            ValueError,
            "mask and lengths are both given. Give only one of them.",
        ),
        ({"recurrent_dropout_mask": zeros(2, 3, 2)}, ValueError, "recurrent_dropout_mask must have shape"),
        (
            {"implementation": "fast"},
            ValueError,
            "implementation must be 'auto', 'kernel' or 'scan', not 'fast'.",
        ),
    ],
)
def test_operands_that_do_not_fit(changed: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{sentence}"):
        good(**changed)


def test_bfloat16_is_the_twins() -> None:
    problem = make_problem(Recurrence("gru"), time=2)
    o = cast(problem.differentiable, jnp.bfloat16)
    sentence = "x must be float32 or float64, not bfloat16; implementation='scan' supports other types."
    with pytest.raises(TypeError, match=f"^{sentence}"):
        apply(problem)(o)
    sequence, _ = apply(problem, implementation="scan")(o)
    assert sequence.dtype == jnp.bfloat16
    np.testing.assert_allclose(sequence.astype(np.float32), problem.forward().sequence, atol=0.1)


@quick_kernel
def test_lengths_out_of_range_when_the_program_runs_count_as_the_nearest(implementation: str) -> None:
    problem = make_problem(Recurrence("simple_rnn"))
    o = cast(problem.differentiable, np.float32)
    call = jax.jit(lambda lengths: apply(problem, lengths=lengths, implementation=implementation)(o)[0])
    np.testing.assert_array_equal(call(np.array([1, -1, 9])), call(np.array([1, 0, 4])))


@pytest.mark.parametrize(
    ("lengths", "error", "sentence"),
    [
        (zeros(3), TypeError, "lengths must be whole numbers, not float32."),
        (zeros(2, dtype=int), ValueError, r"lengths must have shape \[3\], not \[2\]."),
    ],
)
def test_traced_lengths_that_do_not_fit(lengths: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^{sentence}"):
        jax.jit(lambda lengths: good(lengths=lengths))(lengths)
