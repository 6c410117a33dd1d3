"""Translate sentences."""

from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.translate.settings import TranslateSettings

SPEC = TaskSpec(
    name="translate",
    command="translate",
    function="train_translator",
    summary="Learn to translate sentences.",
    examples="sentence pairs",
    reads="multi30k, the beginning STEM of the names of two files STEM.SOURCE and STEM.TARGET with a sentence on each "
    "line, also gzipped, or a table with two columns of sentences",
    example="europarl --source en --target de",
    options=(
        Option(
            "source",
            "NAME",
            "The language to translate from: the end of the name of its file, such as en for STEM.en, or its column.",
        ),
        Option("target", "NAME", "The language to translate to: the end of the name of its file, or its column."),
        HEADER,
    ),
    settings=TranslateSettings,
    owns=lambda data, options: True,
    task="gatewright.tasks.translate.task:Translate",
    model="gatewright.tasks.translate.model:Translator",
)
