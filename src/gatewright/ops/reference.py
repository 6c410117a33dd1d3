"""The specification: each recurrence's equations, its parameter layout, and a reference that mirrors them.

Every faster path must equal what stands here. The step functions are pure and written against the array
functions that NumPy and JAX share, so the same equations serve as the NumPy oracle and as the body of a
`jax.lax.scan`. Computation is in the dtype of the operands: pass float64 to get the oracle.

Letters, the same in the equations and in the code:

    x  input, [batch, features] a step and [batch, time, features] a sequence
    h  state that is also the output, [batch, units];  c  LSTM cell state, or GRU candidate
    W  kernel, [features, gates * units];  U  recurrent kernel, [units, gates * units];  b  bias
       (of a cell whose gates do not look at the state, U is [units, 0]: it has no numbers, and no product)
    m  dropout mask on x;  n  dropout mask on h;  both drawn once for a sequence and already scaled
    *  product of elements;  @  product of matrices

The layout is that of Keras: gates stand side by side in the columns of W, U and b, in the order of
`Recurrence.gate_names` (GRU z, r, h; LSTM i, f, c, o; minGRU z, h; minLSTM i, f, c). With layer normalisation b also
holds the gains: see `Recurrence.bias_shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from gatewright.support.errors import require_one_of

# Arrays of NumPy or of JAX: the two libraries share no type that NumPy alone could name.
Array: TypeAlias = Any

Cell: TypeAlias = Literal[
    "simple_rnn",
    "lstm",
    "gru",
    "min_gru",
    "min_lstm",
    "layer_norm_lstm",
    "layer_norm_gru",
    "zoneout_lstm",
    "zoneout_gru",
]

_GATE_NAMES = {
    "simple_rnn": ("h",),
    "lstm": ("i", "f", "c", "o"),
    "gru": ("z", "r", "h"),
    "min_gru": ("z", "h"),
    "min_lstm": ("i", "f", "c"),
    "layer_norm_lstm": ("i", "f", "c", "o"),
    "layer_norm_gru": ("z", "r", "h"),
    "zoneout_lstm": ("i", "f", "c", "o"),
    "zoneout_gru": ("z", "r", "h"),
}
ZONEOUT = {"zoneout_lstm": "lstm", "zoneout_gru": "gru"}
"""Cells with zoneout, and the cell whose new states it takes: see `step`."""
# Cells whose gates look at the inputs alone: they have no product with the state.
_WITHOUT_PRODUCT = ("min_gru", "min_lstm")
_SAVED_NAMES = {
    "simple_rnn": (),
    "lstm": ("i", "f", "g", "o", "c"),
    "min_gru": ("z", "c"),
    "min_lstm": ("i", "f", "g", "k"),
    "layer_norm_lstm": ("i", "f", "g", "o", "x_i", "x_f", "x_c", "x_o", "h_i", "h_f", "h_c", "h_o", "c"),
    "layer_norm_gru": ("z", "r", "c", "x_z", "x_r", "x_h", "h_z", "h_r", "h_h"),
}
# Under the root of a normalisation's variance, as the authors' own programs have it.
EPSILON = 1e-5


class Activation(NamedTuple):
    """A function of a pre-activation, and its derivative as a function of the output value alone."""

    apply: Callable[[ModuleType, Array], Array]
    derivative: Callable[[Array], Array]


def _sigmoid(xp: ModuleType, a: Array) -> Array:
    # 1 / (1 + exp(-a)) overflows for a very negative a; this is the same function and never does.
    return 0.5 * xp.tanh(0.5 * a) + 0.5


def _relu(xp: ModuleType, a: Array) -> Array:
    # A selection, not max(a, 0): its derivative at 0 is 0 under JAX too, and NaN passes through.
    return xp.where(a <= 0, xp.zeros_like(a), a)


def _hard_sigmoid(xp: ModuleType, a: Array) -> Array:
    y = a / 6 + 0.5
    return xp.where(y <= 0, xp.zeros_like(y), xp.where(y >= 1, xp.ones_like(y), y))


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(lambda xp, a: xp.tanh(a), lambda y: 1 - y * y),
    "sigmoid": Activation(_sigmoid, lambda y: y * (1 - y)),
    "relu": Activation(_relu, lambda y: (y > 0).astype(y.dtype)),
    "hard_sigmoid": Activation(_hard_sigmoid, lambda y: ((y > 0) & (y < 1)).astype(y.dtype) / 6),
    "linear": Activation(lambda xp, a: a, lambda y: np.ones_like(y)),
}


@dataclass(frozen=True)
class Recurrence:
    """Which recurrence, and how it walks through time: everything about it that is not an array.

    Attributes:
        cell: "simple_rnn", "lstm", "gru", "min_gru", "min_lstm", "layer_norm_lstm", "layer_norm_gru", "zoneout_lstm" or
            "zoneout_gru".
        activation: of the candidate (and of the LSTM's output): "tanh", "sigmoid", "relu", "hard_sigmoid" or
            "linear". "hard_sigmoid" is clip(a / 6 + 0.5, 0, 1), as in Keras 3. The candidates of min_gru and min_lstm
            have none, and ignore it.
        recurrent_activation: of the gates, one of the same names; a SimpleRNN has no gates and ignores it. Those of
            min_lstm are shares of a sum, which must not be 0: it has "sigmoid" alone.
        reset_after: where a GRU's reset gate stands: after the recurrent product (cuDNN, PyTorch, Keras'
            default), or before it (the papers). Other cells ignore it.
        reverse: walk from the last time step to the first. Outputs stay aligned with the times of the inputs.
        zero_output_for_mask: a masked step's output is 0, not the carried h. States are carried either way.
        zoneout: of a cell with zoneout, how probable it is that a unit of a state stays as it was, from 0 to below 1:
            what such a cell expects where it is given no mask. Other cells ignore it.

    Raises:
        ValueError: a name is unknown, the cell cannot have that recurrent_activation, or zoneout is out of range.
        TypeError: a flag is not a bool.
    """

    cell: Cell
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    reset_after: bool = True
    reverse: bool = False
    zero_output_for_mask: bool = False
    zoneout: float = 0.0

    def __post_init__(self) -> None:
        require_one_of("cell", self.cell, tuple(_GATE_NAMES))
        for name in ("activation", "recurrent_activation"):
            require_one_of(name, getattr(self, name), tuple(ACTIVATIONS))
        for name in ("reset_after", "reverse", "zero_output_for_mask"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, not {getattr(self, name)!r}.")
        if self.cell == "min_lstm" and self.recurrent_activation != "sigmoid":
            raise ValueError(
                f"min_lstm can have recurrent_activation 'sigmoid' alone, not {self.recurrent_activation!r}."
            )
        if isinstance(self.zoneout, bool) or not 0 <= self.zoneout < 1:
            raise ValueError(f"zoneout must be a number from 0 to below 1, not {self.zoneout!r}.")

    @property
    def base(self) -> Cell:
        """The cell, without its zoneout."""
        return ZONEOUT.get(self.cell, self.cell)  # type: ignore[return-value]

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Gates in the order of the columns of W, U and b."""
        return _GATE_NAMES[self.cell]

    @property
    def gates(self) -> int:
        """How many gates stand side by side in W and b."""
        return len(self.gate_names)

    @property
    def recurrent_gates(self) -> int:
        """How many gates stand side by side in U: all, or none where no gate looks at the state."""
        return 0 if self.cell in _WITHOUT_PRODUCT else self.gates

    @property
    def state_names(self) -> tuple[str, ...]:
        """States carried from step to step; the first is also the output."""
        return ("h", "c") if self.base in ("lstm", "layer_norm_lstm") else ("h",)

    @property
    def saved_names(self) -> tuple[str, ...]:
        """Values of each step that `backward` needs beyond the states: see the step functions."""
        if self.base == "gru":
            return ("z", "r", "c", "u") if self.reset_after else ("z", "r", "c")
        return _SAVED_NAMES[self.base]

    def recurrent_kernel_shape(self, units: int) -> tuple[int, int]:
        """[units, gates * units]; [units, 0] where no gate looks at the state."""
        return (units, self.recurrent_gates * units)

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """[2, 3 * units] (input, recurrent) for a GRU with reset_after; [gates * units] for any other without gains.

        With layer normalisation a row of units each, as the step functions name them: of layer_norm_lstm [14, units],
        b (i, f, c, o), gain_x (likewise), gain_h (likewise), gain_c, shift_c; of layer_norm_gru [10, units],
        b (z, r, h), b_u, gain_x (z, r, h), gain_h (likewise).
        """
        if self.base == "gru" and self.reset_after:
            return (2, 3 * units)
        if self.cell == "layer_norm_lstm":
            return (14, units)
        if self.cell == "layer_norm_gru":
            return (10, units)
        return (self.gates * units,)

    @property
    def gain_rows(self) -> slice:
        """The rows of the bias that are gains: 1 where there is no bias, while its other rows are 0."""
        return {"layer_norm_lstm": slice(4, 13), "layer_norm_gru": slice(4, 10)}.get(self.cell, slice(0))


