"""Programs written for Keras 1 and Keras 2: they run, mean what they meant, and get one note for each kind."""

import json
import pickle
import sys
import types

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gatewright.keras import accelerate, imports, notes, older  # noqa: E402
from gatewright.support.errors import InputError  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::gatewright.keras.slow_path.SlowPathWarning"),
    pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`"),
    pytest.mark.filterwarnings("ignore:Argument `input_length` is deprecated"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Your `PyDataset` class should call"),
]


@pytest.fixture(autouse=True)
def translated():
    notes.forget()
    accelerate.accelerate()
    older.install()
    imports.install()
    yield
    imports.uninstall()
    older.uninstall()
    accelerate.restore()


def run(source, **names):
    """Run the lines of a program and return its variables."""
    variables = {"__name__": "__main__", "np": np, "keras": keras, **names}
    exec(compile(source, "program.py", "exec"), variables)
    return variables


def arrays():
    rng = np.random.default_rng(0)
    return rng.normal(size=(20, 6, 3)).astype("float32"), np.eye(2, dtype="float32")[rng.integers(0, 2, 20)]


def test_old_module_paths_are_importable_and_go_away(capsys):
    run(
        """
from keras.layers.recurrent import LSTM, GRU, SimpleRNN
from keras.layers.core import Dense, Dropout, Activation, Lambda
from keras.layers.embeddings import Embedding
from keras.layers.wrappers import Bidirectional, TimeDistributed
from keras.layers.merge import concatenate
from keras.layers.normalization import BatchNormalization
from keras.layers.normalization.batch_normalization_v1 import BatchNormalization as B1
from keras.layers.rnn.lstm import LSTM as L2
from keras.engine.topology import Layer
from keras.engine import Input, Model
from keras.utils import np_utils, vis_utils
from keras.utils.np_utils import to_categorical
from keras.utils.generic_utils import Progbar, get_custom_objects
from keras.preprocessing import sequence, text
from keras.preprocessing.text import Tokenizer
from keras.preprocessing.sequence import pad_sequences, TimeseriesGenerator, skipgrams, make_sampling_table
from keras_preprocessing.text import Tokenizer as T2
from keras.src.preprocessing.text import Tokenizer as T3
from keras.optimizers import adam, SGD
from keras.optimizers.adam_v2 import Adam
from keras.optimizers.legacy import Adam as OldAdam
from keras.constraints import maxnorm
from keras.initializers import normal
from keras.regularizers import l2
from keras.objectives import mse
from keras.losses import mean_squared_error
from keras.backend.tensorflow_backend import set_session, clear_session, _get_available_gpus
from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor
from keras.layers import *
import keras.layers.core as core
assert core.Dense is Dense is keras.layers.Dense and L2 is LSTM and T2 is T3 is Tokenizer
assert keras.layers.recurrent.GRU is GRU and keras._tf_keras.keras.layers.core.Dense is Dense
assert CuDNNLSTM(3).units == 3 and maxnorm(3).max_value == 3
assert OldAdam(lr=0.5, decay=0.0).learning_rate == 0.5
"""
    )
    err = capsys.readouterr().err
    assert err.count("keras.layers.recurrent is keras.layers in Keras 3; it was translated. (program.py, line 2)") == 1
    assert "lr= is learning_rate= in Keras 3; it was translated. (program.py, line 35)" in err
    for absent in ("keras.layers.Nope", "keras.nope"):
        with pytest.raises(AttributeError, match="has no attribute"):
            run(absent)
    with pytest.raises(ImportError):
        run("from keras.layers.core import Nope")
    imports.uninstall()
    older.uninstall()
    for line in ("from keras.layers.recurrent import LSTM", "from keras.layers import CuDNNLSTM"):
        with pytest.raises(ImportError):
            run(line)
    assert not [name for name in sys.modules if name.startswith(("keras.engine", "keras_preprocessing"))]


def test_names_that_old_modules_imported_for_themselves_are_served():
    names = run("from keras.layers.core import *\nfrom keras.models import Sequential, optimizers\n", np=None)
    assert names["np"] is np
    assert names["K"] is keras.backend
    assert names["optimizers"] is keras.optimizers


def test_a_generator_may_yield_lists_and_a_callback_has_old_arguments(tmp_path, capsys):
    names = run(
        """
from keras.callbacks import TensorBoard
from keras.layers import Dense, Input, add
from keras.models import Model
one, other = Input((2,)), Input((2,))
model = Model([one, other], Dense(1)(add([one, other])))
model.compile("sgd", "mse")
def batches():
    while True:
        yield [[np.ones((4, 2)), np.ones((4, 2))], np.ones(4)]
TensorBoard(folder, batch_size=4, write_grads=False, embeddings_layer_names=None)
history = model.fit_generator(batches(), steps_per_epoch=2, epochs=2, verbose=0)
loss = model.evaluate(batches(), steps=1, verbose=0)
weighted = model.fit([np.ones((4, 2))] * 2, [np.ones(4)], class_weight={0: 1.0, 1: 2.0}, verbose=0).history["loss"]
""",
        folder=str(tmp_path),
    )
    assert len(names["history"].history["loss"]) == 2
    assert names["loss"] < names["history"].history["loss"][0]
    assert names["weighted"][0] > 0
    err = capsys.readouterr().err
    assert "The targets are an array in Keras 3, not a list of one array; it was translated." in err
    assert err.count("Generators yield (inputs, targets) in Keras 3, not a list; it was translated.") == 1
    assert "TensorBoard(write_grads=) is not an argument in Keras 3; it was left out." in err


def test_a_data_set_of_an_hdf5_file_is_read_as_an_array(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["train/x"] = np.arange(12.0).reshape(6, 2)
    read = run("from keras.utils import HDF5Matrix")["HDF5Matrix"]
    rows = read(str(tmp_path / "d.h5"), "train/x", start=1, end=3, normalizer=lambda x: x * 2)
    assert rows.tolist() == [[4, 6], [8, 10]]


def test_warnings_are_about_the_line_that_they_are_about_in_stock_keras():
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`") as caught:
        keras.layers.Dense(3, input_shape=(3,))
    assert caught[0].filename.endswith("dense.py")


