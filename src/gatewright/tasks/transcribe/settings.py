"""The settings of `train transcribe`."""

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class TranscribeSettings(Settings):
    """The settings of a transcriber."""

    tokens: str = setting(
        "characters",
        "Kind of symbols that transcripts consist of: characters, words or bytes (byte-pair encoding).",
        "data",
        choices=("characters", "words", "bytes"),
    )
    vocabulary: int | None = setting(
        None,
        "Largest number of symbols; byte pairs need at least 256. Rarer ones are not learned.",
        "data",
        minimum=1,
        default_text="5,000 characters or words, or 500 byte pairs",
    )
    lower_case: bool = setting(False, "Read and write lower case only.", "data")
    features: str = setting(
        "log_mel",
        "Features that are computed from recordings: log_mel (logarithms of mel bands) or mfcc (cepstra of them).",
        "data",
        choices=("log_mel", "mfcc"),
    )
    mel_bands: int = setting(40, "Number of mel bands.", "data", minimum=1, maximum=512)
    coefficients: int = setting(13, "Number of cepstra, for the features mfcc.", "data", minimum=1, maximum=512)
    deltas: int | None = setting(
        None,
        "Slopes of the features over time to add: 0 for none, 1 for slopes, 2 for slopes and their slopes.",
        "data",
        maximum=2,
        default_text="0 for log_mel, 2 for cepstra",
    )
    normalization: str = setting(
        "auto",
        "Data that gives the mean and the deviation of each feature: each utterance, or the whole training set, as "
        "live transcription needs; auto is utterance for bidirectional networks and training for others.",
        "data",
        choices=("auto", "utterance", "training"),
    )
    max_seconds: float = setting(
        30.0, "Longest utterance in seconds. Longer ones are not trained on.", "data", minimum=0.1
    )
    units: int = setting(128, "Units of each recurrent layer, in each direction.", "model", minimum=1, compare=64)
    layers: int = setting(3, "Number of stacked recurrent layers.", "model", minimum=1, compare=2)
    bidirectional: bool = setting(
        True, "Process utterances in both directions. Without it, speech can be transcribed while it arrives.", "model"
    )
    stack: int = setting(
        3, "Number of frames, 10 ms each, that are joined to one step of the network.", "model", minimum=1, maximum=16
    )
    epochs: int | None = setting(
        None,
        "Passes over the training set.",
        "training",
        minimum=1,
        compare=20,
        default_text="5 to 100, about 6,000 steps",
    )
    batch_size: int | None = setting(16, "Utterances per training step.", "training", minimum=1)
    learning_rate: float = setting(
        0.003, "Peak learning rate of Adam.", "training", minimum=1e-12, compare=0.003, swept="learning_rates"
    )
    output_dropout: float = setting(
        0.3, "Fraction of each recurrent layer's outputs dropped in training.", "regularization", below=1, compare=0.1
    )
    time_warp: float = setting(
        0.12, "Largest relative change of an utterance's length in training.", "regularization", maximum=0.5
    )
    input_noise: float = setting(
        0.1,
        "Standard deviation of the noise added to each scaled feature in training.",
        "regularization",
        maximum=10,
    )
    time_mask: float = setting(
        0.05, "Fraction of the frames hidden in training, in spans of 0.1 seconds.", "regularization", below=1
    )
    band_mask: float = setting(
        0.05, "Fraction of the features hidden in training, in spans of 4 features.", "regularization", below=1
    )
    decoding: str = setting(
        "auto",
        "How transcripts are found: greedy (the most probable symbol of each step), beam (prefix beam search), lexicon "
        "(beam search among known words), or auto: lexicon if new words are rare in the training transcripts and the "
        "tokens are not words, otherwise beam.",
        "output",
        choices=("auto", "greedy", "beam", "lexicon"),
    )
    beam: int = setting(32, "Number of transcripts that beam search keeps.", "output", minimum=1, maximum=1000)
    lm_weight: float | None = setting(
        None,
        "Weight of the language model in beam search; 0 for none.",
        "output",
        maximum=10,
        default_text="chosen on the validation set",
    )
    word_bonus: float | None = setting(
        None,
        "Score that each word adds to a transcript in beam search.",
        "output",
        minimum=-10,
        maximum=10,
        default_text="chosen on the validation set",
    )
