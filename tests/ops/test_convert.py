"""The converters: exact there and back, and equal to PyTorch and ONNX Runtime in what they compute."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from goldens.load import Golden, load
from hypothesis import given, settings
from hypothesis import strategies as st
from masks import lengths_to_mask
from tolerances import assert_close

from gatewright.ops.cells.cell import ACTIVATIONS
from gatewright.ops.convert import (
    keras_to_onnx,
    keras_to_pytorch,
    onnx_attributes,
    onnx_to_keras,
    pytorch_to_keras,
    swap_update_gate,
)
from gatewright.ops.recurrence import Recurrence
from gatewright.ops.reference import backward, forward

VARIANTS = {
    "simple_rnn": Recurrence("simple_rnn"),
    "lstm": Recurrence("lstm"),
    "gru_reset_after": Recurrence("gru"),
    "gru_reset_before": Recurrence("gru", reset_after=False),
}
each_variant = pytest.mark.parametrize("rec", VARIANTS.values(), ids=VARIANTS.keys())
PYTORCH = {name: rec for name, rec in VARIANTS.items() if name != "gru_reset_before"}
each_of_pytorch = pytest.mark.parametrize("rec", PYTORCH.values(), ids=PYTORCH.keys())
sizes = st.fixed_dictionaries(
    {
        "batch": st.integers(1, 5),
        "time": st.integers(1, 6),
        "features": st.integers(1, 5),
        "units": st.integers(1, 5),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def make_weights(rec: Recurrence, features: int, units: int, seed: int = 0, bias: bool = True) -> tuple[Any, ...]:
    """A random kernel, recurrent kernel and bias in Keras' layout."""
    rng = np.random.default_rng(seed)
    columns = rec.gates * units
    return (
        rng.normal(size=(features, columns)) / features**0.5,
        rng.normal(size=(units, columns)) / units**0.5,
        rng.normal(size=rec.bias_shape(units)) if bias else None,
    )


def make_inputs(rec: Recurrence, batch: int, time: int, features: int, units: int, seed: int) -> tuple[Any, Any]:
    """A random x and initial states."""
    rng = np.random.default_rng([seed, 1])
    x = rng.normal(size=(batch, time, features))
    return x, tuple(rng.normal(size=(batch, units)) for _ in rec.state_names)


def assert_same_weights(actual: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    for a, e in zip(actual, expected, strict=True):
        if e is None:
            assert a is None
        else:
            np.testing.assert_array_equal(a, e)
            assert a.dtype == e.dtype
            assert a.flags.c_contiguous


# ---- there and back ----------------------------------------------------------------------------------------


@each_of_pytorch
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pytorch_round_trip(rec: Recurrence, bias: bool, dtype: Any) -> None:
    weights: Any = tuple(w if w is None else w.astype(dtype) for w in make_weights(rec, 3, 2, bias=bias))
    there = keras_to_pytorch(rec, *weights)
    assert there.weight_ih.shape == (rec.gates * 2, 3)
    assert_same_weights(pytorch_to_keras(rec, *there), weights)
    assert_same_weights(keras_to_pytorch(rec, *pytorch_to_keras(rec, *there)), there)


@each_variant
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_onnx_round_trip(rec: Recurrence, bias: bool, dtype: Any) -> None:
    weights: Any = tuple(w if w is None else w.astype(dtype) for w in make_weights(rec, 3, 2, bias=bias))
    there = keras_to_onnx(rec, *weights)
    assert there.W.shape == (1, rec.gates * 2, 3)
    assert_same_weights(onnx_to_keras(rec, *there), weights)
    assert_same_weights(keras_to_onnx(rec, *onnx_to_keras(rec, *there)), there)


def test_orders_of_gates() -> None:
    """One unit, gates numbered in Keras' order: z, r, h and i, f, c, o."""
    gru, lstm = Recurrence("gru", reset_after=True), Recurrence("lstm")
    kernels = np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 2.0]]), None
    np.testing.assert_array_equal(keras_to_pytorch(gru, *kernels).weight_ih[:, 0], [1, 0, 2])
    np.testing.assert_array_equal(keras_to_onnx(gru, *kernels).W[0, :, 0], [0, 1, 2])
    kernels = np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 2.0, 3.0]]), None
    np.testing.assert_array_equal(keras_to_pytorch(lstm, *kernels).weight_ih[:, 0], [0, 1, 2, 3])
    np.testing.assert_array_equal(keras_to_onnx(lstm, *kernels).W[0, :, 0], [0, 3, 1, 2])


