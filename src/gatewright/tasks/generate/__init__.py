"""Continue texts."""

from gatewright.tasks.base.decoding_settings import Decoding
from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.generate.settings import GenerateSettings

SPEC = TaskSpec(
    name="generate",
    command="generate",
    function="train_language_model",
    summary="Learn a language model, which continues texts.",
    examples="texts",
    reads="shakespeare, ptb, imdb-unlabelled, a text file, a folder of text files, or a .csv, .tsv, .parquet, .json "
    "or .jsonl table",
    example="plays.txt",
    options=(
        Option(
            "text",
            "COLUMN",
            "Column of the texts, or several columns, separated by commas, whose texts are joined (default: found by "
            "its name, such as text or review, or its content).",
        ),
        HEADER,
    ),
    settings=GenerateSettings,
    decoding=Decoding,
    owns=lambda data, options: True,  # data that is not piano rolls is read as texts
    task="gatewright.tasks.generate.task:Generate",
    model="gatewright.tasks.generate.model:LanguageModel",
)
