"""Converters between the parameter layouts of Keras, PyTorch and ONNX, and between the two update gate conventions.

The canonical layout is that of Keras (see `gatewright.ops.cells.cell`): gates in the columns, in the order below.

              stored as            GRU       LSTM         biases
    Keras     [in, gates * units]  z, r, h   i, f, c, o   one; a GRU with reset_after two, stacked
    PyTorch   [gates * units, in]  r, z, h   i, f, c, o   two, separate (PyTorch writes n for h and g for c)
    ONNX      [gates * units, in]  z, r, h   i, o, f, c   two, end to end

If a layout has two biases of which only the sum matters, the second is written as zero, and the conversion back adds
the two. So the conversion from Keras to another layout and back is exact. In the other direction the computed function
is the same but the split of the bias is lost, except for the GRU with reset_after, whose two biases act differently.

Parameters are NumPy arrays of one direction of one layer, and keep their dtype.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from gatewright.ops.recurrence import Recurrence, require_shape

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

_PYTORCH_GATES = {"simple_rnn": ("h",), "lstm": ("i", "f", "c", "o"), "gru": ("r", "z", "h")}
_ONNX_GATES = {"simple_rnn": ("h",), "lstm": ("i", "o", "f", "c"), "gru": ("z", "r", "h")}

# The activations that each PyTorch module supports. Its gates always use the sigmoid.
_PYTORCH_ACTIVATIONS = {"simple_rnn": ("tanh", "relu"), "lstm": ("tanh",), "gru": ("tanh",)}

# The ONNX name of each activation, with alpha and beta if it has them.
_ONNX_ACTIVATIONS: dict[str, tuple[str, float | None, float | None]] = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "linear": ("Affine", 1.0, 0.0),
}


class KerasWeights(NamedTuple):
    """kernel [features, gates * units], recurrent_kernel [units, gates * units], bias `rec.bias_shape`."""

    kernel: FloatArray
    recurrent_kernel: FloatArray
    bias: FloatArray | None


class PyTorchWeights(NamedTuple):
    """weight_ih [gates * units, features], weight_hh [gates * units, units], both biases [gates * units]."""

    weight_ih: FloatArray
    weight_hh: FloatArray
    bias_ih: FloatArray | None
    bias_hh: FloatArray | None


class OnnxWeights(NamedTuple):
    """W [1, gates * units, features], R [1, gates * units, units], B [1, 2 * gates * units]; 1 direction."""

    W: FloatArray
    R: FloatArray
    B: FloatArray | None


def _reorder(columns: FloatArray, source: tuple[str, ...], target: tuple[str, ...]) -> FloatArray:
    """Reorder the blocks of the last axis, one per gate, from the source order of gates to the target order."""
    blocks = dict(zip(source, np.split(columns, len(source), axis=-1), strict=True))
    # Concatenating transposed blocks gives a transposed array, but the kernels need contiguous rows.
    return np.ascontiguousarray(np.concatenate([blocks[gate] for gate in target], axis=-1))


def _check_keras(rec: Recurrence, kernel: FloatArray, recurrent_kernel: FloatArray, bias: FloatArray | None) -> None:
    units = recurrent_kernel.shape[0]
    require_shape("recurrent_kernel", recurrent_kernel, rec.recurrent_kernel_shape(units))
    require_shape("kernel", kernel, (kernel.shape[0], rec.gates * units))
    if bias is not None:
        require_shape("bias", bias, rec.bias_shape(units))


def _two_biases(bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the input and the recurrent bias of a Keras bias; the recurrent one is zero if Keras has only one."""
    if bias.ndim == 2:
        return bias[0], bias[1]
    return bias, np.zeros_like(bias)


def _keras_bias(rec: Recurrence, input_bias: FloatArray, recurrent_bias: FloatArray) -> FloatArray:
    """Return the Keras bias of an input and a recurrent bias: both if Keras has two, else their sum."""
    units = input_bias.shape[0] // rec.gates
    if len(rec.bias_shape(units)) == 2:
        return np.stack([input_bias, recurrent_bias])
    return input_bias + recurrent_bias


