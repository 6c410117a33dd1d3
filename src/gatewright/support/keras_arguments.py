"""The arguments that layers and optimizers had in Keras 1 and Keras 2, and their names in Keras 3.

A default that changed is written out, and the `hard_sigmoid` of Keras 1 and 2 gets a name of its own, because Keras 3
uses that name for another function.
"""

from dataclasses import dataclass, field
from typing import Any

from gatewright.support.errors import InputError

# The function clip(0.2 x + 0.5, 0, 1). In Keras 3, "hard_sigmoid" is clip(x / 6 + 0.5, 0, 1).
HARD_SIGMOID = "gatewright>hard_sigmoid"

_DENSE = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
}
_RECURRENT = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "forget_bias_init": "unit_forget_bias",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
_POOL = {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding", "dim_ordering": "data_format"}
_CONVOLUTION = _DENSE | {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "subsample": "strides",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "atrous_rate": "dilation_rate",
}
_RATE = {"p": "rate"}
_DATA_FORMAT = {"dim_ordering": "data_format"}

RENAMED: dict[str, dict[str, str]] = {
    "Dense": _DENSE | {"output_dim": "units"},
    "LSTM": _RECURRENT,
    "GRU": {old: new for old, new in _RECURRENT.items() if old != "forget_bias_init"},
    "SimpleRNN": {old: new for old, new in _RECURRENT.items() if old not in ("forget_bias_init", "inner_activation")},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "MaxPooling1D": _POOL,
    "AveragePooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "AveragePooling2D": _POOL,
    "GlobalMaxPooling2D": _DATA_FORMAT,
    "GlobalAveragePooling2D": _DATA_FORMAT,
    "ZeroPadding2D": _DATA_FORMAT,
    "UpSampling1D": {"length": "size"},
    "UpSampling2D": _DATA_FORMAT,
    "Dropout": _RATE,
    "GaussianDropout": _RATE,
    "SpatialDropout1D": _RATE,
    "SpatialDropout2D": _RATE | _DATA_FORMAT,
    "GaussianNoise": {"sigma": "stddev"},
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "PReLU": {"init": "alpha_initializer"},
}
"""The arguments that Keras 1 had under another name, by layer."""

DROPPED: dict[str, frozenset[str]] = {
    "LSTM": frozenset({"consume_less", "time_major"}),
    "GRU": frozenset({"consume_less", "time_major"}),
    "SimpleRNN": frozenset({"consume_less", "time_major", "implementation"}),
    "RNN": frozenset({"time_major", "implementation"}),
    "Embedding": frozenset({"dropout"}),
    "Conv2D": frozenset({"nb_row", "nb_col"}),
    "BatchNormalization": frozenset({"mode", "fused", "virtual_batch_size", "adjustment"}),
    "InputLayer": frozenset({"input_dtype"}),
}
"""The arguments that Keras 3 does not have, by layer. `_check` refuses those values that cannot be left out."""

_KERAS_1_INITIALIZERS: dict[str, Any] = {
    "orthogonal": {"class_name": "Orthogonal", "config": {"gain": 1.1}},
    "zero": "zeros",
    "one": "ones",
    **{
        name: {
            "class_name": "VarianceScaling",
            "config": {"scale": scale, "mode": mode, "distribution": "untruncated_normal"},
        }
        for name, scale, mode in (("glorot_normal", 1.0, "fan_avg"), ("he_normal", 2.0, "fan_in"))
    },
}
_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}


@dataclass
class Translated:
    """A value as Keras 3 has it.

    Attributes:
        value: The translated value.
        renamed: The arguments that were renamed, such as "lr= is learning_rate=".
        changes: What the reader of a program or file should know besides, such as "CuDNNGRU is GRU".
    """

    value: Any
    renamed: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    def change(self, text: str) -> None:
        """Add a change, once."""
        if text not in self.changes:
            self.changes.append(text)


def old_arguments(layer: str, arguments: dict[str, Any]) -> list[str]:
    """Return the arguments of a layer that earlier releases have, but Keras 3 does not have."""
    known = RENAMED.get(layer, {}).keys() | DROPPED.get(layer, frozenset())
    return [name for name in arguments if name in known]