def test_libraries_do_not_see_old_modules():
    library = types.ModuleType("library")
    library.__file__ = f"{pytest.__path__[0]}/library.py"
    exec(
        "import keras\nfound = hasattr(keras, 'engine') or hasattr(keras.layers, 'recurrent')\n"
        "try:\n    import keras.engine.topology\n    found = True\nexcept ImportError: pass",
        vars(library),
    )
    assert library.found is False


def test_layers_of_keras_1_have_its_defaults():
    program = run(
        """
from keras.models import Sequential, Model
from keras.layers import LSTM, GRU, Dropout, Dense, Input, Convolution1D, MaxPooling1D, merge, TimeDistributedDense
model = Sequential()
model.add(Convolution1D(nb_filter=4, filter_length=3, border_mode='same', input_dim=3, input_length=6))
model.add(MaxPooling1D(pool_length=2))
model.add(LSTM(output_dim=5, inner_init='orthogonal', return_sequences=True, dropout_W=0.1, dropout_U=0.1))
model.add(TimeDistributedDense(3))
model.add(GRU(4, consume_less='gpu'))
model.add(Dropout(p=0.2))
model.add(Dense(output_dim=2, init='uniform', activation='softmax'))
a = Input(shape=(3,))
joined = Model(input=a, output=merge([Dense(2)(a), Dense(3)(a)], mode='concat'))
"""
    )
    lstm, gru = program["model"].layers[2], program["model"].layers[4]
    assert program["model"].input_shape == (None, 6, 3)
    assert float(lstm.recurrent_activation(np.float32(1))) == pytest.approx(0.7)
    assert not gru.reset_after
    assert lstm.cell.recurrent_initializer.gain == 1.1
    assert (lstm.cell.dropout, lstm.unit_forget_bias) == (0.1, True)
    assert program["joined"].output_shape == (None, 5)


