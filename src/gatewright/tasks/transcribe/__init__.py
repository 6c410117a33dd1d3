"""Transcribe speech."""

from gatewright.tasks.base.spec import TaskSpec
from gatewright.tasks.transcribe.settings import TranscribeSettings

SPEC = TaskSpec(
    name="transcribe",
    command="transcribe",
    function="train_transcriber",
    summary="Learn to transcribe speech.",
    examples="utterances",
    reads="an4, a table of recordings with transcripts, or a folder of them",
    example="recordings.csv",
    options=(),
    settings=TranscribeSettings,
    owns=lambda data, options: True,
    task="gatewright.tasks.transcribe.task:Transcribe",
    model="gatewright.tasks.transcribe.model:Transcriber",
)
