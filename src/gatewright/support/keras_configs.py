"""Read configurations that Keras 1 and Keras 2 wrote, as Keras 3 writes them.

All functions take and return plain JSON values, so that neither Keras nor a file library is needed. They keep the
meaning of the old release.
"""

from collections.abc import Callable
from typing import Any

from gatewright.support.errors import InputError
from gatewright.support.keras_arguments import HARD_SIGMOID, Translated, layer_arguments, optimizer_arguments

_CLASSES = {
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "TimeDistributedDense": "Dense",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}
_MERGE_MODES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
}
_WEIGHTLESS_KEYS = frozenset({"batch_input_shape", "dynamic", "input_dtype"})
# The layers of Keras in wrappers; others are layers of the program.
_INNER = frozenset(
    {
        *("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "RNN", "StackedRNNCells", "ConvLSTM2D"),
        *("Dense", "Conv1D", "Conv2D", "Conv3D", "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "Flatten"),
        *("AveragePooling2D", "GlobalMaxPooling1D", "GlobalAveragePooling1D", "GlobalMaxPooling2D", "Dropout"),
        *("GlobalAveragePooling2D", "Activation", "Embedding", "BatchNormalization", "Bidirectional", "Reshape"),
        *("TimeDistributed", "RepeatVector", "Lambda", "Masking", "LeakyReLU", "PReLU", "ELU", "ReLU", "Softmax"),
        *("SpatialDropout1D", "GaussianNoise", "GaussianDropout", "Permute", "LayerNormalization", "SeparableConv2D"),
    }
)
_INITIALIZERS = frozenset(
    {
        *("Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling"),
        *("Orthogonal", "Identity", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal"),
        *("LecunUniform", "LecunNormal"),
    }
)
_MEANS = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
}
_MEANS |= {name.upper(): new for name, new in _MEANS.items() if len(name) <= 4}
LOSSES = _MEANS | {
    "logcosh": "log_cosh",
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
}
METRICS = _MEANS | {"logcosh": "log_cosh_error"}
"""Names of losses and metrics in earlier releases, and their names in Keras 3."""


def model_config(config: dict[str, Any]) -> Translated:
    """Return the configuration of a model or layer from Keras 1 or 2 as Keras 3 reads it from an .h5 file.

    Args:
        config: A dict with `class_name` and `config`, as in the attribute `model_config` of a file or from `to_json`.

    Raises:
        InputError: A layer has no counterpart with the same meaning in Keras 3.
    """
    translated = Translated(None)
    translated.value = _layer(config, translated)
    return translated


def _layer(entry: dict[str, Any], noted: Translated) -> dict[str, Any]:
    """Return one layer or model: a dict with `class_name`, `config` and, in a graph, `name` and `inbound_nodes`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str) or "config" not in entry:
        raise InputError("The configuration of the model is damaged: a layer has no class_name or no config.")
    old_name, config = entry["class_name"], entry["config"]
    if old_name == "Sequential":
        return {**entry, "config": _sequential(config, noted)}
    config = _plain(config)
    if not isinstance(config, dict):
        raise InputError(f"The configuration of the model is damaged: the config of {old_name} is not a dict.")
    if "layers" in config and "input_layers" in config:
        layers = [_layer(layer, noted) for layer in config["layers"]]
        return {**entry, "class_name": _model_class(old_name), "config": {**config, "layers": layers}}
    name = _CLASSES.get(old_name, old_name)
    if old_name == "Merge":
        name, config = _merge(config)
    if name != old_name:
        noted.change(f"{old_name} is {name}")
    return {**entry, "class_name": name, "config": _layer_config(old_name, name, config, noted)}


def _model_class(name: str) -> str:
    return "Functional" if name == "Model" else name


def _layer_config(old_name: str, name: str, config: dict[str, Any], noted: Translated) -> dict[str, Any]:
    if name == "InputLayer" and "batch_input_shape" in config:
        config = {**config, "batch_shape": config["batch_input_shape"]}
        config.setdefault("dtype", config.get("input_dtype"))
    config = {key: value for key, value in config.items() if key not in _WEIGHTLESS_KEYS}
    if name != "Embedding":  # of which they are arguments
        config = {key: value for key, value in config.items() if key not in ("input_dim", "input_length")}
    translated = layer_arguments(name, config)
    config = translated.value
    if old_name in ("CuDNNLSTM", "CuDNNGRU"):
        config |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
    if name == "GRU":
        config.setdefault("reset_after", old_name == "CuDNNGRU")
        if old_name == "CuDNNGRU":
            config["reset_after"] = True
    if isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    for key in ("activation", "recurrent_activation"):
        if config.get(key) in ("hard_sigmoid", HARD_SIGMOID):
            config[key] = HARD_SIGMOID
            noted.change("hard_sigmoid is the function of that release")
    for key in ("layer", "backward_layer", "cell"):
        if isinstance(config.get(key), dict):
            config[key] = _inner(_layer(config[key], noted))
    if isinstance(config.get("cells"), list):
        config["cells"] = [_inner(_layer(cell, noted)) for cell in config["cells"]]
    return config


def _inner(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a layer in a wrapper, for which Keras 3 wants to know the module."""
    name = entry["class_name"]
    if name in ("Functional", "Sequential"):
        return {**entry, "module": "keras.models" if name == "Sequential" else "keras.src.models.functional"}
    if name in _INNER:
        return {**entry, "module": "keras.layers", "registered_name": None}
    return {**entry, "module": None, "registered_name": name}


def _sequential(config: Any, noted: Translated) -> dict[str, Any]:
    """Return the configuration of a Sequential model, which begins with an InputLayer where the shape is known."""
    old = {"name": "sequential", "layers": config} if isinstance(config, list) else _plain(config)
    entries = old.get("layers")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError("The configuration of the Sequential model is damaged: it has no list of layers.")
    if entries and entries[0].get("class_name") == "Merge":
        raise InputError(
            "The Sequential model begins with Merge, which Keras 3 does not have. Build the model with "
            "keras.Model(inputs, outputs) and keras.layers.concatenate, and load its weights."
        )
    layers = [_layer(entry, noted) for entry in entries]
    first = entries[0]["config"] if entries else {}
    if layers and layers[0]["class_name"] != "InputLayer" and isinstance(first, dict):
        shape = first.get("batch_input_shape") or _inner_shape(first)
        if shape is not None:
            dtype, name = first.get("input_dtype") or "float32", f"{first.get('name', 'layer')}_input"
            layer = {"batch_shape": shape, "dtype": dtype, "name": name}
            layers.insert(0, {"class_name": "InputLayer", "config": layer})
    shape = {"build_input_shape": old["build_input_shape"]} if "build_input_shape" in old else {}
    return {"name": old.get("name") or "sequential", "layers": layers, **shape}


def _inner_shape(config: dict[str, Any]) -> Any:
    """Return the shape of the input that the layer inside a wrapper has, or None."""
    inner = config.get("layer")
    return inner["config"].get("batch_input_shape") if isinstance(inner, dict) and "config" in inner else None


def _merge(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return class and configuration of the layer of Keras 3 that does the same as a `Merge` layer."""
    mode = config.get("mode", "sum")
    if mode not in _MERGE_MODES:
        raise InputError(f"Merge(mode={mode!r}) has no counterpart in Keras 3. Use keras.layers.Lambda.")
    kept: dict[str, Any] = {key: config[key] for key in ("name", "trainable") if key in config}
    if mode == "concat":
        kept["axis"] = config.get("concat_axis", -1)
    if mode == "dot":
        kept["axes"] = config.get("dot_axes", -1)
    return _MERGE_MODES[mode], kept


def merge_layer(mode: str, concat_axis: int = -1, dot_axes: Any = -1, name: str | None = None) -> dict[str, Any]:
    """Return the layer of Keras 3, as `class_name` and `config`, that does the same as `merge(mode=...)` of Keras 1."""
    config = {"mode": mode, "concat_axis": concat_axis, "dot_axes": dot_axes, **({"name": name} if name else {})}
    layer, arguments = _merge(config)
    return {"class_name": layer, "config": arguments}


def _plain(value: Any) -> Any:
    """Return a configuration without the wrappings of values that earlier releases wrote."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    name, config = value.get("class_name"), value.get("config")
    if isinstance(name, str) and isinstance(config, dict):
        if name.rstrip("V1").endswith("Policy") and "name" in config:
            return config["name"]
        if "layers" not in config and "inbound_nodes" not in value and name not in _CLASSES:
            config = _initializer(name, config)
        return {**value, "config": _plain(config)}
    if value.get("name") in ("WeightRegularizer", "L1L2Regularizer") and "l1" in value:
        return {"class_name": "L1L2", "config": {"l1": value["l1"], "l2": value["l2"]}}
    if value.get("name") == "MaxNorm" and "m" in value:
        return {"class_name": "MaxNorm", "config": {"max_value": value["m"], "axis": value.get("axis", 0)}}
    if value.get("name") in ("NonNeg", "UnitNorm") and "config" not in value:
        return {"class_name": value["name"], "config": {k: v for k, v in value.items() if k != "name"}}
    return {key: _plain(item) for key, item in value.items()}


def _initializer(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of an initializer without what Keras 3 does not have; others are not changed."""
    if name == "VarianceScaling" and config.get("distribution") == "normal":
        config = {**config, "distribution": "truncated_normal"}
    is_initializer = name in _INITIALIZERS
    return {key: value for key, value in config.items() if not (is_initializer and key == "dtype")}


def training_config(config: dict[str, Any]) -> Translated:
    """Return the training configuration that Keras 1 or 2 wrote, as the Keras 3 reader of .h5 files takes it.

    Raises:
        InputError: The optimizer has no counterpart in Keras 3.
    """
    translated = Translated({})
    translated.value = {
        "optimizer_config": _optimizer(_plain(config.get("optimizer_config"))),
        "loss": _mapped(config.get("loss"), _loss),
        "metrics": _mapped(config.get("metrics"), _metric),
        "weighted_metrics": _mapped(config.get("weighted_metrics"), _metric),
        "loss_weights": config.get("loss_weights"),
    }
    return translated


def _mapped(value: Any, translate: Callable[[Any], Any]) -> Any:
    """Apply `translate` to the losses or metrics in lists and dicts."""
    if isinstance(value, list):
        return [_mapped(item, translate) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _mapped(item, translate) for key, item in value.items()}
    return None if value is None else translate(value)


def _loss(loss: Any) -> Any:
    if isinstance(loss, str):
        return LOSSES.get(loss, loss)
    config = _plain(loss.get("config"))
    if isinstance(config, dict) and config.get("reduction") == "auto":
        config = {**config, "reduction": "sum_over_batch_size"}
    return {**loss, "config": config}


def _metric(metric: Any) -> Any:
    if isinstance(metric, dict) and metric["class_name"].endswith("MeanMetricWrapper"):
        name, function = metric["config"].get("name"), metric["config"].get("fn")
        metric = name if name in ("acc", "accuracy") or not isinstance(function, str) else function
    return METRICS.get(metric, metric) if isinstance(metric, str) else _plain(metric)


def _optimizer(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        raise InputError("The training configuration has no optimizer. Compile the model after loading it.")
    name = str(entry["class_name"]).rpartition(">")[2]
    if name.startswith("TF"):
        raise InputError(
            f"The model was compiled with a TensorFlow optimizer ({name}), which Keras 3 does not have. Load it with "
            "compile=False, and compile it with one of keras.optimizers."
        )
    return {"class_name": name, "config": optimizer_arguments(entry["config"]).value}