def layer_arguments(layer: str, arguments: dict[str, Any]) -> Translated:
    """Return the arguments of a layer as Keras 3 has them.

    Args:
        layer: The name of the layer's class in Keras 3.
        arguments: The arguments, in a configuration or in a call of the class.

    Raises:
        InputError: An argument has no counterpart with the same meaning in Keras 3.
    """
    renamed = RENAMED.get(layer, {})
    translated = Translated({})
    _check(layer, arguments)
    for name, value in arguments.items():
        if name in renamed:
            translated.value[renamed[name]] = _keras_1_value(layer, name, value)
            translated.renamed.append(f"{name}= is {renamed[name]}=")
        elif name not in DROPPED.get(layer, ()):
            translated.value[name] = value
    if layer == "Conv2D" and "nb_row" in arguments:
        translated.value["kernel_size"] = (arguments["nb_row"], arguments["nb_col"])
        translated.renamed.append("nb_row= and nb_col= are kernel_size=")
    if layer in ("LSTM", "GRU", "SimpleRNN") and {*renamed, "consume_less"} & arguments.keys():
        _add_keras_1_defaults(layer, translated)
    return translated


def _add_keras_1_defaults(layer: str, translated: Translated) -> None:
    """Write out the defaults of recurrent layers in Keras 1 that are different in Keras 3."""
    defaults: dict[str, Any] = {"recurrent_initializer": _KERAS_1_INITIALIZERS["orthogonal"]}
    if layer != "SimpleRNN":
        defaults["recurrent_activation"] = HARD_SIGMOID
        translated.change("recurrent_activation is hard_sigmoid by default, as in Keras 1")
    if layer == "GRU":
        defaults["reset_after"] = False
        translated.change("reset_after is False, as in Keras 1")
    translated.value = defaults | translated.value


def _keras_1_value(layer: str, name: str, value: Any) -> Any:
    """Return the value in Keras 3 of an argument that Keras 1 had under the name `name`."""
    if name == "forget_bias_init":
        if value not in ("one", "zero"):
            raise InputError(
                f"{layer}(forget_bias_init={value!r}) has no counterpart in Keras 3. Use unit_forget_bias=True or "
                "bias_initializer= instead."
            )
        return value == "one"
    if not isinstance(value, str | dict):
        return value
    if name.endswith("init") and isinstance(value, str):
        return _KERAS_1_INITIALIZERS.get(value, value)
    if name == "inner_activation":
        return HARD_SIGMOID if value == "hard_sigmoid" else value
    if name == "dim_ordering":
        return _DATA_FORMATS.get(str(value), value)
    if name == "border_mode" and value not in ("valid", "same"):
        raise InputError(
            f"{layer}(border_mode={value!r}) has no counterpart in Keras 3. Use padding='same' or padding='valid'."
        )
    return value


def _check(layer: str, arguments: dict[str, Any]) -> None:
    """Raise an error if an argument that Keras 3 does not have changes the result."""
    given = arguments.get
    if given("time_major"):
        raise InputError(
            f"{layer}(time_major=True) has no counterpart in Keras 3. Put Permute((2, 1, 3)) or "
            "keras.ops.swapaxes(x, 0, 1) before the layer, and leave time_major out."
        )
    if layer == "Embedding" and given("dropout"):
        raise InputError(
            "Embedding(dropout=) drops whole words, which Keras 3 does not have. Remove it, and use "
            "Dropout(rate, noise_shape=(None, steps, 1)) after the layer."
        )
    if layer == "BatchNormalization" and (given("virtual_batch_size") or given("mode")):
        name = next(name for name in ("virtual_batch_size", "mode") if given(name))
        raise InputError(f"BatchNormalization({name}={given(name)!r}) has no counterpart in Keras 3. Remove {name}=.")


def optimizer_arguments(arguments: dict[str, Any]) -> Translated:
    """Return the arguments of an optimizer as Keras 3 has them. `decay` and `schedule_decay` are kept.

    `epsilon=None` is left out, because it is the default of earlier releases, which is 1e-7 in all of them.
    """
    translated = Translated({})
    for name, value in arguments.items():
        if name == "lr":
            translated.value["learning_rate"] = float(value) if isinstance(value, int) else value
            translated.renamed.append("lr= is learning_rate=")
        elif name == "epsilon" and value is None:
            translated.value["epsilon"] = 1e-7
            translated.renamed.append("epsilon=None is epsilon=1e-7")
        elif name not in ("jit_compile", "is_legacy_optimizer") and not (name == "decay" and not value):
            translated.value[name] = value
    return translated
