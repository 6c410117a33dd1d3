"""The settings of `train generate` for texts."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, embedding_moments, setting


@dataclass(frozen=True, kw_only=True)
class GenerateSettings(Settings):
    """The settings of a language model."""

    tokens: str = setting(
        "characters",
        "Kind of tokens: characters, words or bytes (byte-pair encoding).",
        "data",
        choices=("characters", "words", "bytes"),
    )
    split: str = setting(
        "punctuation",
        "Method to split texts into words: punctuation (keeps case, punctuation marks and line breaks), spaces, or "
        "keras (lower case, no punctuation marks).",
        "data",
        choices=("keras", "spaces", "punctuation"),
    )
    vocabulary: int = setting(10_000, "Largest number of token ids; characters have no limit.", "data", minimum=5)
    min_count: int = setting(
        1, "Smallest number of times a token must occur in the training set to get an id.", "data", minimum=1
    )
    examples: str = setting(
        "stream",
        "Training examples: stream (all texts as one stream, with states kept from batch to batch) or prefixes (every "
        "prefix of every line).",
        "data",
        choices=("stream", "prefixes"),
    )
    lines: bool = setting(
        False,
        "Learn each line of a text file, or each row of a table, as a text of its own, in random order.",
        "data",
    )
    max_length: int = setting(
        128,
        "Number of time steps of truncated backpropagation, or the most tokens of a prefix with `--examples prefixes` "
        "or of a line with `--lines`.",
        "data",
        minimum=1,
        compare=64,
    )
    held_out_fraction: float = setting(
        0.1,
        "Fraction of the texts set aside as the test set, and again as the validation set, if the data has none; 0 "
        "evaluates on the training set.",
        "data",
        below=0.5,
    )
    units: int = setting(512, "Units of each recurrent layer.", "model", minimum=1, compare=128)
    embedding_dim: int = setting(128, "Size of the token embeddings.", "model", minimum=1, compare=64)
    tied_embedding: bool = setting(False, "Use the embedding table as the kernel of the output layer too.", "model")
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=5,
        default_text="6 to 50, about 4,000 steps",
    )
    batch_size: int | None = setting(
        None,
        "Number of streams, prefixes or lines per training step.",
        "training",
        minimum=1,
        compare=32,
        default_text="32; fewer streams for a short text",
    )
    learning_rate: float = setting(
        0.002, "Peak learning rate of Adam.", "training", minimum=1e-12, compare=0.003, swept="learning_rates"
    )
    samples: int = setting(
        0, "Number of random ids in the softmax during training (sampled softmax); 0 for all.", "training"
    )
    embedding_moments: str = embedding_moments("own")
    embedding_dropout: float = setting(
        0.0, "Fraction of the token ids whose embedding is set to 0 during a training step.", "regularization", below=1
    )
    word_dropout: float = setting(
        0.0, "Fraction of the tokens replaced by the unknown token during training.", "regularization", below=1
    )
    input_dropout: float = setting(
        0.0,
        "Fraction of the embedding dimensions dropped, the same ones at every step (variational dropout).",
        "regularization",
        below=1,
    )
    weight_dropout: float = setting(
        0.0, "Fraction of the recurrent kernel's weights set to 0 during a training step.", "regularization", below=1
    )
