"""The specification against finite differences, against its own invariants, and against Keras."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest
from goldens.load import Golden, load
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import Kind, assert_close, kinds

from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import ACTIVATIONS, Gradients
from gatewright.ops.recurrence import Recurrence, check_operands
from gatewright.ops.reference import Forward, backward, forward, step

VARIANTS = {name: Recurrence(name) for name in CELLS}
VARIANTS["gru_reset_before"] = Recurrence("gru", reset_after=False)
VARIANTS |= {f"{name}_zoneout": dataclasses.replace(rec, zoneout=0.3) for name, rec in VARIANTS.items()}
each_variant = pytest.mark.parametrize("rec", VARIANTS.values(), ids=VARIANTS.keys())
# Those that PyTorch, ONNX and Keras have too.
COMMON = {name: rec for name, rec in VARIANTS.items() if rec.cell in ("simple_rnn", "lstm", "gru") and not rec.zoneout}
each_common_variant = pytest.mark.parametrize("rec", COMMON.values(), ids=COMMON.keys())


def with_activations(rec: Recurrence, activation: str, recurrent_activation: str) -> Recurrence:
    """The recurrence with other activations, where it can have them."""
    if rec.cell == "min_lstm":
        return dataclasses.replace(rec, activation=activation)
    return dataclasses.replace(rec, activation=activation, recurrent_activation=recurrent_activation)


OF_STEPS = ("mask", "zoneout_mask")
"""Masks [batch, time, ...]; those of dropout are [masks, batch, ...]."""


class Problem(NamedTuple):
    """Operands of a whole sequence, and the weights d of a loss that is linear in all that comes out."""

    rec: Recurrence
    differentiable: dict[str, Any]  # x, kernel, recurrent_kernel, bias (or None), and each state by its name
    masks: dict[str, Any]  # mask, dropout_mask, recurrent_dropout_mask, zoneout_mask: those that there are
    d_sequence: Any
    d_states: tuple[Any, ...]

    def operands(self, **changed: Any) -> Any:
        """The arguments that forward and backward have in common."""
        o = self.differentiable | changed
        states = tuple(o[name] for name in self.rec.state_names)
        return self.rec, o["x"], o["kernel"], o["recurrent_kernel"], o["bias"], states

    def forward(self, **changed: Any) -> Forward:
        return forward(*self.operands(**changed), **self.masks)

    def loss(self, **changed: Any) -> float:
        result = self.forward(**changed)
        by_states = sum((s * d).sum() for s, d in zip(result.states, self.d_states, strict=True))
        return float((result.sequence * self.d_sequence).sum() + by_states)

    def backward(self) -> Gradients:
        return backward(*self.operands(), self.forward(), self.d_sequence, self.d_states, **self.masks)

    def gradients(self) -> dict[str, Any]:
        """The gradients under the names of `differentiable`."""
        by = self.backward()
        named = {"x": by.x, "kernel": by.kernel, "recurrent_kernel": by.recurrent_kernel, "bias": by.bias}
        return named | dict(zip(self.rec.state_names, by.states, strict=True))


def make_problem(
    rec: Recurrence,
    seed: int = 0,
    *,
    batch: int = 3,
    time: int = 4,
    features: int = 3,
    units: int = 2,
    bias: bool = True,
    masked: bool = False,
    dropout_masks: int = 0,
) -> Problem:
    """Random operands of order 1; dropout_masks is how many of each kind that the cell has, 0 for no dropout.

    A recurrence with zoneout has a zoneout mask if there is dropout, and uses the expected value if not.
    """
    rng = np.random.default_rng(seed)
    columns = rec.gates * units
    differentiable: dict[str, Any] = {
        "x": rng.normal(size=(batch, time, features)),
        "kernel": rng.normal(size=(features, columns)) / max(1, features) ** 0.5,
        "recurrent_kernel": rng.normal(size=rec.recurrent_kernel_shape(units)) / max(1, units) ** 0.5,
        "bias": rng.normal(size=rec.bias_shape(units)) if bias else None,
    }
    differentiable |= {name: rng.normal(size=(batch, units)) for name in rec.state_names}
    masks: dict[str, Any] = {}
    if masked:
        masks["mask"] = rng.random((batch, time)) < 0.6
    if dropout_masks:
        masks["dropout_mask"] = (rng.random((dropout_masks, batch, features)) < 0.7) / 0.7
    if dropout_masks and rec.recurrent_gates:
        masks["recurrent_dropout_mask"] = (rng.random((dropout_masks, batch, units)) < 0.7) / 0.7
    if dropout_masks and rec.zoneout:
        masks["zoneout_mask"] = rng.random((batch, time, len(rec.state_names), units)) < rec.zoneout
    d_states = tuple(rng.normal(size=(batch, units)) for _ in rec.state_names)
    return Problem(rec, differentiable, masks, rng.normal(size=(batch, time, units)), d_states)


def assert_results_close(actual: Forward, expected: Forward, kind: Any = "forward") -> None:
    assert_close(actual.sequence, expected.sequence, kind, np.float64)
    for a, e in zip(actual.states, expected.states, strict=True):
        assert_close(a, e, kind, np.float64)


# ---- gradients against central finite differences ----------------------------------------------------------


def assert_gradients_are_slopes(problem: Problem) -> None:
    """Along a random direction in the space of each operand, the gradient is the slope of the loss."""
    rng = np.random.default_rng(1)
    distance = np.finfo(np.float64).eps ** (1 / 3)
    for name, gradient in problem.gradients().items():
        operand = problem.differentiable[name]
        if operand is None:
            assert gradient is None
            continue
        assert gradient.shape == operand.shape
        direction = rng.normal(size=operand.shape)
        # Five points: N of a few numbers is nearly a jump, whose third derivative would show.
        near, far = (
            problem.loss(**{name: operand + steps * distance * direction})
            - problem.loss(**{name: operand - steps * distance * direction})
            for steps in (1, 2)
        )
        slope = (8 * near - far) / (12 * distance)
        assert_close((gradient * direction).sum(), slope, "finite_difference", np.float64)


@each_variant
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("masked", [True, False], ids=["masked", "dense"])
@pytest.mark.parametrize("dropout", ["none", "shared", "per_gate"])
@pytest.mark.parametrize("reverse", [False, True], ids=["onward", "reversed"])
@pytest.mark.parametrize("zero_output", [False, True], ids=["carried", "zeroed"])
def test_gradients(rec: Recurrence, bias: bool, masked: bool, dropout: str, reverse: bool, zero_output: bool) -> None:
    rec = dataclasses.replace(rec, reverse=reverse, zero_output_for_mask=zero_output)
    count = {"none": 0, "shared": 1, "per_gate": rec.gates}[dropout]
    assert_gradients_are_slopes(make_problem(rec, bias=bias, masked=masked, dropout_masks=count))


@each_variant
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("recurrent_activation", ACTIVATIONS)
def test_gradients_of_activations(rec: Recurrence, activation: str, recurrent_activation: str) -> None:
    rec = with_activations(rec, activation, recurrent_activation)
    # Two steps: unbounded gates compound, and with them the error of the finite difference.
    assert_gradients_are_slopes(make_problem(rec, time=2, masked=True))


@each_variant
@pytest.mark.parametrize("size", ["batch", "time", "features", "units"])
@pytest.mark.parametrize("value", [0, 1])
def test_gradients_of_smallest_sizes(rec: Recurrence, size: str, value: int) -> None:
    options: dict[str, Any] = {size: value, "masked": True, "dropout_masks": rec.gates}
    assert_gradients_are_slopes(make_problem(rec, **options))


# ---- invariants --------------------------------------------------------------------------------------------

recurrences = st.builds(
    dataclasses.replace,
    st.builds(
        with_activations,
        st.sampled_from(list(VARIANTS.values())),
        st.sampled_from(["tanh", "relu"]),
        st.sampled_from(["sigmoid", "hard_sigmoid"]),
    ),
    reverse=st.booleans(),
    zero_output_for_mask=st.booleans(),
)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    rec = draw(recurrences)
    sizes = {name: draw(st.integers(0, 4)) for name in ("batch", "time", "features", "units")}
    count = draw(st.sampled_from([0, 1, rec.gates]))
    seed = draw(st.integers(0, 2**32 - 1))
    return make_problem(rec, seed, bias=draw(st.booleans()), masked=draw(st.booleans()), dropout_masks=count, **sizes)


each_problem = given(problem=problems())
quick = settings(max_examples=40, deadline=None)


@quick
@each_problem
def test_rows_do_not_meet(problem: Problem) -> None:
    """A batch equals its rows one at a time."""
    kind: Kind = "normalised" if problem.rec.definition.gain_rows.stop else "same_order"
    whole = problem.forward()
    for row in range(whole.sequence.shape[0]):
        here = slice(row, row + 1)
        of_row = {name: problem.differentiable[name][here] for name in ("x", *problem.rec.state_names)}
        masks = {k: (v[here] if k in OF_STEPS else v[:, here]) for k, v in problem.masks.items()}
        alone = problem._replace(masks=masks).forward(**of_row)
        assert_close(alone.sequence[0], whole.sequence[row], kind, np.float64)
        for a, w in zip(alone.states, whole.states, strict=True):
            assert_close(a[0], w[row], kind, np.float64)


@quick
@each_problem
def test_step_by_step(problem: Problem) -> None:
    """A sequence equals its steps one at a time, the states handed on."""
    problem = problem._replace(masks={k: v for k, v in problem.masks.items() if k != "mask"})
    whole = problem.forward()
    rec, x, *weights, states = problem.operands()
    drops = [problem.masks.get("dropout_mask"), problem.masks.get("recurrent_dropout_mask")]
    kept = problem.masks.get("zoneout_mask")
    times = range(x.shape[1])
    for t in reversed(times) if rec.reverse else times:
        states, saved = step(rec, x[:, t], states, *weights, *drops, np, None if kept is None else kept[:, t])
        np.testing.assert_array_equal(whole.sequence[:, t], states[0])
        for s, value in enumerate(saved):
            np.testing.assert_array_equal(whole.saved[:, t, s], value)
    for a, e in zip(whole.states, states, strict=True):
        np.testing.assert_array_equal(a, e)


@quick
@given(problem=problems(), cut=st.integers(0, 4))
def test_halves_make_a_whole(problem: Problem, cut: int) -> None:
    """A sequence cut in two, the states handed on, equals the sequence."""
    whole = problem.forward()
    x = problem.differentiable["x"]
    halves = [slice(None, cut), slice(cut, None)]
    states: dict[str, Any] = {}
    sequences = {}
    for half in reversed(halves) if problem.rec.reverse else halves:
        masks = {k: (v[:, half] if k in OF_STEPS else v) for k, v in problem.masks.items()}
        part = problem._replace(masks=masks).forward(x=x[:, half], **states)
        states = dict(zip(problem.rec.state_names, part.states, strict=True))
        sequences[half.start is None] = part.sequence
    joined = np.concatenate([sequences[True], sequences[False]], axis=1)
    np.testing.assert_array_equal(joined, whole.sequence)
    for a, e in zip(states.values(), whole.states, strict=True):
        np.testing.assert_array_equal(a, e)


@quick
@each_problem
def test_reversed_is_flipped(problem: Problem) -> None:
    """Walking backwards equals flipping the inputs, walking on, and flipping the outputs."""
    flipped = problem._replace(
        rec=dataclasses.replace(problem.rec, reverse=not problem.rec.reverse),
        masks={k: (v[:, ::-1] if k in OF_STEPS else v) for k, v in problem.masks.items()},
        d_sequence=problem.d_sequence[:, ::-1],
        differentiable=problem.differentiable | {"x": problem.differentiable["x"][:, ::-1]},
    )
    actual, expected = problem.forward(), flipped.forward()
    np.testing.assert_array_equal(actual.sequence, expected.sequence[:, ::-1])
    np.testing.assert_array_equal(actual.saved, expected.saved[:, ::-1])
    gradients, flipped_gradients = problem.gradients(), flipped.gradients()
    flipped_gradients["x"] = flipped_gradients["x"][:, ::-1]
    for name, gradient in gradients.items():
        if gradient is not None:
            assert_close(gradient, flipped_gradients[name], "same_order", np.float64)


def padded_masks(problem: Problem, around: tuple[tuple[int, int], tuple[int, int]]) -> dict[str, Any]:
    """The masks with so many steps more, none of which is live."""
    masks = {"mask": np.ones(problem.d_sequence.shape[:2], dtype=bool)} | problem.masks
    return {
        k: np.pad(v, (*around, *[(0, 0)] * (v.ndim - 2)), constant_values=k == "zoneout_mask") if k in OF_STEPS else v
        for k, v in masks.items()
    }


@quick
@given(problem=problems(), before=st.integers(0, 2), after=st.integers(0, 2), junk=st.sampled_from([0.0, np.nan]))
def test_padding_changes_nothing(problem: Problem, before: int, after: int, junk: float) -> None:
    """Masked steps at either end, whatever stands in them, leave all results as they are."""
    x = problem.differentiable["x"]
    around = ((0, 0), (before, after))
    inside = slice(before, before + x.shape[1])
    padded = problem._replace(
        differentiable=problem.differentiable | {"x": np.pad(x, (*around, (0, 0)), constant_values=junk)},
        masks=padded_masks(problem, around),
        d_sequence=np.pad(problem.d_sequence, (*around, (0, 0))),
    )
    actual, expected = padded.forward(), problem.forward()
    np.testing.assert_array_equal(actual.sequence[:, inside], expected.sequence)
    for a, e in zip(actual.states, expected.states, strict=True):
        np.testing.assert_array_equal(a, e)
    gradients = padded.gradients()
    outside = np.delete(gradients["x"], np.r_[inside], axis=1)
    np.testing.assert_array_equal(outside, np.zeros_like(outside))
    gradients["x"] = gradients["x"][:, inside]
    for name, gradient in problem.gradients().items():
        if gradient is not None:
            assert_close(gradients[name], gradient, "same_order", np.float64)


@each_variant
@pytest.mark.parametrize("reverse", [False, True], ids=["onward", "reversed"])
def test_masked_steps_carry(rec: Recurrence, reverse: bool) -> None:
    """A masked step's output is the carried h, before the first live step the initial one; or 0 if asked."""
    rec = dataclasses.replace(rec, reverse=reverse)
    problem = make_problem(rec, batch=2, time=4)
    mask = np.array([[False, True, True, False], [False, False, False, False]])
    problem = problem._replace(masks={"mask": mask})
    h0 = problem.differentiable["h"]
    carried = problem.forward()
    first, last = (3, 0) if reverse else (0, 3)
    np.testing.assert_array_equal(carried.sequence[0, first], h0[0])
    np.testing.assert_array_equal(carried.sequence[0, last], carried.sequence[0, 1 if reverse else 2])
    np.testing.assert_array_equal(carried.sequence[1], np.broadcast_to(h0[1], (4, 2)))
    for name, state in zip(rec.state_names, carried.states, strict=True):
        np.testing.assert_array_equal(state[1], problem.differentiable[name][1])
    np.testing.assert_array_equal(carried.saved[~mask], np.zeros_like(carried.saved[~mask]))
    zeroed = problem._replace(rec=dataclasses.replace(rec, zero_output_for_mask=True)).forward()
    np.testing.assert_array_equal(zeroed.sequence, np.where(mask[:, :, None], carried.sequence, 0))
    np.testing.assert_array_equal(zeroed.states, carried.states)


