"""Models of Keras as our models: the same probabilities, or one sentence that names the layer."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from tolerances import assert_close

from gatewright import runtime
from gatewright.exchange.from_keras import Preparation, model_of_stack
from gatewright.exchange.keras_files import live_stack as stack_of
from gatewright.exchange.keras_layers import KerasLayer, KerasStack
from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.support.keras_arguments import HARD_SIGMOID
from gatewright.tasks.imported.model import ImportedModel

pytestmark = [
    pytest.mark.slow,  # compiles Keras models
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # of Keras with JAX
]

LENGTH, ROWS = 7, 20
WORDS = {f"w{number}": number for number in range(1, 30)}
TEXTS = [
    " ".join(f"w{number}" for number in np.random.default_rng(seed).integers(1, 34, size))
    for seed, size in enumerate((0, 1, 3, 5, 7, 8, 13))
]


def embedding(mask=False):
    return kl.Embedding(ROWS, 5, mask_zero=mask)


def built(*layers, shape=(LENGTH,)):
    """Return a model with random weights that are large enough for saturated gates."""
    model, rng = keras.Sequential([keras.Input(shape), *layers]), np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.7, variable.shape))
    return model


def imported(model, path=None, **how):
    made = model_of_stack(stack_of(model), Preparation(**how))
    if path is None:
        return ImportedModel(made.file, made.prepared)
    write(made.file, path)
    return runtime.load(path)


def keras_ids(texts, **options):
    rows = [[WORDS[word] for word in text.split() if WORDS.get(word, ROWS) < ROWS] for text in texts]
    return keras.utils.pad_sequences(rows, LENGTH, **options)


def assert_same_probabilities(model, path=None, texts=TEXTS, **options):
    expected = np.asarray(model(keras_ids(texts, **options)))
    loaded = imported(model, path, words=WORDS, max_length=LENGTH, **options)
    found = loaded.probabilities(texts)
    assert_close(found[:, 1:] if expected.shape[1] == 1 else found, expected, "forward", np.float32)
    return loaded


NETWORKS = {
    "gru": lambda mask: [kl.GRU(6), kl.Dense(1, activation="sigmoid")],
    "two directions": lambda mask: [
        kl.Bidirectional(kl.LSTM(4, return_sequences=True)),
        kl.SpatialDropout1D(0.5),
        kl.Bidirectional(kl.GRU(3, use_bias=False), merge_mode="ave"),
        kl.Dense(4, activation="relu"),
        kl.GaussianNoise(0.1),
        kl.Dense(3, activation="softmax"),
    ],
    "largest of all steps": lambda mask: [
        kl.Bidirectional(kl.SimpleRNN(4, return_sequences=True, activation="relu"), merge_mode="mul"),
        kl.GlobalMaxPooling1D(),
        kl.Dense(2),
        kl.Activation("softmax"),
    ],
    "all steps as one vector": lambda mask: [
        kl.TimeDistributed(kl.Dense(4, activation="tanh")),
        kl.GRU(4, return_sequences=True, reset_after=False, recurrent_activation="hard_sigmoid"),
        kl.Flatten(),
        kl.Dense(1, activation="sigmoid", use_bias=False),
    ],
    "backwards": lambda mask: [
        kl.LSTM(4, go_backwards=True, return_sequences=True),
        kl.Bidirectional(
            kl.GRU(3, go_backwards=True, return_sequences=True), backward_layer=kl.GRU(3, return_sequences=True)
        ),
        kl.SimpleRNN(4, unroll=True),
        kl.Dense(1, activation="sigmoid"),
    ],
    "masked again": lambda mask: [kl.Masking(0.0), kl.LSTM(4), kl.Dense(1, activation="sigmoid")],
}


@pytest.mark.filterwarnings("ignore:Layer .* does not support masking")
@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_probabilities_are_those_of_keras_with_every_padding(name, mask):
    model = built(embedding(mask), *NETWORKS[name](mask))
    assert_same_probabilities(model, padding="pre", truncating="pre")
    assert_same_probabilities(model, padding="post", truncating="post")


def test_masked_steps_are_left_out_of_a_mean(tmp_path):
    model = built(
        embedding(True), kl.GRU(4, return_sequences=True), kl.GlobalAveragePooling1D(), kl.Dense(2, "softmax")
    )
    texts = [text for text in TEXTS if text]  # Keras divides by zero
    loaded = assert_same_probabilities(model, tmp_path / "m.safetensors", texts, padding="post")
    assert not loaded.prepared.input.reads_padding
    alone = np.concatenate([loaded.probabilities(text) for text in texts])
    assert_close(alone, loaded.probabilities(texts), "forward", np.float32)


def test_labels_and_answers_of_a_classifier(tmp_path):
    model = built(embedding(), kl.GRU(4), kl.Dense(1, activation="sigmoid"))
    loaded = imported(model, tmp_path / "m.safetensors", words=WORDS, labels=["bad", "good"])
    probability = float(np.asarray(model(keras_ids(["w3 w4"])))[0, 0])
    found = loaded.predict("w3 w4")
    assert found.probabilities["good"] == pytest.approx(probability, abs=1e-6)
    assert found.label == ("good" if probability > 0.5 else "bad")
    assert loaded.labels == ("bad", "good")
    shown = loaded.explainable("w3 w4", label="good")
    assert [step.text for step in shown.steps] == ["", "", "", "", "", "w3", "w4"]
    assert shown.removable == (5, 6)
    np.testing.assert_array_equal(shown.without([{5}, {5, 6}]), keras_ids(["w4", ""]))


def test_a_linear_head_gives_numbers_and_labels_make_it_logits():
    model = built(embedding(), kl.GRU(4), kl.Dense(1))
    logit = float(np.asarray(model(keras_ids(["w3 w4"])))[0, 0])
    assert imported(model, words=WORDS).predict("w3 w4").values == pytest.approx((logit,), abs=1e-6)
    found = imported(model, words=WORDS, labels=["bad", "good"]).predict("w3 w4")
    assert found.probabilities["good"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


def test_several_sigmoids_are_labels_of_their_own():
    model = built(embedding(), kl.GRU(4), kl.Dense(3, activation="sigmoid"))
    expected = np.asarray(model(keras_ids(TEXTS)))
    loaded = imported(model, words=WORDS)
    assert loaded.prepared.multi_label
    assert_close(loaded.probabilities(TEXTS), expected, "forward", np.float32)


def test_labels_of_each_word():
    model = built(
        embedding(True), kl.GRU(4, return_sequences=True), kl.TimeDistributed(kl.Dense(3, activation="softmax"))
    )
    found = imported(model, words=WORDS).predict("w3 w4 w5")
    expected = np.asarray(model(keras_ids(["w3 w4 w5"])))[0, -3:]
    assert found.steps == ("w3", "w4", "w5")
    assert found.labels == tuple(map(str, expected.argmax(axis=1)))
    assert found.probabilities == pytest.approx(expected.max(axis=1), abs=1e-6)


def test_the_next_word_of_a_text():
    model = built(embedding(), kl.LSTM(4), kl.Dense(ROWS, activation="softmax"))
    expected = np.asarray(model(keras_ids(["w3 w4"])))[0]
    loaded = imported(model, words=WORDS)
    found = loaded.predict("w3 w4")
    assert found.word == f"w{expected.argmax()}"
    assert found.probabilities[found.word] == pytest.approx(expected.max(), abs=1e-6)
    shown = loaded.explainable("w3 w4", label="w2", against="w5").output
    assert (shown.index, shown.against_index) == (2, 5)


@pytest.mark.parametrize("masked", [False, True])
def test_series_are_scaled_padded_and_cut(masked, tmp_path):
    masking = [kl.Masking(-1.0)] if masked else []
    model = built(*masking, kl.GRU(4), kl.Dense(2), shape=(5, 3))
    scaler = {"mean": [1.0, 2.0, 3.0], "scale": [2.0, 1.0, 0.5]}
    series = [np.random.default_rng(size).normal(size=(size, 3)) for size in (3, 5, 8)]
    scaled = [(one - scaler["mean"]) / scaler["scale"] for one in series]
    value = -1.0 if masked else 0.0
    expected = np.asarray(model(keras.utils.pad_sequences(scaled, 5, "float32", "post", "post", value)))
    how = {"scaler": scaler, "max_length": 5, "padding": "post", "truncating": "post"}
    loaded = imported(model, tmp_path / "m.safetensors", **how)
    found = np.array([one.values for one in loaded.predict(series)])
    assert_close(found, expected, "forward", np.float32)
    shown = loaded.explainable(series[0], label="2")
    assert [step.text for step in shown.steps] == ["1", "2", "3", "", ""]
    assert shown.without([{1}]).shape == (1, 5, 3)


def test_series_of_another_length_are_refused_without_padding():
    loaded = imported(built(kl.GRU(4), kl.Dense(1), shape=(5, 3)))
    with pytest.raises(InputError, match=r"reads series of 5 steps, not of 4: .*--max-length"):
        loaded.predict(np.zeros((4, 3)))


def test_a_text_vectorization_in_the_model_needs_no_words():
    model = built(embedding(True), kl.GRU(4), kl.Dense(1, activation="sigmoid"))
    config = {"vocabulary": ["", "[UNK]", "fine", "dull"], "output_sequence_length": 3, "output_mode": "int"}
    config |= {"standardize": "lower_and_strip_punctuation", "split": "whitespace"}
    stack = stack_of(model)
    stack = KerasStack(stack.name, (), (KerasLayer("TextVectorization", "text", config, ()), *stack.layers))
    made = model_of_stack(stack, Preparation())
    found = ImportedModel(made.file, made.prepared).probabilities(["Fine, dull film! fine"])[:, 1:]
    expected = np.asarray(model(np.array([[2, 3, 1, 0, 0, 0, 0]])))
    assert_close(found, expected, "forward", np.float32)


@pytest.mark.parametrize("cell", ["lstm", "gru", "gru before"])
def test_the_hard_sigmoid_of_earlier_releases_keeps_its_meaning(cell):
    def old(x):  # of Keras 1 and 2
        return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)

    layer = (
        kl.LSTM(4, recurrent_activation=old) if cell == "lstm" else kl.GRU(4, "tanh", old, reset_after=cell == "gru")
    )
    model = built(embedding(), layer, kl.Dense(3, "softmax"))
    expected = np.asarray(model(keras_ids(TEXTS)))
    layers = []
    for layer in model.layers:
        config = {**layer.get_config(), **({"recurrent_activation": HARD_SIGMOID} if layer is model.layers[1] else {})}
        layers.append(KerasLayer(type(layer).__name__, layer.name, config, tuple(layer.get_weights())))
    made = model_of_stack(KerasStack("old.h5", (LENGTH,), tuple(layers)), Preparation(WORDS))
    assert_close(ImportedModel(made.file, made.prepared).probabilities(TEXTS), expected, "forward", np.float32)


def changed(model, place, **config):
    """Return the stack of a model with the configuration of one layer changed."""
    stack = stack_of(model)
    layers = list(stack.layers)
    old = layers[place]
    layers[place] = KerasLayer(old.kind, old.name, {**old.config, **config}, old.weights)
    return KerasStack(stack.name, stack.input_shape, tuple(layers))


def bidirectional(**config):
    model = built(embedding(), kl.Bidirectional(kl.GRU(3), name="odd"), kl.Dense(1, activation="sigmoid"))
    return changed(model, 1, **config)


def middle(layer):
    return stack_of(built(embedding(), kl.GRU(3, return_sequences=True), layer, kl.GRU(3), kl.Dense(1)))


ODD_MODELS = {
    "lambda": (lambda: middle(kl.Lambda(lambda x: x, name="odd")), "is of the kind Lambda"),
    "convolution": (lambda: middle(kl.Conv1D(3, 3, name="odd")), "is of the kind Conv1D"),
    "batch normalization": (lambda: middle(kl.BatchNormalization(name="odd")), "is of the kind BatchNormalization"),
    "layer normalization": (lambda: middle(kl.LayerNormalization(name="odd")), "is of the kind LayerNormalization"),
    "another activation": (lambda: middle(kl.Dense(3, "gelu", name="odd")), "has activation='gelu'"),
    "another gate": (lambda: middle(kl.GRU(3, "tanh", "softsign", return_sequences=True, name="odd")), "'softsign'"),
    "activation after a GRU": (lambda: middle(kl.Activation("relu", name="odd")), "is Activation after a layer"),
    "mixed precision": (lambda: middle(kl.Dense(3, name="odd", dtype="mixed_bfloat16")), "computes in"),
    "two outputs": (lambda: bidirectional(merge_mode=None), "has merge_mode=null"),
    "two cells": (
        lambda: bidirectional(backward_layer={"class_name": "GRU", "config": {"units": 4, "go_backwards": True}}),
        "has different layers for the two directions",
    ),
    "custom cell": (lambda: bidirectional(layer={"class_name": "RNN", "config": {}}), "wraps the kind RNN"),
    "state": (
        lambda: changed(built(embedding(), kl.GRU(3, name="odd"), kl.Dense(1)), 1, return_state=True),
        "has return_state=True",
    ),
    "kept axis": (
        lambda: changed(built(embedding(), kl.GlobalMaxPooling1D(name="odd"), kl.Dense(1)), 1, keepdims=True),
        "has keepdims=True",
    ),
    "later embedding": (
        lambda: stack_of(
            built(kl.Embedding(9, 1), kl.Flatten(), kl.Embedding(9, 2, name="odd"), kl.GRU(2), kl.Dense(1))
        ),
        "is an Embedding, which must be the first layer",
    ),
}


@pytest.mark.parametrize("name", ODD_MODELS)
def test_an_odd_model_is_refused_in_a_sentence_that_names_the_layer(name):
    make, problem = ODD_MODELS[name]
    with pytest.raises(InputError) as refused:
        model_of_stack(make(), Preparation(words=WORDS))
    sentence = str(refused.value)
    assert sentence.startswith("Layer 'odd' ")
    assert problem in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_what_is_missing_or_contradicts_the_model_is_said():
    classifier = built(embedding(), kl.GRU(3), kl.Dense(1, activation="sigmoid"))
    any_length = built(embedding(), kl.GRU(3), kl.Dense(1, activation="sigmoid"), shape=(None,))
    series = built(kl.GRU(3), kl.Dense(1), shape=(5, 3))
    for model, how, problem in (
        (classifier, {}, "does not have the words"),
        (classifier, {"words": WORDS, "labels": ["a"]}, "needs 2 labels, but 1 were given"),
        (classifier, {"words": WORDS, "labels": ["a", "a"]}, "different texts"),
        (classifier, {"words": WORDS, "padding": "left"}, "padding must be one of"),
        (classifier, {"words": WORDS, "scaler": {"mean": 0, "scale": 1}}, "leave --scaler out"),
        (classifier, {"words": WORDS, "max_length": 9}, "has 7 steps, so --max-length 9 does not fit"),
        (any_length, {"words": WORDS}, "give the maxlen of pad_sequences with --max-length"),
        (series, {"words": WORDS}, "leave --words out"),
        (series, {"scaler": {"mean": [0, 0]}}, "must have the arrays mean and scale"),
        (series, {"scaler": {"mean": [0, 0], "scale": [1, 1]}}, "must have 3 finite numbers"),
        (series, {"scaler": {"mean": 0, "scale": 0}}, "scale is 0"),
        (built(embedding(), kl.GRU(3)), {"words": WORDS}, "end with Dense"),
    ):
        with pytest.raises(InputError, match=problem):
            imported(model, **how)
