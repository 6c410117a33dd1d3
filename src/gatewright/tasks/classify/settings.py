"""The settings of `train classify` for texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.tasks.base.settings import Settings, embedding_moments, setting

FINE_TUNING = {"layer_lr_decay": 2.6, "warmup": 0.1, "bidirectional": False}
"""Defaults for fine-tuning a language model: Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text
Classification", section 3.2."""


@dataclass(frozen=True, kw_only=True)
class ClassifySettings(Settings):
    """The settings of a text classifier."""

    tokens: str = setting(
        "words", "Kind of tokens: words or bytes (byte-pair encoding).", "data", choices=("words", "bytes")
    )
    vocabulary: int = setting(30_000, "Largest number of token ids.", "data", minimum=5, compare=10_000)
    min_count: int = setting(
        2, "Smallest number of times a word must occur in the training set to get an id.", "data", minimum=1, compare=1
    )
    max_length: int = setting(
        400,
        "Largest number of tokens of a text. Only the last tokens of a longer text are read.",
        "data",
        minimum=1,
        compare=200,
    )
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=5,
        default_text="3 to 50, about 2,000 steps",
    )
    bidirectional: bool = setting(True, "Process texts in both directions.", "model", compare=False)
    pooling: str = setting(
        "max",
        "Method to combine the outputs of all steps into one vector: last, mean, max or attention.",
        "model",
        choices=("last", "mean", "max", "attention"),
        compare="last",
    )
    embedding_dim: int = setting(128, "Size of the token embeddings.", "model", minimum=1)
    class_weights: str = setting(
        "none", "Weights of the classes in the loss: none or balanced.", "training", choices=("none", "balanced")
    )
    embedding_moments: str = embedding_moments("shared")
    layer_lr_decay: float = setting(
        1.0, "Ratio of a layer's learning rate to the learning rate of the layer below.", "training", minimum=1
    )
    gradual_unfreezing: bool = setting(
        False, "Train only the top layer in the first epoch, and one more layer in each epoch after it.", "training"
    )
    word_dropout: float = setting(
        0.1,
        "Fraction of the tokens replaced by the unknown token during training.",
        "regularization",
        below=1,
        compare=0.0,
    )
    embedding_dropout: float = setting(
        0.0, "Fraction of the token ids whose embedding is set to 0 during a training step.", "regularization", below=1
    )
    input_dropout: float = setting(
        0.0,
        "Fraction of the embedding dimensions dropped, the same ones at every step (variational dropout).",
        "regularization",
        below=1,
    )
    adversarial_epsilon: float = setting(
        0.0,
        "Norm of adversarial perturbations of the embedded texts, as a multiple of a word vector's norm; 0 for none.",
        "regularization",
    )


def complete(settings: type[Any], given: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """Return an instance of the settings class, with default values for settings that were not given.

    If a language model is fine-tuned, it determines some settings, and others have different defaults.

    Args:
        settings: The settings class, such as `ClassifySettings`.
        given: The values that the user gave, with the names of the settings as keys.
        options: The other options of the command. `pretrained` is the language model's file, or None.

    Raises:
        InputError: A setting is invalid, or the language model cannot be read or used.
    """
    if options.get("pretrained") is None:
        return settings.complete(given)
    from gatewright.tasks.classify.pretrained import Pretrained

    pretrained = Pretrained.read(options["pretrained"])
    return settings.complete({**FINE_TUNING, **pretrained.complete(given)})
