# Written by tools/make_stubs.py from the settings of all tasks.
# ruff: noqa
# fmt: off
from collections.abc import Sequence
from pathlib import Path

from gatewright import runtime as runtime
from gatewright.commands.compare import compare as compare
from gatewright.commands.doctor import doctor as doctor
from gatewright.commands.evaluate import evaluate as evaluate
from gatewright.commands.explain import explain as explain
from gatewright.commands.export import export as export
from gatewright.commands.generate import generate as generate
from gatewright.commands.import_model import from_keras as from_keras
from gatewright.commands.import_model import import_model as import_model
from gatewright.commands.info import info as info
from gatewright.commands.predict import predict as predict
from gatewright.commands.train import train as train
from gatewright.commands.transcribe import transcribe as transcribe
from gatewright.commands.translate import translate as translate
from gatewright.keras.accelerate import accelerate as accelerate
from gatewright.keras.accelerate import restore as restore
from gatewright.keras.embeddings import UnknownIdWarning as UnknownIdWarning
from gatewright.keras.enable import disable as disable
from gatewright.keras.enable import enable as enable
from gatewright.keras.slow_path import SlowPathWarning as SlowPathWarning
from gatewright.ops.kernels import num_threads as num_threads
from gatewright.ops.kernels import set_num_threads as set_num_threads
from gatewright.results.records import Trained

__version__: str