@each_variant
def test_one_shared_dropout_mask_is_that_mask_for_every_gate(rec: Recurrence) -> None:
    shared = make_problem(rec, dropout_masks=1)
    per_gate = shared._replace(
        masks={k: v if k in OF_STEPS else np.repeat(v, rec.gates, axis=0) for k, v in shared.masks.items()}
    )
    assert_results_close(per_gate.forward(), shared.forward())


@each_variant
def test_dtype_is_preserved(rec: Recurrence) -> None:
    problem = make_problem(rec, masked=True, dropout_masks=rec.gates)
    exact = problem.forward()
    single = Problem(
        rec,
        {k: v.astype(np.float32) for k, v in problem.differentiable.items()},
        {k: v if k in OF_STEPS else v.astype(np.float32) for k, v in problem.masks.items()},
        problem.d_sequence.astype(np.float32),
        tuple(d.astype(np.float32) for d in problem.d_states),
    )
    result = single.forward()
    assert {a.dtype for a in (result.sequence, result.saved, *result.states)} == {np.dtype(np.float32)}
    kind = kinds(rec, 3, 2)
    assert_close(result.sequence, exact.sequence, kind.outward, np.float32)
    gradients = single.gradients()
    assert {g.dtype for g in gradients.values()} == {np.dtype(np.float32)}
    for name, gradient in problem.gradients().items():
        assert_close(gradients[name], gradient, kind.gradient, np.float32)


