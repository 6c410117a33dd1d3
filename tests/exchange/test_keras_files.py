"""Keras files and models read without Keras, compared with what Keras itself has in memory."""

import json
import subprocess
import sys
import warnings
import zipfile
from io import BytesIO

import numpy as np
import pytest

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")

from goldens import older_keras as old  # noqa: E402
from keras import layers  # noqa: E402

from gatewright.exchange.keras_files import live_stack, read_stack  # noqa: E402
from gatewright.support import packages  # noqa: E402
from gatewright.support.errors import InputError  # noqa: E402
from gatewright.support.keras_arguments import HARD_SIGMOID  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras, for .h5 files
    pytest.mark.filterwarnings("ignore:.*was passed an input with a mask:UserWarning"),
]


WHERE = ("module", "registered_name", "build_config", "shared_object_id")


def save(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    return path


def leaves(model):
    """Return the layers of a Keras model, with those of models in it in their place."""
    return [
        leaf
        for layer in model.layers
        if not isinstance(layer, layers.InputLayer)
        for leaf in (leaves(layer) if isinstance(layer, keras.Model) else [layer])
    ]


def with_random_weights(model):
    """Give every weight its own values, also biases, so that weights in another order differ."""
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def meaning(config):
    """Return a configuration without the entries that say where a class is, and which objects are the same one."""
    if isinstance(config, list):
        return [meaning(one) for one in config]
    if not isinstance(config, dict):
        return config
    found = {name: meaning(value) for name, value in config.items()}
    return {name: value for name, value in found.items() if name not in WHERE}


def require_same(stack, model, shape):
    assert stack.input_shape == shape
    assert [(layer.kind, layer.name) for layer in stack.layers] == [
        (type(layer).__name__, layer.name) for layer in leaves(model)
    ]
    for layer, expected in zip(stack.layers, leaves(model), strict=True):
        assert meaning(layer.config) == meaning(json.loads(json.dumps(expected.get_config())))
        assert len(layer.weights) == len(expected.get_weights())
        for found, weight in zip(layer.weights, expected.get_weights(), strict=True):
            np.testing.assert_array_equal(found, weight)


def every_layer():
    """Return a Sequential model with each kind of layer, models in models, and layers of equal names."""
    inner = keras.Sequential(
        [
            keras.Input((None, 8)),
            layers.LSTM(3, return_sequences=True, name="rnn"),
            layers.Dense(2, name="dense", trainable=False),
            keras.Sequential([keras.Input((None, 2)), layers.GRU(3, return_sequences=True, reset_after=False)]),
        ]
    )
    return keras.Sequential(
        [
            keras.Input((7,)),
            layers.Embedding(10, 4, mask_zero=True),
            layers.SpatialDropout1D(0.1),
            layers.Bidirectional(
                layers.GRU(4, return_sequences=True),
                backward_layer=layers.GRU(4, return_sequences=True, go_backwards=True, name="other"),
            ),
            inner,
            layers.TimeDistributed(layers.Dense(3, use_bias=False)),
            layers.SimpleRNN(3, return_sequences=True, name="rnn"),
            layers.Bidirectional(layers.LSTM(2, use_bias=False, return_sequences=True), merge_mode="sum"),
            layers.GRU(2, return_sequences=True, stateful=False, recurrent_dropout=0.2),
            layers.GRU(5, seed=3),
            layers.Dropout(0.3),
            layers.Dense(4, activation="relu", name="dense"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def masked():
    """Return a functional model whose masks Keras writes into the file as operations."""
    ids = keras.Input((None,), dtype="int32")
    x = layers.Dropout(0.1)(layers.Embedding(9, 4, mask_zero=True)(ids))
    x = layers.GRU(3, return_sequences=True)(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x))
    return keras.Model(ids, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def of_series():
    series = keras.Input((5, 3))
    x = layers.LSTM(4, return_sequences=True)(layers.Masking(-1.0)(series))
    inner = keras.Model(series, x)
    return keras.Model(
        series, layers.Activation("softmax")(layers.Dense(2)(layers.GlobalMaxPooling1D()(inner(series))))
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "shape"), [(every_layer, (7,)), (masked, (None,)), (of_series, (5, 3))], ids=lambda given: str(given)[:20]
)
def test_weights_of_every_kind_of_layer_are_read_in_the_order_of_keras(make, shape, tmp_path):
    model = with_random_weights(make())
    require_same(live_stack(model), model, shape)
    for name in ("model.keras", "model.h5"):
        require_same(read_stack(save(model, tmp_path / name)), model, shape)
    model.compile("adam", "mse")  # the optimizer's arrays are not read
    require_same(read_stack(save(model, tmp_path / "compiled.keras")), model, shape)


def test_a_model_in_a_model_passes_masks_on_so_that_it_can_be_taken_apart():
    table, gru = layers.Embedding(9, 4, mask_zero=True), layers.GRU(2)
    inner = keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, return_sequences=True), layers.Dropout(0.2)])
    whole = keras.Sequential([keras.Input((5,), dtype="int32"), table, inner, gru])
    apart = keras.Sequential([keras.Input((5,), dtype="int32"), table, *inner.layers, gru])
    ids = np.array([[0, 0, 1, 2, 3], [4, 0, 5, 0, 0]])
    np.testing.assert_array_equal(np.asarray(whole(ids)), np.asarray(apart(ids)))
    assert np.abs(np.asarray(whole(ids)) - np.asarray(whole(ids[:, ::-1]))).max() > 1e-4


