"""Classify texts."""

from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.classify.settings import ClassifySettings, complete

_TEXT = Option(
    "text",
    "COLUMN",
    "Column of the texts, or several columns, separated by commas, whose texts are joined (default: found "
    "by its name, such as text or review, or its content).",
)

SPEC = TaskSpec(
    name="classify",
    command="classify",
    function="train_classifier",
    summary="Learn to predict one label, or any number of labels, for a text.",
    examples="texts",
    reads="imdb, a .csv, .tsv, .txt, .parquet, .json or .jsonl table, a folder with a subfolder of text files "
    "for each class, or a .tar.gz archive of such a folder",
    example="reviews.csv --text review --label stars",
    options=(
        _TEXT,
        Option(
            "label",
            "COLUMN",
            "Column with a label or a list of labels for each text, or several columns of 0 and 1, separated by "
            "commas, one for each label (default: found by its name, such as label or stars, or its content).",
        ),
        Option(
            "label_separator",
            "TEXT",
            "Separator between the labels in a field of the label column, if a text can have several labels.",
        ),
        HEADER,
        Option(
            "pretrained",
            "FILE",
            "Model file of a language model to fine-tune. It changes these defaults: --layer-lr-decay 2.6, "
            "--warmup 0.1, --no-bidirectional.",
            flag="--from",
            training_only=True,
        ),
    ),
    predict_options=(
        _TEXT,
        HEADER,
        Option(
            "format",
            "NAME",
            "Format of the file, whatever its name: lines (a text on each line), csv, tsv or jsonl (default: by "
            "its name; for standard input, by its first lines).",
        ),
    ),
    settings=ClassifySettings,
    owns=lambda data, options: True,  # data that is not series is read as texts
    task="gatewright.tasks.classify.task:Classify",
    model="gatewright.tasks.classify.model:Classifier",
    complete=complete,
)
