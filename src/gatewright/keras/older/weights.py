"""Weights in .h5 files of Keras 1 and Keras 2, arranged as the layers of Keras 3 have them."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gatewright.keras.older import patches
from gatewright.support.errors import InputError
from gatewright.support.keras_arguments import HARD_SIGMOID
from gatewright.support.keras_weights import Arrays, arrange_recurrent, is_cudnn


def install() -> None:
    """Arrange weights of earlier releases when Keras reads them, until `patches.undo()` is called."""
    from keras.src.legacy.saving import legacy_h5_format

    patches.wrap(legacy_h5_format, "load_weights_from_hdf5_group", _load_in_order)
    patches.wrap(legacy_h5_format, "load_weights_from_hdf5_group_by_name", _load_by_name)


def is_old(group: Any) -> bool:
    """Return True if a file or group was written by Keras 1 or 2."""
    return version(group).partition(".")[0] in ("0", "1", "2")


def version(group: Any) -> str:
    """Return the version of Keras that wrote a file or group. Keras 1 did not write it at first."""
    return _text(group.attrs.get("keras_version", "1"))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _load_in_order(stock: Any, group: Any, model: Any, *args: Any, **kwargs: Any) -> None:
    __tracebackhide__ = True
    from keras.src.legacy.saving import legacy_h5_format as h5
    from keras.src.saving.saving_lib import safe_get_h5_group

    if not is_old(group):
        stock(group, model, *args, **kwargs)
        return
    named = [
        name
        for name in h5.load_attributes_from_hdf5_group(group, "layer_names")
        if _names(safe_get_h5_group(group, name))
    ]
    layers = [layer for layer in model.layers if h5._legacy_weights(layer)]
    pairs = list(zip(named, layers, strict=True)) if len(named) == len(layers) else []
    with _arranged(group, pairs) as arranged:
        stock(arranged, model, *args, **kwargs)


def _load_by_name(stock: Any, group: Any, model: Any, *args: Any, **kwargs: Any) -> None:
    __tracebackhide__ = True
    from keras.src.legacy.saving import legacy_h5_format as h5

    if not is_old(group):
        stock(group, model, *args, **kwargs)
        return
    layers = {layer.name: layer for layer in model.layers}
    named = h5.load_attributes_from_hdf5_group(group, "layer_names")
    with _arranged(group, [(name, layers[name]) for name in named if name in layers]) as arranged:
        stock(arranged, model, *args, **kwargs)


def _names(layer_group: Any) -> list[str]:
    from keras.src.legacy.saving import legacy_h5_format as h5

    names: list[str] = h5.load_attributes_from_hdf5_group(layer_group, "weight_names")
    return names


def _arranged(group: Any, pairs: Sequence[tuple[str, Any]]) -> Any:
    """Return an HDF5 file in memory with the weights of `group`, arranged for the layers in `pairs`."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format as h5
    from keras.src.saving.saving_lib import safe_get_h5_group

    file = h5py.File(io.BytesIO(), "w")
    for name, value in group.attrs.items():
        file.attrs[name] = value
    layers, backend = dict(pairs), _text(group.attrs.get("backend", ""))
    if "model_config" not in group.file.attrs:
        _note_default_activation(group, layers.values())
    names = h5.load_attributes_from_hdf5_group(group, "layer_names")
    for name in [*names, *(["top_level_model_weights"] if "top_level_model_weights" in group else [])]:
        values = h5.load_subset_weights_from_hdf5_group(safe_get_h5_group(group, name))
        if name in layers:
            values = arrange(layers[name], values, backend)
        target = file.create_group(name)
        h5.save_attributes_to_hdf5_group(target, "weight_names", [f"w{i}".encode() for i in range(len(values))])
        for i, value in enumerate(values):
            target.create_dataset(f"w{i}", data=value)
    return file


