"""Write .h5 files as earlier releases of Keras wrote them, with h5py alone.

The configurations are those that Keras 1.2, 2.1, 2.2 and TensorFlow 2.4 and 2.12 write for such models.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Layer = tuple[str, Sequence[np.ndarray]]


def draw(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(0, 0.6, shape).astype("float32")


def write(path: Path, config: dict, layers: Sequence[Layer], version: str, training: dict | None = None) -> None:
    """Write a model file: configuration, the weights of each layer, and the training configuration."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        write_weights(file.create_group("model_weights"), layers, version)


def write_weights(group: Any, layers: Sequence[Layer], version: str) -> None:
    group.attrs["layer_names"] = [name.encode() for name, _ in layers]
    group.attrs["backend"] = b"tensorflow"
    group.attrs["keras_version"] = version.encode()
    for name, arrays in layers:
        layer = group.create_group(name)
        names = [f"{name}/weight_{i}:0".encode() for i in range(len(arrays))]
        layer.attrs["weight_names"] = names
        for weight_name, array in zip(names, arrays, strict=True):
            layer.create_dataset(weight_name.decode(), data=array)


def glorot(kind: str = "VarianceScaling") -> dict:
    if kind == "VarianceScaling":
        scaling = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
        return {"class_name": kind, "config": scaling}
    return {"class_name": kind, "config": {"seed": None, "dtype": "float32"}}


def recurrent_config(name: str, units: int, **other: Any) -> dict:
    """The configuration of a recurrent layer in Keras 2.1."""
    return {
        "name": name,
        "trainable": True,
        "return_sequences": False,
        "return_state": False,
        "go_backwards": False,
        "stateful": False,
        "unroll": False,
        "units": units,
        "activation": "tanh",
        "recurrent_activation": "hard_sigmoid",
        "use_bias": True,
        "kernel_initializer": glorot(),
        "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": None,
        "recurrent_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "recurrent_constraint": None,
        "bias_constraint": None,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
        **other,
    }


def dense_config(name: str, units: int, activation: str = "linear", **other: Any) -> dict:
    return {
        "name": name,
        "trainable": True,
        "units": units,
        "activation": activation,
        "use_bias": True,
        "kernel_initializer": glorot(),
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
        **other,
    }


