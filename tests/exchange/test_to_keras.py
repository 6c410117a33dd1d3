"""Trained models as Keras files: stock Keras predicts the same probabilities, or one sentence names the layer."""

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("h5py")

from imported_models import imported  # noqa: E402
from keras import layers as kl  # noqa: E402
from models import TEXTS, classifier, language_model, loaded  # noqa: E402
from roll_models import KEYS, roll_model  # noqa: E402
from series_models import series, series_classifier  # noqa: E402
from tag_models import tagger  # noqa: E402
from tolerances import assert_close  # noqa: E402

from gatewright import runtime  # noqa: E402
from gatewright.commands.export import export  # noqa: E402
from gatewright.commands.main import main  # noqa: E402
from gatewright.data.encoders import encode_all  # noqa: E402
from gatewright.data.padding import pad  # noqa: E402
from gatewright.exchange.from_keras import Preparation, model_of_stack  # noqa: E402
from gatewright.exchange.keras_files import live_stack, read_stack  # noqa: E402
from gatewright.exchange.to_keras import stack_of_model  # noqa: E402
from gatewright.nn.file import write  # noqa: E402
from gatewright.nn.layers import Dense, Masking, Pool, Recurrent  # noqa: E402
from gatewright.support.errors import InputError  # noqa: E402
from gatewright.tasks.imported.heads import NumberHead  # noqa: E402
from gatewright.tasks.imported.inputs import SeriesInput  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras with JAX
]


def exported(file, folder):
    """Write a model file, export it, and return the model that stock Keras loads."""
    write(file, folder / "model.safetensors")
    out = folder / "model.keras"
    assert export(folder / "model.safetensors", to="keras", out=out).out == str(out)
    return keras.models.load_model(out)


CLASSIFIERS = {
    "last of simple_rnn": {"cell": "simple_rnn"},
    "both directions": {"cell": "lstm", "layers": 2, "bidirectional": True, "labels": ("a", "b", "c")},
    "mean": {"pooling": "mean", "multi_label": True},
    "attention": {"pooling": "attention", "bidirectional": True},
}


@pytest.mark.slow
@pytest.mark.parametrize("options", CLASSIFIERS.values(), ids=list(CLASSIFIERS))
def test_stock_keras_predicts_the_probabilities_of_a_text_classifier(options, tmp_path):
    file = classifier(**options)
    model, ours = exported(file, tmp_path), loaded(file)
    ids = encode_all(ours.prepared.encoder, TEXTS, ours.prepared.max_length)
    found = np.asarray(model(np.pad(ids, ((0, 0), (2, 0)))))
    expected = ours.probabilities(TEXTS)
    assert_close(found, expected[:, 1:] if found.shape[1] == 1 else expected, "forward", np.float32)
    assert np.ptp(found, axis=0).max() > 0.02


