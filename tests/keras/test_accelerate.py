"""Stock Keras layers with and without `accelerate`: equal values, gradients and files, and the warnings."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tolerances import assert_close

import gatewright
from gatewright import SlowPathWarning

pytest.importorskip("jax")
_backend = os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")
if _backend == "jax":
    os.environ.pop("KERAS_BACKEND")  # programs started by tests see the environment of the user

import jax  # noqa: E402

layers = keras.layers

UNITS = 4
X = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
# Fully live, padded on the left, padded on the right, with gaps, and fully masked.
MASK = np.array([[1] * 7, [0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0, 1], [0] * 7], dtype=bool)


@pytest.fixture(autouse=True)
def _restore_stock_layers() -> Iterator[None]:
    yield
    gatewright.restore()


Make = Callable[..., Any]


def _gru_reset_before(units: int, **options: Any) -> Any:
    return layers.GRU(units, reset_after=False, **options)


KINDS: dict[str, Make] = {
    "simple_rnn": layers.SimpleRNN,
    "lstm": layers.LSTM,
    "gru_reset_after": layers.GRU,
    "gru_reset_before": _gru_reset_before,
}


def set_weights(layer: Any) -> None:
    """Set all weights, including biases, to values of order 1 that depend only on the shapes."""
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) / 2)


def compute(make: Make, x: Any = X, *, mask: Any = None, training: bool = False, states: bool = False) -> Any:
    """Return a layer's outputs, its updated variables, and the gradients of weights, inputs and initial states."""
    keras.utils.set_random_seed(7)
    layer = make()
    layer.build(x.shape)
    set_weights(layer)
    rng = np.random.default_rng(2)
    count = 2 if isinstance(layer, layers.LSTM) else 1
    initial = [rng.normal(size=(x.shape[0], UNITS)).astype(x.dtype) for _ in range(count)] if states else []
    options = {"mask": None if mask is None else jax.numpy.asarray(mask), "training": training}

    def loss(trainable: Any, non_trainable: Any, x: Any, initial: Any) -> Any:
        outputs, updated = layer.stateless_call(
            trainable, non_trainable, x, **options, **({"initial_state": initial} if states else {})
        )
        outputs = keras.tree.flatten(outputs)
        # A different weight for each element, so that swapped gradients are noticed.
        total = sum((o * jax.numpy.cos(jax.numpy.arange(o.size)).reshape(o.shape)).sum() for o in outputs)
        return total, (outputs, updated)

    values = [[v.value for v in vs] for vs in (layer.trainable_variables, layer.non_trainable_variables)]
    # Runs only once, so the compiler's slow optimizations are not worth their time.
    call = jax.jit(
        jax.value_and_grad(loss, argnums=(0, 2, 3), has_aux=True),
        compiler_options={"xla_backend_optimization_level": 0},
    )
    (_, (outputs, updated)), gradients = call(*values, x, initial)
    if isinstance(layer, layers.RNN) and layer.stateful:  # call it again, from the states of the first call
        (_, (again, updated)), _ = call(values[0], updated, x, initial)
        outputs = [*outputs, *again]
    return outputs, updated, jax.tree.leaves(gradients)


def assert_same_as_stock(make: Make, x: Any = X, dtype: Any = np.float32, **options: Any) -> None:
    expected = compute(make, x, **options)
    with gatewright.accelerate():
        actual = compute(make, x, **options)  # pytest turns a SlowPathWarning into an error
    for a, e, kind in zip(actual, expected, ("forward", "forward", "gradient"), strict=True):
        for one, other in zip(a, e, strict=True):
            assert_close(one, other, kind, dtype)


# ---- values and gradients ------------------------------------------------------------------------------------

slow = pytest.mark.slow
HARD: dict[str, Any] = {"activation": "relu", "recurrent_activation": "hard_sigmoid", "use_bias": False}


def test_gru_equals_stock() -> None:
    """Check one layer with most options in the quick run, too."""
    options = {"return_sequences": True, "return_state": True, "dropout": 0.3, "recurrent_dropout": 0.4}
    assert_same_as_stock(lambda: layers.GRU(UNITS, seed=3, **options), mask=MASK, training=True, states=True)


