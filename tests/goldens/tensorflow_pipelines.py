"""Small programs on `tf`, run by make_tensorflow_data.py with TensorFlow and by the tests without it."""

from __future__ import annotations

from typing import Any

import numpy as np

TEXTS = [
    "The cat sat on the mat!",
    "A dog; a cat... and É\tbird",
    "",
    "the THE (the) it's don't_x 3.14",
    "naïve café\nnew",
]


def plain(value: Any) -> Any:
    """Return an element as lists, with the data type and the shape of each tensor."""
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in sorted(value.items())}
    if hasattr(value, "as_numpy_iterator"):
        return [plain(part) for part in value]
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    flat = [x.decode() if isinstance(x, bytes) else round(float(x), 4) for x in array.ravel().tolist()]
    return ["string" if array.dtype == object else str(array.dtype), list(array.shape), flat]


def pipelines(tf: Any) -> dict[str, Any]:
    """Return the elements, the length and the second iteration of many pipelines."""
    data = tf.data
    make = data.Dataset.from_tensor_slices
    numbers = data.Dataset.range
    x, y = np.arange(22.0).reshape(11, 2), np.arange(11) % 3

    def ragged() -> Any:
        for size in (3, 1, 4, 2, 2):
            yield np.arange(size), size

    def windowed(series: Any, size: int, batch: int, buffer: int) -> Any:
        windows = make(series).window(size + 1, shift=1, drop_remainder=True)
        windows = windows.flat_map(lambda window: window.batch(size + 1)).shuffle(buffer, seed=7)
        return windows.map(lambda window: (window[:-1], window[-1])).batch(batch).prefetch(1)

    tf.random.set_seed(5)
    lengths = make(list(range(1, 9))).map(lambda n: n * 2)
    ragged_set = data.Dataset.from_generator(ragged, output_types=("int64", "int32"), output_shapes=([None], []))
    cases = {
        "tuples": make((x, y)).batch(4),
        "dicts": make(({"a": x, "b": list("abcdefghijk")}, [1.5] * 11)).batch(4, drop_remainder=True),
        "python values": make(([1, 2], [1.5, 2.5], ["ä", "b"], [True, False])),
        "shuffle": numbers(20).shuffle(6, seed=1),
        "shuffle with the global seed": numbers(20).shuffle(6),
        "shuffle with the global seed again": numbers(20).shuffle(100),
        "shuffle once": numbers(9).shuffle(4, seed=2, reshuffle_each_iteration=False),
        "shuffle and repeat": numbers(7).shuffle(4, seed=3).repeat(3).batch(4),
        "repeat and shuffle": numbers(5).repeat(3).shuffle(7, seed=3),
        "cache a shuffled dataset": numbers(6).shuffle(6, seed=4).cache().repeat(2),
        "take and skip": numbers(10).skip(2).take(5).concatenate(numbers(2)),
        "filter": numbers(10).filter(lambda n: n % 3 == 0),
        "enumerate and zip": data.Dataset.zip((numbers(3).enumerate(5), make(["a", "b", "c", "d"]))),
        "windowed_dataset": windowed(np.arange(12, dtype="float32"), 3, 4, 5),
        "windows": numbers(8).window(3, shift=2, stride=2),
        "windows of pairs": make((x, y)).window(4, drop_remainder=True),
        "interleave": numbers(4).interleave(
            lambda n: numbers(3).map(lambda m: m + 10 * n), cycle_length=2, block_length=2
        ),
        "characters": make(np.arange(23)).batch(6, drop_remainder=True).map(lambda ids: (ids[:-1], ids[1:])).batch(2),
        "padded": ragged_set.padded_batch(2),
        "padded to a shape": ragged_set.padded_batch(3, padded_shapes=([5], []), padding_values=(np.int64(-1), 0)),
        "buckets": ragged_set.bucket_by_sequence_length(lambda ids, size: size, [3], [2, 2]),
        "unbatch": make((x, y)).batch(4).unbatch(),
        "map to a dict": lengths.map(lambda n: {"n": n, "half": n / 2, "one": 1.0}).batch(3),
        "scan": numbers(5).scan(np.int64(0), lambda state, n: (state + n, state * n)),
        "take while": numbers(9).take_while(lambda n: n < 4),
        "shard": numbers(9).shard(2, 1),
        "group": numbers(9).group_by_window(lambda n: n % 2, lambda key, group: group.batch(3), window_size=3),
        "unique": make([3, 1, 3, 2, 1]).unique(),
    }
    result: dict[str, Any] = {
        name: [int(dataset.cardinality()), plain(dataset), plain(dataset)] for name, dataset in cases.items()
    }
    result["reduce"] = plain(numbers(5).reduce(np.int64(0), lambda total, n: total + n))
    result["infinite"] = [int(numbers(3).repeat().batch(2).cardinality()), plain(numbers(3).repeat().take(5))]
    return result


