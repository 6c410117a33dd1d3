"""Replace the loop over time steps in Keras' recurrent layers by the kernels."""

import functools
from collections.abc import Sequence
from typing import Any

from gatewright.keras import precision, usage
from gatewright.keras.embeddings import embedded
from gatewright.keras.slow_path import (
    activation_name,
    activations_of,
    cell_names,
    cells_of,
    is_old,
    reason_of_call,
    reason_of_layer,
    warn_once,
)
from gatewright.keras.tensor_notes import Notes
from gatewright.ops.recurrence import Recurrence

zero_states = Notes()  # initial state of zeros that a layer made for itself -> True


def with_kernels(stock: Any) -> Any:
    """Return a replacement for `stock`, the method `inner_loop` of a recurrent layer.

    The replacement runs the kernels, or `stock` for layers that the kernels do not support.
    """
    from keras import tree

    @functools.wraps(stock)
    def inner_loop(self: Any, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        mask_of_steps = mask[0] if tree.is_nested(mask) else mask
        states = _states_by_cell(self, initial_state)
        reason = reason_of_layer(self) or reason_of_call(self, sequences, states, mask_of_steps)
        if reason is None and sequences.shape[1] == 1 and not training:
            # The kernels would first copy the weights into their layout, which takes longer than one step.
            usage.record_layer(self, on_kernels=False, reason=usage.ONE_STEP)
            _check_shapes(self, sequences, states)
            return stock(self, sequences, initial_state, mask=mask, training=training)
        usage.record_layer(self, on_kernels=reason is None, reason=reason or "")
        if reason is not None:
            warn_once(self, reason)
            return stock(self, sequences, initial_state, mask=mask, training=training)
        try:
            _check_shapes(self, sequences, states)
            return _run_kernels(self, sequences, states, mask_of_steps, training)
        except BaseException:
            self._maybe_reset_dropout_masks(self.cell)  # or the next call would use the masks of this one
            raise

    return inner_loop


def noting_zero_states(stock: Any) -> Any:
    """Return a replacement for `stock`, the method `get_initial_state` of a recurrent layer.

    In layers with stock cells, the replacement also stores notes that the returned states are zeros.
    """
    import jax
    from keras import tree

    @functools.wraps(stock)
    def get_initial_state(self: Any, batch_size: Any) -> Any:
        states = stock(self, batch_size)
        if all(type(cell) in cell_names() for cell in cells_of(self)):
            for state in tree.flatten(states):
                if isinstance(state, jax.Array):
                    zero_states.set(state, True)
        return states

    return get_initial_state


def _states_by_cell(layer: Any, initial_state: Any) -> list[list[Any]]:
    """Return the list of states of each cell. It does not fit the cells if the user gave other states."""
    from keras import layers, tree

    states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
    if type(layer.cell) is not layers.StackedRNNCells:
        return [states]
    return [list(state) for state in states if tree.is_nested(state)]


def _check_shapes(layer: Any, sequences: Any, states: Sequence[Sequence[Any]]) -> None:
    name = f"{type(layer).__name__} layer {layer.name!r}"
    found, expected = sequences.shape[-1], cells_of(layer)[0].kernel.shape[0]
    if found != expected:
        raise ValueError(
            f"{name} was built for inputs with {_count(expected, 'feature')}, but this input has "
            f"{_count(found, 'feature')}: its shape is {list(sequences.shape)}, [batch, time, features]."
        )
    for cell, of_cell in zip(cells_of(layer), states, strict=True):
        shape = (sequences.shape[0], cell.units)
        for state in of_cell:
            if tuple(state.shape) != shape:
                raise ValueError(
                    f"{name} needs an initial state of shape {list(shape)}, [batch, units], "
                    f"but this state has shape {list(state.shape)}."
                )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _recurrence(layer: Any, cell: Any, training: bool) -> Recurrence:
    name = cell_names()[type(cell)]
    activations = activations_of(cell)
    recurrent = activations.get("recurrent_activation")
    return Recurrence(
        name,
        activation=str(activation_name(activations["activation"])),
        recurrent_activation="hard_sigmoid" if is_old(recurrent) else str(activation_name(recurrent)),
        reset_after=name != "gru" or cell.reset_after,
        reverse=bool(layer.go_backwards),
        zero_output_for_mask=bool(layer.zero_output_for_mask),
        precision=precision.of_products(training),
    )


def _run_kernels(layer: Any, sequences: Any, states: Sequence[list[Any]], mask: Any, training: bool) -> Any:
    """Run the cells of a layer, one after the other over all steps. Return what `inner_loop` returns."""
    from keras import layers, ops

    cells = cells_of(layer)
    mask = None if mask is None else ops.cast(mask, "bool")
    sequence, new_states = sequences, []
    for cell, of_cell in zip(cells, states, strict=True):
        whole = cell is not cells[-1] or bool(layer.return_sequences)
        rec = _recurrence(layer, cell, training)
        sequence, last_states = _run_cell(rec, cell, sequence, of_cell, mask, training, whole)
        new_states.append(list(last_states))
    last = new_states[-1][0]
    if mask is not None and layer.zero_output_for_mask:
        last = ops.where(mask[:, :1] if layer.go_backwards else mask[:, -1:], last, 0)
    if sequence is None:
        sequence = ops.expand_dims(last, 1)  # as Keras' own fused loops return it; the layer uses `last`
    elif layer.go_backwards:
        sequence = ops.flip(sequence, axis=1)  # Keras returns outputs in the order in which they are computed
    return last, sequence, new_states if type(layer.cell) is layers.StackedRNNCells else new_states[0]


def _run_cell(
    rec: Recurrence, cell: Any, sequences: Any, states: list[Any], mask: Any, training: bool, return_sequence: bool
) -> Any:

    from gatewright.ops import jax as gw

    dropout_mask = recurrent_dropout_mask = None
    if training:
        dropout_mask = _draw_mask(cell.dropout, cell.get_dropout_mask, sequences[:, 0, :])
        recurrent_dropout_mask = _draw_mask(cell.recurrent_dropout, cell.get_recurrent_dropout_mask, states[0])
    tokens = embedded.get(sequences) if dropout_mask is None else None
    return gw.forward(
        rec,
        sequences if tokens is None else tokens,
        _weights(cell, cell.kernel),
        _weights(cell, cell.recurrent_kernel),
        None if cell.bias is None else _weights(cell, cell.bias),
        # No gradient can be asked for with respect to zeros that the layer made for itself.
        initial_state=None if all(map(zero_states.get, states)) else states,
        mask=mask,
        dropout_mask=dropout_mask,
        recurrent_dropout_mask=recurrent_dropout_mask,
        return_sequence=return_sequence,
    )


def _weights(cell: Any, variable: Any) -> Any:
    """Return the value of a weight of a cell, scaled for the `hard_sigmoid` of Keras 1 and 2 if the cell has it.

    The kernels compute clip(a / 6 + 0.5, 0, 1). The old function is clip(0.2 a + 0.5, 0, 1), the same of 1.2 a.
    """
    from keras import ops

    value = ops.convert_to_tensor(variable)
    if not is_old(activations_of(cell).get("recurrent_activation")):
        return value
    scales = [1.2, 1.2, 1.0, 1.2] if cell_names()[type(cell)] == "lstm" else [1.2, 1.2, 1.0]  # i, f, c, o or z, r, h
    return value * ops.cast(ops.repeat(ops.convert_to_tensor(scales), cell.units), value.dtype)


def _draw_mask(rate: float, draw: Any, like: Any) -> Any:
    """Return the dropout masks for one call of a layer, [1 or gates, batch, width], or None if `rate` is 0.

    Args:
        rate: The dropout rate, from 0 to 1.
        draw: The method of the Keras cell that generates the masks.
        like: A tensor with the shape of a mask, [batch, width].
    """
    from keras import ops

    if rate == 0.0:
        return None
    masks = draw(like)
    return ops.stack(masks) if isinstance(masks, list) else ops.expand_dims(masks, 0)