def keras_1_lstm(path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Write a model of Keras 1.1 with an LSTM of 4 units; return kernel, recurrent kernel and bias, and the Dense."""
    rng = np.random.default_rng(1)
    kernel, recurrent, bias = draw(rng, 3, 16), draw(rng, 4, 16), draw(rng, 16)
    i, f, c, o = ([array[..., 4 * gate : 4 * gate + 4] for array in (kernel, recurrent, bias)] for gate in range(4))
    dense = [draw(rng, 4, 2), draw(rng, 2)]
    lstm = {
        "inner_activation": "hard_sigmoid",
        "trainable": True,
        "inner_init": "orthogonal",
        "output_dim": 4,
        "unroll": False,
        "consume_less": "cpu",
        "init": "glorot_uniform",
        "dropout_U": 0.0,
        "input_dtype": "float32",
        "batch_input_shape": [None, 5, 3],
        "input_length": None,
        "dropout_W": 0.0,
        "activation": "tanh",
        "stateful": False,
        "b_regularizer": None,
        "U_regularizer": {"l2": 0.0, "name": "WeightRegularizer", "l1": 0.5},
        "name": "lstm_1",
        "go_backwards": False,
        "input_dim": 3,
        "return_sequences": False,
        "W_regularizer": None,
        "forget_bias_init": "one",
    }
    out = {
        "W_constraint": None,
        "b_constraint": None,
        "name": "dense_1",
        "activity_regularizer": None,
        "trainable": True,
        "init": "glorot_uniform",
        "bias": True,
        "input_dim": None,
        "b_regularizer": None,
        "W_regularizer": None,
        "activation": "softmax",
        "output_dim": 2,
    }
    config = [{"class_name": "LSTM", "config": lstm}, {"class_name": "Dense", "config": out}]
    training = {
        "loss": "categorical_crossentropy",
        "metrics": ["accuracy"],
        "sample_weight_mode": None,
        "optimizer_config": {
            "class_name": "RMSprop",
            "config": {"lr": 0.01, "rho": 0.9, "epsilon": 1e-8, "decay": 0.0},
        },
    }
    weights = [("lstm_1", [*i, *c, *f, *o]), ("dense_1", dense)]
    write(path, {"class_name": "Sequential", "keras_version": "1.1.0", "config": config}, weights, "1.1.0", training)
    return [kernel, recurrent, bias], dense


def keras_2_gru(path: Path) -> list[np.ndarray]:
    """Write a model of Keras 2.1 with a masked Embedding and a GRU of 4 units, before `reset_after` existed."""
    rng = np.random.default_rng(2)
    table, gru, dense = draw(rng, 10, 3), [draw(rng, 3, 12), draw(rng, 4, 12), draw(rng, 12)], [draw(rng, 4, 1)]
    embedding = {
        "name": "embedding_1",
        "trainable": True,
        "batch_input_shape": [None, None],
        "dtype": "float32",
        "input_dim": 10,
        "output_dim": 3,
        "embeddings_initializer": {"class_name": "RandomUniform", "config": {"minval": -0.05, "maxval": 0.05}},
        "embeddings_regularizer": None,
        "activity_regularizer": None,
        "embeddings_constraint": None,
        "mask_zero": True,
        "input_length": None,
    }
    config = [
        {"class_name": "Embedding", "config": embedding},
        {"class_name": "GRU", "config": recurrent_config("gru_1", 4, implementation=1)},
        {"class_name": "Dense", "config": dense_config("dense_1", 1, use_bias=False)},
    ]
    training = {
        "optimizer_config": {
            "class_name": "Adam",
            "config": {"lr": 0.002, "beta_1": 0.9, "beta_2": 0.999, "decay": 0.5, "epsilon": None, "amsgrad": False},
        },
        "loss": "mse",
        "metrics": ["mae"],
        "sample_weight_mode": None,
        "loss_weights": None,
    }
    weights = [("embedding_1", [table]), ("gru_1", gru), ("dense_1", dense)]
    write(path, {"class_name": "Sequential", "config": config}, weights, "2.1.6", training)
    with h5py.File(path, "a") as file:
        arrays = [table, *gru, *dense]
        state = [np.int64(7), *(array * 0.5 for array in arrays), *(np.square(array) for array in arrays)]
        state += [np.zeros(1, "float32")] * len(arrays)  # of amsgrad
        group = file.create_group("optimizer_weights")
        names = [f"training/Adam/Variable_{i}:0" for i in range(len(state))]
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, value in zip(names, state, strict=True):
            group.create_dataset(name, data=value)
    return [table, *gru, *dense]


def cudnn_weights(values: Sequence[np.ndarray], gates: int) -> list[np.ndarray]:
    """Return kernels as CuDNNLSTM and CuDNNGRU store them, from those of LSTM and GRU (Keras' own conversion)."""
    kernel = np.hstack([part.T.reshape(part.shape, order="C") for part in np.hsplit(values[0], gates)])
    return [kernel, np.hstack([part.T for part in np.hsplit(values[1], gates)])]


def tf1_cudnn(path: Path) -> dict[str, list[np.ndarray]]:
    """Write a functional model of tf.keras 1.14 (Keras 2.2.4-tf): Bidirectional(CuDNNLSTM), CuDNNGRU and Dense."""
    rng = np.random.default_rng(3)
    cudnn = {
        "trainable": True,
        "dtype": "float32",
        "return_sequences": True,
        "return_state": False,
        "go_backwards": False,
        "stateful": False,
        "time_major": False,
        "kernel_initializer": glorot("GlorotUniform"),
        "unit_forget_bias": True,
        "recurrent_initializer": {
            "class_name": "Orthogonal",
            "config": {"gain": 1.0, "seed": None, "dtype": "float32"},
        },
        "bias_initializer": {"class_name": "Zeros", "config": {"dtype": "float32"}},
        "kernel_regularizer": None,
        "recurrent_regularizer": None,
        "bias_regularizer": None,
        "activity_regularizer": None,
        "kernel_constraint": None,
        "recurrent_constraint": None,
        "bias_constraint": None,
    }
    gru_config = {key: value for key, value in cudnn.items() if key != "unit_forget_bias"}
    inner = {"class_name": "CuDNNLSTM", "config": {**cudnn, "name": "cu_dnnlstm", "units": 4}}
    both = {"name": "bidirectional", "trainable": True, "dtype": "float32", "layer": inner, "merge_mode": "concat"}
    layers = [
        {
            "class_name": "InputLayer",
            "config": {"batch_input_shape": [None, 5, 3], "dtype": "float32", "sparse": False, "name": "input_1"},
            "name": "input_1",
            "inbound_nodes": [],
        },
        {
            "class_name": "Bidirectional",
            "config": both,
            "name": "bidirectional",
            "inbound_nodes": [[["input_1", 0, 0, {}]]],
        },
        {
            "class_name": "CuDNNGRU",
            "config": {**gru_config, "name": "cu_dnngru", "units": 2, "return_sequences": False},
            "name": "cu_dnngru",
            "inbound_nodes": [[["bidirectional", 0, 0, {}]]],
        },
    ]
    config = {"name": "model", "layers": layers, "input_layers": [["input_1", 0, 0]]}
    config["output_layers"] = [["cu_dnngru", 0, 0]]
    forward, backward = ([draw(rng, 3, 16), draw(rng, 4, 16), draw(rng, 32)] for _ in range(2))
    gru = [draw(rng, 8, 6), draw(rng, 2, 6), draw(rng, 12)]
    stored = [[*cudnn_weights(values, 4), values[2]] for values in (forward, backward)]
    weights = [("input_1", []), ("bidirectional", [*stored[0], *stored[1]])]
    weights.append(("cu_dnngru", [*cudnn_weights(gru, 3), gru[2]]))
    write(path, {"class_name": "Model", "config": config}, weights, "2.2.4-tf")
    return {"forward": forward, "backward": backward, "gru": gru}


def tf2_lstm(path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Write a model of tf.keras 2.4: an LSTM with `time_major`, compiled with strings, and an explicit Policy."""
    rng = np.random.default_rng(4)
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    lstm = recurrent_config("lstm", 4, recurrent_activation="sigmoid", unit_forget_bias=True, implementation=2)
    lstm |= {"time_major": False, "dtype": policy, "batch_input_shape": [None, 5, 3]}
    lstm["kernel_initializer"] = glorot("GlorotUniform")
    source = {"batch_input_shape": [None, 5, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}
    config = {
        "name": "sequential",
        "layers": [
            {"class_name": "InputLayer", "config": source},
            {"class_name": "LSTM", "config": lstm},
            {"class_name": "Dense", "config": dense_config("dense", 1, "sigmoid", dtype="float32")},
        ],
    }
    metric = {"name": "accuracy", "dtype": "float32", "fn": "binary_accuracy"}
    training = {
        "loss": {"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "name": "binary_crossentropy"}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": metric}]],
        "weighted_metrics": None,
        "loss_weights": None,
        "optimizer_config": {
            "class_name": "Custom>Adam",
            "config": {
                "name": "Adam",
                "weight_decay": None,
                "clipnorm": None,
                "use_ema": False,
                "jit_compile": False,
                "is_legacy_optimizer": False,
                "learning_rate": 0.003,
                "beta_1": 0.9,
                "beta_2": 0.999,
                "epsilon": 1e-07,
                "amsgrad": False,
            },
        },
    }
    weights = [draw(rng, 3, 16), draw(rng, 4, 16), draw(rng, 16)]
    dense = [draw(rng, 4, 1), draw(rng, 1)]
    write(
        path, {"class_name": "Sequential", "config": config}, [("lstm", weights), ("dense", dense)], "2.4.0", training
    )
    return weights, dense


def hard_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0, 1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm(x: np.ndarray, kernel: Any, recurrent: Any, bias: Any, gate: Any = sigmoid) -> np.ndarray:
    """Return the outputs of an LSTM for x, [batch, time, features]; gates i, f, c, o."""
    h = c = np.zeros((len(x), recurrent.shape[0]))
    outputs = []
    for step in range(x.shape[1]):
        i, f, g, o = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, 1)


def gru(x: np.ndarray, kernel: Any, recurrent: Any, bias: Any, gate: Any, mask: Any = None) -> np.ndarray:
    """Return the last output of a GRU; gates z, r, h. With a bias [2, 3 units], the reset gate comes after."""
    units = recurrent.shape[0]
    h = np.zeros((len(x), units))
    for step in range(x.shape[1]):
        if np.ndim(bias) == 2:
            inputs, inner = x[:, step] @ kernel + bias[0], h @ recurrent + bias[1]
            z, r = (
                gate(inputs[:, k * units : k * units + units] + inner[:, k * units : k * units + units]) for k in (0, 1)
            )
            candidate = np.tanh(inputs[:, 2 * units :] + r * inner[:, 2 * units :])
        else:
            inputs, inner = x[:, step] @ kernel + bias, h @ recurrent[:, : 2 * units]
            z, r = (
                gate(inputs[:, k * units : k * units + units] + inner[:, k * units : k * units + units]) for k in (0, 1)
            )
            candidate = np.tanh(inputs[:, 2 * units :] + (r * h) @ recurrent[:, 2 * units :])
        new = z * h + (1 - z) * candidate
        h = new if mask is None else np.where(mask[:, step : step + 1], new, h)
    return h
