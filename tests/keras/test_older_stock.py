"""Programs for Keras 3: nothing is translated, and the results are those of stock Keras."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gatewright.keras import notes, older  # noqa: E402


def calls(folder):
    """Make representative calls of Keras 3, and return numbers that they give."""
    layers, rng = keras.layers, np.random.default_rng(0)
    keras.utils.set_random_seed(1)
    x, y = rng.integers(1, 9, (12, 5)), rng.integers(0, 2, (12, 1)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            layers.Embedding(9, 4, name="words"),
            layers.Flatten(),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(1, activation="sigmoid", kernel_initializer="he_normal", kernel_regularizer="l2"),
        ]
    )
    optimizer = keras.optimizers.Nadam(learning_rate=0.01, clipnorm=1.0)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    checkpoint = keras.callbacks.ModelCheckpoint(folder / "best.keras", monitor="accuracy", save_best_only=True)
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1)
    stop = keras.callbacks.EarlyStopping(monitor="loss", restore_best_weights=True)
    history = model.fit(x, y, epochs=1, verbose=0, callbacks=[checkpoint, plateau, stop])
    model.save_weights(folder / "w.weights.h5")
    model.load_weights(folder / "w.weights.h5")
    again = keras.models.load_model(folder / "best.keras")
    clone = keras.models.model_from_json(model.to_json())
    inputs = keras.Input((3,), name="in")
    functional = keras.Model(inputs, layers.concatenate([layers.Dense(2)(inputs), inputs]))
    recurrent = layers.Bidirectional(layers.GRU(3, recurrent_activation="hard_sigmoid"), name="both")
    recurrent.build((None, 5, 2))
    assert recurrent.forward_layer.reset_after
    assert recurrent.forward_layer.recurrent_activation is keras.activations.hard_sigmoid
    assert clone.get_layer("words").output.shape == (None, 5, 4)
    assert functional.output_shape == (None, 5)
    assert "acc" not in history.history
    assert history.history.get("acc") is None
    assert model.optimizer is optimizer
    assert float(keras.activations.hard_sigmoid(np.float32(1))) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        layers.Dense(3, nonsense=1)
    with pytest.raises(KeyError):
        history.history["nonsense"]
    return [
        *model.get_weights(),
        *again.get_weights(),
        *recurrent.get_weights(),
        *(np.asarray(values) for _, values in sorted(history.history.items())),
        optimizer.learning_rate.numpy(),
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_programs_for_keras_3_are_not_changed(tmp_path, capsys):
    stock = calls(tmp_path)
    notes.forget()
    older.install()
    try:
        translated = calls(tmp_path)
        assert [name for name in dir(keras.layers) if "CuDNN" in name] == []
    finally:
        older.uninstall()
    assert "gatewright" not in capsys.readouterr().err
    for first, second in zip(stock, translated, strict=True):
        np.testing.assert_array_equal(first, second)


def test_everything_is_put_back():
    owners = [keras.Model, keras.Sequential, keras.layers, keras.layers.Layer, keras.layers.LSTM, keras.optimizers]
    owners += [keras.optimizers.Adam, keras.backend, keras.models, keras.saving, keras.callbacks.ModelCheckpoint]
    before = [dict(vars(owner)) for owner in owners]
    older.install()
    older.install()
    older.uninstall()
    for owner, attributes in zip(owners, before, strict=True):
        assert dict(vars(owner)) == attributes, owner