@each_variant
def test_operands_are_left_alone(rec: Recurrence) -> None:
    problem = make_problem(rec, masked=True, dropout_masks=rec.gates)
    arrays = [
        *problem.differentiable.values(),
        *problem.masks.values(),
        problem.d_sequence,
        *problem.d_states,
    ]
    copies = [a.copy() for a in arrays]
    problem.backward()
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_gru_with_an_open_update_gate_keeps_its_state() -> None:
    """z = 1 keeps h_prev: the convention is Cho's, not Chung's."""
    problem = make_problem(Recurrence("gru"))
    bias = np.zeros((2, 6))
    bias[0, :2] = 1000
    result = problem.forward(bias=bias)
    np.testing.assert_array_equal(result.states[0], problem.differentiable["h"])


def test_a_min_gru_with_an_open_update_gate_takes_its_candidate() -> None:
    """z = 1 takes c: the convention is Chung's, not Cho's. The candidate is W x + b, of any size."""
    problem = make_problem(Recurrence("min_gru"), time=1)
    x, kernel = problem.differentiable["x"], problem.differentiable["kernel"]
    result = problem.forward(x=100 * x, bias=np.array([1e6, 1e6, 0, 0]))
    assert_close(result.states[0], 100 * x[:, 0] @ kernel[:, 2:], "same_order", np.float64)