# ---- goldens -----------------------------------------------------------------------------------------------


def assert_golden(golden: Golden, weights: Any, d_weights: Any | None) -> None:
    """What the specification computes with converted weights is what the library computed."""
    arrays, states = golden.arrays, golden.states("initial_")
    operands: Any = golden.recurrence, arrays["x"], *weights, states
    result = forward(*operands, mask=golden.mask)
    assert_close(result.sequence, arrays["sequence"], "forward", golden.dtype)
    for actual, expected in zip(result.states, golden.states("last_"), strict=True):
        assert_close(actual, expected, "forward", golden.dtype)
    if d_weights is None:
        return
    by = backward(*operands, result, arrays["d_sequence"], golden.states("d_last_"), mask=golden.mask)
    assert_close(by.x, arrays["gradient_x"], "gradient", golden.dtype)
    for actual, expected in zip((by.kernel, by.recurrent_kernel, by.bias), d_weights, strict=True):
        assert_close(actual, expected, "gradient", golden.dtype)
    for actual, expected in zip(by.states, golden.states("gradient_initial_"), strict=True):
        assert_close(actual, expected, "gradient", golden.dtype)


@pytest.mark.parametrize("golden", load("pytorch"), ids=str)
def test_pytorch_goldens(golden: Golden) -> None:
    rec, arrays = golden.recurrence, golden.arrays
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    gradients = [arrays[f"gradient_{name}"] for name in names]
    if rec.cell != "gru":
        # The sum of two biases is one bias; the gradient by the sum is that by either.
        assert_close(gradients[2], gradients[3], "same_order", golden.dtype)
        gradients[3] = np.zeros_like(gradients[3])
    weights = pytorch_to_keras(rec, *(arrays[name] for name in names))
    assert_golden(golden, weights, pytorch_to_keras(rec, *gradients))


@pytest.mark.parametrize("golden", load("onnxruntime"), ids=str)
def test_onnx_goldens(golden: Golden) -> None:
    weights = onnx_to_keras(golden.recurrence, *(golden.arrays[name] for name in ("W", "R", "B")))
    assert_golden(golden, weights, None)


# ---- live comparisons --------------------------------------------------------------------------------------

live = settings(max_examples=15, deadline=None)