def _require_known(rec: Recurrence, library: str) -> None:
    if rec.cell not in _PYTORCH_GATES:
        raise ValueError(f"{library} has no {rec.cell}: it has 'simple_rnn', 'lstm' and 'gru' only.")


def _check_pytorch(rec: Recurrence) -> None:
    _require_known(rec, "PyTorch")
    if rec.cell == "gru" and not rec.reset_after:
        raise ValueError(
            "The GRU of PyTorch has its reset gate after the product and does not support reset_after=False."
        )
    if rec.activation not in _PYTORCH_ACTIVATIONS[rec.cell]:
        allowed = " or ".join(map(repr, _PYTORCH_ACTIVATIONS[rec.cell]))
        raise ValueError(f"The {rec.cell} of PyTorch supports activation {allowed} only, not {rec.activation!r}.")
    if rec.cell != "simple_rnn" and rec.recurrent_activation != "sigmoid":
        raise ValueError(
            f"The {rec.cell} of PyTorch supports recurrent_activation 'sigmoid' only, not {rec.recurrent_activation!r}."
        )


def keras_to_pytorch(
    rec: Recurrence, kernel: FloatArray, recurrent_kernel: FloatArray, bias: FloatArray | None
) -> PyTorchWeights:
    """Convert Keras parameters to those of `torch.nn.RNN`, `LSTM` or `GRU`.

    Raises:
        ValueError: PyTorch does not support the recurrence, or a shape does not fit.
    """
    _check_pytorch(rec)
    _check_keras(rec, kernel, recurrent_kernel, bias)
    target = _PYTORCH_GATES[rec.cell]
    weight_ih, weight_hh = (
        np.ascontiguousarray(_reorder(k, rec.gate_names, target).T) for k in (kernel, recurrent_kernel)
    )
    if bias is None:
        return PyTorchWeights(weight_ih, weight_hh, None, None)
    bias_ih, bias_hh = (_reorder(b, rec.gate_names, target) for b in _two_biases(bias))
    return PyTorchWeights(weight_ih, weight_hh, bias_ih, bias_hh)


def pytorch_to_keras(
    rec: Recurrence,
    weight_ih: FloatArray,
    weight_hh: FloatArray,
    bias_ih: FloatArray | None,
    bias_hh: FloatArray | None,
) -> KerasWeights:
    """Convert parameters of `torch.nn.RNN`, `LSTM` or `GRU` to those of Keras.

    Raises:
        ValueError: PyTorch does not support the recurrence, one bias is given without the other, or a shape does not
            fit.
    """
    _check_pytorch(rec)
    source = _PYTORCH_GATES[rec.cell]
    rows = rec.gates * weight_hh.shape[1]
    require_shape("weight_hh", weight_hh, (rows, weight_hh.shape[1]))
    require_shape("weight_ih", weight_ih, (rows, weight_ih.shape[1]))
    kernel, recurrent_kernel = (_reorder(w.T, source, rec.gate_names) for w in (weight_ih, weight_hh))
    if bias_ih is None and bias_hh is None:
        return KerasWeights(kernel, recurrent_kernel, None)
    if bias_ih is None or bias_hh is None:
        raise ValueError("bias_ih and bias_hh must both be given, or both be None.")
    require_shape("bias_ih", bias_ih, (rows,))
    require_shape("bias_hh", bias_hh, (rows,))
    bias = _keras_bias(rec, *(_reorder(b, source, rec.gate_names) for b in (bias_ih, bias_hh)))
    return KerasWeights(kernel, recurrent_kernel, bias)


def keras_to_onnx(
    rec: Recurrence, kernel: FloatArray, recurrent_kernel: FloatArray, bias: FloatArray | None
) -> OnnxWeights:
    """Convert Keras parameters to the inputs W, R and B of the ONNX operators RNN, LSTM and GRU.

    `onnx_attributes` returns the attributes of the node.

    Raises:
        ValueError: ONNX has no such cell, or a shape does not fit.
    """
    _require_known(rec, "ONNX")
    _check_keras(rec, kernel, recurrent_kernel, bias)
    target = _ONNX_GATES[rec.cell]
    W, R = (np.ascontiguousarray(_reorder(k, rec.gate_names, target).T)[None] for k in (kernel, recurrent_kernel))
    if bias is None:
        return OnnxWeights(W, R, None)
    biases = [_reorder(b, rec.gate_names, target) for b in _two_biases(bias)]
    return OnnxWeights(W, R, np.concatenate(biases)[None])


