"""The settings of `train classify` for recordings."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting

MAX_STACK = 100
"""The largest number of frames in a time step."""


@dataclass(frozen=True, kw_only=True)
class KeywordSettings(Settings):
    """The settings of a classifier of recordings."""

    mel_bands: int = setting(
        40,
        "Frequency bands, equally wide on the mel scale, of the spectrum of each frame.",
        "data",
        minimum=1,
        maximum=512,
    )
    normalization: str = setting(
        "training",
        "Mean and standard deviation by which bands are normalized: training (those of the training set) or utterance "
        "(those of each recording, for recordings of more than a few words).",
        "data",
        choices=("training", "utterance"),
    )
    stack: int = setting(
        2,
        "Neighboring frames of 10 ms that are joined to one time step of the network.",
        "data",
        minimum=1,
        maximum=MAX_STACK,
    )
    max_seconds: float | None = setting(
        None,
        "Longest duration of a recording. Only the last part of a longer recording is read.",
        "data",
        minimum=0.01,
        default_text="the longest training recording, but at most 1.5 times what 99 of 100 of them last",
    )
    bidirectional: bool = setting(True, "Process recordings in both directions.", "model", compare=False)
    pooling: str = setting(
        "mean",
        "Method to combine the outputs of all steps into one vector: last, mean, max or attention.",
        "model",
        choices=("last", "mean", "max", "attention"),
        compare="last",
    )
    layers: int = setting(2, "Number of stacked recurrent layers.", "model", minimum=1)
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=20,
        default_text="10 to 50, about 2,000 steps",
    )
    class_weights: str = setting(
        "none", "Weights of the classes in the loss: none or balanced.", "training", choices=("none", "balanced")
    )
    loudness: float = setting(
        6.0,
        "Largest change of the loudness of a recording in training, in decibels.",
        "regularization",
        below=60,
        compare=0.0,
    )
    equalizer: float = setting(
        6.0,
        "Largest change of the level of a frequency in training, in decibels, as by another microphone.",
        "regularization",
        below=60,
        compare=0.0,
    )
    input_noise: float = setting(
        0.3,
        "Standard deviation of the noise added to each normalized number in training.",
        "regularization",
        below=10,
        compare=0.0,
    )
    time_warp: float = setting(
        0.12,
        "Largest change of the speed of a recording in training, as a fraction.",
        "regularization",
        below=0.9,
        compare=0.0,
    )
    time_shift: float = setting(
        0.1,
        "Largest fraction of a recording that is cut off in training, at its beginning and at its end.",
        "regularization",
        below=0.5,
        compare=0.0,
    )
    time_masks: int = setting(
        1,
        "Stretches of each recording that are silenced in training, of up to a fifth of its duration each.",
        "regularization",
        maximum=20,
        compare=0,
    )