def test_stateful_layers_have_no_weights_but_their_own(tmp_path):
    model = keras.Sequential([keras.Input(batch_shape=(2, 7, 3)), layers.LSTM(3, stateful=True), layers.Dense(2)])
    for name in ("model.keras", "model.h5"):
        require_same(read_stack(save(model, tmp_path / name)), model, (7, 3))


def branches():
    first = keras.Input((5, 3))
    x = layers.GRU(3, name="mine")(first)
    return keras.Model(first, layers.add([layers.Dense(2, name="left")(x), layers.Dense(2)(x)]))


def shared():
    first, layer = keras.Input((5, 3)), layers.GRU(3, return_sequences=True, name="mine")
    return keras.Model(first, layer(layer(first)))


def shared_with_an_inner_model():
    layer = layers.Dense(3, name="mine")
    inner = keras.Sequential([keras.Input((5, 3)), layer])
    return keras.Sequential([keras.Input((5, 3)), layer, inner])


def two_outputs():
    first = keras.Input((5, 3))
    x = layers.GRU(3, name="mine")(first)
    return keras.Model(first, [x, layers.Dense(2)(x)])


def always_dropping():
    first = keras.Input((5, 3))
    return keras.Model(first, layers.Dropout(0.5, name="mine")(first, training=True))


def with_initial_state():
    first = keras.Input((5, 3))
    state = layers.Dense(4, name="state")(layers.Flatten()(first))
    return keras.Model(first, layers.GRU(4, name="mine")(first, initial_state=state))


def with_a_mask_of_its_own():
    ids = keras.Input((5,), dtype="int32")
    x = layers.Embedding(9, 4)(ids)
    return keras.Model(ids, layers.GRU(4, name="mine")(x, mask=keras.ops.not_equal(ids, 3)))


def with_an_operation():
    first = keras.Input((5, 3))
    return keras.Model(first, keras.ops.softmax(layers.GRU(4)(first)))


def subclassed():
    class Mine(keras.Sequential):
        pass

    return Mine([keras.Input((5, 3)), layers.GRU(4)])