@slow
def test_lstm_equals_stock() -> None:
    assert_same_as_stock(lambda: layers.LSTM(UNITS, go_backwards=True, recurrent_dropout=0.4), mask=MASK, training=True)


@slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("return_sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("masked", [False, True], ids=["dense", "masked"])
def test_directions_masks_and_dropout_equal_stock(
    kind: str, return_sequences: bool, go_backwards: bool, masked: bool
) -> None:
    """Use a different dropout for each combination of outputs, direction and mask."""
    options = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    rates = ((0.0, 0.0), (0.3, 0.0), (0.0, 0.4), (0.3, 0.4))
    dropout, recurrent_dropout = rates[(2 * return_sequences + go_backwards + masked) % 4]
    assert_same_as_stock(
        lambda: KINDS[kind](
            UNITS, **options, return_state=masked, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=3
        ),
        mask=MASK if masked else None,
        training=True,
    )


@slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({"return_sequences": True, "return_state": True}, {"states": True, "mask": MASK}),
        ({"return_sequences": True, "unroll": True, "dropout": 0.3}, {"training": True}),
        ({"unroll": True, "go_backwards": True}, {}),
        ({"stateful": True, "return_sequences": True}, {"mask": MASK}),
        ({"dropout": 0.3, "recurrent_dropout": 0.4}, {"training": False}),
        ({"use_bias": False, "activation": "relu"}, {}),
        ({"activation": "linear"}, {"mask": MASK}),
        ({"activation": "sigmoid"}, {"mask": MASK}),
        ({"activation": None}, {}),
    ],
    ids=["states", "unroll", "unroll_back", "stateful", "no_training", "no_bias", "linear", "sigmoid", "none"],
)
def test_other_options_equal_stock(kind: str, options: dict[str, Any], call: dict[str, Any]) -> None:
    assert_same_as_stock(lambda: KINDS[kind](UNITS, **options), **call)


@slow
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "simple_rnn"])
@pytest.mark.parametrize("implementation", [1, 2])
def test_implementations_and_gate_activations_equal_stock(kind: str, implementation: int) -> None:
    """Draw one dropout mask per gate with implementation=1."""
    options = {"implementation": implementation, "dropout": 0.3, "recurrent_dropout": 0.4, "seed": 3}
    assert_same_as_stock(lambda: KINDS[kind](UNITS, **options, **HARD), training=True)


@slow
@pytest.mark.parametrize(
    "cell",
    [
        lambda: layers.SimpleRNNCell(UNITS, dropout=0.3),
        lambda: layers.GRUCell(UNITS, reset_after=False, recurrent_dropout=0.4),
        lambda: layers.LSTMCell(UNITS, dropout=0.3, recurrent_dropout=0.4),
    ],
    ids=["simple_rnn", "gru", "lstm"],
)
@pytest.mark.parametrize("last_output_backwards", [False, True])
def test_an_rnn_around_a_stock_cell_equals_stock(cell: Make, last_output_backwards: bool) -> None:
    options = {"return_sequences": not last_output_backwards, "go_backwards": last_output_backwards}
    assert_same_as_stock(
        lambda: layers.RNN(cell(), zero_output_for_mask=True, return_state=True, **options),
        mask=MASK,
        training=True,
    )


@slow
@pytest.mark.parametrize(
    ("options", "call"),
    [
        ({"return_sequences": True, "return_state": True}, {"mask": MASK, "training": True}),
        ({"go_backwards": True, "zero_output_for_mask": True}, {"mask": MASK, "training": True}),
        ({"stateful": True, "return_sequences": True, "go_backwards": True}, {}),
    ],
    ids=["sequences", "backwards", "stateful"],
)
def test_stacked_stock_cells_equal_stock(options: dict[str, Any], call: dict[str, Any]) -> None:
    def cells() -> Any:
        return [layers.GRUCell(UNITS, dropout=0.3, seed=1), layers.LSTMCell(3, recurrent_dropout=0.4, seed=2)]

    assert_same_as_stock(lambda: layers.RNN(cells(), **options), **call)
    if not options.get("stateful"):
        assert_same_as_stock(lambda: layers.Bidirectional(layers.RNN(cells(), return_sequences=True)), **call)


