"""The settings of `train translate`."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class TranslateSettings(Settings):
    """The settings of a translator."""

    tokens: str = setting(
        "bytes", "Kind of tokens: bytes (byte-pair encoding) or words.", "data", choices=("bytes", "words")
    )
    vocabulary: int = setting(
        5_000, "Largest number of token ids, of each language if the vocabularies are separate.", "data", minimum=5
    )
    joint_vocabulary: bool = setting(True, "Use one vocabulary and one embedding table for both languages.", "data")
    lower_case: bool = setting(False, "Read and write lower case only.", "data")
    max_length: int = setting(
        100, "Largest number of tokens of a sentence. Pairs with a longer one are not trained on.", "data", minimum=1
    )
    units: int = setting(
        256, "Units of each recurrent layer, in each direction of the encoder.", "model", minimum=1, compare=128
    )
    layers: int = setting(1, "Number of recurrent layers of the encoder.", "model", minimum=1)
    embedding_dim: int = setting(256, "Size of the token embeddings.", "model", minimum=1, compare=128)
    attention: str = setting(
        "after",
        "Place of attention: after (the decoder's recurrent layer), bottom (between two recurrent layers), fed (inside "
        "of each step, which is slow) or none.",
        "model",
        choices=("after", "bottom", "fed", "none"),
    )
    score: str = setting(
        "dot", "Score of a source position for attention: dot or additive.", "model", choices=("dot", "additive")
    )
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=6,
        default_text="3 to 50, about 10,000 steps",
    )
    batch_size: int | None = setting(64, "Sentence pairs per training step.", "training", minimum=1)
    learning_rate: float = setting(
        0.002, "Peak learning rate of Adam.", "training", minimum=1e-12, swept="learning_rates"
    )
    label_smoothing: float = setting(
        0.1,
        "Fraction of the probability of each target token that is spread over all tokens in training.",
        "regularization",
        below=1,
    )
    input_dropout: float = setting(
        0.2,
        "Fraction of the embedding dimensions dropped, the same ones at every step (variational dropout).",
        "regularization",
        below=1,
    )
    word_dropout: float = setting(
        0.1, "Fraction of the tokens replaced by the unknown token during training.", "regularization", below=1
    )
    output_dropout: float = setting(
        0.3,
        "Fraction of the outputs of recurrent layers, and of the vectors before the softmax, dropped in training.",
        "regularization",
        below=1,
    )
    beam: int = setting(5, "Number of hypotheses of beam search; 1 for greedy search.", "output", minimum=1)
    length_penalty: float = setting(
        1.0, "Exponent of the length by which beam search normalizes log probabilities; 0 for none.", "output"
    )