def custom_layer():
    class Mine(layers.Dense):
        def call(self, inputs, training=None):
            return 2 * super().call(inputs, training=training)

    Mine.__name__ = "Dense"
    return keras.Sequential([keras.Input((5, 3)), layers.GRU(3), Mine(4, name="mine")])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (branches, r"more than one layer after the layer 'mine' \(GRU\)"),
        (shared, r"calls the layer 'mine' \(GRU\) 2 times"),
        (two_outputs, "with 2 outputs"),
        (always_dropping, r"layer 'mine' \(Dropout\) with training="),
        (with_initial_state, "more than one layer after|'mine'"),
        (with_a_mask_of_its_own, r"layer 'mine' \(GRU\) with a mask of its own"),
        (with_an_operation, "Softmax.* which is an operation|Softmax.* is not a layer of Keras"),
        (subclassed, "Mine.* not a layer of Keras|of the class 'Mine'"),
        (custom_layer, r"layer 'mine' \(Dense\), which is not a layer of Keras"),
    ],
)
def test_a_model_that_is_not_a_chain_of_keras_layers_is_refused_with_the_layers_name(make, sentence, tmp_path):
    model = make()
    for read in (lambda: live_stack(model), lambda: read_stack(save(model, tmp_path / "model.keras"))):
        with pytest.raises(InputError, match=sentence) as raised:
            read()
        assert str(raised.value).endswith(".")


def test_a_layer_that_an_inner_model_shares_is_refused_as_its_weights_are_stored_once(tmp_path):
    path = save(shared_with_an_inner_model(), tmp_path / "model.keras")
    with pytest.raises(InputError, match=r"no weights for the layer 'mine' \(Dense\).* shares"):
        read_stack(path)


def test_files_of_earlier_releases_are_read_with_their_meaning(tmp_path):
    (kernel, recurrent, bias), dense = old.keras_1_lstm(tmp_path / "keras1.h5")
    stack = read_stack(tmp_path / "keras1.h5")
    lstm = stack.layers[0]
    assert (stack.input_shape, lstm.kind, lstm.config["units"]) == ((5, 3), "LSTM", 4)
    assert lstm.config["recurrent_activation"] == HARD_SIGMOID
    for found, expected in zip(lstm.weights + stack.layers[1].weights, (kernel, recurrent, bias, *dense), strict=True):
        np.testing.assert_array_equal(found, expected)

    table, *gru, weight = old.keras_2_gru(tmp_path / "keras2.h5")
    stack = read_stack(tmp_path / "keras2.h5")
    assert stack.layers[0].config["mask_zero"] is True
    assert (stack.layers[1].config["reset_after"], stack.layers[1].config["recurrent_activation"]) == (
        False,
        HARD_SIGMOID,
    )
    found = [array for layer in stack.layers for array in layer.weights]
    for array, expected in zip(found, (table, *gru, weight), strict=True):
        np.testing.assert_array_equal(array, expected)

    values = old.tf1_cudnn(tmp_path / "cudnn.hdf5")
    stack = read_stack(tmp_path / "cudnn.hdf5")
    assert [layer.kind for layer in stack.layers] == ["Bidirectional", "GRU"]
    assert stack.layers[1].config["reset_after"] is True
    both = [array for name in ("forward", "backward") for array in values[name]]
    for array, expected in zip(stack.layers[0].weights, both, strict=True):
        expected = expected.reshape(2, -1).sum(0) if expected.ndim == 1 else expected
        np.testing.assert_allclose(array, expected, rtol=1e-6)
    np.testing.assert_array_equal(stack.layers[1].weights[2], values["gru"][2].reshape(2, -1))

    lstm, _ = old.tf2_lstm(tmp_path / "tf2.h5")
    stack = read_stack(tmp_path / "tf2.h5")
    assert "time_major" not in stack.layers[0].config
    assert stack.layers[0].config["recurrent_activation"] == "sigmoid"
    np.testing.assert_array_equal(stack.layers[0].weights[1], lstm[1])