@slow
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize(("kind", "return_sequences"), [("lstm", True), ("gru_reset_after", False)])
def test_bidirectional_layers_equal_stock(merge: str | None, kind: str, return_sequences: bool) -> None:
    masked = merge in ("concat", "mul", None)
    assert_same_as_stock(
        lambda: layers.Bidirectional(
            KINDS[kind](UNITS, return_sequences=return_sequences, recurrent_dropout=0.2 if masked else 0.0),
            merge_mode=merge,
        ),
        mask=MASK if masked else None,
        training=True,
    )


@slow
def test_stacked_layers_pass_on_the_mask() -> None:
    def make() -> Any:
        return keras.Sequential(
            [
                layers.Masking(),
                layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)),
                layers.SimpleRNN(UNITS, return_sequences=True, recurrent_dropout=0.2),
                layers.GRU(UNITS),
            ]
        )

    x = np.where(MASK[:, :, None], X, 0)
    assert_same_as_stock(make, x, training=True)


def fit(cell: str) -> tuple[list[float], list[Any]]:
    keras.utils.set_random_seed(11)
    rng = np.random.default_rng(3)
    tokens = rng.integers(1, 50, size=(64, 12))
    tokens[np.arange(12) < rng.integers(0, 11, size=(64, 1))] = 0
    labels = (tokens % 2).sum(axis=1) > (tokens > 0).sum(axis=1) / 2
    model = keras.Sequential(
        [
            layers.Embedding(50, 6, mask_zero=True),
            getattr(layers, cell)(8, dropout=0.2, recurrent_dropout=0.2),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    history = model.fit(tokens, labels.astype("float32"), batch_size=16, epochs=3, verbose=0)
    return history.history["loss"], [np.asarray(v.value) for v in model.weights]


@slow
@pytest.mark.parametrize("cell", ["GRU", "LSTM", "SimpleRNN"])
def test_fit_follows_the_course_of_stock(cell: str) -> None:
    """Compare the losses and weights of a training with dropout and padding."""
    losses, weights = fit(cell)
    with gatewright.accelerate():
        our_losses, our_weights = fit(cell)
    assert losses[0] > losses[-1]
    # Adam divides by the root of small squares, which enlarges rounding errors a hundredfold.
    np.testing.assert_allclose(our_losses, losses, rtol=1e-4)
    for ours, stock in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=0, atol=1e-3)


def test_eager_calls_with_changing_batch_sizes_equal_stock() -> None:
    keras.utils.set_random_seed(5)
    layer = layers.GRU(UNITS, return_sequences=True)
    expected = [layer(X[:n]) for n in (5, 2)]
    with gatewright.accelerate():
        for n, e in zip((5, 2), expected, strict=True):
            assert_close(layer(X[:n]), e, "forward", np.float32)


# ---- the slow path -------------------------------------------------------------------------------------------


class CustomCell(layers.Layer):
    """A cell that is not part of Keras."""

    state_size = UNITS

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], UNITS))

    def call(self, x: Any, states: Any, training: bool = False) -> Any:
        h = keras.ops.tanh(x @ self.kernel + states[0])
        return h, [h]


class Subclassed(layers.GRUCell):
    """A subclass of a stock cell with a different computation."""

    def call(self, x: Any, states: Any, training: bool = False) -> Any:
        h, states = super().call(x, states, training)
        return 2 * h, states