def onnx_to_keras(rec: Recurrence, W: FloatArray, R: FloatArray, B: FloatArray | None) -> KerasWeights:
    """Convert the parameters of one direction of an ONNX RNN, LSTM or GRU to those of Keras.

    `rec.reset_after` must equal linear_before_reset of the node.

    Raises:
        ValueError: ONNX has no such cell, or a shape does not fit, for example because W, R and B have two directions.
    """
    _require_known(rec, "ONNX")
    source = _ONNX_GATES[rec.cell]
    units = R.shape[-1]
    require_shape("R", R, (1, rec.gates * units, units))
    require_shape("W", W, (1, rec.gates * units, W.shape[-1]))
    kernel, recurrent_kernel = (_reorder(w[0].T, source, rec.gate_names) for w in (W, R))
    if B is None:
        return KerasWeights(kernel, recurrent_kernel, None)
    require_shape("B", B, (1, 2 * rec.gates * units))
    biases = (_reorder(b, source, rec.gate_names) for b in np.split(B[0], 2))
    return KerasWeights(kernel, recurrent_kernel, _keras_bias(rec, *biases))


def onnx_attributes(rec: Recurrence, units: int) -> dict[str, Any]:
    """Return the attributes of the ONNX node (RNN, LSTM or GRU) of a recurrence, as keyword arguments of `make_node`.

    There is no attribute for masks. The input sequence_lens of ONNX fits only padding at the end with
    `zero_output_for_mask`.

    Raises:
        ValueError: ONNX has no such cell.
    """
    _require_known(rec, "ONNX")
    names = {
        "simple_rnn": (rec.activation,),
        "lstm": (rec.recurrent_activation, rec.activation, rec.activation),
        "gru": (rec.recurrent_activation, rec.activation),
    }[rec.cell]
    functions = [_ONNX_ACTIVATIONS[name] for name in names]
    attributes: dict[str, Any] = {
        "hidden_size": units,
        "direction": "reverse" if rec.reverse else "forward",
        "activations": [function for function, _, _ in functions],
    }
    # ONNX reads alphas and betas in the order of the activations that have them, and rejects an empty list.
    alphas = [alpha for _, alpha, _ in functions if alpha is not None]
    betas = [beta for _, _, beta in functions if beta is not None]
    if alphas:
        attributes |= {"activation_alpha": alphas, "activation_beta": betas}
    if rec.cell == "gru":
        attributes["linear_before_reset"] = int(rec.reset_after)
    return attributes


def swap_update_gate(
    kernel: FloatArray, recurrent_kernel: FloatArray, bias: FloatArray | None, rec: Recurrence
) -> KerasWeights:
    """Convert a GRU from one update gate convention to the other. Converting twice changes nothing.

        keep:  h = z * h_prev + (1 - z) * c    Cho et al. 2014, section 2.3; Keras, PyTorch, ONNX and this package
        take:  h = (1 - z) * h_prev + z * c    Chung et al. 2014, section 3.2

    Since sigma(-a) = 1 - sigma(a), negating the update gate's columns of W, U and b is enough, and exact.

    Raises:
        ValueError: the recurrence is not a GRU, the activation of its gates lacks this symmetry, or a shape does not
            fit.
    """
    if rec.cell != "gru":
        raise ValueError(f"Only a GRU has an update gate to swap, not {rec.cell!r}.")
    if rec.recurrent_activation not in ("sigmoid", "hard_sigmoid"):
        raise ValueError(
            "The update gate can be swapped with recurrent_activation 'sigmoid' or 'hard_sigmoid' only, "
            f"not {rec.recurrent_activation!r}."
        )
    _check_keras(rec, kernel, recurrent_kernel, bias)
    units = recurrent_kernel.shape[0]
    sign = np.ones(3 * units, dtype=kernel.dtype)
    sign[:units] = -1
    return KerasWeights(kernel * sign, recurrent_kernel * sign, None if bias is None else bias * sign)