def _note_default_activation(group: Any, layers: Iterable[Any]) -> None:
    """Print a note if a recurrent layer has another default than it had in the release that wrote its weights."""
    import keras

    written_by = version(group)
    if not written_by.startswith(("0.", "1", "2.0", "2.1", "2.2")):
        return
    for layer in layers:
        inner = getattr(layer, "forward_layer", layer)
        recurrent = isinstance(inner, keras.layers.LSTM | keras.layers.GRU)
        if recurrent and inner.recurrent_activation is keras.activations.sigmoid:
            patches.note(
                "default activation",
                f"The weights were saved by Keras {written_by}, whose LSTM and GRU had hard_sigmoid by default, but "
                f"layer {layer.name!r} has sigmoid; if it was trained with the default, make it with "
                f"recurrent_activation={HARD_SIGMOID!r}",
            )


def arrange(layer: Any, values: Arrays, backend: str = "") -> Arrays:
    """Return the arrays of a layer in an .h5 file of Keras 1 or 2 as `layer` of Keras 3 has them.

    Args:
        layer: The layer of Keras 3. Wrappers and models are taken apart.
        values: The arrays in the order of the file.
        backend: The backend that the file names. Theano flipped the kernels of convolutions.

    Raises:
        InputError: The weights are those of a recurrence with other equations.
    """
    import keras

    kinds = keras.layers
    if isinstance(layer, kinds.Bidirectional):
        half = len(values) // 2
        return [
            *arrange(layer.forward_layer, values[:half], backend),
            *arrange(layer.backward_layer, values[half:], backend),
        ]
    if isinstance(layer, kinds.TimeDistributed):
        return arrange(layer.layer, values, backend)
    if isinstance(layer, keras.Model):
        return _arrange_model(layer, values, backend)
    for kind in ("LSTM", "GRU"):
        if isinstance(layer, getattr(kinds, kind)):
            return _arrange_recurrent(kind, layer, values)
    if isinstance(layer, kinds.Conv1D | kinds.Conv2D | kinds.Conv3D | kinds.Conv2DTranspose) and values:
        return [_convolution_kernel(layer, np.asarray(values[0]), backend), *values[1:]]
    return values


def _arrange_model(model: Any, values: Arrays, backend: str) -> Arrays:
    """Arrange the weights of a model in a model: first the trainable ones of all layers, then the others."""
    counts = [(layer, len(layer.trainable_weights), len(layer.non_trainable_weights)) for layer in model.layers]
    if sum(first + second for _, first, second in counts) != len(values):
        return values  # Keras reports the difference
    arranged, start = [], 0
    for layer, count, _ in counts:
        arranged += arrange(layer, values[start : start + count], backend)
        start += count
    return [*arranged, *values[start:]]


def _arrange_recurrent(kind: str, layer: Any, values: Arrays) -> Arrays:
    arranged = arrange_recurrent(kind, layer.units, values)
    if is_cudnn(kind, layer.units, values):
        patches.note(f"CuDNN{kind} weights", f"The file has weights of CuDNN{kind}; they were converted")
    if kind == "GRU":
        _require_same_reset(layer, arranged)
    return arranged


def _require_same_reset(layer: Any, values: Arrays) -> None:
    """Raise an error if the weights are those of a GRU whose reset gate is at the other place."""
    units = layer.units
    if len(values) == 3 and np.shape(values[2]) != np.shape(layer.cell.bias):
        for shape, reset_after in (((3 * units,), False), ((2, 3 * units), True)):
            if np.shape(values[2]) == shape:
                raise InputError(
                    f"The weights in the file are those of a GRU with reset_after={reset_after}, but layer "
                    f"{layer.name!r} has reset_after={layer.reset_after}. Make it with GRU({units}, "
                    f"reset_after={reset_after})."
                )


def _convolution_kernel(layer: Any, kernel: Any, backend: str) -> Any:
    """Return the kernel of a convolution: channels last, and not flipped as Theano has it."""
    rank = len(layer.kernel_size)
    if rank == 1 and kernel.ndim == 4:  # Keras 1 computed it as a convolution of images
        if kernel.shape[:2] != (*layer.kernel_size, 1):
            kernel = kernel.transpose(2, 3, 1, 0)
        kernel = kernel[:, 0]
    elif rank == 2 and kernel.shape != tuple(layer.kernel.shape):
        swapped = kernel.transpose(2, 3, 1, 0)
        kernel = swapped if swapped.shape == tuple(layer.kernel.shape) else kernel
    return np.flip(kernel, axis=tuple(range(rank))) if backend == "theano" else kernel