SLOW: list[Any] = [
    pytest.param(
        lambda: layers.GRU(UNITS, unroll=True),
        {"mask": MASK[:, 1:4]},
        "masks differently in unrolled loops",
        id="gru_unroll",
    ),
    pytest.param(
        lambda: layers.LSTM(UNITS, unroll=True),
        {"mask": MASK[:, 1:4]},
        "masks differently in unrolled loops",
        id="lstm_unroll",
        marks=slow,
    ),
    pytest.param(
        lambda: layers.SimpleRNN(UNITS, unroll=True),
        {"mask": MASK[:, 1:4]},
        "masks differently in unrolled loops",
        id="rnn_unroll",
        marks=slow,
    ),
    pytest.param(lambda: layers.RNN(CustomCell()), {}, "its cell is CustomCell", id="custom_cell"),
    pytest.param(
        lambda: layers.RNN(Subclassed(UNITS), return_sequences=True),
        {},
        "its cell is Subclassed",
        id="subclassed_cell",
        marks=slow,
    ),
    pytest.param(
        lambda: layers.LSTM(UNITS, activation=keras.ops.sin),
        {},
        "its activation is sin, and the kernels compute tanh",
        id="activation",
        marks=slow,
    ),
    pytest.param(
        lambda: layers.GRU(UNITS, recurrent_activation="softsign"),
        {},
        "its recurrent_activation is softsign, and the kernels compute tanh",
        id="recurrent_activation",
        marks=slow,
    ),
    pytest.param(
        # In a model, since Layer.__call__ casts.
        lambda: keras.Sequential([layers.GRU(UNITS, dtype="mixed_float16")]),
        {},
        "it computes in float16",
        id="mixed_float16",
        marks=slow,
    ),
    pytest.param(
        lambda: keras.Sequential([layers.LSTM(UNITS, dtype="mixed_bfloat16")]),
        {},
        "it computes in bfloat16",
        id="bfloat16",
        marks=slow,
    ),
    pytest.param(
        lambda: layers.SimpleRNN(UNITS, dropout=1.0),
        {"training": True},
        "a dropout rate of 1",
        id="dropout_1",
        marks=slow,
    ),
]


@pytest.mark.parametrize(("make", "call", "reason"), SLOW)
def test_unsupported_layers_run_on_the_stock_loop_with_one_warning(
    make: Make, call: dict[str, Any], reason: str
) -> None:
    x = X[:, 1:4]
    expected = compute(make, x, **call)
    with gatewright.accelerate(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = compute(make, x, **call)
        make()(x, **call)
    messages = [str(w.message) for w in caught if issubclass(w.category, SlowPathWarning)]
    assert len(messages) == 1
    assert "runs on the slower loop of stock Keras" in messages[0]
    assert reason in messages[0]
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(a, e)


def test_use_cudnn_raises_the_error_of_stock() -> None:
    layer = layers.LSTM(UNITS, use_cudnn=True)
    with pytest.raises(ValueError, match="use_cudnn=True was specified") as stock:
        layer(X)
    with (
        gatewright.accelerate(),
        pytest.warns(SlowPathWarning, match="use_cudnn=True asks for cuDNN"),
        pytest.raises(ValueError, match="use_cudnn=True was specified") as ours,
    ):
        layer(X)
    assert str(ours.value) == str(stock.value)


def test_a_subclass_may_wrap_the_loop_of_its_parent() -> None:
    class Doubled(layers.GRU):
        def inner_loop(self, *arguments: Any, **named: Any) -> Any:
            last, sequence, states = super().inner_loop(*arguments, **named)
            return 2 * last, sequence, states

    assert_same_as_stock(lambda: Doubled(UNITS))


# ---- accelerate and restore ----------------------------------------------------------------------------------

CLASSES = (layers.RNN, layers.SimpleRNN, layers.LSTM, layers.GRU)


def loops() -> list[Any]:
    """Return the current loops, and which classes define their own."""
    return [(c.inner_loop, "inner_loop" in vars(c)) for c in CLASSES]


def test_restore_puts_back_the_same_functions() -> None:
    stock = loops()
    gatewright.accelerate()
    assert all(loop is not before for (loop, _), (before, _) in zip(loops(), stock, strict=True))
    gatewright.accelerate()  # a second call changes nothing
    gatewright.restore()
    assert loops() == stock
    gatewright.restore()
    assert loops() == stock


def test_the_context_manager_restores_on_exit() -> None:
    stock = loops()
    with gatewright.accelerate():
        assert loops() != stock
    assert loops() == stock
    with contextlib.suppress(KeyError), gatewright.accelerate():
        raise KeyError
    assert loops() == stock


def test_the_slow_path_warning_is_issued_again_after_restore() -> None:
    layer = layers.RNN(CustomCell())
    for _ in range(2):
        with gatewright.accelerate(), pytest.warns(SlowPathWarning):
            layer(X)


def model() -> Any:
    keras.utils.clear_session()  # Keras numbers layer names
    keras.utils.set_random_seed(13)
    return keras.Sequential(
        [
            layers.Input((7, 3)),
            layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True), name="bidirectional"),
            layers.SimpleRNN(UNITS, return_sequences=True, name="simple"),
            layers.GRU(UNITS, dropout=0.3, name="gru"),
        ],
        name="model",
    )


