"""Transcribe speech."""

from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.transcribe.settings import TranscribeSettings

SPEC = TaskSpec(
    name="transcribe",
    command="transcribe",
    function="train_transcriber",
    summary="Learn to transcribe speech.",
    examples="utterances",
    reads="an4, a table of recordings with transcripts, or a folder of them",
    example="recordings.csv",
    options=(
        Option("audio", "COLUMN", "Column of a table with the recordings (default: found by its name, such as audio)."),
        Option("text", "COLUMN", "Column of a table with the transcripts (default: found by its name, such as text)."),
        Option(
            "speaker",
            "COLUMN",
            "Column of a table with the speakers, so that splits have speakers of their own (default: found by its "
            "name).",
        ),
        HEADER,
        Option(
            "language_model",
            "FILE",
            "Text file with a sentence on each line, from which the language model and the lexicon are learned "
            "(default: the training transcripts).",
            training_only=True,
        ),
    ),
    settings=TranscribeSettings,
    owns=lambda data, options: True,
    task="gatewright.tasks.transcribe.task:Transcribe",
    model="gatewright.tasks.transcribe.model:Transcriber",
)