def training(tf: Any) -> dict[str, Any]:
    """Return the loss of each batch of a model that does not learn, which shows the batches and their order."""
    keras = tf.keras
    tf.random.set_seed(1)
    make = tf.data.Dataset.from_tensor_slices
    x = np.arange(1, 24, dtype="float32")[:, None] ** 1.5
    y = np.zeros((23, 1), "float32")
    weights = np.linspace(0, 1, 23).astype("float32")
    inputs = {"a": keras.Input((1,), name="a"), "b": keras.Input((1,), name="b")}
    total = keras.layers.Add()([inputs["a"], inputs["b"]])
    output = keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)(total)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.SGD(0.0), "mae")

    class Losses(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            self.seen = [self.params["steps"]]

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(round(float(logs["loss"]), 3))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seen.append(sorted((name, round(float(value), 3)) for name, value in logs.items()))

    def fit(dataset: Any, **options: Any) -> list[Any]:
        losses = Losses()
        model.fit(dataset, shuffle=False, verbose=0, callbacks=[losses], **options)
        return losses.seen

    features = {"a": x, "b": x * 2}
    shuffled = make((features, y)).shuffle(10, seed=3)
    return {
        "shuffled": fit(shuffled.batch(5), epochs=2),
        "steps": fit(shuffled.repeat().batch(5), epochs=2, steps_per_epoch=3),
        "weights": fit(make((features, y, weights)).batch(5), epochs=1),
        "classes": fit(make((features, np.arange(23) % 2)).batch(5), epochs=1, class_weight={0: 1.0, 1: 3.0}),
        "validation": fit(shuffled.batch(5), epochs=2, validation_data=make((features, y)).shuffle(4, seed=1).batch(4)),
        "predict": np.round(model.predict(make(features).batch(5), verbose=0).ravel(), 3).tolist(),
    }


def keras_datasets(tf: Any, folder: Any) -> dict[str, Any]:
    """Return the batches of Keras' functions that make datasets. `folder` is empty."""
    utilities = tf.keras.utils
    tf.random.set_seed(1)
    for name in "ab":
        (folder / name).mkdir()
        for number in range(5):
            (folder / name / f"{number}.txt").write_text(f"text {name}{number} é", encoding="utf-8")
    series, numbers = utilities.timeseries_dataset_from_array, np.arange(30.0)
    texts = utilities.text_dataset_from_directory
    options = {"batch_size": 3, "verbose": False}
    train, validation = texts(str(folder), validation_split=0.3, subset="both", seed=7, **options)
    left, right = utilities.split_dataset(
        tf.data.Dataset.from_tensor_slices((np.arange(10), np.arange(10) * 2)).batch(4),
        left_size=0.7,
        shuffle=True,
        seed=3,
    )
    return {
        "series": plain(series(numbers, numbers * 2, 4, sequence_stride=2, sampling_rate=2, batch_size=3)),
        "shuffled series": plain(
            series(numbers, None, 4, batch_size=5, shuffle=True, seed=5, start_index=3, end_index=20)
        ),
        "train": [plain(train), plain(train), train.class_names],
        "validation": plain(validation),
        "categorical": plain(texts(str(folder), label_mode="categorical", shuffle=False, max_length=6, **options)),
        "binary": plain(texts(str(folder), label_mode="binary", seed=3, **options)),
        "no labels": plain(texts(str(folder), labels=None, label_mode=None, seed=3, **options)),
        "split": [plain(left), plain(right)],
    }


def vectorization(tf: Any) -> dict[str, Any]:
    """Return vocabularies and outputs of layers for texts."""
    layers = tf.keras.layers
    settings: list[dict[str, Any]] = [
        {},
        {"output_sequence_length": 4, "max_tokens": 6},
        {"standardize": None},
        {"standardize": "strip_punctuation"},
        {"split": "character", "ngrams": (2,)},
        {"split": None, "standardize": "lower", "output_sequence_length": 2},
        {"ngrams": 2},
        *[{"output_mode": mode} for mode in ("multi_hot", "count", "tf_idf")],
        {"output_mode": "tf_idf", "max_tokens": 30, "pad_to_max_tokens": True},
        {"vocabulary": ["cat", "dog", "the"], "output_mode": "tf_idf", "idf_weights": [0.5, 0.2, 0.1]},
        {"vocabulary": ["", "[UNK]", "cat", "the"]},
    ]
    result: dict[str, Any] = {}
    for options in settings:
        layer = layers.TextVectorization(**options)
        if "vocabulary" not in options:
            layer.adapt(tf.data.Dataset.from_tensor_slices(TEXTS).batch(2))
        result[repr(options)] = [layer.get_vocabulary(), plain(layer(TEXTS)), plain(layer([["the cat"], ["qq mat"]]))]
    for options in ({}, {"mask_token": ""}, {"output_mode": "multi_hot"}, {"output_mode": "one_hot", "max_tokens": 3}):
        lookup = layers.StringLookup(**options)
        lookup.adapt(["b", "a", "c", "b", "é", "a", "b"])
        result["StringLookup " + repr(options)] = [
            lookup.get_vocabulary(),
            lookup.vocabulary_size(),
            plain(lookup([["a", "b"], ["zz", ""]])),
        ]
    inverse = layers.StringLookup(vocabulary=["a", "b", "é"], invert=True, mask_token="")
    result["inverse"] = [plain(inverse([0, 1, 2, 3, 4, 9])), inverse.get_vocabulary()]
    integers = layers.IntegerLookup(mask_token=0)
    integers.adapt([10, 20, 20, 30, -5, 10, 20])
    result["IntegerLookup"] = [list(map(int, integers.get_vocabulary())), plain(integers([10, 20, 99, 0]))]
    return result


def text_models(tf: Any) -> dict[str, Any]:
    """Return the losses and predictions of models whose first layer is one for texts."""
    keras, layers = tf.keras, tf.keras.layers
    texts = np.array(
        ["good fine nice", "bad awful poor", "nice good", "poor bad day", "fine day good", "awful"] * 4, object
    )
    labels = np.array([1, 0, 1, 0, 1, 0] * 4, "float32")

    def parts() -> list[Any]:
        vectorize = layers.TextVectorization()
        vectorize.adapt(texts)
        embed = layers.Embedding(20, 3, embeddings_initializer=keras.initializers.Constant(0.1))
        head = layers.Dense(1, activation="sigmoid", kernel_initializer="ones")
        return [vectorize, embed, layers.GlobalAveragePooling1D(), head]

    def losses(model: Any, *arrays: Any) -> list[float]:
        model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
        history = model.fit(*arrays, epochs=2, batch_size=None if len(arrays) == 1 else 6, shuffle=False, verbose=0)
        return [round(float(loss), 4) for loss in history.history["loss"]]

    sequential = keras.Sequential(parts())
    result = {"sequential": losses(sequential, texts, labels)}
    result["predict"] = np.round(sequential.predict(texts[:3], verbose=0).ravel(), 4).tolist()
    text, number = keras.Input((1,), dtype="string", name="text"), keras.Input((1,), name="number")
    hidden = text
    for layer in parts():
        hidden = layer(hidden)
    output = layers.Dense(1, "sigmoid", kernel_initializer="ones")(layers.Concatenate()([hidden, number]))
    functional = keras.Model({"text": text, "number": number}, output)
    inputs = {"text": texts, "number": np.linspace(0, 1, 24).astype("float32")}
    result["functional"] = losses(functional, tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(6))
    return result
