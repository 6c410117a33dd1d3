"""Functions that convert weights between Keras, PyTorch and ONNX, and between the two conventions of the update gate.

The canonical layout is that of Keras (see `gatewright.ops.cells.cell`): gates in the columns, in the order below.

              stored as            GRU       LSTM         biases
    Keras     [in, gates * units]  z, r, h   i, f, c, o   one; a GRU with reset_after two, stacked
    PyTorch   [gates * units, in]  r, z, h   i, f, c, o   two, separate (PyTorch writes n for h and g for c)
    ONNX      [gates * units, in]  z, r, h   i, o, f, c   two, end to end

PyTorch and ONNX have two biases for each gate where Keras has one. Only the sum of the two matters. The conversion from
Keras sets the second bias to zero, and the conversion to Keras adds the two. So the conversion from Keras and back is
exact. The conversion to Keras and back keeps the function that the layer computes, but not the two separate biases. The
GRU with reset_after is an exception: its two biases act differently, and Keras has both, so nothing is lost.

The weights are NumPy arrays for one direction of one layer. The conversions do not change their dtype.
"""

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
    """Weights in the layout of Keras.

    Attributes:
        kernel: Kernel, [features, gates * units].
        recurrent_kernel: Recurrent kernel, [units, gates * units].
        bias: Bias, with the shape given by `Recurrence.bias_shape`. None if the layer has no bias.
    """

    kernel: FloatArray
    recurrent_kernel: FloatArray
    bias: FloatArray | None


class PyTorchWeights(NamedTuple):
    """Weights in the layout of PyTorch, named as in `torch.nn.GRU`.

    Attributes:
        weight_ih: Weights of the inputs, [gates * units, features].
        weight_hh: Weights of the states, [gates * units, units].
        bias_ih, bias_hh: Biases, each [gates * units]. None if the layer has no bias.
    """

    weight_ih: FloatArray
    weight_hh: FloatArray
    bias_ih: FloatArray | None
    bias_hh: FloatArray | None


class OnnxWeights(NamedTuple):
    """Weights in the layout of ONNX, named as in its operators.

    Attributes:
        W: Weights of the inputs, [1, gates * units, features].
        R: Weights of the states, [1, gates * units, units].
        B: Input biases followed by recurrent biases, [1, 2 * gates * units]. None if the layer has no bias.
    """

    W: FloatArray
    R: FloatArray
    B: FloatArray | None


def _reorder(columns: FloatArray, source: tuple[str, ...], target: tuple[str, ...]) -> FloatArray:
    """Return the array with its columns moved from the gate order `source` to the gate order `target`."""
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
    """Return the input bias and the recurrent bias. If the Keras layer has only one bias, the recurrent bias is 0."""
    if bias.ndim == 2:
        return bias[0], bias[1]
    return bias, np.zeros_like(bias)


def _keras_bias(rec: Recurrence, input_bias: FloatArray, recurrent_bias: FloatArray) -> FloatArray:
    """Return the bias of a Keras layer: the two biases stacked for a GRU with reset_after, otherwise their sum."""
    if len(rec.bias_shape(len(input_bias) // rec.gates)) == 2:
        return np.stack([input_bias, recurrent_bias])
    return input_bias + recurrent_bias


def _require_known(rec: Recurrence, library: str) -> None:
    if rec.cell not in _PYTORCH_GATES:
        raise ValueError(f"{library} has no {rec.cell}. The cells that can be converted are simple_rnn, lstm and gru.")


def _check_pytorch(rec: Recurrence) -> None:
    _require_known(rec, "PyTorch")
    if rec.cell == "gru" and not rec.reset_after:
        raise ValueError(
            "PyTorch does not support reset_after=False: its GRU applies the reset gate after the recurrent product."
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
    """Convert Keras weights to weights of `torch.nn.RNN`, `LSTM` or `GRU`.

    Args:
        rec: The recurrence that the weights belong to.
        kernel, recurrent_kernel, bias: The weights of the Keras layer; see `KerasWeights`.

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
    """Convert weights of `torch.nn.RNN`, `LSTM` or `GRU` to Keras weights.

    Args:
        rec: The recurrence that the weights belong to.
        weight_ih, weight_hh, bias_ih, bias_hh: The weights of the PyTorch layer; see `PyTorchWeights`.

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
    biases = (_reorder(b, source, rec.gate_names) for b in (bias_ih, bias_hh))
    return KerasWeights(kernel, recurrent_kernel, _keras_bias(rec, *biases))


def keras_to_onnx(
    rec: Recurrence, kernel: FloatArray, recurrent_kernel: FloatArray, bias: FloatArray | None
) -> OnnxWeights:
    """Convert Keras weights to the inputs W, R and B of the ONNX operators RNN, LSTM and GRU.

    `onnx_attributes` returns the attributes of the ONNX node for the same recurrence.

    Args:
        rec: The recurrence that the weights belong to.
        kernel, recurrent_kernel, bias: The weights of the Keras layer; see `KerasWeights`.

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
    """Convert the weights of an ONNX operator RNN, LSTM or GRU with one direction to Keras weights.

    Args:
        rec: The recurrence that the weights belong to. For a GRU, `reset_after` must be True exactly if the attribute
            linear_before_reset of the ONNX node is 1.
        W, R, B: The inputs of the ONNX node; see `OnnxWeights`.

    Raises:
        ValueError: ONNX has no such cell, or a shape does not fit. For example, the shapes of a
            bidirectional node do not fit.
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
    """Return the attributes of an ONNX node (RNN, LSTM or GRU) that computes a recurrence.

    The result can be passed to `onnx.helper.make_node` as keyword arguments. ONNX nodes do not support
    masks. Their input sequence_lens is equivalent to a mask only if the padding is at the end and
    `rec.zero_output_for_mask` is True.

    Args:
        rec: The recurrence.
        units: Number of units, which becomes the attribute hidden_size.

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
    """Convert the weights of a GRU from one convention of the update gate z to the other.

    The same function converts in both directions.

        keep:  h = z * h_prev + (1 - z) * c    Cho et al. 2014, section 2.3; Keras, PyTorch, ONNX and this package
        take:  h = (1 - z) * h_prev + z * c    Chung et al. 2014, section 3.2

    Since sigma(-a) = 1 - sigma(a), it is enough to negate the columns of the update gate in W, U and b. The
    conversion is exact.

    Args:
        kernel, recurrent_kernel, bias: The weights of the GRU; see `KerasWeights`.
        rec: The recurrence that the weights belong to.

    Raises:
        ValueError: The recurrence is not a GRU, its recurrent activation does not satisfy sigma(-a) = 1 - sigma(a), or
            a shape does not fit.
    """
    if rec.cell != "gru":
        raise ValueError(f"Only a GRU can be converted to the other convention of the update gate, not {rec.cell!r}.")
    if rec.recurrent_activation not in ("sigmoid", "hard_sigmoid"):
        raise ValueError(
            "The update gate can be converted with recurrent_activation 'sigmoid' or 'hard_sigmoid' only, "
            f"not {rec.recurrent_activation!r}."
        )
    _check_keras(rec, kernel, recurrent_kernel, bias)
    units = recurrent_kernel.shape[0]
    sign = np.ones(3 * units, dtype=kernel.dtype)
    sign[:units] = -1
    return KerasWeights(kernel * sign, recurrent_kernel * sign, None if bias is None else bias * sign)