def test_weights_without_a_model_are_refused_with_what_to_do(tmp_path):
    model = keras.Sequential([keras.Input((5, 3)), layers.GRU(4)])
    model.save_weights(tmp_path / "model.weights.h5")
    old.keras_1_lstm(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as whole, h5py.File(tmp_path / "old.h5", "w") as weights:
        weights.attrs.update(whole["model_weights"].attrs)
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", weights)
    for name in ("model.weights.h5", "old.h5"):
        with pytest.raises(InputError, match=r"only the weights.* save the whole model with model\.save"):
            read_stack(tmp_path / name)
    with pytest.raises(InputError, match=r"is a folder.*\.$"):
        read_stack(tmp_path)
    (tmp_path / "x.keras").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"x\.keras is not a \.keras or \.h5 file"):
        read_stack(tmp_path / "x.keras")
    with pytest.raises(InputError, match="A dict is not a Keras model"):
        live_stack({})
    with pytest.raises(InputError, match="has no weights yet"):
        live_stack(keras.Sequential([layers.GRU(4)]))


def test_without_h5py_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"^Reading Keras files needs h5py: pip install 'gatewright\[keras-files\]'\.$"
    ):
        read_stack(tmp_path / "model.keras")


@pytest.mark.slow
def test_reading_a_file_imports_no_keras_and_runs_no_code_of_it(tmp_path):
    marker = tmp_path / "ran"
    function = eval(f"lambda x: (__import__('pathlib').Path({str(marker)!r}).write_text('x'), x)[1]")
    model = keras.Sequential([keras.Input((5, 3)), layers.Lambda(function), layers.GRU(2)])
    marker.unlink(missing_ok=True)
    path = save(model, tmp_path / "model.keras")
    code = (
        "import sys; from gatewright.exchange.keras_files import read_stack; stack = read_stack(sys.argv[1]); "
        "print([layer.kind for layer in stack.layers], {'keras', 'jax', 'h5py'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "['Lambda', 'GRU'] set()\n"
    assert not marker.exists()


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed_config(path, change):
    """Write a .keras file again after its configuration has been changed."""
    parts = members(path)
    config = json.loads(parts["config.json"])
    change(config)
    return rewritten(path, {**parts, "config.json": json.dumps(config).encode()})


def rewritten(path, parts, compression=zipfile.ZIP_STORED):
    new = path.with_name("changed.keras")
    with zipfile.ZipFile(new, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return new


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    model = keras.Sequential([keras.Input((5, 3)), layers.GRU(4, name="first"), layers.Dense(2, name="last")])
    return save(model, tmp_path_factory.mktemp("small") / "model.keras")


def test_a_compressed_archive_is_read_and_a_bomb_is_refused_before_it_is_unpacked(small):
    parts = members(small)
    packed = rewritten(small, parts, zipfile.ZIP_DEFLATED)
    assert [layer.kind for layer in read_stack(packed).layers] == ["GRU", "Dense"]
    bomb = rewritten(small, {**parts, "model.weights.h5": bytes(100 << 20)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match=r"model\.weights\.h5 of 104,857,600 bytes after decompression, .* too large"):
        read_stack(bomb)
    with pytest.raises(InputError, match=r"no member metadata\.json"):
        read_stack(rewritten(small, {name: parts[name] for name in ("config.json", "model.weights.h5")}))


def test_the_vocabulary_that_a_layer_of_the_model_has_adapted_is_read(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Embedding(4, 3), layers.GRU(2)])
    path = save(model, tmp_path / "model.keras")
    config = {"name": "words", "dtype": "float32", "output_sequence_length": 4, "vocabulary": None}
    entry = {"class_name": "TextVectorization", "module": "keras.layers", "registered_name": None, "config": config}
    path = changed_config(path, lambda found: found["config"]["layers"].insert(1, entry))
    asset = "assets/layers/text_vectorization/vocabulary.txt"
    stack = read_stack(rewritten(path, {**members(path), asset: "\n[UNK]\nfine\nüber".encode()}))
    assert stack.layers[0].config["vocabulary"] == ["", "[UNK]", "fine", "über"]
    assert [(layer.kind, len(layer.weights)) for layer in stack.layers] == [
        *(("TextVectorization", 0), ("Embedding", 1), ("GRU", 3)),
    ]
    with pytest.raises(InputError, match="is not text in UTF-8"):
        read_stack(rewritten(path, {**members(path), asset: b"\xff\xfe"}))


def nested(config, levels):
    inner = config["config"]["layers"]
    for _ in range(levels):
        inner = [{"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": inner}}]
    config["config"]["layers"] = inner


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda config: config["config"]["layers"][1]["config"].update(units=5), r"weights of the shapes .*'first'"),
        (lambda config: config["config"]["layers"][1]["config"].update(units=2**40), "not a number of units"),
        (lambda config: config["config"]["layers"][1]["config"].update(name="a\x1b[31mb"), "whose name is not"),
        (lambda config: config["config"]["layers"].extend([config["config"]["layers"][2]] * 1000), "1 to 1,000 layers"),
        (lambda config: nested(config, 40), "more than 64 levels"),
        (lambda config: config["config"]["layers"][0]["config"].update(batch_shape=[None, -5, 3]), "impossible shape"),
        (lambda config: config["config"].update(layers=[]), "1 to 1,000 layers"),
        (lambda config: config["config"].update(layers=config["config"]["layers"][:2]), r"^((?!Dense).)*$"),
    ],
)
def test_hostile_configurations_end_in_one_sentence(small, change, sentence):
    path = changed_config(small, change)
    if sentence == r"^((?!Dense).)*$":  # a layer less is a smaller model
        assert [layer.kind for layer in read_stack(path).layers] == ["GRU"]
        return
    with pytest.raises(InputError, match=sentence) as raised:
        read_stack(path)
    assert str(raised.value).endswith(".")


