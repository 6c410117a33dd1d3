"""Classify recordings, such as spoken words."""

from collections.abc import Mapping
from typing import Any

from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.keywords.settings import KeywordSettings

_AUDIO = Option(
    "audio",
    "COLUMN",
    "Column of a table with the paths of recordings, relative to the table (default: found by its name, such as audio "
    "or path).",
)


def _owns(data: str, options: Mapping[str, Any]) -> bool:
    from gatewright.tasks.keywords.reading import is_of_recordings

    return is_of_recordings(data, options)


SPEC = TaskSpec(
    name="keywords",
    command="classify",
    function="train_keyword_classifier",
    summary="Learn to predict the label of a recording, such as a spoken word.",
    examples="recordings",
    reads="fsdd, a folder with a subfolder of recordings for each label, or a table with a column of paths of "
    "recordings",
    example="speech_commands",
    options=(
        _AUDIO,
        Option("label", "COLUMN", "Column of the labels (default: found by its name, such as label or word)."),
        Option(
            "speaker",
            "COLUMN",
            "Column of the speakers, who stay together when recordings are split (default: found by its name, such as "
            "speaker).",
        ),
        HEADER,
        Option(
            "test_speaker",
            "NAME",
            "Use all recordings of this speaker as the test set, and those of the others for training and validation.",
            training_only=True,
        ),
    ),
    predict_options=(_AUDIO, HEADER),
    settings=KeywordSettings,
    owns=_owns,
    task="gatewright.tasks.keywords.task:ClassifyKeywords",
    model="gatewright.tasks.keywords.model:KeywordClassifier",
)
