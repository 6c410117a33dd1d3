"""Model and weight files of earlier releases of Keras, compared with a NumPy reference."""

import json
import warnings

import numpy as np
import pytest

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")

from goldens import older_keras as old  # noqa: E402

from gatewright.keras import accelerate, notes, older  # noqa: E402
from gatewright.support.errors import InputError  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras, when it saves .h5 files
]


@pytest.fixture(autouse=True)
def translated():
    notes.forget()
    accelerate.accelerate()
    older.install()
    yield
    older.uninstall()
    accelerate.restore()


def inputs(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def near(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, atol=2e-5)


def test_a_model_of_keras_1_predicts_with_its_hard_sigmoid(tmp_path, capsys):
    (kernel, recurrent, bias), (weight, offset) = old.keras_1_lstm(tmp_path / "a.h5")
    x = inputs(6, 5, 3)
    model = keras.models.load_model(tmp_path / "a.h5")
    scores = old.lstm(x, kernel, recurrent, bias, old.hard_sigmoid)[:, -1] @ weight + offset
    near(model.predict(x, verbose=0), np.exp(scores) / np.exp(scores).sum(1, keepdims=True))
    assert model.input_shape == (None, 5, 3)
    assert model.layers[0].cell.recurrent_regularizer.l1 == 0.5
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert "a.h5 was saved by Keras 1.1.0; it was translated (hard_sigmoid is the function of that release)." in (
        capsys.readouterr().err
    )
    model.save(tmp_path / "again.keras")
    near(keras.models.load_model(tmp_path / "again.keras").predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_gru_of_keras_2_applies_the_reset_gate_before_the_product(tmp_path):
    table, kernel, recurrent, bias, weight = old.keras_2_gru(tmp_path / "b.h5")
    ids = np.array([[3, 1, 0, 0], [9, 2, 4, 5]])
    model = keras.models.load_model(tmp_path / "b.h5")
    last = old.gru(table[ids], kernel, recurrent, bias, old.hard_sigmoid, ids != 0)
    near(model.predict(ids, verbose=0), last @ weight)
    optimizer = model.optimizer
    assert int(optimizer.iterations) == 7
    near(optimizer._momentums[1], kernel * 0.5)
    assert optimizer.get_config()["decay"] == 0.5
    before = model.get_weights()
    model.train_on_batch(ids, np.ones((2, 1)))
    changes = [float(abs(a - b).max()) for a, b in zip(before, model.get_weights(), strict=True)]
    assert max(changes) < 0.002 / (1 + 0.5 * 7) * 10, "the learning rate has decayed since the first step"
    with pytest.raises(InputError, match=r"reset_after=False, but layer .* Make it with GRU\(4, reset_after=False\)\."):
        keras.Sequential(
            [
                keras.Input((None,)),
                keras.layers.Embedding(10, 3),
                keras.layers.GRU(4),
                keras.layers.Dense(1, use_bias=False),
            ]
        ).load_weights(tmp_path / "b.h5")


def test_cudnn_layers_become_plain_layers_with_converted_weights(tmp_path, capsys):
    values = old.tf1_cudnn(tmp_path / "c.hdf5")
    x = inputs(3, 5, 3)
    halves = []
    for name, steps in (("forward", x), ("backward", x[:, ::-1])):
        kernel, recurrent, bias = values[name]
        outputs = old.lstm(steps, kernel, recurrent, bias.reshape(2, -1).sum(0))
        halves.append(outputs if name == "forward" else outputs[:, ::-1])
    kernel, recurrent, bias = values["gru"]
    expected = old.gru(np.concatenate(halves, -1), kernel, recurrent, bias.reshape(2, -1), old.sigmoid)
    model = keras.models.load_model(tmp_path / "c.hdf5")
    near(model.predict(x, verbose=0), expected)
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Bidirectional", "GRU"]
    assert "CuDNNLSTM is LSTM; CuDNNGRU is GRU" in capsys.readouterr().err
    text = json.loads(h5py.File(tmp_path / "c.hdf5").attrs["model_config"])
    again = keras.models.model_from_json(json.dumps(text))
    again.load_weights(tmp_path / "c.hdf5")
    near(again.predict(x, verbose=0), expected)


def test_a_model_of_tensorflow_2_is_compiled_as_it_was(tmp_path):
    (kernel, recurrent, bias), (weight, offset) = old.tf2_lstm(tmp_path / "d.h5")
    x = inputs(6, 5, 3)
    model = keras.models.load_model(tmp_path / "d.h5")
    near(model.predict(x, verbose=0), old.sigmoid(old.lstm(x, kernel, recurrent, bias)[:, -1] @ weight + offset))
    history = model.fit(x, np.ones((6, 1)), verbose=0).history
    assert history["accuracy"] == history["acc"]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.003)


def test_weights_and_models_keep_the_names_that_the_program_gives(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.LSTM(4), keras.layers.Dense(1)])
    other = keras.models.clone_model(model)
    model.compile("adam", "mse", metrics=["mae"])
    x = inputs(2, 5, 3)
    model.train_on_batch(x, np.ones((2, 1)))
    expected = model.predict(x, verbose=0)
    model.save_weights("w.h5", save_format="h5")
    model.save_weights("checkpoints/best")
    model.save("model.old")
    model.save("saved/model/", save_format="tf")
    model.save("model.bin", save_format="h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save("whole.h5")
    for name in ("w.h5", "checkpoints/best", "whole.h5", "model.old"):
        other.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
        other.load_weights(name)
        near(other.predict(x, verbose=0), expected)
    for name in ("model.old", "saved/model", "model.bin", "whole.h5"):
        loaded = keras.models.load_model(name)
        near(loaded.predict(x, verbose=0), expected)
        assert loaded.loss in ("mse", "mean_squared_error") or loaded.loss.__name__ == "mean_squared_error"
    assert capsys.readouterr().err.count("w.h5 was written in the layout of Keras 2. (test_older_files.py") == 1
    (tmp_path / "tf").mkdir()
    (tmp_path / "tf" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "ckpt.index").write_bytes(b"")
    with pytest.raises(InputError, match=r"^tf is a SavedModel of TensorFlow, which Keras 3 cannot load.*\.$"):
        keras.models.load_model("tf")
    with pytest.raises(InputError, match=r"^ckpt is a checkpoint of TensorFlow.*\.$"):
        model.load_weights("ckpt")


def test_weights_alone_say_nothing_of_activations_so_that_a_note_does(tmp_path, capsys):
    old.keras_1_lstm(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as whole, h5py.File(tmp_path / "w.h5", "w") as weights:
        weights.attrs.update(whole["model_weights"].attrs)
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", weights)
    for activation in ("gatewright>hard_sigmoid", "sigmoid"):
        lstm = keras.layers.LSTM(4, recurrent_activation=activation)
        keras.Sequential([keras.Input((5, 3)), lstm, keras.layers.Dense(2)]).load_weights(tmp_path / "w.h5")
        note = "if it was trained with the default, make it with recurrent_activation='gatewright>hard_sigmoid'."
        assert (note in capsys.readouterr().err) is (activation == "sigmoid")


def test_keras_1_convolutions_and_nested_models_are_arranged():
    from gatewright.keras.older.weights import arrange

    layer = keras.layers.Conv1D(5, 3)
    layer.build((None, 7, 2))
    kernel = inputs(3, 1, 2, 5)
    near(arrange(layer, [kernel])[0], kernel[:, 0])
    near(arrange(layer, [kernel], "theano")[0], kernel[::-1, 0])
    gates = [inputs(3, 4), inputs(4, 4), inputs(4)]
    gru = keras.layers.GRU(4, reset_after=False)
    gru.build((None, 7, 3))
    values = [gate * scale for scale in (1, 2, 3) for gate in gates]
    near(arrange(gru, values)[0], np.hstack([gates[0], gates[0] * 2, gates[0] * 3]))
    model = keras.Sequential([keras.Input((7, 3)), gru, keras.layers.BatchNormalization()])
    norm = [inputs(4) + k for k in range(4)]
    arranged = arrange(model, [*arrange(gru, values), *norm])
    assert [array.shape for array in arranged] == [tuple(w.shape) for w in model.weights]