def no_recurrent_kernel(rec: Recurrence, kernel: Array) -> np.ndarray[Any, np.dtype[Any]]:
    """U [units, 0] beside a kernel [features, gates * units], of a cell whose gates do not look at the state."""
    columns = kernel.shape[-1] if kernel.shape else 0
    return np.zeros((columns // rec.gates, 0), kernel.dtype)


class Tokens(NamedTuple):
    """Inputs given as ids into a table, as an embedding gives them: x[b, t] = table[ids[b, t]].

    An operation that takes them computes what depends on the id alone once for equal ids, and the gradient of x is
    then that of the table.

    Attributes:
        ids: integers [batch, time], from 0 to rows - 1 where a step is live.
        table: [rows, features].
    """

    ids: Array
    table: Array


class Weights(NamedTuple):
    """The operands that stay the same at every step, in the order of the letters W, U, b, m, n."""

    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    dropout_mask: Array | None
    recurrent_dropout_mask: Array | None


class Forward(NamedTuple):
    """What `forward` returns: sequence [B, T, U], each state [B, U] after the walk, saved [B, T, S, U]."""

    sequence: Array
    states: tuple[Array, ...]
    saved: Array


class Gradients(NamedTuple):
    """Gradients of a loss by each operand, in the operand's shape; bias is None where there is none."""

    x: Array
    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    states: tuple[Array, ...]


def lengths_to_mask(lengths: Array, time: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Mask [batch, time] that is True at the first lengths[b] steps of row b, for padding at the end.

    Raises:
        ValueError: lengths is not one-dimensional and of integers, or a length is below 0 or above time.
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or not (np.issubdtype(lengths.dtype, np.integer) or lengths.size == 0):
        raise ValueError(f"lengths must be [batch] integers, not {lengths.dtype} of shape {lengths.shape}.")
    if lengths.size and (lengths.min() < 0 or lengths.max() > time):
        raise ValueError(
            f"lengths must lie between 0 and time = {time}, not between {lengths.min()} and {lengths.max()}."
        )
    mask: np.ndarray[Any, np.dtype[np.bool_]] = np.arange(time) < lengths[:, None]
    return mask


def _require_shape(name: str, array: Array, *expected: tuple[int, ...]) -> None:
    if tuple(array.shape) not in expected:
        wanted = " or ".join(str(list(shape)) for shape in expected)
        raise ValueError(f"{name} must have shape {wanted}, not {list(array.shape)}.")


def check_operands(
    rec: Recurrence,
    shape: tuple[int, ...],
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: Sequence[Array],
    mask: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    zoneout_mask: Array | None = None,
) -> None:
    """Check the operands of a whole sequence against one another and against `shape`, that of x; shapes alone are read.

    Raises:
        ValueError: a shape does not fit; the sentence names the operand, the shape wanted and the one given.
    """
    if len(shape) != 3:
        raise ValueError(f"x must have shape [batch, time, features], not {list(shape)}.")
    if len(recurrent_kernel.shape) != 2:
        raise ValueError(
            f"recurrent_kernel must have shape [units, {rec.recurrent_gates} * units], "
            f"not {list(recurrent_kernel.shape)}."
        )
    batch, time, features = shape
    units, gates = recurrent_kernel.shape[0], rec.gates
    _require_shape("recurrent_kernel", recurrent_kernel, rec.recurrent_kernel_shape(units))
    _require_shape("kernel", kernel, (features, gates * units))
    if bias is not None:
        _require_shape("bias", bias, rec.bias_shape(units))
    if len(states) != len(rec.state_names):
        raise ValueError(f"states must be {', '.join(rec.state_names)}, not {len(states)} arrays.")
    for name, state in zip(rec.state_names, states, strict=True):
        _require_shape(f"state {name}", state, (batch, units))
    if mask is not None:
        _require_shape("mask", mask, (batch, time))
    if recurrent_dropout_mask is not None and not rec.recurrent_gates:
        raise ValueError(f"{rec.cell} has no recurrent product, and so no recurrent_dropout_mask.")
    for name, drop, width in (
        ("dropout_mask", dropout_mask, features),
        ("recurrent_dropout_mask", recurrent_dropout_mask, units),
    ):
        if drop is not None:
            _require_shape(name, drop, (1, batch, width), (gates, batch, width))
    if zoneout_mask is not None and rec.cell not in ZONEOUT:
        raise ValueError(f"{rec.cell} has no zoneout, and so no zoneout_mask.")
    if zoneout_mask is not None:
        _require_shape("zoneout_mask", zoneout_mask, (batch, time, len(rec.state_names), units))


# ---- forward -----------------------------------------------------------------------------------------------


def _split(array: Array, gates: int) -> list[Array]:
    """The columns of each gate."""
    units = array.shape[-1] // gates
    return [array[..., g * units : (g + 1) * units] for g in range(gates)]


def _of_gate(masks: Array | None, g: int) -> Array:
    """The dropout mask of gate g, or the one that all gates share, or 1 where there is no dropout."""
    if masks is None:
        return 1
    return masks[g if masks.shape[0] > 1 else 0]


def _project(operand: Array, weights: Array, bias: Array | None, masks: Array | None, gates: int) -> list[Array]:
    """For each gate g: (operand * masks_g) @ weights_g + bias_g."""
    if masks is None or masks.shape[0] == 1:
        # All gates see one operand, so one product serves them all.
        products = _split((operand * _of_gate(masks, 0)) @ weights, gates)
    else:
        products = [(operand * masks[g]) @ w for g, w in enumerate(_split(weights, gates))]
    if bias is None:
        return products
    return [p + b for p, b in zip(products, _split(bias, gates), strict=True)]


def _simple_rnn_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the simple recurrent network.

    Elman 1990, "Finding Structure in Time", section "Networks with memory".

        h = activation((x * m) @ W + b + (h_prev * n) @ U)

    States: (h,). Saved: nothing, since the derivative is a function of h.
    """
    (W, U, b, m, n), (h_prev,) = weights, states
    (x_h,) = _project(x, W, b, m, 1)
    (h_h,) = _project(h_prev, U, None, n, 1)
    h = ACTIVATIONS[rec.activation].apply(xp, x_h + h_h)
    return (h,), ()


def _lstm_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the long short-term memory.

    Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", section 4; the forget gate is that of Gers,
    Schmidhuber & Cummins 2000, "Learning to Forget", section 3. No peepholes.

        i = sigma((x * m_i) @ W_i + b_i + (h_prev * n_i) @ U_i)           input gate
        f = sigma((x * m_f) @ W_f + b_f + (h_prev * n_f) @ U_f)           forget gate
        g = activation((x * m_c) @ W_c + b_c + (h_prev * n_c) @ U_c)      candidate
        o = sigma((x * m_o) @ W_o + b_o + (h_prev * n_o) @ U_o)           output gate
        c = f * c_prev + i * g
        h = o * activation(c)                                             sigma = recurrent_activation

    States: (h, c). Saved: (i, f, g, o, c).
    """
    (W, U, b, m, n), (h_prev, c_prev) = weights, states
    activation, sigma = ACTIVATIONS[rec.activation].apply, ACTIVATIONS[rec.recurrent_activation].apply
    x_i, x_f, x_c, x_o = _project(x, W, b, m, 4)
    h_i, h_f, h_c, h_o = _project(h_prev, U, None, n, 4)
    i = sigma(xp, x_i + h_i)
    f = sigma(xp, x_f + h_f)
    g = activation(xp, x_c + h_c)
    o = sigma(xp, x_o + h_o)
    c = f * c_prev + i * g
    h = lstm_output(rec, o, c, b, xp)
    return (h, c), (i, f, g, o, c)


def _gru_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the gated recurrent unit, with the update gate that keeps.

    Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", section 2.3. Chung et al.
    2014, "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling", section 3.2, has z
    and 1 - z
    exchanged: `gatewright.ops.convert.swap_update_gate` turns one into the other.

        z = sigma((x * m_z) @ W_z + b_z + (h_prev * n_z) @ U_z [+ b'_z])          update gate
        r = sigma((x * m_r) @ W_r + b_r + (h_prev * n_r) @ U_r [+ b'_r])          reset gate
        reset before:  c = activation((x * m_h) @ W_h + b_h + (r * (h_prev * n_h)) @ U_h)
        reset after:   u = (h_prev * n_h) @ U_h + b'_h
                       c = activation((x * m_h) @ W_h + b_h + r * u)              candidate
        h = z * h_prev + (1 - z) * c                                              sigma = recurrent_activation

    b = bias[0] and b' = bias[1] with reset after; with reset before there is no b'.
    States: (h,). Saved: (z, r, c, u) with reset after, (z, r, c) with reset before.
    """
    (W, U, b, m, n), (h_prev,) = weights, states
    activation, sigma = ACTIVATIONS[rec.activation].apply, ACTIVATIONS[rec.recurrent_activation].apply
    input_bias, recurrent_bias = (b, None) if b is None or not rec.reset_after else b
    x_z, x_r, x_h = _project(x, W, input_bias, m, 3)
    if rec.reset_after:
        h_z, h_r, u = _project(h_prev, U, recurrent_bias, n, 3)
    else:
        units = h_prev.shape[-1]
        h_z, h_r = _project(h_prev, U[:, : 2 * units], None, n, 2)
    z = sigma(xp, x_z + h_z)
    r = sigma(xp, x_r + h_r)
    if rec.reset_after:
        c = activation(xp, x_h + r * u)
    else:
        c = activation(xp, x_h + (r * (h_prev * _of_gate(n, 2))) @ U[:, 2 * units :])
    h = z * h_prev + (1 - z) * c
    return (h,), ((z, r, c, u) if rec.reset_after else (z, r, c))


def _min_gru_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the minimal gated recurrent unit, with the update gate that takes.

    Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?", section 3.1.

        z = sigma((x * m_z) @ W_z + b_z)                    update gate
        c = (x * m_h) @ W_h + b_h                           candidate
        h = (1 - z) * h_prev + z * c                        sigma = recurrent_activation

    The function g that the paper's appendix puts around the candidate belongs to its form in logarithms, which needs
    states above 0; the section's own equations, and these, have none.
    States: (h,). Saved: (z, c).
    """
    (W, _, b, m, _), (h_prev,) = weights, states
    x_z, c = _project(x, W, b, m, 2)
    z = ACTIVATIONS[rec.recurrent_activation].apply(xp, x_z)
    h = (1 - z) * h_prev + z * c
    return (h,), (z, c)


def _min_lstm_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the minimal long short-term memory, with normalised gates.

    Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?", section 3.2. As in minGRU, the
    candidate passes through no function.

        i = sigmoid((x * m_i) @ W_i + b_i)                  input gate
        f = sigmoid((x * m_f) @ W_f + b_f)                  forget gate
        g = (x * m_c) @ W_c + b_c                           candidate
        k = f / (f + i)                                     f', what is kept; i' = i / (f + i) = 1 - k
        h = k * h_prev + (1 - k) * g

    States: (h,). Saved: (i, f, g, k).
    """
    (W, _, b, m, _), (h_prev,) = weights, states
    x_i, x_f, g = _project(x, W, b, m, 3)
    i, f = _sigmoid(xp, x_i), _sigmoid(xp, x_f)
    # sigmoid(log f - log i): where both gates are closed f / (f + i) would be 0 / 0.
    k = _sigmoid(xp, xp.logaddexp(0, -x_i) - xp.logaddexp(0, -x_f))
    h = k * h_prev + (1 - k) * g
    return (h,), (i, f, g, k)


def _parameters(rec: Recurrence, bias: Array | None, units: int, xp: ModuleType, like: Array) -> Array:
    """The rows of a bias that holds gains; where there is none, gains of 1 and biases of 0."""
    if bias is not None:
        return bias
    rows = np.zeros(rec.bias_shape(units))
    rows[rec.gain_rows] = 1
    return xp.asarray(rows, dtype=like.dtype)


def _normalise(xp: ModuleType, blocks: Sequence[Array]) -> list[Array]:
    """N of blocks [batch, units] as one vector, given back as blocks: see `_layer_norm_lstm_step`."""
    v = xp.concatenate(blocks, axis=-1)
    count = max(1, v.shape[-1])
    centred = v - v.sum(axis=-1, keepdims=True) / count
    variance = (centred * centred).sum(axis=-1, keepdims=True) / count
    return _split(centred / xp.sqrt(variance + EPSILON), len(blocks))


def lstm_output(rec: Recurrence, o: Array, c: Array, bias: Array | None, xp: ModuleType) -> Array:
    """h of an LSTM's output gate and cell state, with or without layer normalisation.

    Args:
        rec: an LSTM.
        o, c: [batch, units].
        bias: `rec.bias_shape(units)`, or None.
        xp: `numpy` or `jax.numpy`.
    """
    if rec.cell == "layer_norm_lstm":
        rows = _parameters(rec, bias, c.shape[-1], xp, c)
        c = rows[12] * _normalise(xp, [c])[0] + rows[13]
    return o * ACTIVATIONS[rec.activation].apply(xp, c)


def _layer_norm_lstm_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the long short-term memory with layer normalisation.

    Ba, Kiros & Hinton 2016, "Layer Normalization", section 3.1 and the supplementary material.

        N(v) = (v - mean(v)) / sqrt(variance(v) + EPSILON)
        x_i, x_f, x_c, x_o = (x * m) @ W             h_i, h_f, h_c, h_o = (h_prev * n) @ U
        a = gain_x * N(x) + gain_h * N(h) + b        N of the four gates as one vector
        i = sigma(a_i)    f = sigma(a_f)    g = activation(a_c)    o = sigma(a_o)
        c = f * c_prev + i * g
        h = o * activation(gain_c * N(c) + shift_c)  sigma = recurrent_activation

    The paper has a bias in either normalisation beside b; they act as their sum alone, which is b here.
    States: (h, c). Saved: (i, f, g, o, x_i, x_f, x_c, x_o, h_i, h_f, h_c, h_o, c).
    """
    (W, U, bias, m, n), (h_prev, c_prev) = weights, states
    activation, sigma = ACTIVATIONS[rec.activation].apply, ACTIVATIONS[rec.recurrent_activation].apply
    rows = _parameters(rec, bias, h_prev.shape[-1], xp, h_prev)
    b, gain_x, gain_h = rows[:4], rows[4:8], rows[8:12]
    x_sums, h_sums = _project(x, W, None, m, 4), _project(h_prev, U, None, n, 4)
    normal_x, normal_h = _normalise(xp, x_sums), _normalise(xp, h_sums)
    a_i, a_f, a_c, a_o = (gain_x[k] * normal_x[k] + gain_h[k] * normal_h[k] + b[k] for k in range(4))
    i = sigma(xp, a_i)
    f = sigma(xp, a_f)
    g = activation(xp, a_c)
    o = sigma(xp, a_o)
    c = f * c_prev + i * g
    h = lstm_output(rec, o, c, bias, xp)
    return (h, c), (i, f, g, o, *x_sums, *h_sums, c)


def _layer_norm_gru_step(
    rec: Recurrence, x: Array, states: tuple[Array, ...], weights: Weights, xp: ModuleType
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the gated recurrent unit with layer normalisation, with the update gate that takes.

    Ba, Kiros & Hinton 2016, "Layer Normalization", section 3.1 and the supplementary material. N as in the long
    short-term memory.

        x_z, x_r, x_h = (x * m) @ W                  h_z, h_r, h_h = (h_prev * n) @ U
        a = gain_x * N(x) + gain_h * N(h) + b        of z and r: N of the two as one vector
        z = sigma(a_z)    r = sigma(a_r)
        u = gain_h_h * N(h_h) + b_u
        c = activation(gain_x_h * N(x_h) + b_h + r * u)
        h = (1 - z) * h_prev + z * c                 sigma = recurrent_activation

    The paper has a bias in either normalisation of z and r; they act as their sum alone, which is b here.
    States: (h,). Saved: (z, r, c, x_z, x_r, x_h, h_z, h_r, h_h).
    """
    (W, U, bias, m, n), (h_prev,) = weights, states
    activation, sigma = ACTIVATIONS[rec.activation].apply, ACTIVATIONS[rec.recurrent_activation].apply
    rows = _parameters(rec, bias, h_prev.shape[-1], xp, h_prev)
    b, b_u, gain_x, gain_h = rows[:3], rows[3], rows[4:7], rows[7:]
    x_sums, h_sums = _project(x, W, None, m, 3), _project(h_prev, U, None, n, 3)
    normal_x = [*_normalise(xp, x_sums[:2]), *_normalise(xp, x_sums[2:])]
    normal_h = [*_normalise(xp, h_sums[:2]), *_normalise(xp, h_sums[2:])]
    z, r = (sigma(xp, gain_x[k] * normal_x[k] + gain_h[k] * normal_h[k] + b[k]) for k in range(2))
    u = gain_h[2] * normal_h[2] + b_u
    c = activation(xp, gain_x[2] * normal_x[2] + b[2] + r * u)
    h = (1 - z) * h_prev + z * c
    return (h,), (z, r, c, *x_sums, *h_sums)


_STEPS = {
    "simple_rnn": _simple_rnn_step,
    "lstm": _lstm_step,
    "gru": _gru_step,
    "min_gru": _min_gru_step,
    "min_lstm": _min_lstm_step,
    "layer_norm_lstm": _layer_norm_lstm_step,
    "layer_norm_gru": _layer_norm_gru_step,
}


def _kept(rec: Recurrence, zoneout_mask: Array | None, xp: ModuleType, like: tuple[Array, ...]) -> list[Array]:
    """d of each state: see `step`."""
    if zoneout_mask is None:
        return [xp.asarray(rec.zoneout, state.dtype) for state in like]
    return [xp.asarray(zoneout_mask[:, k], state.dtype) for k, state in enumerate(like)]


def step(
    rec: Recurrence,
    x: Array,
    states: tuple[Array, ...],
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    dropout_mask: Array | None,
    recurrent_dropout_mask: Array | None,
    xp: ModuleType,
    zoneout_mask: Array | None = None,
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """One step of the recurrence's cell.

    With zoneout each new state s of the cell without it becomes

        d * s_prev + (1 - d) * s

    Krueger et al. 2016, "Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations", section 3.2: d is drawn
    for each step, unit and state of each row, 1 with probability `rec.zoneout`, in training; afterwards it is that
    probability. An LSTM's h comes of the c that the cell gives, not of the one that is kept, which is the c among the
    saved values.

    Pure: nothing is written in place, and the dtype is that of the operands. Shapes are not checked here,
    since this runs at every step: `check_operands` does it once for a sequence.

    Args:
        rec: the recurrence; its direction and masking play no part in a single step.
        x: [batch, features].
        states: one [batch, units] for each of `rec.state_names`.
        kernel: W, [features, gates * units].
        recurrent_kernel: U, `rec.recurrent_kernel_shape(units)`.
        bias: `rec.bias_shape(units)`, or None.
        dropout_mask: m, [1 or gates, batch, features], scaled, constant through time; or None.
        recurrent_dropout_mask: n, [1 or gates, batch, units], likewise.
        xp: `numpy` or `jax.numpy`.
        zoneout_mask: d, bool [batch, states, units]; None for the probability. Of a cell with zoneout alone.

    Returns:
        The new states, and the values of `rec.saved_names`; each [batch, units].
    """
    weights = Weights(kernel, recurrent_kernel, bias, dropout_mask, recurrent_dropout_mask)
    new, saved = _STEPS[rec.base](rec, x, states, weights, xp)
    if rec.cell in ZONEOUT:
        kept = _kept(rec, zoneout_mask, xp, states)
        new = tuple(d * s_prev + (1 - d) * s for d, s_prev, s in zip(kept, states, new, strict=True))
        if "c" in rec.state_names:
            saved = (*saved[:-1], new[1])
    return new, saved


def _walk(rec: Recurrence, time: int) -> range:
    """The time steps in the order in which the recurrence visits them."""
    return range(time - 1, -1, -1) if rec.reverse else range(time)


def _stack(rows: Sequence[Array], shape: tuple[int, ...], like: Array, xp: ModuleType) -> Array:
    """The rows stacked along axis 1, or an empty array of the shape when there are none."""
    return xp.stack(rows, axis=1) if rows else xp.zeros(shape, dtype=like.dtype)


def _zero_masked_inputs(x: Array, mask: Array | None, xp: ModuleType) -> Array:
    """Inputs with zeros at masked steps, so that NaN or infinity in the padding cannot reach 0 * NaN."""
    return x if mask is None else xp.where(mask[:, :, None], x, xp.zeros_like(x))


def forward(
    rec: Recurrence,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: Sequence[Array],
    mask: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    xp: ModuleType = np,
    zoneout_mask: Array | None = None,
) -> Forward:
    """Walk the recurrence over a whole sequence.

    A masked step carries every state. Its output is the carried h (before the first live step: the initial
    h), or 0 with `rec.zero_output_for_mask`; its saved values are 0. What stands in x at a masked step has no
    influence.

    Args:
        rec: the recurrence.
        x: [batch, time, features].
        kernel, recurrent_kernel, bias, dropout_mask, recurrent_dropout_mask: as in `step`.
        states: the initial states, one [batch, units] for each of `rec.state_names`.
        mask: [batch, time], True (or nonzero) where a step is live; None when all are.
        xp: `numpy` or `jax.numpy`.
        zoneout_mask: bool [batch, time, states, units], of a cell with zoneout: see `step`.

    Returns:
        sequence [batch, time, units] aligned with the times of x, the last states of the walk, and
        saved [batch, time, len(rec.saved_names), units].

    Raises:
        ValueError: the shapes do not fit one another.
    """
    drops = (dropout_mask, recurrent_dropout_mask)
    check_operands(rec, x.shape, kernel, recurrent_kernel, bias, states, mask, *drops, zoneout_mask)
    (batch, time, _), units = x.shape, recurrent_kernel.shape[0]
    mask = None if mask is None else xp.asarray(mask, dtype=bool)
    x, states = _zero_masked_inputs(x, mask, xp), tuple(states)
    outputs, saved = [], []
    for t in _walk(rec, time):
        kept = None if zoneout_mask is None else zoneout_mask[:, t]
        new_states, values = step(rec, x[:, t], states, kernel, recurrent_kernel, bias, *drops, xp, kept)
        if mask is not None:
            live = mask[:, t, None]
            new_states = tuple(xp.where(live, new, old) for new, old in zip(new_states, states, strict=True))
            values = tuple(xp.where(live, v, xp.zeros_like(v)) for v in values)
        states = new_states
        output = states[0]
        if mask is not None and rec.zero_output_for_mask:
            output = xp.where(live, output, xp.zeros_like(output))
        outputs.append(output)
        saved.append(_stack(values, (batch, 0, units), output, xp))
    if rec.reverse:
        outputs.reverse()
        saved.reverse()
    return Forward(
        _stack(outputs, (batch, 0, units), states[0], xp),
        states,
        _stack(saved, (batch, 0, len(rec.saved_names), units), states[0], xp),
    )


# ---- backward ----------------------------------------------------------------------------------------------
# A name d_y stands for the derivative of the loss by y; d_a_g for that by the pre-activation of gate g.


def _project_backward(
    d_products: list[Array], operand: Array, weights: Array, masks: Array | None
) -> tuple[Array, Array]:
    """Gradients of `_project` by its operand and its weights."""
    gates = len(d_products)
    d_operand = np.zeros_like(operand)
    d_weights = []
    for g, (d, w) in enumerate(zip(d_products, _split(weights, gates), strict=True)):
        m = _of_gate(masks, g)
        d_operand = d_operand + (d @ w.T) * m
        d_weights.append((operand * m).T @ d)
    return d_operand, np.concatenate(d_weights, axis=1)


def _bias_backward(bias: Array | None, *d_products: list[Array]) -> Array | None:
    """Gradient by the bias: that of the input products, and that of the recurrent ones if they have one."""
    if bias is None:
        return None
    return np.stack([np.concatenate(d, axis=1).sum(axis=0) for d in d_products]).reshape(bias.shape)


def _simple_rnn_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, b, m, n = weights
    (d_h,), (h_prev,), h = d_states, states, output
    d_a = [d_h * ACTIVATIONS[rec.activation].derivative(h)]
    d_x, d_W = _project_backward(d_a, x, W, m)
    d_h_prev, d_U = _project_backward(d_a, h_prev, U, n)
    return Gradients(d_x, d_W, d_U, _bias_backward(b, d_a), (d_h_prev,))


def _lstm_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, b, m, n = weights
    (d_h, d_c), (h_prev, c_prev), (i, f, g, o, c) = d_states, states, saved
    activation, sigma = ACTIVATIONS[rec.activation], ACTIVATIONS[rec.recurrent_activation]
    y = activation.apply(np, c)  # h = o * y
    d_c = d_c + d_h * o * activation.derivative(y)
    d_a = [
        d_c * g * sigma.derivative(i),
        d_c * c_prev * sigma.derivative(f),
        d_c * i * activation.derivative(g),
        d_h * y * sigma.derivative(o),
    ]
    d_x, d_W = _project_backward(d_a, x, W, m)
    d_h_prev, d_U = _project_backward(d_a, h_prev, U, n)
    return Gradients(d_x, d_W, d_U, _bias_backward(b, d_a), (d_h_prev, d_c * f))


def _gru_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, b, m, n = weights
    (d_h,), (h_prev,), (z, r, c, *u) = d_states, states, saved
    activation, sigma = ACTIVATIONS[rec.activation], ACTIVATIONS[rec.recurrent_activation]
    units = h_prev.shape[1]
    d_a_z = d_h * (h_prev - c) * sigma.derivative(z)
    d_a_c = d_h * (1 - z) * activation.derivative(c)
    if rec.reset_after:
        d_a_r = d_a_c * u[0] * sigma.derivative(r)
        d_h_prev, d_U = _project_backward([d_a_z, d_a_r, d_a_c * r], h_prev, U, n)
    else:
        h_h = h_prev * _of_gate(n, 2)
        d_p, d_U_h = _project_backward([d_a_c], r * h_h, U[:, 2 * units :], None)
        d_a_r = d_p * h_h * sigma.derivative(r)
        d_h_prev, d_U_zr = _project_backward([d_a_z, d_a_r], h_prev, U[:, : 2 * units], n)
        d_h_prev = d_h_prev + d_p * r * _of_gate(n, 2)
        d_U = np.concatenate([d_U_zr, d_U_h], axis=1)
    d_a = [d_a_z, d_a_r, d_a_c]
    d_x, d_W = _project_backward(d_a, x, W, m)
    d_b = _bias_backward(b, d_a, *([[d_a_z, d_a_r, d_a_c * r]] if rec.reset_after else []))
    return Gradients(d_x, d_W, d_U, d_b, (d_h_prev + d_h * z,))


def _min_gru_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, b, m, _ = weights
    (d_h,), (h_prev,), (z, c) = d_states, states, saved
    d_a = [d_h * (c - h_prev) * ACTIVATIONS[rec.recurrent_activation].derivative(z), d_h * z]
    d_x, d_W = _project_backward(d_a, x, W, m)
    return Gradients(d_x, d_W, np.zeros_like(U), _bias_backward(b, d_a), (d_h * (1 - z),))


def _min_lstm_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, b, m, _ = weights
    (d_h,), (h_prev,), (i, f, g, k) = d_states, states, saved
    d_odds = d_h * (h_prev - g) * k * (1 - k)  # by log f - log i
    d_a = [-d_odds * (1 - i), d_odds * (1 - f), d_h * (1 - k)]
    d_x, d_W = _project_backward(d_a, x, W, m)
    return Gradients(d_x, d_W, np.zeros_like(U), _bias_backward(b, d_a), (d_h * k,))


def _normalise_backward(
    d_scaled: Sequence[Array], blocks: Sequence[Array], gains: Array
) -> tuple[list[Array], list[Array]]:
    """Gradients by the blocks and by the gains, from those by gain * N(blocks)."""
    normal = np.concatenate(_normalise(np, blocks), axis=-1)
    v, d = np.concatenate(blocks, axis=-1), np.concatenate(d_scaled, axis=-1)
    count = max(1, v.shape[-1])
    d_normal = d * gains.reshape(-1)
    scale = 1 / np.sqrt(
        ((v - v.sum(axis=-1, keepdims=True) / count) ** 2).sum(axis=-1, keepdims=True) / count + EPSILON
    )
    mean = d_normal.sum(axis=-1, keepdims=True) / count
    along = (d_normal * normal).sum(axis=-1, keepdims=True) / count
    d_v = scale * (d_normal - mean - normal * along)
    return _split(d_v, len(blocks)), _split((d * normal).sum(axis=0), len(blocks))


def _layer_norm_lstm_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, bias, m, n = weights
    (d_h, d_c), (h_prev, c_prev), (i, f, g, o, *sums, c) = d_states, states, saved
    activation, sigma = ACTIVATIONS[rec.activation], ACTIVATIONS[rec.recurrent_activation]
    rows = _parameters(rec, bias, h_prev.shape[-1], np, h_prev)
    y = activation.apply(np, rows[12] * _normalise(np, [c])[0] + rows[13])  # h = o * y
    d_shift_c = d_h * o * activation.derivative(y)
    (d_c_normal,), d_gain_c = _normalise_backward([d_shift_c], [c], rows[12])
    d_c = d_c + d_c_normal
    d_a = [
        d_c * g * sigma.derivative(i),
        d_c * c_prev * sigma.derivative(f),
        d_c * i * activation.derivative(g),
        d_h * y * sigma.derivative(o),
    ]
    d_x_sums, d_gain_x = _normalise_backward(d_a, sums[:4], rows[4:8])
    d_h_sums, d_gain_h = _normalise_backward(d_a, sums[4:], rows[8:12])
    d_x, d_W = _project_backward(d_x_sums, x, W, m)
    d_h_prev, d_U = _project_backward(d_h_sums, h_prev, U, n)
    d_b = [d.sum(axis=0) for d in d_a]
    d_bias = None if bias is None else np.stack([*d_b, *d_gain_x, *d_gain_h, *d_gain_c, d_shift_c.sum(axis=0)])
    return Gradients(d_x, d_W, d_U, d_bias, (d_h_prev, d_c * f))


def _layer_norm_gru_step_backward(
    rec: Recurrence,
    d_states: tuple[Array, ...],
    x: Array,
    states: tuple[Array, ...],
    output: Array,
    saved: tuple[Array, ...],
    weights: Weights,
) -> Gradients:
    W, U, bias, m, n = weights
    (d_h,), (h_prev,), (z, r, c, *sums) = d_states, states, saved
    activation, sigma = ACTIVATIONS[rec.activation], ACTIVATIONS[rec.recurrent_activation]
    rows = _parameters(rec, bias, h_prev.shape[-1], np, h_prev)
    gain_x, gain_h = rows[4:7], rows[7:]
    u = gain_h[2] * _normalise(np, sums[5:])[0] + rows[3]
    d_a_c = d_h * z * activation.derivative(c)
    d_a_z, d_a_r = d_h * (c - h_prev) * sigma.derivative(z), d_a_c * u * sigma.derivative(r)
    d_u = d_a_c * r
    d_x_zr, d_gain_x_zr = _normalise_backward([d_a_z, d_a_r], sums[:2], gain_x[:2])
    d_x_h, d_gain_x_h = _normalise_backward([d_a_c], sums[2:3], gain_x[2])
    d_h_zr, d_gain_h_zr = _normalise_backward([d_a_z, d_a_r], sums[3:5], gain_h[:2])
    d_h_h, d_gain_h_h = _normalise_backward([d_u], sums[5:], gain_h[2])
    d_x, d_W = _project_backward([*d_x_zr, *d_x_h], x, W, m)
    d_h_prev, d_U = _project_backward([*d_h_zr, *d_h_h], h_prev, U, n)
    d_b = [d.sum(axis=0) for d in (d_a_z, d_a_r, d_a_c, d_u)]
    d_gains = [*d_gain_x_zr, *d_gain_x_h, *d_gain_h_zr, *d_gain_h_h]
    d_bias = None if bias is None else np.stack([*d_b, *d_gains])
    return Gradients(d_x, d_W, d_U, d_bias, (d_h_prev + d_h * (1 - z),))


_STEPS_BACKWARD = {
    "simple_rnn": _simple_rnn_step_backward,
    "lstm": _lstm_step_backward,
    "gru": _gru_step_backward,
    "min_gru": _min_gru_step_backward,
    "min_lstm": _min_lstm_step_backward,
    "layer_norm_lstm": _layer_norm_lstm_step_backward,
    "layer_norm_gru": _layer_norm_gru_step_backward,
}


def _states_before(
    rec: Recurrence, states: tuple[Array, ...], result: Forward, live: Array
) -> dict[int, tuple[Array, ...]]:
    """For each time the states that its step started from: those after the latest live step of the walk."""
    before = {}
    for t in _walk(rec, live.shape[1]):
        before[t] = states
        after: tuple[Array, ...] = (result.sequence[:, t],)
        if "c" in rec.state_names:
            after += (result.saved[:, t, rec.saved_names.index("c")],)
        states = tuple(np.where(live[:, t], new, old) for new, old in zip(after, states, strict=True))
    return before


def backward(
    rec: Recurrence,
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: Sequence[Array],
    forward_result: Forward,
    d_sequence: Array,
    d_states: Sequence[Array],
    mask: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    zoneout_mask: Array | None = None,
) -> Gradients:
    """Backpropagation through time, written out by hand, in NumPy.

    Werbos 1990, "Backpropagation Through Time: What It Does and How to Do It", section III.

    Args:
        rec, x, kernel, recurrent_kernel, bias, states, mask, dropout_mask, recurrent_dropout_mask, zoneout_mask: the
            operands that `forward` was given.
        forward_result: what `forward` returned for them.
        d_sequence: the loss' gradient by the sequence, [batch, time, units].
        d_states: its gradient by each last state, [batch, units].

    Returns:
        The loss' gradient by each differentiable operand. At masked steps the gradient by x is 0.

    Raises:
        ValueError: the shapes do not fit one another.
    """
    drops = (dropout_mask, recurrent_dropout_mask)
    check_operands(rec, x.shape, kernel, recurrent_kernel, bias, states, mask, *drops, zoneout_mask)
    (batch, time, _), units = x.shape, recurrent_kernel.shape[0]
    _require_shape("d_sequence", d_sequence, (batch, time, units))
    for name, d_state in zip(rec.state_names, d_states, strict=True):
        _require_shape(f"d_state {name}", d_state, (batch, units))
    live = np.ones((batch, time, 1), dtype=bool) if mask is None else np.asarray(mask, dtype=bool)[:, :, None]
    if mask is not None and rec.zero_output_for_mask:
        d_sequence = np.where(live, d_sequence, 0)
    x = _zero_masked_inputs(x, live[:, :, 0], np)
    weights = Weights(kernel, recurrent_kernel, bias, *drops)
    before = _states_before(rec, tuple(states), forward_result, live)
    d_x, d_W, d_U = np.zeros_like(x), np.zeros_like(kernel), np.zeros_like(recurrent_kernel)
    d_b = None if bias is None else np.zeros_like(bias)
    d_states = tuple(d_states)
    for t in reversed(_walk(rec, time)):
        d_states = (d_states[0] + d_sequence[:, t], *d_states[1:])
        # A masked row passes its states on: the step sees no gradient of it, and the gradient skips the step.
        d_live = tuple(np.where(live[:, t], d, 0) for d in d_states)
        saved = tuple(np.moveaxis(forward_result.saved[:, t], 1, 0))
        d_kept: tuple[Array, ...] = (0,) * len(d_live)
        if rec.cell in ZONEOUT:
            kept = _kept(rec, None if zoneout_mask is None else zoneout_mask[:, t], np, d_live)
            d_kept = tuple(d * d_s for d, d_s in zip(kept, d_live, strict=True))
            d_live = tuple((1 - d) * d_s for d, d_s in zip(kept, d_live, strict=True))
            if "c" in rec.state_names:  # the c that the cell gave
                i, f, g, o, _ = saved
                saved = (i, f, g, o, f * before[t][1] + i * g)
        output = forward_result.sequence[:, t]
        d_step = _STEPS_BACKWARD[rec.base](rec, d_live, x[:, t], before[t], output, saved, weights)
        d_before = tuple(new + past for new, past in zip(d_step.states, d_kept, strict=True))
        d_states = tuple(np.where(live[:, t], new, d) for new, d in zip(d_before, d_states, strict=True))
        d_x[:, t] = d_step.x
        d_W += d_step.kernel
        d_U += d_step.recurrent_kernel
        if d_b is not None:
            d_b += d_step.bias
    return Gradients(d_x, d_W, d_U, d_b, d_states)


CELLS = {
    "simple_rnn": "SimpleRNN",
    "lstm": "LSTM",
    "gru": "GRU",
    "min_gru": "minGRU",
    "min_lstm": "minLSTM",
    "layer_norm_lstm": "LayerNormLSTM",
    "layer_norm_gru": "LayerNormGRU",
    "zoneout_lstm": "ZoneoutLSTM",
    "zoneout_gru": "ZoneoutGRU",
}
"""The cells by name, and the title of each; of the first three it is the name of Keras' layer."""
