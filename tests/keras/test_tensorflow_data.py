"""tf.data, Keras' dataset functions and layers for texts without TensorFlow, compared with TensorFlow's results."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from goldens import tensorflow_pipelines as cases

from gatewright.keras.enable import disable, enable
from gatewright.keras.tensorflow import names

GOLDENS = json.loads((Path(__file__).parents[1] / "goldens" / "tensorflow_data.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def tf():
    enable()
    yield names.imported("tensorflow", ())
    disable()


@pytest.fixture
def make(tf):
    return tf.data.Dataset.from_tensor_slices


def assert_equal(result, golden, where=""):
    """Compare results as JSON has them, with a tolerance for numbers that a model computed."""
    if isinstance(golden, dict):
        assert sorted(result) == sorted(golden), where
        for key, value in golden.items():
            assert_equal(result[key], value, f"{where}/{key}")
    elif isinstance(golden, list):
        assert len(result) == len(golden), where
        for number, value in enumerate(golden):
            assert_equal(result[number], value, f"{where}/{number}")
    elif isinstance(golden, float):
        assert result == pytest.approx(golden, rel=2e-3, abs=2e-3), where
    else:
        assert result == golden, where


class TestGoldens:
    def test_pipelines_yield_the_elements_of_tensorflow_in_the_same_order(self, tf):
        assert_equal(cases.pipelines(tf), GOLDENS["pipelines"])

    def test_layers_for_texts_give_the_results_of_tensorflow(self, tf):
        assert_equal(cases.vectorization(tf), GOLDENS["vectorization"])

    def test_keras_makes_the_same_datasets_from_series_and_folders(self, tf, tmp_path):
        assert_equal(cases.keras_datasets(tf, tmp_path), GOLDENS["keras_datasets"])

    @pytest.mark.slow
    def test_models_see_the_same_batches_as_with_tensorflow(self, tf):
        assert_equal(cases.training(tf), GOLDENS["training"])

    @pytest.mark.slow
    def test_models_that_take_texts_train_as_with_tensorflow(self, tf):
        assert_equal(cases.text_models(tf), GOLDENS["text_models"])


class TestElements:
    def test_an_element_is_a_tensor_and_an_array(self, tf, make):
        import jax.numpy as jnp

        (first, *_) = make(np.arange(6.0).reshape(2, 3))
        assert first.shape.as_list() == [3]
        assert first.numpy().tolist() == [0, 1, 2]
        assert isinstance(first[1].numpy(), np.float64)
        assert str(first[1]) == "tf.Tensor(1.0, shape=(), dtype=float64)"
        assert jnp.sum(first) == 3
        assert tf.keras.ops.cast(first, "int32").tolist() == [0, 1, 2]

    def test_texts_are_bytes_and_compare_with_str(self, make):
        words = list(make(["ä", "b"]))
        assert words[0].numpy() == "ä".encode()
        assert bool(words[1] == "b")
        assert (words[1] + "c").numpy() == b"bc"

    def test_an_element_does_not_change_its_source(self, make):
        def add_one(x):
            x += 1
            return x

        array = np.zeros(3)
        assert [x.numpy() for x in make(array).map(add_one)] == [1, 1, 1]
        assert array.tolist() == [0, 0, 0]
        with pytest.raises(TypeError, match="does not support item assignment"):
            next(iter(make(np.zeros((2, 2)))))[0] = 1

    def test_a_dataset_keeps_the_values_that_an_array_had(self, make):
        array = np.zeros(2)
        dataset = make(array)
        array[:] = 1
        assert [x.numpy() for x in dataset] == [0, 0]

    def test_elements_can_be_copied_and_pickled(self, make):
        (element,) = make(["ä"])
        assert pickle.loads(pickle.dumps(element)).numpy() == copy.deepcopy(element).numpy() == "ä".encode()


class TestDataset:
    def test_a_generator_is_read_as_far_as_needed(self, tf):
        read = []

        def numbers():
            for number in range(1000):
                read.append(number)
                yield number

        dataset = tf.data.Dataset.from_generator(numbers, output_types="int32", output_shapes=())
        assert [int(x) for x in dataset.map(lambda x: x * 2).batch(2).take(2).unbatch()] == [0, 2, 4, 6]
        assert len(read) == 4

    def test_the_spec_of_elements_has_none_for_the_batch(self, make):
        dataset = make((np.zeros((5, 3), "float32"), ["a"] * 5)).shuffle(5).batch(2).map(lambda x, y: (x * 2, y))
        assert repr(dataset.element_spec) == (
            "(TensorSpec(shape=(None, 3), dtype=tf.float32, name=None), "
            "TensorSpec(shape=(None,), dtype=tf.string, name=None))"
        )

    def test_a_look_at_the_spec_does_not_change_the_order(self, tf, make):
        tf.random.set_seed(3)
        expected = [int(x) for x in make(range(9)).shuffle(9)]
        tf.random.set_seed(3)
        dataset = make(range(9)).shuffle(9)
        assert dataset.batch(2).map(lambda x: x + 1).element_spec is not None
        assert [int(x) for x in dataset] == expected

    def test_lengths(self, make):
        dataset = make(np.arange(10)).batch(3)
        assert len(dataset) == 4
        with pytest.raises(TypeError, match="unknown"):
            len(dataset.filter(lambda x: True))
        with pytest.raises(TypeError, match="infinite"):
            len(dataset.repeat())

    def test_lines_of_text_files(self, tf, tmp_path):
        (tmp_path / "a.txt").write_bytes("one\r\ntwo ä\n".encode())
        (tmp_path / "b.txt").write_bytes(b"three")
        files = tf.data.Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
        assert [x.numpy().decode() for x in tf.data.TextLineDataset(files)] == ["one", "two ä", "three"]

    def test_a_cache_in_a_file_yields_the_same_elements(self, make, tmp_path, capsys):
        dataset = make(np.arange(5)).shuffle(5).cache(str(tmp_path / "cache"))
        assert [int(x) for x in dataset] == [int(x) for x in dataset]
        assert "temporary file" in capsys.readouterr().err

    def test_pandas_objects(self, make):
        import pandas as pd

        frame = pd.DataFrame({"a": [1, 2], "text": ["x", "y"]})
        assert [x["text"].numpy() for x in make(dict(frame))] == [b"x", b"y"]
        assert [int(x) for x in make(frame["a"])] == [1, 2]


class TestErrors:
    @pytest.mark.parametrize(
        ("use", "message"),
        [
            (lambda make: make(([1, 2], [1, 2, 3])), "arrays of one length"),
            (lambda make: make(3), "arrays of one length"),
            (lambda make: make([[1], [1, 2]]), "different lengths"),
            (lambda make: make([object()]), "where tf.data expects texts"),
            (lambda make: list(make(range(3)).map(lambda x: np.zeros(int(x))).batch(2)), "Use padded_batch"),
            (lambda make: make([1]).batch(0), "batch_size must be a number of 1 or more"),
            (lambda make: list(make([1]).filter(lambda x: None)), "must return one bool"),
            (lambda make: make([1]).snapshot, "no attribute 'snapshot'"),
            (lambda make: list(make([1]).flat_map(lambda x: x)), "must return a tf.data.Dataset"),
        ],
    )
    def test_bad_input_is_one_sentence(self, make, use, message):
        with pytest.raises((ValueError, TypeError, AttributeError), match=message):
            use(make)

    def test_a_generator_must_yield_what_was_declared(self, tf):
        def one(value, **options):
            return list(tf.data.Dataset.from_generator(lambda: iter([value]), **options))

        with pytest.raises(ValueError, match=r"shape \(2,\) where an element of shape \(3,\)"):
            one([1, 2], output_types="int32", output_shapes=[3])
        with pytest.raises(ValueError, match="string cannot be used as int32"):
            one("a", output_types="int32")
        with pytest.raises(TypeError, match="a tuple of 2 components"):
            one(1, output_types=("int32", "int32"))

    def test_missing_names_say_what_to_use(self, tf):
        with pytest.raises(AttributeError, match="from_generator"):
            tf.data.TFRecordDataset  # noqa: B018


class TestTexts:
    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras issues it when saving
    def test_a_model_with_texts_is_saved_and_called(self, tf, make, tmp_path):
        keras = tf.keras
        texts, labels = np.array(["good fine", "bad", "good"], object), np.array([1.0, 0.0, 1.0])
        vectorize = keras.layers.TextVectorization(output_sequence_length=3)
        vectorize.adapt(texts)
        inner = keras.Sequential([keras.layers.Embedding(9, 2), keras.layers.SimpleRNN(2), keras.layers.Dense(1)])
        inner.compile("sgd", "mse")
        inner.fit(make((texts, labels)).batch(2).map(lambda x, y: (vectorize(x), y)), shuffle=False, verbose=0)
        model = keras.Sequential([vectorize, inner])
        model.compile("sgd", "mse")
        expected = inner.predict(vectorize(texts), verbose=0)
        np.testing.assert_allclose(model.predict(make(texts).batch(2), verbose=0), expected, rtol=1e-5)
        np.testing.assert_allclose(model(texts), expected, rtol=1e-5)
        np.testing.assert_allclose(model.predict_on_batch(texts), expected, rtol=1e-5)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_allclose(loaded.predict(texts, verbose=0), expected, rtol=1e-5)
        assert loaded.layers[0].get_vocabulary() == vectorize.get_vocabulary()
        with pytest.raises(ValueError, match="vectorize the texts before"):
            inner.predict(texts, verbose=0)
        with pytest.raises(ValueError, match="Vectorize them in"):
            inner.predict(make(texts).batch(2), verbose=0)

    def test_a_callable_gets_texts_as_bytes(self, tf):
        def mark(texts):
            return texts + " end"

        layer = tf.keras.layers.TextVectorization(
            standardize=mark, split=lambda texts: [t.split() for t in texts.numpy()]
        )
        layer.adapt(["a b", "a"])
        assert layer.get_vocabulary() == ["", "[UNK]", "end", "a", "b"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"vocabulary": ["a", "a"]}, "repeated terms"),
            ({"vocabulary": ["a", "b", "c"], "max_tokens": 3}, "max_tokens is 3"),
            ({"ragged": True}, "needs TensorFlow"),
            ({"output_mode": "other"}, "output_mode must be one of"),
        ],
    )
    def test_bad_options_are_one_sentence(self, tf, options, message):
        with pytest.raises(ValueError, match=message):
            tf.keras.layers.TextVectorization(**options)

    def test_a_layer_without_a_vocabulary_says_so(self, tf):
        with pytest.raises(ValueError, match="has no vocabulary"):
            tf.keras.layers.TextVectorization()(["a"])