@pytest.mark.slow
def test_a_program_of_keras_1(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x, y = arrays()
    program = run(
        """
from keras.models import Sequential
from keras.layers import Dense, Dropout
from keras.callbacks import ModelCheckpoint, EarlyStopping, ReduceLROnPlateau, Callback
class Stop(Callback):
    def on_epoch_end(self, epoch, logs={}):
        seen.append(logs.get('acc') == logs['accuracy'])
seen = []
model = Sequential([Dense(output_dim=2, input_dim=3, activation='softmax'), Dropout(p=0.2)])
model.compile(loss='categorical_crossentropy', optimizer='rmsprop', metrics=['accuracy'], class_mode='categorical')
checkpoint = ModelCheckpoint('w.{epoch:02d}-{val_acc:.2f}.hdf5', monitor='val_acc', period=2)
plateau = ReduceLROnPlateau(monitor='val_acc', epsilon=0.01)
history = model.fit(x, y, nb_epoch=2, batch_size=10.0, verbose=0, validation_data=[x, y], show_accuracy=True,
    callbacks=[checkpoint, EarlyStopping(monitor='val_acc', patience=5), plateau, Stop()])
def batches():
    while True:
        yield x[:10], y[:10]
model.fit_generator(batches(), samples_per_epoch=20, nb_epoch=1, verbose=0, validation_data=batches(), nb_val_samples=5)
score = model.evaluate_generator(batches(), val_samples=20)
classes, scores = model.predict_classes(x, batch_size=10), model.predict_proba(x, batch_size=10)
""",
        x=x[:, 0],
        y=y,
    )
    history = program["history"]
    assert program["plateau"].min_delta == -0.01 or program["plateau"].min_delta == 0.01
    assert history.history["acc"] == history.history["accuracy"]
    assert history.history["val_acc"] == history.history["val_accuracy"]
    assert type(pickle.loads(pickle.dumps(history.history))) is dict
    assert all(program["seen"])
    assert [path.name for path in tmp_path.iterdir()] == [f"w.02-{history.history['val_acc'][1]:.2f}.hdf5"]
    assert (program["classes"] == program["scores"].argmax(-1)).all()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(set(lines))
    assert any("nb_epoch= is epochs= in Keras 3; it was translated. (program.py, line 13)" in line for line in lines)
    assert any("samples_per_epoch=20 is 2 steps" in line for line in lines)


def test_a_program_of_keras_2(capsys):
    program = run(
        """
from keras.models import Sequential
from keras.layers import LSTM, Dense, Embedding, Bidirectional, CuDNNGRU, TimeDistributed
from keras.optimizers import Adam, Nadam
model = Sequential()
model.add(LSTM(3, batch_input_shape=(4, 6, 3), stateful=True, implementation=1))
model.add(Dense(1, weights=[np.ones((3, 1)), np.zeros(1)], name='out/score'))
model.compile(Adam(lr=0.01, epsilon=None), 'mse', sample_weight_mode=None)
before = model.get_layer('out/score').get_weights()[0].copy()
model.layers[0].reset_states([np.ones((4, 3)), np.zeros((4, 3))])
given = model.layers[0].states[0].numpy()
model.reset_states()
zero = model.layers[0].states[0].numpy()
text = Sequential([Embedding(9, 3, weights=[np.ones((9, 3))], input_length=5, batch_input_shape=(None, 5)),
                   Bidirectional(CuDNNGRU(2, return_sequences=True)), TimeDistributed(Dense(2), dynamic=False)])
glove = Sequential([Embedding(9, 3, input_length=5), LSTM(2)])
glove.layers[0].set_weights([np.ones((9, 3))])
first = model.optimizer.lr
model.optimizer.lr = 0.25
"""
    )
    assert (program["before"] == 1).all()
    assert (program["given"] == 1).all()
    assert (program["zero"] == 0).all()
    assert program["model"].input_shape == (4, 6, 3)
    assert program["text"].output_shape == (None, 5, 2)
    assert program["text"].layers[1].forward_layer.reset_after
    assert float(program["model"].optimizer.learning_rate) == 0.25
    assert capsys.readouterr().err.count("batch_input_shape= is Input(batch_shape=)") == 1


def keras_2_steps(kind, gradient, steps, lr, decay=0.0, schedule_decay=0.004):
    """Return the weight after steps with the same gradient, as SGD and Nadam of Keras 2 compute it in NumPy."""
    weight, m, v, product = 1.0, 0.0, 0.0, 1.0
    for t in range(1, steps + 1):
        rate = lr / (1 + decay * (t - 1))
        if kind == "SGD":
            weight -= rate * gradient
            continue
        now, following = (0.9 * (1 - 0.5 * 0.96 ** (schedule_decay * step)) for step in (t, t + 1))
        product *= now
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        mean = (1 - now) * gradient / (1 - product) + following * m / (1 - product * following)
        weight -= rate * mean / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return weight


@pytest.mark.parametrize(
    ("kind", "arguments"), [("SGD", {"decay": 0.5}), ("Nadam", {"schedule_decay": 0.1, "epsilon": None, "decay": 0.2})]
)
def test_decay_is_that_of_keras_2(kind, arguments):
    optimizer = getattr(keras.optimizers, kind)(lr=0.1, **arguments)
    variable = keras.Variable([1.0])
    for _ in range(4):
        optimizer.apply([keras.ops.convert_to_tensor([0.3])], [variable])
    expected = keras_2_steps(kind, 0.3, 4, 0.1, **{k: v for k, v in arguments.items() if v is not None})
    assert float(variable.numpy()[0]) == pytest.approx(expected, rel=1e-5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert again.get_config()["decay"] == arguments["decay"]
    assert float(optimizer.learning_rate) == pytest.approx(0.1), "the base rate, which callbacks read and set"


def test_what_has_no_counterpart_is_refused_in_one_sentence():
    for line, message in (
        ("keras.layers.LSTM(3, time_major=True)", r"time_major=True\) has no counterpart"),
        ("keras.layers.Embedding(3, 3, dropout=0.2)", r"use Dropout\(rate, noise_shape=\(None, steps, 1\)\)"),
        ("from keras.layers import MaxoutDense\nMaxoutDense(3)", "MaxoutDense was removed from Keras"),
        ("from keras.layers import Merge\nMerge([1, 2], mode='sum')", r"Use keras\.layers\.concatenate"),
        ("keras.layers.Convolution1D(3, 3, border_mode='full')", r"border_mode='full'\) has no counterpart"),
        ("keras.layers.BatchNormalization(mode=2)", r"BatchNormalization\(mode=2\) has no counterpart"),
        ("from keras.models import model_from_yaml\nmodel_from_yaml('')", r"model\.to_json\(\)"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            run(line)
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)


def test_tokenizers_of_earlier_releases_are_unpickled():
    tokenizer = keras._tf_keras.keras.preprocessing.text.Tokenizer(num_words=5)
    tokenizer.fit_on_texts(["a b b", "b c"])
    state = {k: v for k, v in vars(tokenizer).items() if k not in ("analyzer", "index_word", "oov_token")}
    for module in ("keras_preprocessing.text", "keras.preprocessing.text", "keras.src.preprocessing.text"):
        data = pickle.dumps((_make, (module, state)))
        function, arguments = pickle.loads(data)
        old = function(*arguments)
        assert old.texts_to_sequences(["b c d"]) == [[1, 3]]
        assert old.sequences_to_texts([[1, 2]]) == ["b a"]
    text = tokenizer.to_json()
    assert json.loads(text)["class_name"] == "Tokenizer"
    again = run("from keras.preprocessing.text import tokenizer_from_json\nt = tokenizer_from_json(text)", text=text)[
        "t"
    ]
    assert again.word_index == tokenizer.word_index


def _make(module, state):
    """Return the object of a pickle that names the class by an old path."""
    name = f"c{module}\nTokenizer\n".encode()
    body = b"\x80\x02" + name + b")\x81" + pickle.dumps(state, 2)[2:-1] + b"b."
    return pickle.loads(body)


@pytest.mark.slow
def test_estimators_of_scikit_learn():
    base = pytest.importorskip("sklearn.base")
    x, y = arrays()
    program = run(
        """
from keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor
from keras.models import Sequential
from keras.layers import Dense
def build(units=3):
    model = Sequential([Dense(units, input_dim=3, activation='relu'), Dense(1, activation='sigmoid')])
    model.compile('adam', 'binary_crossentropy')
    return model
classifier = KerasClassifier(build_fn=build, epochs=1, verbose=0)
regressor = KerasRegressor(build, nb_epoch=1, verbose=0)
"""
    )
    labels = np.where(y[:, 0] > 0, "yes", "no")
    classifier = base.clone(program["classifier"]).set_params(units=2)
    classifier.fit(x[:, 0], labels)
    assert classifier.model.layers[0].units == 2
    assert set(classifier.predict(x[:, 0])) <= {"yes", "no"}
    assert classifier.predict_proba(x[:, 0]).shape == (20, 2)
    assert 0 <= classifier.score(x[:, 0], labels) <= 1
    program["regressor"].fit(x[:, 0], y[:, 0])
    assert program["regressor"].predict(x[:, 0]).shape == (20,)
    assert program["regressor"].score(x[:, 0], y[:, 0]) < 0