def test_stock_keras_pools_the_maximum_of_the_words_alone_and_not_of_padding(tmp_path):
    file = classifier(cell="lstm", units=3, pooling="max", bidirectional=True)
    file.weights[1]["bias"][6:9] = file.weights[1]["backward_bias"][6:9] = -2  # all outputs are below the 0 of padding
    file.weights[-1]["kernel"][:] *= 20
    model, ours = exported(file, tmp_path), loaded(file)
    texts = [*TEXTS, ""]
    ids = encode_all(ours.prepared.encoder, texts, ours.prepared.max_length)
    assert np.count_nonzero(ids, axis=1).tolist()[-2:] == [8, 1], "the empty text is its start id"
    found = np.asarray(model(np.pad(ids, ((0, 0), (2, 0)))))
    assert_close(found, ours.probabilities(texts)[:, 1:], "forward", np.float32)
    assert np.ptp(found[:-1]) > 0.02
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    assert [layer.name for layer in model.layers if not layer.trainable] == ["embedding_1"]
    with pytest.raises(InputError, match=r"more than one layer after the layer 'input_layer' .* without branches\.$"):
        read_stack(tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_stock_keras_predicts_the_probabilities_of_series_from_scaled_numbers(pooling, tmp_path):
    file = series_classifier("lstm", pooling=pooling, layers=2, bidirectional=True)
    model, ours = exported(file, tmp_path), loaded(file)
    given = series((4, 9, 20))
    scaled = pad([ours.channels.encode(one) for one in given])
    found = np.asarray(model(np.where(np.isnan(scaled), np.float32(-1e9), scaled)))
    assert_close(found, ours.probabilities(given), "forward", np.float32)
    assert "all -1000000000 are masked" in " ".join(stack_of_model(ours).notes)


@pytest.mark.slow
def test_stock_keras_predicts_the_next_token_and_the_next_frame_at_each_step(tmp_path):
    file = language_model(tied=True)
    model, ours = exported(file, tmp_path), loaded(file)
    ids = [3, 5, 4, 2]
    found, states = np.asarray(model(np.array([ids]))), ours.start()
    for step, number in enumerate(ids):
        log_p, states = ours.step(number, states)
        assert_close(found[0, step], np.exp(log_p), "forward", np.float32)
    file = roll_model()
    model, ours = exported(file, tmp_path), loaded(file)
    frames = np.random.default_rng(0).integers(0, 2, (6, KEYS))
    padded = np.concatenate([np.full((2, KEYS), 255), frames])[None].astype("float32")
    assert_close(np.asarray(model(padded))[0, 2:], ours.probabilities(frames), "forward", np.float32)


@pytest.mark.slow
def test_an_imported_model_goes_back_to_keras_with_equal_weights(tmp_path):
    source = keras.Sequential(
        [
            keras.Input((7,)),
            kl.Embedding(20, 4),
            kl.Bidirectional(kl.GRU(3, return_sequences=True, reset_after=False), merge_mode="sum"),
            kl.LSTM(4, return_sequences=True, go_backwards=True, use_bias=False, activation="relu"),
            kl.GlobalMaxPooling1D(),
            kl.Dense(3, activation="relu"),
            kl.Dense(2, activation="softmax"),
        ]
    )
    words = {f"w{number}": number for number in range(1, 20)}
    source.save(tmp_path / "source.keras")
    imported = model_of_stack(read_stack(tmp_path / "source.keras"), Preparation(words=words))
    model = exported(imported.file, tmp_path)
    again = read_stack(tmp_path / "model.keras")
    assert again.input_shape == (None,)
    for stack in (again, live_stack(model)):
        for layer, expected in zip(stack.layers, live_stack(source).layers, strict=True):
            assert layer.kind == expected.kind
            assert {key: layer.config.get(key) for key in MEANING} == {key: expected.config.get(key) for key in MEANING}
            for found, weight in zip(layer.weights, expected.weights, strict=True):
                np.testing.assert_array_equal(found, weight)
    first = (tmp_path / "model.keras").read_bytes()
    export(tmp_path / "model.safetensors", to="keras", out=tmp_path / "model.keras")
    assert (tmp_path / "model.keras").read_bytes() == first, "equal models are equal files"


MEANING = (
    *("units", "activation", "recurrent_activation", "use_bias", "return_sequences", "go_backwards"),
    *("merge_mode", "mask_zero", "input_dim", "output_dim"),
)
"""The entries of configurations that say what the layers of this model compute."""


def with_zoneout(file):
    layers = [dataclasses.replace(one, zoneout=0.1) if isinstance(one, Recurrent) else one for one in file.layers]
    return dataclasses.replace(file, layers=tuple(layers))


MASKED_MAXIMUM, _ = imported(
    [Masking(), Recurrent("gru", 3, return_sequences=True), Pool("max"), Dense(2)],
    NumberHead(2),
    SeriesInput(2, None, "pre", "pre", None, None),
)
"""Its padding is any value of all features, which no layer of Keras turns into numbers."""


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (classifier(cell="min_gru"), "its recurrent layer of the cell min_gru"),
        (classifier(cell="layer_norm_lstm"), "its recurrent layer of the cell layer_norm_lstm"),
        (MASKED_MAXIMUM, "its max pooling of the steps that are not masked"),
        (with_zoneout(classifier()), "its recurrent layer with zoneout 0.1"),
        (tagger(crf=True), "`gatewright train tag` cannot be exported"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_stock_layers_cannot_express_is_refused_in_one_sentence(file, sentence, tmp_path, capsys):
    write(file, tmp_path / "model.safetensors")
    out = tmp_path / "model.keras"
    assert main(["export", str(tmp_path / "model.safetensors"), "--to", "keras", "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_the_file_to_write_is_checked_and_never_the_model(tmp_path):
    path = tmp_path / "model.keras"
    write(classifier(), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is also given as MODEL, and would be lost"):
        export(path, to="keras", out=path)
    with pytest.raises(
        InputError, match=r"--out .*other\.h5 must end with \.keras: rename it, such as other\.keras\.$"
    ):
        export(path, to="keras", out=tmp_path / "other.h5")
    with pytest.raises(InputError, match="The format must be one of 'keras', not 'kerras'"):
        export(path, to="kerras", out=tmp_path / "other.keras")
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["model.keras"]
    assert runtime.load(path).command == "classify"
