"""Training with TensorFlow's names: gradient tapes, steps of one's own, and layers that compute with tf and K."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")

from gatewright.keras.enable import disable, enable  # noqa: E402
from gatewright.keras.tensorflow import names  # noqa: E402

pytestmark = pytest.mark.slow

X = np.random.RandomState(0).rand(8, 4, 2).astype("float32")
Y = X.sum((1, 2))[:, None]


@pytest.fixture(scope="module", autouse=True)
def tf():
    enable()
    yield names.module("tensorflow")
    disable()


def test_gradients_of_single_operations(tf):
    x, v = tf.constant([1.0, 2.0]), tf.Variable(3.0)
    square = jax.jit(lambda a: a * a)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = v * v
        z = y * y
        stopped = tf.stop_gradient(y) * v
        compiled = square(square(v.value))  # called twice: the second call comes from JAX's cache
        total = tf.reduce_sum(x * x)
    assert tape.gradient(z, v) == 108
    assert tape.gradient(z, y) == 18  # with respect to an intermediate result
    assert tape.gradient(stopped, v) == 9
    assert tape.gradient(compiled, v) == 108
    np.testing.assert_array_equal(tape.gradient(total, x), [2, 4])
    assert tape.gradient(total, v) is None
    assert tape.gradient(total, v, unconnected_gradients=tf.UnconnectedGradients.ZERO) == 0
    gradients = tape.gradient(z, {"v": v, "x": x})
    assert gradients["v"] == 108
    assert gradients["x"] is None
    assert tape.jacobian(x * 1.0, v) is None
    np.testing.assert_array_equal(tape.gradient([z, y], [v])[0], 108 + 6)


def test_a_tape_gives_what_tensorflow_gives_at_its_edges(tf):
    x = tf.constant(2.0)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = x**3
        first = inner.gradient(y, x)
    assert first == 12
    assert outer.gradient(first, x) == 12  # a second derivative
    with pytest.raises(RuntimeError, match="persistent"):
        inner.gradient(y, x)
    with tf.GradientTape() as tape:
        y = x * x
    assert tape.gradient(y, x) is None  # not watched
    with tf.GradientTape() as tape, pytest.raises(ZeroDivisionError):
        _ = 1 / 0
    assert isinstance(jax.jit(lambda a: a + 1)(1.0), jax.Array)  # JAX is as before
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        first = tape.gradient(x**3, x)  # a persistent tape records its own gradients
    assert tape.gradient(first, x) == 12
    frozen = tf.Variable(1.0, trainable=False)
    with tf.GradientTape() as tape:
        y = frozen * 2
    assert tape.gradient(y, frozen) is None


def test_gradients_of_a_recurrent_model_are_those_of_jax(tf, monkeypatch):
    from gatewright.ops import jax as gw

    calls = []
    forward = gw.forward
    monkeypatch.setattr(gw, "forward", lambda *args, **kwargs: calls.append(1) or forward(*args, **kwargs))
    model = keras.Sequential(
        [keras.layers.Embedding(10, 3, mask_zero=True), keras.layers.GRU(3), keras.layers.Dense(2)]
    )
    ids, labels = np.array([[1, 2, 0], [3, 4, 5]]), np.array([0, 1])
    loss_function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    with tf.GradientTape() as tape:
        loss = loss_function(labels, model(ids, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    assert calls, "the kernels were not used"

    def stateless(values):
        return loss_function(labels, model.stateless_call(values, others, ids)[0])

    values = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    for gradient, expected in zip(gradients, jax.grad(stateless)(values), strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-6)
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    assert float(loss_function(labels, model(ids))) < float(loss)


def _model(steps, **compile_options):
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.recurrent, self.dense = keras.layers.LSTM(3), keras.layers.Dense(1)
            if "test_step" in steps:
                self.tracker = keras.metrics.Mean(name="loss")

        def call(self, x, training=False):
            return self.dense(self.recurrent(x))

    keras.utils.set_random_seed(1)
    model = type("Model", (Model,), steps)()
    model(X[:1])
    model.compile("adam", **compile_options)
    return model


def _train(model):
    history = model.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    return history["loss"], model.evaluate(X, Y, verbose=0)


def test_training_steps_of_tensorflow_train_as_fit_does(tf):
    def own(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(y - self(x, training=True)))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.tracker.update_state(loss)
        return {"loss": self.tracker.result()}

    def own_test(self, data):
        x, y = data
        self.tracker.update_state(tf.reduce_mean(tf.square(y - self(x))))
        return {"loss": self.tracker.result()}

    def of_keras_2(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.compiled_metrics.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}

    def around_super(self, data):
        return super(type(self), self).train_step(data)

    expected = _train(_model({}, loss="mse"))
    for model in (
        _model({"train_step": own, "test_step": own_test}),
        _model({"train_step": own, "test_step": own_test}, run_eagerly=True),
        _model({"train_step": of_keras_2}, loss="mse"),
        _model({"train_step": around_super}, loss="mse"),
    ):
        result = _train(model)
        np.testing.assert_allclose(result[0], expected[0], rtol=1e-5)
        np.testing.assert_allclose(result[1], expected[1], rtol=1e-5)
        assert not {"train_step", "test_step"} & vars(model).keys()


def test_a_model_with_two_optimizers_trains_both(tf):
    class Pair(keras.Model):
        def __init__(self):
            super().__init__()
            self.one, self.two = (keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for _ in range(2))
            self.first, self.second = keras.optimizers.SGD(0.1), keras.optimizers.Adam(0.1)

        def train_step(self, x):
            with tf.GradientTape() as a, tf.GradientTape() as b:
                y = self.one(x)
                loss_a, loss_b = tf.reduce_mean(y**2), tf.reduce_mean((self.two(x) - y) ** 2)
            for tape, loss, part, optimizer in (
                (a, loss_a, self.one, self.first),
                (b, loss_b, self.two, self.second),
            ):
                gradients = tape.gradient(loss, part.trainable_variables)
                optimizer.apply_gradients(zip(gradients, part.trainable_variables, strict=True))
            return {"a": loss_a, "b": loss_b}

    model = Pair()
    model.compile()
    before = [np.asarray(variable.value) for variable in model.variables]
    history = model.fit(X[:, 0], epochs=3, batch_size=4, verbose=0).history
    assert history["a"][-1] < history["a"][0]
    for old, variable in zip(before, model.variables, strict=True):
        assert not np.array_equal(old, variable.value)


def test_layers_compute_with_tf_and_k_in_a_compiled_model(tf):
    backend = keras.backend

    class Pooling(keras.layers.Layer):
        def call(self, x):
            batch, steps = tf.shape(x)[0], tf.shape(x)[1]
            array = tf.TensorArray(tf.float32, size=steps)
            for step in tf.range(steps):
                array = array.write(step, x[:, step])
            stacked = tf.transpose(array.stack(), [1, 0, 2])
            mask = tf.sequence_mask(tf.fill([batch], 3), steps, tf.float32)
            count, total = tf.while_loop(
                lambda i, s: i < steps, lambda i, s: (i + 1, s + x[:, i]), [tf.constant(0), tf.zeros([batch, 2])]
            )
            pooled = tf.reduce_sum(stacked * mask[:, :, tf.newaxis], axis=1) + total
            flat = tf.reshape(stacked, tf.stack([batch, tf.reduce_prod(tf.shape(x)[1:])]))
            return tf.concat([pooled, flat, tf.cast(tf.fill([batch, 1], count), tf.float32)], axis=-1)

    inputs = keras.Input((4, 2))
    weights = tf.nn.softmax(backend.batch_dot(inputs, inputs, axes=2), axis=1)
    outputs = tf.concat([Pooling()(inputs), backend.sum(weights, axis=-1), inputs[:, -1]], axis=-1)
    model = keras.Model(inputs, outputs)
    predicted = model.predict(X, verbose=0)
    pooled = X[:, :3].sum(1) + X.sum(1)
    last = [X[:, -1]]
    np.testing.assert_allclose(predicted[:, :2], pooled, rtol=1e-5)
    np.testing.assert_allclose(predicted[:, 2:10], X.reshape(8, 8), rtol=1e-6)
    np.testing.assert_array_equal(predicted[:, 10], 4)
    np.testing.assert_allclose(predicted[:, -2:], last[0])
    trained = keras.Sequential([model, keras.layers.Dense(1)])
    trained.compile("sgd", lambda y, p: tf.reduce_mean(backend.square(y - p)))
    losses = trained.fit(X, Y, epochs=2, verbose=0, batch_size=8).history["loss"]
    assert losses[1] < losses[0]


def test_random_numbers_in_a_compiled_model_are_new_at_each_step_and_reproducible(tf):
    class Noise(keras.layers.Layer):
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

    model = keras.Sequential([keras.Input((2,)), Noise()])
    zeros = np.zeros((3, 2))

    def predictions():
        tf.random.set_seed(4)
        return [model.predict(zeros, verbose=0) for _ in range(2)]

    first, second = predictions(), predictions()
    assert not np.array_equal(first[0], first[1])
    np.testing.assert_array_equal(first, second)


def test_training_after_set_seed_is_reproducible_without_seeding_numpy(tf):
    def train():
        tf.random.set_seed(7)
        model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model.fit(X[:, 0], Y, epochs=2, batch_size=2, verbose=0).history["loss"]

    assert train() == train()


def test_a_result_whose_size_depends_on_values_is_refused_in_a_compiled_step(tf):
    with pytest.raises(TypeError, match=r"tf\.boolean_mask has a result whose shape depends on values"):
        jax.jit(lambda x: tf.boolean_mask(x, x > 0))(np.ones(3))


def test_a_backend_function_of_a_model_made_with_lists_returns_activations(tf):
    K, layers = tf.keras.backend, tf.keras.layers
    one, other = layers.Input((2,)), layers.Input((3,))
    single = tf.keras.Model([one], layers.Dense(4, name="dense")(one))
    x = np.ones((5, 2), "float32")
    activations = K.function([single.input, K.learning_phase()], [single.get_layer("dense").output])([x, 0.0])
    np.testing.assert_allclose(activations[0], single.predict(x, verbose=0), rtol=1e-6)
    both = tf.keras.Model([one, other], layers.Concatenate(name="joined")([one, other]))
    joined = K.function([both.input], [both.get_layer("joined").output])([[x, np.zeros((5, 3), "float32")]])
    assert joined[0].tolist() == [[1, 1, 0, 0, 0]] * 5
