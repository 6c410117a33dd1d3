"""Configurations that Keras 1 and 2 wrote, as Keras 3 reads them. Keras itself is not needed."""

import copy
import json

import pytest

from gatewright.support.errors import InputError
from gatewright.support.keras_arguments import HARD_SIGMOID, layer_arguments, optimizer_arguments
from gatewright.support.keras_configs import model_config, training_config


def layer(name, /, **config):
    return {"class_name": name, "config": config}


def sequential(*layers):
    return {"class_name": "Sequential", "config": list(layers)}


def translated(config):
    """Translate a configuration, which must not be changed itself and must stay JSON."""
    before = copy.deepcopy(config)
    result = model_config(config)
    assert config == before
    json.dumps(result.value)
    return result


def test_a_list_of_layers_becomes_a_model_with_an_input():
    dense = layer("Dense", name="dense_1", output_dim=2, init="uniform", batch_input_shape=[None, 3], input_dim=3)
    config = translated(sequential(dense, layer("Dense", name="d", units=1))).value["config"]
    assert [entry["class_name"] for entry in config["layers"]] == ["InputLayer", "Dense", "Dense"]
    assert config["layers"][0]["config"] == {"batch_shape": [None, 3], "dtype": "float32", "name": "dense_1_input"}
    assert config["layers"][1]["config"] == {"name": "dense_1", "units": 2, "kernel_initializer": "uniform"}


def test_hard_sigmoid_is_the_function_of_the_old_release_wherever_it_stands():
    inner = layer("LSTM", units=3, activation="hard_sigmoid", recurrent_activation="hard_sigmoid")
    result = translated(sequential(layer("Bidirectional", layer=inner), layer("Activation", activation="hard_sigmoid")))
    both, activation = result.value["config"]["layers"]
    assert both["config"]["layer"]["config"]["recurrent_activation"] == HARD_SIGMOID
    assert both["config"]["layer"]["config"]["activation"] == HARD_SIGMOID
    assert activation["config"]["activation"] == HARD_SIGMOID
    assert result.changes == ["hard_sigmoid is the function of that release"]


@pytest.mark.parametrize(
    ("name", "stored", "reset_after"),
    [("GRU", {}, False), ("GRU", {"reset_after": True}, True), ("CuDNNGRU", {}, True)],
)
def test_reset_after_is_written_out(name, stored, reset_after):
    config = translated(layer(name, units=3, **stored)).value
    assert config["class_name"] == "GRU"
    assert config["config"]["reset_after"] is reset_after
    assert config["config"].get("recurrent_activation") == ("sigmoid" if name == "CuDNNGRU" else None)


def test_wrappings_of_values_are_removed():
    config = translated(
        layer(
            "Dense",
            units=1,
            dtype={"class_name": "Policy", "config": {"name": "float32"}},
            kernel_initializer={
                "class_name": "VarianceScaling",
                "config": {"distribution": "normal", "dtype": "float32"},
            },
            kernel_regularizer={"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5},
            kernel_constraint={"name": "MaxNorm", "m": 3, "axis": 0},
            alpha={"type": "ndarray", "value": 0.3},
            dynamic=False,
        )
    ).value["config"]
    assert config == {
        "units": 1,
        "dtype": "float32",
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {"distribution": "truncated_normal"}},
        "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}},
        "kernel_constraint": {"class_name": "MaxNorm", "config": {"max_value": 3, "axis": 0}},
        "alpha": 0.3,
    }
    assert translated(layer("BatchNormalization", axis=[2])).value["config"] == {"axis": 2}


def test_a_graph_keeps_its_nodes_and_merges():
    nodes = [[["a", 0, 0], ["b", 0, 0]]]
    merge = {**layer("Merge", name="m", mode="concat", concat_axis=1), "name": "m", "inbound_nodes": nodes}
    graph = {"name": "g", "layers": [merge], "input_layers": [["a", 0, 0]], "output_layers": [["m", 0, 0]]}
    config = translated({"class_name": "Model", "config": graph}).value
    assert config["class_name"] == "Functional"
    assert config["config"]["layers"][0] == {
        **layer("Concatenate", name="m", axis=1),
        "name": "m",
        "inbound_nodes": nodes,
    }


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (layer("LSTM", units=2, time_major=True), "time_major=True"),
        (layer("Embedding", dropout=0.5), "drops whole words"),
        (layer("Merge", mode="cos"), "mode='cos'"),
        (sequential(layer("Merge", mode="sum")), "begins with Merge"),
        ({"class_name": "Sequential", "config": {"name": "s"}}, "is damaged"),
        ({"config": {}}, "is damaged"),
        (layer("Bidirectional", layer={"class_name": "LSTM", "config": 3}), "is damaged"),
        ([], "is damaged"),
    ],
)
def test_what_has_no_counterpart_is_refused(config, message):
    with pytest.raises(InputError, match=message):
        model_config(config)


def test_training_configurations():
    metric = {"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "fn": "binary_accuracy"}}
    loss = {"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "from_logits": True}}
    adam = {"lr": 0.1, "epsilon": None, "decay": 0.0, "is_legacy_optimizer": False}
    config = training_config(
        {
            "optimizer_config": {"class_name": "Custom>Adam", "config": adam},
            "loss": {"a": "mse", "b": loss},
            "metrics": [[metric], ["mae", "acc"]],
            "sample_weight_mode": None,
        }
    ).value
    assert config["optimizer_config"] == {"class_name": "Adam", "config": {"learning_rate": 0.1, "epsilon": 1e-7}}
    assert config["loss"]["a"] == "mean_squared_error"
    assert config["loss"]["b"]["config"] == {"reduction": "sum_over_batch_size", "from_logits": True}
    assert config["metrics"] == [["accuracy"], ["mean_absolute_error", "acc"]]
    with pytest.raises(InputError, match="compiled with a TensorFlow optimizer"):
        training_config({"optimizer_config": {"class_name": "TFOptimizer", "config": {}}})


def test_arguments_of_keras_1_bring_its_defaults():
    result = layer_arguments("GRU", {"output_dim": 3, "inner_init": "orthogonal", "activation": "relu"})
    assert result.value == {
        "units": 3,
        "activation": "relu",
        "recurrent_activation": HARD_SIGMOID,
        "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.1}},
        "reset_after": False,
    }
    assert layer_arguments("GRU", {"units": 3}).value == {"units": 3}
    assert layer_arguments("LSTM", {"forget_bias_init": "zero"}).value["unit_forget_bias"] is False
    assert optimizer_arguments({"learning_rate": 0.1, "epsilon": 1e-3}).renamed == []