def test_shares_of_a_min_lstm_are_those_of_its_gates_however_closed() -> None:
    problem = make_problem(Recurrence("min_lstm"))
    i, f, _, k = np.moveaxis(problem.forward().saved, 2, 0)
    assert_close(k, f / (f + i), "forward", np.float64)
    kernel = np.zeros_like(problem.differentiable["kernel"])
    for size in (-1e4, 1e4):
        closed = problem.forward(kernel=kernel, bias=size + np.array([0.0, 0, 1, 1, 0, 0]))
        share = 1 / (1 + np.exp(-1)) if size < 0 else 0.5
        assert_close(closed.saved[:, :, 3], np.full_like(closed.sequence, share), "gradient", np.float64)


def norm(v: Any, gain: Any, shift: Any) -> Any:
    """The normalisation of Ba, Kiros & Hinton, section 3, and an epsilon."""
    return gain * (v - v.mean(-1, keepdims=True)) / np.sqrt(v.var(-1, keepdims=True) + 1e-5) + shift


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def test_layer_norm_lstm_is_that_of_the_paper() -> None:
    """The equations of the supplementary material, with the gates stacked as i, f, g, o."""
    problem = make_problem(Recurrence("layer_norm_lstm"), time=1, units=5)
    _, x, W, U, bias, (h, c) = problem.operands()
    b, gain_x, gain_h = (bias[rows].reshape(-1) for rows in (slice(4), slice(4, 8), slice(8, 12)))
    i, f, g, o = np.split(norm(h @ U, gain_h, 0) + norm(x[:, 0] @ W, gain_x, 0) + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(norm(c, bias[12], bias[13]))
    result = problem.forward()
    assert_close(result.states[0], h, "same_order", np.float64)
    assert_close(result.states[1], c, "same_order", np.float64)


def test_layer_norm_gru_is_that_of_the_paper() -> None:
    """The equations of the supplementary material."""
    problem = make_problem(Recurrence("layer_norm_gru"), time=1, units=5)
    _, x, W, U, bias, (h,) = problem.operands()
    x_zr, x_h, h_zr, h_h = x[:, 0] @ W[:, :10], x[:, 0] @ W[:, 10:], h @ U[:, :10], h @ U[:, 10:]
    zr = norm(h_zr, bias[7:9].reshape(-1), 0) + norm(x_zr, bias[4:6].reshape(-1), bias[:2].reshape(-1))
    z, r = np.split(sigmoid(zr), 2, axis=-1)
    candidate = np.tanh(norm(x_h, bias[6], bias[2]) + r * norm(h_h, bias[9], bias[3]))
    expected = (1 - z) * h + z * candidate
    assert_close(problem.forward().states[0], expected, "same_order", np.float64)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_extremes(name: str) -> None:
    """No overflow, and NaN is not hidden."""
    activation = ACTIVATIONS[name]
    y = activation.apply(np, np.array([-1e5, -3.0, 0.0, 3.0, 1e5]))
    expected = {
        "tanh": [-1, np.tanh(-3), 0, np.tanh(3), 1],
        "sigmoid": [0, 1 / (1 + np.exp(3)), 0.5, 1 / (1 + np.exp(-3)), 1],
        "relu": [0, 0, 0, 3, 1e5],
        "hard_sigmoid": [0, 0, 0.5, 1, 1],
        "linear": [-1e5, -3, 0, 3, 1e5],
    }[name]
    assert_close(y, expected, "same_order", np.float64)
    assert np.isnan(activation.apply(np, np.array([np.nan])))


# ---- the JAX form of the same equations --------------------------------------------------------------------


@pytest.mark.slow
@each_variant
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_equations_hold_under_jax(rec: Recurrence, activation: str) -> None:
    """forward runs on jax.numpy, and JAX' own gradients are those written out by hand, at 0 too."""
    jax = pytest.importorskip("jax")
    rec = with_activations(rec, activation, "hard_sigmoid")
    problem = make_problem(rec, masked=True, dropout_masks=rec.gates)
    # A row of zeros without bias puts a relu exactly at its corner.
    problem.differentiable["x"][0] = 0
    problem.differentiable["h"][0] = 0
    problem.differentiable["bias"][:] = 0

    def loss(differentiable: dict[str, Any]) -> Any:
        o = problem._replace(differentiable=differentiable).operands()
        result = forward(*o, **problem.masks, xp=jax.numpy)
        by_states = sum((s * d).sum() for s, d in zip(result.states, problem.d_states, strict=True))
        return (result.sequence * problem.d_sequence).sum() + by_states

    value, gradients = jax.value_and_grad(loss)({k: jax.numpy.float32(v) for k, v in problem.differentiable.items()})
    assert_close(value, problem.loss(), "gradient", np.float32)
    for name, gradient in problem.gradients().items():
        assert_close(gradients[name], gradient, "gradient", np.float32)


# ---- Keras -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("golden", load("keras"), ids=str)
def test_keras_goldens(golden: Golden) -> None:
    rec, arrays = golden.recurrence, golden.arrays
    operands: Any = (
        rec,
        arrays["x"],
        arrays["kernel"],
        arrays["recurrent_kernel"],
        arrays["bias"] if golden.use_bias else None,
        golden.states("initial_"),
    )
    masks: dict[str, Any] = {"mask": golden.mask}
    masks |= {name: arrays.get(name) for name in ("dropout_mask", "recurrent_dropout_mask")}
    result = forward(*operands, **masks)
    d_sequence = arrays["d_sequence"]
    if "output" in arrays:
        # return_sequences=False: the output, and the gradient, are those of the walk's last step.
        assert_close(result.sequence[:, -1], arrays["output"], "forward", golden.dtype)
        d_sequence = np.zeros_like(d_sequence)
        d_sequence[:, -1] = arrays["d_sequence"][:, -1]
    else:
        assert_close(result.sequence, arrays["sequence"], "forward", golden.dtype)
    for actual, expected in zip(result.states, golden.states("last_"), strict=True):
        assert_close(actual, expected, "forward", golden.dtype)
    by = backward(*operands, result, d_sequence, golden.states("d_last_"), **masks)
    assert_close(by.x, arrays["gradient_x"], "gradient", golden.dtype)
    assert_close(by.kernel, arrays["gradient_kernel"], "gradient", golden.dtype)
    assert_close(by.recurrent_kernel, arrays["gradient_recurrent_kernel"], "gradient", golden.dtype)
    if by.bias is not None:
        assert_close(by.bias, arrays["gradient_bias"], "gradient", golden.dtype)
    for actual, expected in zip(by.states, golden.states("gradient_initial_"), strict=True):
        assert_close(actual, expected, "gradient", golden.dtype)


# ---- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"cell": "grru"},
            "cell must be one of 'simple_rnn', 'lstm', 'gru', 'min_gru', .* not 'grru'; did you mean 'gru'?",
        ),
        ({"cell": "gru", "activation": "tahn"}, "activation must be .* not 'tahn'; did you mean 'tanh'?"),
        ({"cell": "gru", "recurrent_activation": None}, "recurrent_activation must be .* not None."),
        (
            {"cell": "min_lstm", "recurrent_activation": "relu"},
            "min_lstm supports recurrent_activation 'sigmoid' only, not 'relu'.",
        ),
    ],
)
def test_unknown_names(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("?", r"\?")):
        Recurrence(**options)