def changed_weights(path, change):
    """Write a .keras file again after its HDF5 file has been changed."""
    parts = members(path)
    stream = BytesIO(parts["model.weights.h5"])
    with h5py.File(stream, "a") as file:
        change(file)
    return rewritten(path, {**parts, "model.weights.h5": stream.getvalue()})


def with_dataset(file, **options):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", **options)


def with_array_for_group(file):
    del file["layers/dense/vars"]
    file["layers/dense/vars"] = np.zeros(3)


def with_link(file, link):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = link


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: with_dataset(file, shape=(10**6, 10**6), dtype="f4"), "compressed or incomplete"),
        (lambda file: with_dataset(file, data=np.zeros((4, 2), "f4"), compression="gzip"), "compressed or incomplete"),
        (lambda file: with_dataset(file, shape=(4, 2), dtype="f4", external=[("/etc/passwd", 0, 32)]), "not stored in"),
        (lambda file: with_dataset(file, data=np.full((4, 2), np.nan, "f4")), "not finite in layer 'last'"),
        (lambda file: with_dataset(file, data=np.zeros((4, 2), "f8").astype("S3")), "no array of numbers"),
        (lambda file: with_dataset(file, data=np.zeros((3, 2), "f4")), r"shapes \(3, 2\), \(2,\) in layer 'last'"),
        (lambda file: with_link(file, h5py.ExternalLink("/etc/passwd", "/")), "link"),
        (lambda file: with_link(file, h5py.SoftLink("/layers/dense/vars/1")), "link"),
        (lambda file: file.move("layers/dense", "layers/other"), "no weights for the layer 'last'"),
        (lambda file: with_array_for_group(file), "has an array at 'vars' where Keras stores a group"),
        (lambda file: file.__setitem__("layers/gru/again", file["layers"]), "groups in groups"),
    ],
)
def test_weights_that_are_not_plain_arrays_in_the_file_are_refused(small, change, sentence):
    with pytest.raises(InputError, match=sentence) as raised:
        read_stack(changed_weights(small, change))
    assert str(raised.value).endswith(".")