@pytest.mark.slow
@each_of_pytorch
@live
@given(size=sizes, bias=st.booleans())
def test_live_pytorch(rec: Recurrence, size: dict[str, int], bias: bool) -> None:
    torch = pytest.importorskip("torch")
    x, states = make_inputs(rec, **size)
    features, units, seed = size["features"], size["units"], size["seed"]
    weights = make_weights(rec, features, units, seed, bias)
    name = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[rec.cell]
    module = getattr(torch.nn, name)(features, units, bias=bias, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for field, value in keras_to_pytorch(rec, *weights)._asdict().items():
            if value is not None:
                getattr(module, f"{field}_l0").copy_(torch.from_numpy(value))
    x_torch = torch.tensor(x, requires_grad=True)
    initial = tuple(torch.tensor(s[None]) for s in states)
    sequence, last = module(x_torch, initial if rec.cell == "lstm" else initial[0])
    sequence.sum().backward()
    result = forward(rec, x, *weights, states)
    assert_close(result.sequence, sequence.detach(), "forward", np.float64)
    for actual, expected in zip(result.states, last if rec.cell == "lstm" else (last,), strict=True):
        assert_close(actual, expected[0].detach(), "forward", np.float64)
    d_sequence = np.ones_like(result.sequence)
    by = backward(rec, x, *weights, states, result, d_sequence, [np.zeros_like(s) for s in states])
    assert_close(by.x, x_torch.grad, "gradient", np.float64)
    d_weights = keras_to_pytorch(rec, by.kernel, by.recurrent_kernel, by.bias)
    assert_close(d_weights.weight_ih, module.weight_ih_l0.grad, "gradient", np.float64)
    assert_close(d_weights.weight_hh, module.weight_hh_l0.grad, "gradient", np.float64)


@pytest.mark.slow
@each_variant
@live
@given(size=sizes, bias=st.booleans(), reverse=st.booleans(), data=st.data())
def test_live_onnx_runtime(
    rec: Recurrence, size: dict[str, int], bias: bool, reverse: bool, data: st.DataObject
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from goldens import onnx_node

    bounded = st.sampled_from(["tanh", "sigmoid", "hard_sigmoid"])
    rec = dataclasses.replace(
        rec,
        activation=data.draw(bounded),
        recurrent_activation=data.draw(bounded),
        reverse=reverse,
        zero_output_for_mask=True,
    )
    x, states = make_inputs(rec, **size)
    weights = make_weights(rec, size["features"], size["units"], size["seed"], bias)
    one = st.integers(1, size["time"])
    lengths = np.array(data.draw(st.lists(one, min_size=size["batch"], max_size=size["batch"])))
    expected = onnx_node.run(rec, x, keras_to_onnx(rec, *weights), states, lengths)
    result = forward(rec, x, *weights, states, mask=lengths_to_mask(lengths, size["time"]))
    for actual, wanted in zip((result.sequence, *result.states), expected, strict=True):
        assert_close(actual, wanted, "forward", np.float32)


# ---- the two update gates ----------------------------------------------------------------------------------


def gru_that_takes(rec: Recurrence, x: Any, kernel: Any, recurrent_kernel: Any, bias: Any, h: Any) -> Any:
    """The last state of a GRU whose update gate takes the candidate: Chung et al. 2014, section 3.2."""
    units = h.shape[1]
    sigma = ACTIVATIONS[rec.recurrent_activation].apply
    W_z, W_r, W = (kernel[:, g * units : (g + 1) * units] for g in range(3))
    U_z, U_r, U = (recurrent_kernel[:, g * units : (g + 1) * units] for g in range(3))
    both = bias if rec.reset_after else np.stack([bias, np.zeros_like(bias)])
    b = [row[g * units : (g + 1) * units] for row, g in itertools.product(both, range(3))]
    for t in range(x.shape[1]):
        z = sigma(np, x[:, t] @ W_z + b[0] + h @ U_z + b[3])
        r = sigma(np, x[:, t] @ W_r + b[1] + h @ U_r + b[4])
        recurrent = r * (h @ U + b[5]) if rec.reset_after else (r * h) @ U
        h = (1 - z) * h + z * np.tanh(x[:, t] @ W + b[2] + recurrent)
    return h


@pytest.mark.parametrize("reset_after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("recurrent_activation", ["sigmoid", "hard_sigmoid"])
@settings(max_examples=20, deadline=None)
@given(size=sizes)
def test_swap_update_gate(reset_after: bool, recurrent_activation: str, size: dict[str, int]) -> None:
    rec = Recurrence("gru", reset_after=reset_after, recurrent_activation=recurrent_activation)
    x, (h,) = make_inputs(rec, **size)
    weights = make_weights(rec, size["features"], size["units"], size["seed"])
    swapped = swap_update_gate(*weights, rec)
    (actual,) = forward(rec, x, *swapped, (h,)).states
    assert_close(actual, gru_that_takes(rec, x, *weights, h), "forward", np.float64)
    assert_same_weights(swap_update_gate(*swapped, rec), weights)


# ---- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rec", "sentence"),
    [
        (Recurrence("gru", reset_after=False), "does not support reset_after=False"),
        (Recurrence("simple_rnn", activation="sigmoid"), "activation 'tanh' or 'relu' only, not 'sigmoid'"),
        (Recurrence("lstm", activation="relu"), "activation 'tanh' only, not 'relu'"),
        (Recurrence("gru", recurrent_activation="hard_sigmoid"), "recurrent_activation 'sigmoid' only"),
    ],
)
def test_what_pytorch_cannot_express(rec: Recurrence, sentence: str) -> None:
    kernel, recurrent_kernel, bias = make_weights(rec, 3, 2)
    with pytest.raises(ValueError, match=sentence):
        keras_to_pytorch(rec, kernel, recurrent_kernel, bias)
    with pytest.raises(ValueError, match=sentence):
        pytorch_to_keras(rec, kernel.T, recurrent_kernel.T, None, None)


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm", "layer_norm_lstm", "layer_norm_gru"])
def test_cells_that_no_other_library_has(cell: Any) -> None:
    rec = Recurrence(cell)
    nothing = np.zeros((0, 0))
    calls = {
        "PyTorch": (
            lambda: keras_to_pytorch(rec, nothing, nothing, None),
            lambda: pytorch_to_keras(rec, nothing, nothing, None, None),
        ),
        "ONNX": (
            lambda: keras_to_onnx(rec, nothing, nothing, None),
            lambda: onnx_to_keras(rec, nothing, nothing, None),
            lambda: onnx_attributes(rec, 1),
        ),
    }
    for library, converters in calls.items():
        for convert in converters:
            with pytest.raises(
                ValueError, match=f"^{library} has no {cell}. The cells that can be converted are simple_rnn"
            ):
                convert()


def test_what_has_no_update_gate_to_swap() -> None:
    rec = Recurrence("lstm")
    with pytest.raises(ValueError, match="Only a GRU"):
        swap_update_gate(*make_weights(rec, 3, 2), rec)
    rec = Recurrence("gru", recurrent_activation="tanh")
    with pytest.raises(ValueError, match="'sigmoid' or 'hard_sigmoid' only"):
        swap_update_gate(*make_weights(rec, 3, 2), rec)


@each_variant
@pytest.mark.parametrize("index", [0, 1, 2], ids=["kernel", "recurrent_kernel", "bias"])
def test_shapes_of_keras_weights(rec: Recurrence, index: int) -> None:
    weights = list(make_weights(rec, 3, 2))
    weights[index] = weights[index][..., :-1]
    with pytest.raises(ValueError, match=f"^{('kernel', 'recurrent_kernel', 'bias')[index]} must have shape"):
        keras_to_onnx(rec, *weights)


@each_of_pytorch
@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_shapes_of_pytorch_weights(rec: Recurrence, index: int) -> None:
    weights = keras_to_pytorch(rec, *make_weights(rec, 3, 2))
    name, value = weights._fields[index], weights[index]
    assert value is not None
    with pytest.raises(ValueError, match=f"^{name} must have shape"):
        pytorch_to_keras(rec, *weights._replace(**{name: value[:-1]}))
    with pytest.raises(ValueError, match="both be None"):
        pytorch_to_keras(rec, *weights._replace(bias_hh=None))


@each_variant
@pytest.mark.parametrize("name", ["W", "R", "B"])
def test_shapes_of_onnx_weights(rec: Recurrence, name: str) -> None:
    weights = keras_to_onnx(rec, *make_weights(rec, 3, 2))
    two_directions = np.repeat(getattr(weights, name), 2, axis=0)
    with pytest.raises(ValueError, match=f"^{name} must have shape"):
        onnx_to_keras(rec, *weights._replace(**{name: two_directions}))