@pytest.mark.parametrize("flag", ["reset_after", "reverse", "zero_output_for_mask"])
def test_flags_are_bools(flag: str) -> None:
    with pytest.raises(TypeError, match=f"{flag} must be True or False, not 'no'."):
        Recurrence("gru", **{flag: "no"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    ["x", "kernel", "recurrent_kernel", "bias", "mask", "dropout_mask", "recurrent_dropout_mask", "zoneout_mask"],
)
@each_variant
def test_shapes_that_do_not_fit(rec: Recurrence, name: str) -> None:
    problem = make_problem(rec, masked=True, dropout_masks=rec.gates)
    _, x, kernel, recurrent_kernel, bias, states = problem.operands()
    if not rec.recurrent_gates and name.startswith("recurrent"):
        pytest.skip("the cell has no numbers there")
    if not rec.zoneout and name == "zoneout_mask":
        with pytest.raises(ValueError, match=r"^zoneout_mask must be None if zoneout is 0\."):
            check_operands(
                rec, x.shape, kernel, recurrent_kernel, bias, states, zoneout_mask=np.ones((3, 4, 1, 2), bool)
            )
        return
    operands = {"kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias, **problem.masks}
    check_operands(rec, x.shape, states=states, **operands)
    if name == "x":
        x = x[..., :-1]
    else:
        operands[name] = operands[name][..., :-1]
    # x sets the number of features, so it is the kernel that no longer fits.
    with pytest.raises(ValueError, match=f"^{'kernel' if name == 'x' else name} must have shape"):
        check_operands(rec, x.shape, states=states, **operands)


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm"])
def test_where_no_gate_looks_at_the_state(cell: Any) -> None:
    rec, x, kernel, recurrent_kernel, bias, states = make_problem(Recurrence(cell)).operands()
    assert recurrent_kernel.shape == (2, 0)
    with pytest.raises(ValueError, match=r"^recurrent_kernel must have shape \[2, 0\], not \[2, 2\]."):
        check_operands(rec, x.shape, kernel, np.zeros((2, 2)), bias, states)
    with pytest.raises(ValueError, match=f"^{cell} has no recurrent kernel, so recurrent_dropout_mask must be None."):
        check_operands(rec, x.shape, kernel, recurrent_kernel, bias, states, recurrent_dropout_mask=np.ones((1, 3, 2)))


@each_variant
def test_states_that_do_not_fit(rec: Recurrence) -> None:
    _, x, *operands, states = make_problem(rec).operands()
    with pytest.raises(ValueError, match="states must contain one array for each of h"):
        check_operands(rec, x.shape, *operands, (*states, states[0]))
    with pytest.raises(ValueError, match="state h must have shape"):
        check_operands(rec, x.shape, *operands, tuple(s[:-1] for s in states))


def test_ranks_that_do_not_fit() -> None:
    rec, x, kernel, recurrent_kernel, bias, states = make_problem(Recurrence("gru")).operands()
    with pytest.raises(ValueError, match="x must have shape"):
        check_operands(rec, x[0].shape, kernel, recurrent_kernel, bias, states)
    with pytest.raises(ValueError, match="recurrent_kernel must have shape"):
        check_operands(rec, x.shape, kernel, recurrent_kernel[0], bias, states)


def test_recurrence_is_hashable_and_describes_itself() -> None:
    assert len({Recurrence("gru"), Recurrence("gru"), Recurrence("lstm")}) == 2
    for rec, units in itertools.product(VARIANTS.values(), [0, 1, 5]):
        assert rec.gates == len(rec.gate_names)
        assert rec.recurrent_gates in (0, rec.gates)
        shape = rec.bias_shape(units)
        expected = {"layer_norm_lstm": 14, "layer_norm_gru": 10}.get(rec.cell, rec.gates * len(shape))
        assert np.prod(shape) == expected * units
    saved = {
        "simple_rnn": (),
        "simple_rnn_zoneout": ("y",),
        "lstm": ("i", "f", "g", "o", "c"),
        "gru": ("z", "r", "c", "u"),
        "gru_reset_before": ("z", "r", "c"),
        "min_gru": ("z", "c"),
        "min_lstm": ("i", "f", "g", "k"),
        "layer_norm_lstm": ("i", "f", "g", "o", "x_i", "x_f", "x_c", "x_o", "h_i", "h_f", "h_c", "h_o", "c"),
        "layer_norm_gru": ("z", "r", "c", "x_z", "x_r", "x_h", "h_z", "h_r", "h_h"),
    }
    assert {name: VARIANTS[name].saved_names for name in saved} == saved