def train_keyword_classifier(
    data: str | Path,
    out: str | Path = "classify.safetensors",
    *,
    audio: str | None = None,
    label: str | None = None,
    speaker: str | None = None,
    header: str | None = None,
    test_speaker: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    mel_bands: int = 40,
    normalization: str = "training",
    stack: int = 2,
    max_seconds: float | None = None,
    cell: str = "gru",
    units: int = 128,
    layers: int = 2,
    bidirectional: bool = True,
    pooling: str = "mean",
    epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 0.002,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    class_weights: str = "none",
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.5,
    weight_decay: float = 0.0,
    loudness: float = 6.0,
    equalizer: float = 6.0,
    input_noise: float = 0.3,
    time_warp: float = 0.12,
    time_shift: float = 0.1,
    time_masks: int = 1,
) -> Trained:
    """Train on recordings and save the model in one file. Learn to predict the label of a recording, such as a spoken word.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: fsdd, a folder with a subfolder of recordings for each label, or a table with a column of paths of
            recordings.
        out: The model file.
        audio: Column of a table with the paths of recordings, relative to the table (default: found by its name,
            such as audio or path).
        label: Column of the labels (default: found by its name, such as label or word).
        speaker: Column of the speakers, who stay together when recordings are split (default: found by its name,
            such as speaker).
        header: Place of the column names of a table: first if its first line has them, none if no line has
            (default: found from the first rows).
        test_speaker: Use all recordings of this speaker as the test set, and those of the others for training and
            validation.
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        mel_bands: Frequency bands, equally wide on the mel scale, of the spectrum of each frame.
        normalization: Mean and standard deviation by which bands are normalized: training (those of the training
            set) or utterance (those of each recording, for recordings of more than a few words).
        stack: Neighboring frames of 10 ms that are joined to one time step of the network.
        max_seconds: Longest duration of a recording. Only the last part of a longer recording is read (default:
            the longest training recording, but at most 1.5 times what 99 of 100 of them last).
        cell: Recurrent cell.
        units: Units of each recurrent layer, in each direction.
        layers: Number of stacked recurrent layers.
        bidirectional: Process recordings in both directions.
        pooling: Method to combine the outputs of all steps into one vector: last, mean, max or attention.
        epochs: Passes over the training set (default: 10 to 50, about 2,000 steps).
        batch_size: Examples per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        class_weights: Weights of the classes in the loss: none or balanced.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        loudness: Largest change of the loudness of a recording in training, in decibels.
        equalizer: Largest change of the level of a frequency in training, in decibels, as by another microphone.
        input_noise: Standard deviation of the noise added to each normalized number in training.
        time_warp: Largest change of the speed of a recording in training, as a fraction.
        time_shift: Largest fraction of a recording that is cut off in training, at its beginning and at its end.
        time_masks: Stretches of each recording that are silenced in training, of up to a fifth of its duration
            each.

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_series_classifier(
    data: str | Path,
    out: str | Path = "classify.safetensors",
    *,
    label: str | None = None,
    id: str | None = None,
    time: str | None = None,
    group: str | None = None,
    window: int | None = None,
    stride: int | None = None,
    channels: str | None = None,
    layout: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    max_length: int | None = None,
    scaling: str = "each",
    cell: str = "gru",
    units: int = 128,
    layers: int = 1,
    bidirectional: bool = True,
    pooling: str = "mean",
    epochs: int | None = None,
    batch_size: int = 16,
    learning_rate: float = 0.002,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    class_weights: str = "none",
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.5,
    weight_decay: float = 0.0,
    input_noise: float | None = None,
    input_dropout: float = 0.0,
) -> Trained:
    """Train on series of numbers and save the model in one file. Learn to predict the label of a series of numbers.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: japanese-vowels, digits, a .ts, .arff, .npz or .npy file, a UCR file X_TRAIN.tsv, a table with a
            series in each row, a table with a step in each row (--id, --time, --window), or a folder with a
            subfolder of tables for each class.
        out: The model file.
        label: Column of the labels (default: label).
        id: Column of a long table that says which series a row belongs to, or several columns, separated by
            commas (default: id).
        time: Column of a long table with the time of each step (default: time).
        group: Column of a table whose values, such as subjects, stay together when series are split (default: for
            windows, the id if there are five or more).
        window: Cut a long table with a label at each step into windows of this many steps.
        stride: Number of steps from one window to the next (default: the length of a window, so that windows do
            not overlap).
        channels: Order of the axes of an array: first for [series, channels, time], last for [series, time,
            channels] (default: the axis that is much longer is time).
        layout: Layout of a table: wide for a series in each row, long for a step in each row (default: found from
            its columns).
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        max_length: Largest number of steps of a series. Only the last steps of a longer series are read (default:
            the length of the longest training series).
        scaling: Scaling of the channels: each (by its own standard deviation) or together (all by the same
            number, for channels with the same unit).
        cell: Recurrent cell.
        units: Units of each recurrent layer, in each direction.
        layers: Number of stacked recurrent layers.
        bidirectional: Process series in both directions.
        pooling: Method to combine the outputs of all steps into one vector: last, mean, max or attention.
        epochs: Passes over the training set (default: 10 to 200, about 2,000 steps).
        batch_size: Examples per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        class_weights: Weights of the classes in the loss: none or balanced.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        input_noise: Standard deviation of the noise added to each number in training, as a fraction of the
            channel's standard deviation (default: 0.5 for several channels, 0.1 for one).
        input_dropout: Fraction of the channels dropped, the same ones at every step (variational dropout).

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_classifier(
    data: str | Path,
    out: str | Path = "classify.safetensors",
    *,
    text: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    header: str | None = None,
    pretrained: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    tokens: str = "words",
    vocabulary: int = 30000,
    min_count: int = 2,
    max_length: int = 400,
    cell: str = "gru",
    units: int = 128,
    layers: int = 1,
    bidirectional: bool = True,
    pooling: str = "max",
    embedding_dim: int = 128,
    epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 0.002,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    class_weights: str = "none",
    embedding_moments: str = "shared",
    layer_lr_decay: float = 1.0,
    gradual_unfreezing: bool = False,
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.5,
    weight_decay: float = 0.0,
    word_dropout: float = 0.1,
    embedding_dropout: float = 0.0,
    input_dropout: float = 0.0,
    adversarial_epsilon: float = 0.0,
) -> Trained:
    """Train on texts and save the model in one file. Learn to predict one label, or any number of labels, for a text.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: imdb, a .csv, .tsv, .txt, .parquet, .json or .jsonl table, a folder with a subfolder of text files
            for each class, or a .tar.gz archive of such a folder.
        out: The model file.
        text: Column of the texts, or several columns, separated by commas, whose texts are joined (default: found
            by its name, such as text or review, or its content).
        label: Column with a label or a list of labels for each text, or several columns of 0 and 1, separated by
            commas, one for each label (default: found by its name, such as label or stars, or its content).
        label_separator: Separator between the labels in a field of the label column, if a text can have several
            labels.
        header: Place of the column names of a table: first if its first line has them, none if no line has
            (default: found from the first rows).
        pretrained: Model file of a language model to fine-tune. It changes these defaults: --layer-lr-decay 2.6,
            --warmup 0.1, --no-bidirectional.
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        tokens: Kind of tokens: words or bytes (byte-pair encoding).
        vocabulary: Largest number of token ids.
        min_count: Smallest number of times a word must occur in the training set to get an id.
        max_length: Largest number of tokens of a text. Only the last tokens of a longer text are read.
        cell: Recurrent cell.
        units: Units of each recurrent layer, in each direction.
        layers: Number of stacked recurrent layers.
        bidirectional: Process texts in both directions.
        pooling: Method to combine the outputs of all steps into one vector: last, mean, max or attention.
        embedding_dim: Size of the token embeddings.
        epochs: Passes over the training set (default: 3 to 50, about 2,000 steps).
        batch_size: Examples per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        class_weights: Weights of the classes in the loss: none or balanced.
        embedding_moments: Second moments of Adam for the embedding table: own (one per weight) or shared (one for
            the whole table).
        layer_lr_decay: Ratio of a layer's learning rate to the learning rate of the layer below.
        gradual_unfreezing: Train only the top layer in the first epoch, and one more layer in each epoch after
            it.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        word_dropout: Fraction of the tokens replaced by the unknown token during training.
        embedding_dropout: Fraction of the token ids whose embedding is set to 0 during a training step.
        input_dropout: Fraction of the embedding dimensions dropped, the same ones at every step (variational
            dropout).
        adversarial_epsilon: Norm of adversarial perturbations of the embedded texts, as a multiple of a word
            vector's norm; 0 for none.

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_roll_model(
    data: str | Path,
    out: str | Path = "generate.safetensors",
    *,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    held_out_fraction: float = 0.1,
    cell: str = "gru",
    units: int = 256,
    layers: int = 1,
    epochs: int | None = None,
    batch_size: int = 8,
    learning_rate: float = 0.003,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.5,
    weight_decay: float = 0.0,
    input_dropout: float = 0.0,
    weight_dropout: float = 0.0,
) -> Trained:
    """Train on piano rolls and save the model in one file. Learn a model of piano rolls, which predicts the keys of the next frame.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: jsb, nottingham, or a .mat or .npz file of piano rolls.
        out: The model file.
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        held_out_fraction: Fraction of the pieces set aside for the test set, and again for the validation set, if
            the data has none.
        cell: Recurrent cell.
        units: Units of each recurrent layer.
        layers: Number of stacked recurrent layers.
        epochs: Passes over the training set (default: 20 to 200, about 1,000 steps).
        batch_size: Pieces of music per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        input_dropout: Fraction of the keys dropped, the same ones at every time step (variational dropout).
        weight_dropout: Fraction of the weights of the recurrent kernel that are set to 0 during a training step.

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_language_model(
    data: str | Path,
    out: str | Path = "generate.safetensors",
    *,
    text: str | None = None,
    header: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    tokens: str = "characters",
    split: str = "punctuation",
    vocabulary: int = 10000,
    min_count: int = 1,
    examples: str = "stream",
    lines: bool = False,
    max_length: int = 128,
    held_out_fraction: float = 0.1,
    cell: str = "gru",
    units: int = 512,
    layers: int = 1,
    embedding_dim: int = 128,
    tied_embedding: bool = False,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float = 0.002,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    samples: int = 0,
    embedding_moments: str = "own",
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.5,
    weight_decay: float = 0.0,
    embedding_dropout: float = 0.0,
    word_dropout: float = 0.0,
    input_dropout: float = 0.0,
    weight_dropout: float = 0.0,
) -> Trained:
    """Train on texts and save the model in one file. Learn a language model, which continues texts.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: shakespeare, ptb, imdb-unlabelled, a text file, a folder of text files, or a .csv, .tsv, .parquet,
            .json or .jsonl table.
        out: The model file.
        text: Column of the texts, or several columns, separated by commas, whose texts are joined (default: found
            by its name, such as text or review, or its content).
        header: Place of the column names of a table: first if its first line has them, none if no line has
            (default: found from the first rows).
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        tokens: Kind of tokens: characters, words or bytes (byte-pair encoding).
        split: Method to split texts into words: punctuation (keeps case, punctuation marks and line breaks),
            spaces, or keras (lower case, no punctuation marks).
        vocabulary: Largest number of token ids; characters have no limit.
        min_count: Smallest number of times a token must occur in the training set to get an id.
        examples: Training examples: stream (all texts as one stream, with states kept from batch to batch) or
            prefixes (every prefix of every line).
        lines: Learn each line of a text file, or each row of a table, as a text of its own, in random order.
        max_length: Number of time steps of truncated backpropagation, or the most tokens of a prefix with
            `--examples prefixes` or of a line with `--lines`.
        held_out_fraction: Fraction of the texts set aside as the test set, and again as the validation set, if
            the data has none; 0 evaluates on the training set.
        cell: Recurrent cell.
        units: Units of each recurrent layer.
        layers: Number of stacked recurrent layers.
        embedding_dim: Size of the token embeddings.
        tied_embedding: Use the embedding table as the kernel of the output layer too.
        epochs: Passes over the training set (default: 6 to 50, about 4,000 steps).
        batch_size: Number of streams, prefixes or lines per training step (default: 32; fewer streams for a short
            text).
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        samples: Number of random ids in the softmax during training (sampled softmax); 0 for all.
        embedding_moments: Second moments of Adam for the embedding table: own (one per weight) or shared (one for
            the whole table).
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        embedding_dropout: Fraction of the token ids whose embedding is set to 0 during a training step.
        word_dropout: Fraction of the tokens replaced by the unknown token during training.
        input_dropout: Fraction of the embedding dimensions dropped, the same ones at every step (variational
            dropout).
        weight_dropout: Fraction of the recurrent kernel's weights set to 0 during a training step.

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_forecaster(
    data: str | Path,
    out: str | Path = "forecast.safetensors",
    *,
    time: str | None = None,
    target: str | None = None,
    past_covariates: str | None = None,
    future_covariates: str | None = None,
    series_id: str | None = None,
    time_format: str | None = None,
    day_first: str | None = None,
    time_zone: str | None = None,
    frequency: str | None = None,
    decimal: str | None = None,
    header: str | None = None,
    layout: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    look_back: int | None = None,
    horizon: int | None = None,
    calendar: bool = False,
    missing: str = "last",
    cell: str = "gru",
    units: int = 256,
    layers: int = 1,
    decoding: str = "segments",
    segment: int | None = None,
    normalization: str = "last",
    quantiles: Sequence[float] = (0.1, 0.9),
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float = 0.001,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    loss: str = "absolute",
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.3,
    weight_decay: float = 0.0,
) -> Trained:
    """Train on series to forecast and save the model in one file. Learn to forecast series of numbers, with intervals.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: ett-h1, ett-m1, or a .csv, .tsv, .txt, .json, .jsonl, .parquet or .tsf file (also compressed), with
            a row for each time and a column for each variable.
        out: The model file.
        time: Column of the times: dates, dates and times, or whole numbers; several columns separated by commas,
            such as Date,Time; or none if rows are in order and evenly spaced (default: found by names and
            values).
        target: Column to forecast, several columns separated by commas, or 'all' for all columns of numbers
            without another role (default: all).
        past_covariates: Column that helps to forecast and is known up to the present, several columns separated
            by commas, or 'all' for all other columns of numbers (default: none).
        future_covariates: Column that helps to forecast and is also known for the steps to forecast, or several
            columns separated by commas (default: none).
        series_id: Column, or several separated by commas, that says which series a row belongs to (default: found
            if times repeat).
        time_format: Format of the times, such as %d/%m/%Y; or iso, number, or s, ms, us or ns for times since
            1970; separated by commas for several columns (default: found from all rows).
        day_first: Whether the day comes before the month (default: found from all rows).
        time_zone: Time zone of the times, such as Europe/Berlin (default: that of the offsets in the data, or
            none).
        frequency: Length of a step, such as hour, '15 minutes', 'working day' or month. Rows at other times are
            averaged (default: found from the times).
        decimal: Character before the fraction of a number: . or , (default: found from all rows).
        header: Place of the column names of a table: first if its first line has them, none if no line has
            (default: found from the first rows).
        layout: Layout of a table: long (a row for each time) or wide (a column for each time) (default: found
            from the columns).
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        look_back: Number of past steps that the network reads (default: several seasons and at least four
            horizons).
        horizon: Number of steps to forecast (default: a season, or 10 steps).
        calendar: Use the time of the year, of the week and of the day as inputs too.
        missing: Input for a missing number: last (the number before it) or decay (GRU-D; needs --decoding
            direct).
        cell: Recurrent cell.
        units: Units of each recurrent layer.
        layers: Number of stacked recurrent layers.
        decoding: Method to forecast the steps: segments (SegRNN), direct (all from the last state) or recursive
            (one by one).
        segment: Number of steps of a segment with --decoding segments (default: a season, at most 48).
        normalization: Normalization of each window: last (subtract its last value), standard (standardize it) or
            none.
        quantiles: Probabilities of the quantiles to forecast too, separated by commas.
        epochs: Passes over the training set (default: 3 to 50, about 3,000 steps).
        batch_size: Windows per training step (default: 64, or fewer for short series).
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        loss: Error to minimize: absolute or squared.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_tagger(
    data: str | Path,
    out: str | Path = "tag.safetensors",
    *,
    column: str | None = None,
    word_column: str | None = None,
    sentence: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    vocabulary: int = 30000,
    min_count: int = 1,
    max_length: int = 64,
    max_chars: int = 16,
    cell: str = "gru",
    units: int = 128,
    layers: int = 1,
    bidirectional: bool = True,
    crf: bool | None = None,
    pooling: str = "max",
    embedding_dim: int = 128,
    char_units: int = 32,
    epochs: int | None = None,
    batch_size: int = 32,
    learning_rate: float = 0.002,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    embedding_moments: str = "own",
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.5,
    weight_decay: float = 0.0,
    word_dropout: float = 0.1,
    input_dropout: float = 0.0,
) -> Trained:
    """Train on tagged sentences and save the model in one file. Learn to predict the tag of each word, and the label of a sentence if sentences have labels.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: atis, ewt, a .conllu file, a file with a word and its tag on each line, a table with a word or a
            sentence in each row, or a folder of these or of seq.in, seq.out and label.
        out: The model file.
        column: Column of the tags, by its number from 1 or its name. For a .conllu file: upos, xpos, feats or
            deprel (default: upos, the parts of speech in other CoNLL formats, a usual name, or the last column).
        word_column: Column of the words of tagged sentences, by its number from 1 or its name (default: the one
            with a usual name, the one after a column that counts the words, or the first column).
        sentence: Column that has the same value for all words of a sentence, by its number from 1 or its name
            (default: the one with a usual name; without one, sentences end at empty lines).
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        vocabulary: Maximum number of word ids.
        min_count: Minimum number of times that a word must occur in the training set to get an id.
        max_length: Maximum number of words of a sentence. Longer sentences are split.
        max_chars: Maximum number of characters of a word. Of a longer word, only the first and last characters
            are read.
        cell: Recurrent cell.
        units: Units of each recurrent layer, in each direction.
        layers: Number of stacked recurrent layers.
        bidirectional: Process sentences in both directions.
        crf: Score all tags of a sentence together with a linear-chain CRF (default: if the tags are spans).
        pooling: Method that combines the outputs of all time steps to predict the sentence's label: max, mean or
            attention.
        embedding_dim: Size of the word embeddings.
        char_units: Size of the character embeddings, and units in each direction of the recurrent layer over
            characters.
        epochs: Passes over the training set (default: 6 to 50, about 3,000 steps).
        batch_size: Examples per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        embedding_moments: Second moments of Adam for the embedding table: own (one per weight) or shared (one for
            the whole table).
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        word_dropout: Fraction of the words that are replaced by the unknown word during training. Their
            characters are kept.
        input_dropout: Fraction of the word vectors' dimensions dropped, the same ones at every time step
            (variational dropout).

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_transcriber(
    data: str | Path,
    out: str | Path = "transcribe.safetensors",
    *,
    audio: str | None = None,
    text: str | None = None,
    speaker: str | None = None,
    header: str | None = None,
    language_model: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    tokens: str = "characters",
    vocabulary: int | None = None,
    lower_case: bool = False,
    features: str = "log_mel",
    mel_bands: int = 40,
    coefficients: int = 13,
    deltas: int | None = None,
    normalization: str = "auto",
    max_seconds: float = 30.0,
    cell: str = "gru",
    units: int = 128,
    layers: int = 3,
    bidirectional: bool = True,
    stack: int = 3,
    epochs: int | None = None,
    batch_size: int = 16,
    learning_rate: float = 0.003,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.3,
    weight_decay: float = 0.0,
    time_warp: float = 0.12,
    input_noise: float = 0.1,
    time_mask: float = 0.05,
    band_mask: float = 0.05,
    decoding: str = "auto",
    beam: int = 32,
    lm_weight: float | None = None,
    word_bonus: float | None = None,
) -> Trained:
    """Train on utterances and save the model in one file. Learn to transcribe speech.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: an4, a table of recordings with transcripts, or a folder of them.
        out: The model file.
        audio: Column of a table with the recordings (default: found by its name, such as audio).
        text: Column of a table with the transcripts (default: found by its name, such as text).
        speaker: Column of a table with the speakers, so that splits have speakers of their own (default: found by
            its name).
        header: Place of the column names of a table: first if its first line has them, none if no line has
            (default: found from the first rows).
        language_model: Text file with a sentence on each line, from which the language model and the lexicon are
            learned (default: the training transcripts).
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        tokens: Kind of symbols that transcripts consist of: characters, words or bytes (byte-pair encoding).
        vocabulary: Largest number of symbols; byte pairs need at least 256. Rarer ones are not learned (default:
            5,000 characters or words, or 500 byte pairs).
        lower_case: Read and write lower case only.
        features: Features that are computed from recordings: log_mel (logarithms of mel bands) or mfcc (cepstra
            of them).
        mel_bands: Number of mel bands.
        coefficients: Number of cepstra, for the features mfcc.
        deltas: Slopes of the features over time to add: 0 for none, 1 for slopes, 2 for slopes and their slopes
            (default: 0 for log_mel, 2 for cepstra).
        normalization: Data that gives the mean and the deviation of each feature: each utterance, or the whole
            training set, as live transcription needs; auto is utterance for bidirectional networks and training
            for others.
        max_seconds: Longest utterance in seconds. Longer ones are not trained on.
        cell: Recurrent cell.
        units: Units of each recurrent layer, in each direction.
        layers: Number of stacked recurrent layers.
        bidirectional: Process utterances in both directions. Without it, speech can be transcribed while it
            arrives.
        stack: Number of frames, 10 ms each, that are joined to one step of the network.
        epochs: Passes over the training set (default: 5 to 100, about 6,000 steps).
        batch_size: Utterances per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of each recurrent layer's outputs dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        time_warp: Largest relative change of an utterance's length in training.
        input_noise: Standard deviation of the noise added to each scaled feature in training.
        time_mask: Fraction of the frames hidden in training, in spans of 0.1 seconds.
        band_mask: Fraction of the features hidden in training, in spans of 4 features.
        decoding: How transcripts are found: greedy (the most probable symbol of each step), beam (prefix beam
            search), lexicon (beam search among known words), or auto: lexicon if new words are rare in the
            training transcripts and the tokens are not words, otherwise beam.
        beam: Number of transcripts that beam search keeps.
        lm_weight: Weight of the language model in beam search; 0 for none (default: chosen on the validation
            set).
        word_bonus: Score that each word adds to a transcript in beam search (default: chosen on the validation
            set).

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """

def train_translator(
    data: str | Path,
    out: str | Path = "translate.safetensors",
    *,
    source: str | None = None,
    target: str | None = None,
    header: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
    max_input: float | None = None,
    overwrite: bool = False,
    tokens: str = "bytes",
    vocabulary: int = 5000,
    joint_vocabulary: bool = True,
    lower_case: bool = False,
    max_length: int = 100,
    cell: str = "gru",
    units: int = 256,
    layers: int = 1,
    embedding_dim: int = 256,
    attention: str = "after",
    score: str = "dot",
    epochs: int | None = None,
    batch_size: int = 64,
    learning_rate: float = 0.002,
    schedule: str = "linear",
    warmup: float = 0.0,
    clip_norm: float = 1.0,
    ema_decay: float = 0.998,
    patience: int | None = None,
    precision: str = "float32",
    seed: int = 0,
    recurrent_dropout: float = 0.0,
    zoneout: float = 0.0,
    output_dropout: float = 0.3,
    weight_decay: float = 0.0,
    label_smoothing: float = 0.1,
    input_dropout: float = 0.2,
    word_dropout: float = 0.1,
    beam: int = 5,
    length_penalty: float = 1.0,
) -> Trained:
    """Train on sentence pairs and save the model in one file. Learn to translate sentences.

    The same call resumes an interrupted training; see `gatewright.train`.

    Args:
        data: multi30k, the beginning STEM of the names of two files STEM.SOURCE and STEM.TARGET with a sentence
            on each line, also gzipped, or a table with two columns of sentences.
        out: The model file.
        source: The language to translate from: the end of the name of its file, such as en for STEM.en, or its
            column.
        target: The language to translate to: the end of the name of its file, or its column.
        header: Place of the column names of a table: first if its first line has them, none if no line has
            (default: found from the first rows).
        validation: Data for the validation set (default: in `data`, or set aside from it).
        test: Data for the test set (default: in `data`, or set aside from it).
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file or archive after decompression, in GB (default: 4).
        overwrite: Replace a model file of other settings or data, and discard the progress of its training.
        tokens: Kind of tokens: bytes (byte-pair encoding) or words.
        vocabulary: Largest number of token ids, of each language if the vocabularies are separate.
        joint_vocabulary: Use one vocabulary and one embedding table for both languages.
        lower_case: Read and write lower case only.
        max_length: Largest number of tokens of a sentence. Pairs with a longer one are not trained on.
        cell: Recurrent cell.
        units: Units of each recurrent layer, in each direction of the encoder.
        layers: Number of recurrent layers of the encoder.
        embedding_dim: Size of the token embeddings.
        attention: Place of attention: after (the decoder's recurrent layer), bottom (between two recurrent
            layers), fed (inside of each step, which is slow) or none.
        score: Score of a source position for attention: dot or additive.
        epochs: Passes over the training set (default: 3 to 50, about 10,000 steps).
        batch_size: Sentence pairs per training step.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: constant, linear or cosine decay to 0.
        warmup: Fraction of the training steps during which the learning rate rises to its peak.
        clip_norm: Maximum norm to which gradients are clipped; 0 for no clipping.
        ema_decay: Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.
        patience: Epochs without improvement on the validation set before training stops; 0 never stops early
            (default: a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs).
        precision: Precision of the numbers that matrix products of recurrent layers multiply in training:
            float32, or bfloat16, which is faster on processors with AVX512-BF16. Sums, states and weights are
            float32.
        seed: Seed of the initial weights, the order of the examples and dropout.
        recurrent_dropout: Fraction of the previous state dropped before the product with the recurrent kernel.
        zoneout: Fraction of the state's units that keep their previous value at a time step in training.
        output_dropout: Fraction of the outputs of recurrent layers, and of the vectors before the softmax,
            dropped in training.
        weight_decay: Decoupled weight decay: each step subtracts this number * learning rate * weights.
        label_smoothing: Fraction of the probability of each target token that is spread over all tokens in
            training.
        input_dropout: Fraction of the embedding dimensions dropped, the same ones at every step (variational
            dropout).
        word_dropout: Fraction of the tokens replaced by the unknown token during training.
        beam: Number of hypotheses of beam search; 1 for greedy search.
        length_penalty: Exponent of the length by which beam search normalizes log probabilities; 0 for none.

    Raises:
        InputError: An input cannot be used. The message says which, and what to do.
    """
