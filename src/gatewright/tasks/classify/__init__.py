"""Classify texts."""

from gatewright.tasks.base.spec import LABELLED_TEXTS, TEXTS_TO_PREDICT, Option, TaskSpec
from gatewright.tasks.classify.settings import ClassifySettings, complete

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
        *LABELLED_TEXTS,
        Option(
            "pretrained",
            "FILE",
            "Model file of a language model to fine-tune. It changes these defaults: --layer-lr-decay 2.6, "
            "--warmup 0.1, --no-bidirectional.",
            flag="--from",
            training_only=True,
        ),
    ),
    predict_options=TEXTS_TO_PREDICT,
    settings=ClassifySettings,
    owns=lambda data, options: True,  # data that is not series is read as texts
    task="gatewright.tasks.classify.task:Classify",
    model="gatewright.tasks.classify.model:Classifier",
    complete=complete,
)
