"""Run the recurrent layers of Keras on the compiled kernels. "Stock" means as in unmodified Keras.

`accelerate()` replaces the loop over time steps in `keras.layers.SimpleRNN`, `LSTM` and `GRU`, and in `RNN` with one of
their stock cells. Constructors, weights, summaries and saved files do not change. Results are the same up to rounding,
even with dropout, because the Keras cell still generates the dropout masks. `restore()` puts the stock loops back. A
model that was compiled before one of these calls keeps the loop that it was compiled with.

Two computations are avoided. If the input of a recurrent layer comes directly from an Embedding, the embedding of each
distinct word in a batch is multiplied by the layer's kernel only once. This is not possible with dropout on the inputs
or with another layer in between. If texts are padded on the left without a mask, the padding is computed only once for
the whole batch. This is not possible with an initial state that is given to the layer.

In training steps, a Dense layer with a softmax over many classes and its sparse cross-entropy are one computation.

A layer that the kernels do not support runs on the stock loop. A `SlowPathWarning` gives the reason, once for each
reason and layer class.
"""

import atexit
import os
import sys
from importlib import import_module
from typing import Any, Self

from gatewright.keras import embeddings, lazy_parts, loops, one_batch, slow_path, softmax_loss, trainer
from gatewright.keras import precision as keras_precision
from gatewright.keras.patches import Patches

_patches = Patches()


class _Acceleration:
    """The context manager that `accelerate` returns. It calls `restore()` on exit."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        restore()


def accelerate(precision: str | None = None) -> _Acceleration:
    """Run the recurrent layers of Keras in this process on Gatewright's kernels until `restore()` is called.

    If Keras is not imported yet, the JAX backend is selected. The result can be used as a context manager that calls
    `restore()` on exit. After the first call, the process keeps up to 1 GB of freed memory for later training
    steps instead of returning the memory to the system (glibc's `mallopt`). `restore()` does not undo this.

    Args:
        precision: "bfloat16" rounds the operands of matrix products in recurrent layers to bfloat16 in training, but
            not in inference. This is faster on processors with AVX512-BF16. The products are added up in float32;
            states and weights are float32, too. "float32" rounds nothing. None keeps the precision of an earlier call.

    Raises:
        ValueError: There is no such precision.
        RuntimeError: Keras uses a backend other than JAX, or `KERAS_BACKEND` selects one.
        ImportError: Keras or JAX is not installed.
    """
    if precision is not None:
        keras_precision.set_products(precision)
    keras = _import_keras_on_jax()  # it may itself call this function, by way of `enable()`
    if not _patches:
        kernels: Any = import_module("gatewright.ops._kernels")
        kernels.keep_freed_memory()
        for layer in (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU):  # SimpleRNN inherits the loop of RNN
            _patches.wrap(layer, "inner_loop", loops.with_kernels)
        _patches.wrap(keras.layers.Embedding, "call", embeddings.noting_tokens)
        _patches.wrap(keras.layers.RNN, "get_initial_state", loops.noting_zero_states)
        _patch_trainer()
        _patch_loss(keras)
        for module in keras_precision.modules_with_set_floatx():
            _patches.wrap(module, "set_floatx", keras_precision.with_64_bits)
        keras_precision.begin()
        atexit.register(embeddings.report_unknown_ids)
    return _Acceleration()


def restore() -> None:
    """Put the stock loops of Keras back. Do nothing if `accelerate()` is not in effect."""
    if _patches:
        keras_precision.end()
        atexit.unregister(embeddings.report_unknown_ids)
    _patches.undo()
    slow_path.clear()
    embeddings.clear()
    softmax_loss.clear()
    loops.zero_states.clear()
    keras_precision.reset_products()


def _patch_trainer() -> None:
    module = import_module("keras.src.backend.jax.trainer")
    _patches.wrap(module, "jit", trainer.sparing_jit)
    model = module.JAXTrainer
    _patches.wrap(model, "_get_jax_state", trainer.noting_state)
    _patches.wrap(model, "_make_function", trainer.recording_steps)
    _patches.wrap(model, "jax_state_sync", trainer.syncing_valid_values)
    _patches.wrap(model, "predict", one_batch.predicting_one_batch)
    for name in trainer.METHODS:
        _patches.wrap(model, name, trainer.guarded(name))


def _patch_loss(keras: Any) -> None:
    backend = import_module("keras.src.backend.jax.nn")
    _patches.wrap(keras.layers.Dense, "call", softmax_loss.noting_operands)
    _patches.wrap(backend, "softmax", softmax_loss.noting_softmax)
    _patches.wrap(backend, "sparse_categorical_crossentropy", softmax_loss.with_operands)
    model = import_module("keras.src.backend.jax.trainer").JAXTrainer
    _patches.wrap(model, "compute_loss_and_updates", softmax_loss.within_training)


def _import_keras_on_jax() -> Any:
    if "keras" not in sys.modules:
        backend = os.environ.setdefault("KERAS_BACKEND", "jax")
        if backend != "jax":
            raise RuntimeError(
                f"Gatewright needs Keras on JAX, but KERAS_BACKEND is {backend!r}. Set it to 'jax', or unset it."
            )
    try:
        with lazy_parts.deferred():
            import keras

        if keras.backend.backend() == "jax":
            import_module("gatewright.ops.jax")  # fails now, rather than in the first layer, if XLA rejects the kernels
    except ModuleNotFoundError as missing:
        raise ImportError(
            f"Accelerating Keras needs {missing.name}: pip install 'gatewright[train]'.", name=missing.name
        ) from missing
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            f"Gatewright needs Keras on JAX, but Keras already uses {keras.backend.backend()!r}. Call "
            "gatewright.accelerate() before importing Keras, or set KERAS_BACKEND=jax."
        )
    return keras