def describe(model: Any) -> Any:
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return lines, model.get_config(), [v.path for v in model.variables], [type(layer) for layer in model.layers]


def test_summaries_and_configurations_equal_stock() -> None:
    expected = describe(model())
    with gatewright.accelerate():
        assert describe(model()) == expected


def program(text: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Run a program with changed environment variables. None removes a variable."""
    env = {k: v for k, v in (dict(os.environ) | environment).items() if v is not None}
    return subprocess.run(
        [sys.executable, "-c", text], env=env, capture_output=True, text=True, timeout=300, check=False
    )


@slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras issues it when saving
def test_saved_models_load_with_and_without_gatewright(tmp_path: Path) -> None:
    stock = model()
    stock.save(tmp_path / "stock.keras")
    expected = stock.predict(X, verbose=0)
    with gatewright.accelerate():
        ours = keras.models.load_model(tmp_path / "stock.keras")
        assert_close(ours.predict(X, verbose=0), expected, "forward", np.float32)
        ours.save(tmp_path / "ours.keras")
    np.save(tmp_path / "x.npy", X)
    done = program(
        f"""
import sys
sys.modules["gatewright"] = None
import keras, numpy as np
folder = {str(tmp_path)!r}
model = keras.models.load_model(folder + "/ours.keras")
np.save(folder + "/y.npy", model.predict(np.load(folder + "/x.npy"), verbose=0))
""",
        KERAS_BACKEND="jax",
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


# ---- backends ------------------------------------------------------------------------------------------------


@slow
def test_accelerate_selects_jax(tmp_path: Path) -> None:
    done = program(
        "import gatewright; gatewright.accelerate(); import keras; print(keras.backend.backend())",
        KERAS_BACKEND=None,
        KERAS_HOME=str(tmp_path),
    )
    assert done.stdout == "jax\n", done.stderr


@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_an_environment_with_another_backend_is_an_error(backend: str) -> None:
    done = program("import gatewright; gatewright.accelerate()", KERAS_BACKEND=backend)
    assert done.stderr.strip().splitlines()[-1] == (
        f"RuntimeError: Gatewright needs Keras on JAX, but KERAS_BACKEND is {backend!r}. Set it to 'jax', or unset it."
    )


@slow
def test_keras_on_another_backend_is_an_error() -> None:
    pytest.importorskip("torch")
    done = program("import keras, gatewright; gatewright.accelerate()", KERAS_BACKEND="torch")
    assert done.stderr.strip().splitlines()[-1] == (
        "RuntimeError: Gatewright needs Keras on JAX, but Keras already uses 'torch'. Call gatewright.accelerate() "
        "before importing Keras, or set KERAS_BACKEND=jax."
    )


@pytest.mark.parametrize("missing", ["keras", "jax"])
def test_a_missing_package_is_named_in_the_error(missing: str) -> None:
    done = program(f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
import gatewright
gatewright.accelerate()
""")
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"ImportError: Accelerating Keras needs {missing}: pip install 'gatewright[train]'."
