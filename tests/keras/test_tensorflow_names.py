"""The names of TensorFlow that the substitute serves, and its answer to the others."""

import pickle

import numpy as np
import pytest

jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")

from gatewright.keras import imports  # noqa: E402
from gatewright.keras.tensorflow import names, served  # noqa: E402

pytestmark = pytest.mark.slow  # Keras is imported


@pytest.fixture(scope="module", autouse=True)
def tf():
    imports.install()
    yield names.module("tensorflow")
    imports.uninstall()


def test_every_name_in_the_tables_exists(tf):
    for module, sources in served.NAMES.items():
        for name in " ".join(sources.values()).split():
            assert getattr(names.module(module), name, "missing") != "missing", f"{module}.{name}"
    for name in " ".join(served.BACKEND.values()).split():
        assert hasattr(keras.backend, name), name


def test_every_function_that_keras_lacks_on_jax_is_served():
    legacy = keras.src.legacy.backend
    functions = {name for name, value in vars(legacy).items() if getattr(value, "__doc__", "") == "DEPRECATED."}
    assert len(functions) > 100
    assert functions <= set(" ".join(served.BACKEND.values()).split())


def test_a_missing_name_is_refused_in_one_sentence_with_a_counterpart_that_exists(tf):
    assert not hasattr(tf.linalg, "logm")
    for access, counterpart in [
        (lambda: tf.linalg.logm, "scipy.linalg.logm"),
        (lambda: tf.math.bessel_i0e, "keras.ops, jax.numpy or NumPy"),
        (lambda: tf.math.nextafter, "keras.ops.nextafter"),
        (lambda: tf.lite, "model.save"),
        (lambda: tf.log, "tf.math.log"),
        (lambda: tf.compat.v1.layers, "keras.layers"),
    ]:
        with pytest.raises(AttributeError) as refused:
            access()
        message = str(refused.value)
        assert "is not served by Gatewright's substitute for TensorFlow. Use " in message
        assert counterpart in message
        assert "install" not in message


def test_modules_can_be_imported_under_all_their_names():
    for name in ("tensorflow.compat.v1", "tensorflow.nn", "tensorflow.python.framework.ops", "tensorflow.io.gfile"):
        assert names.imported(name, ()).__name__ == "tensorflow"
        assert names.module(name).__name__ == name
    layers = names.imported("tensorflow.python.keras.layers", ("LSTM",))
    assert layers.LSTM is keras.layers.LSTM
    assert names.module("tensorflow.compat.v1").nn is names.module("tensorflow.nn")
    with pytest.raises(ModuleNotFoundError, match=r"tf\.core is not served"):
        names.module("tensorflow.core")
    with pytest.raises(ImportError, match=r"tf\.math\.nothing is not served"):
        names.imported("tensorflow.math", ("nothing",))


def test_modules_functions_and_dtypes_can_be_pickled(tf):
    for value in (tf, tf.math, tf.compat.v1, tf.reduce_sum, tf.abs, tf.exp, tf.Variable, keras.backend.dot):
        assert pickle.loads(pickle.dumps(value)) is value
    assert pickle.loads(pickle.dumps(tf.float32)) == tf.float32


def test_dtypes_are_those_of_keras_jax_and_numpy(tf):
    assert tf.constant([1.0]).dtype == tf.float32
    assert tf.constant([1.0]).dtype != tf.int32
    assert keras.Input((2,), dtype=tf.int32).dtype == tf.int32
    assert np.zeros(1, tf.float32).dtype == tf.float32
    assert keras.layers.Dense(1, dtype=tf.float32).compute_dtype == "float32"
    assert tf.as_dtype(np.float32) is not None
    assert (repr(tf.bool), tf.bool.name) == ("tf.bool", "bool")


def test_64_bits_are_32_bits_with_a_note_and_never_a_wrong_number(tf, capsys):
    from gatewright.keras import notes

    notes.forget()
    assert tf.cast([1.5], tf.int64).dtype == tf.int32
    assert "tf.int64 is int32 here" in capsys.readouterr().err
    with pytest.raises(OverflowError, match="1099511627776 does not fit into int32"):
        tf.constant(2**40)
    with pytest.raises(OverflowError, match="does not fit"):
        tf.convert_to_tensor(np.array([2**40]))


def test_results_have_the_methods_of_tensors(tf):
    x = tf.constant([[1.0, 2.0]])
    assert type(x.numpy()) is np.ndarray
    assert type(tf.reduce_sum(x).numpy()) is np.float32
    assert x.get_shape().as_list() == [1, 2]
    assert isinstance(x, tf.Tensor)
    assert isinstance(keras.Variable(1.0), tf.Variable)
    with pytest.raises(AttributeError, match=r"no values yet while JAX compiles the step, so \.numpy\(\)"):
        jax.jit(lambda v: v.numpy())(x)


def test_texts_are_bytes_as_in_tensorflow(tf):
    assert tf.constant("abc").numpy() == b"abc"
    assert tf.constant(["a", "b"]).numpy().tolist() == [b"a", b"b"]
    with pytest.raises(TypeError, match="cannot convert texts"):
        tf.cast(tf.constant("1"), tf.float32)


def test_devices_and_sessions_are_harmless(tf):
    assert tf.config.list_physical_devices("GPU") == []
    assert [device.device_type for device in tf.config.list_physical_devices()] == ["CPU"]
    assert tf.test.gpu_device_name() == ""
    config = tf.compat.v1.ConfigProto()
    config.gpu_options.allow_growth = True
    strategy = tf.distribute.MirroredStrategy()
    with tf.device("/GPU:0"), strategy.scope(), tf.compat.v1.Session(config=config) as session:
        assert session.run(tf.compat.v1.global_variables_initializer()) is None
        assert session.run([tf.constant(1)]) == [1]
    with pytest.raises(TypeError, match=r"tf\.placeholder is not served.*keras\.Input"):
        tf.compat.v1.placeholder(tf.float32)


def test_functions_run_in_python_at_each_call(tf):
    calls = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def count(x):
        calls.append(1)
        return x + 1

    assert count(tf.constant([1.0])).numpy() == [2.0]
    count(tf.constant([1.0]))
    assert len(calls) == 2


def test_set_seed_seeds_tensorflow_and_keras_alone(tf):
    state = np.random.get_state()[1].copy()

    def draw():
        tf.random.set_seed(5)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        return [
            np.asarray(layer.kernel.value), tf.random.normal([2]), tf.random.normal([2]),
            tf.random.uniform([2], seed=1),
            tf.random.shuffle([1, 2, 3, 4, 5]), keras.random.normal((2,)),
        ]  # fmt: skip

    first, second = draw(), draw()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first[1], first[2])
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    keras.utils.set_random_seed(1)  # Keras' own function takes over again
    expected = keras.random.normal((2,))
    tf.random.set_seed(5)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(keras.random.normal((2,)), expected)


def test_everything_is_undone(tf):
    imports.uninstall()
    array = type(jax.numpy.zeros(()))
    assert not hasattr(array, "numpy")
    assert not hasattr(keras.backend, "dot")
    assert not hasattr(keras.Model, "compiled_loss")
    imports.install()
    assert names.module("tensorflow").constant(1.0).numpy() == 1
