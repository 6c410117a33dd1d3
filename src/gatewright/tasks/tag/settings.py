"""The settings of a tagger."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, embedding_moments, setting

MAX_CHARS = 1024
"""The largest allowed value of `max_chars`."""


@dataclass(frozen=True, kw_only=True)
class TagSettings(Settings):
    """The settings of a tagger."""

    vocabulary: int = setting(30_000, "Maximum number of word ids.", "data", minimum=5, compare=10_000)
    min_count: int = setting(
        1, "Minimum number of times that a word must occur in the training set to get an id.", "data", minimum=1
    )
    max_length: int = setting(
        64, "Maximum number of words of a sentence. Longer sentences are split.", "data", minimum=1
    )
    max_chars: int = setting(
        16,
        "Maximum number of characters of a word. Of a longer word, only the first and last characters are read.",
        "data",
        minimum=1,
        maximum=MAX_CHARS,
    )
    bidirectional: bool = setting(True, "Process sentences in both directions.", "model")
    crf: bool | None = setting(
        None,
        "Score all tags of a sentence together with a linear-chain CRF.",
        "model",
        default_text="if the tags are spans",
    )
    pooling: str = setting(
        "max",
        "Method that combines the outputs of all time steps to predict the sentence's label: max, mean or attention.",
        "model",
        choices=("max", "mean", "attention"),
    )
    embedding_dim: int = setting(128, "Size of the word embeddings.", "model", minimum=1)
    char_units: int = setting(
        32,
        "Size of the character embeddings, and units in each direction of the recurrent layer over characters.",
        "model",
        minimum=1,
    )
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=5,
        default_text="6 to 50, about 3,000 steps",
    )
    learning_rate: float = setting(
        0.002, "Peak learning rate of Adam.", "training", minimum=1e-12, swept="learning_rates"
    )
    embedding_moments: str = embedding_moments("own")
    word_dropout: float = setting(
        0.1,
        "Fraction of the words that are replaced by the unknown word during training. Their characters are kept.",
        "regularization",
        below=1,
    )
    input_dropout: float = setting(
        0.0,
        "Fraction of the word vectors' dimensions dropped, the same ones at every time step (variational dropout).",
        "regularization",
        below=1,
    )
