"""`gatewright info`: what a model file holds."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gatewright.data.encoders import encoder_from_json
from gatewright.nn import file as model_file
from gatewright.nn.file import Model
from gatewright.results.figures import told
from gatewright.tasks.classify_series.channels import Channels, channels_from_json
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.tag.spelling import spelling_from_json

_WIDTH = 100


@dataclass(frozen=True)
class Info:
    """What a model file holds.

    Attributes:
        model, bytes, task: the file, its size, and what it is for.
        blocks: each with its fields, from the input to the output.
        parameters: numbers learnt.
        encoder, ids: how texts become ids, and how many there are; of series "channels" or "series", and the numbers of
            a step; of piano rolls "keys", and how many they have.
        reads: what comes in, for a reader.
        answers: what the outputs mean.
        training: settings and figures.
    """

    model: str
    bytes: int
    task: str
    blocks: tuple[dict[str, Any], ...]
    parameters: int
    encoder: str
    ids: int
    answers: dict[str, Any]
    training: dict[str, Any]
    reads: str

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [
            f"{self.model}: {self.task}, {self.parameters:,} parameters, {self.bytes:,} bytes",
            *(f"  {' '.join(_told(name, value) for name, value in block.items() if value)}" for block in self.blocks),
            self.reads,
            *(
                f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else str(value).lower()}"
                for name, value in self.answers.items()
            ),
        ]
        if self.training.get("finished") is False:
            lines.append("not finished: training was interrupted, and this is its best epoch until then")
        for name in ("test", "baseline"):
            if figures := self.training.get(name):
                listed = ", ".join(f"{key} {told(value)}" for key, value in figures.items() if value is not None)
                lines.append(f"{name}: {listed}")
        if settings := self.training.get("settings"):
            lines.append("settings: " + ", ".join(f"{name} {value}" for name, value in settings.items()))
        return "\n".join(
            textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, replace_whitespace=False)
            for line in lines
        )


def _told(name: str, value: Any) -> str:
    if name == "kind":
        return f"{value:<10}"
    return name if value is True else f"{name} {value}"


def info(model: str | Path) -> Info:
    """What a model file holds.

    Raises:
        InputError: the file is not there, damaged, or of another version.
    """
    read = model_file.read(model)
    kind, ids, reads = _reads(read)
    return Info(
        str(model),
        Path(model).stat().st_size,
        read.task,
        tuple({"kind": block.kind, **vars(block)} for block in read.blocks),
        sum(array.size for block in read.weights for array in block.values()),
        kind,
        ids,
        read.answers,
        read.training,
        reads,
    )


def _reads(model: Model) -> tuple[str, int, str]:
    """The kind of a model's encoder, how many ids or numbers it gives, and both for a reader."""
    kept = model.encoder
    if model.task == "forecast":
        scales = Scales.from_json(kept)
        return "series", scales.features, f"series: {', '.join(scales.variables)}; a step is {scales.grid.told}"
    if kept.get("kind") == Channels.kind:
        channels = len(channels_from_json(kept).names)
        return Channels.kind, channels, f"series: {channels:,} channels"
    if kept.get("kind") == "keys":
        keys = model.blocks[-1].width(0)
        return "keys", keys, f"piano rolls: {keys:,} keys"
    encoder = spelling_from_json(kept) if model.task == "tag" else encoder_from_json(kept)
    return encoder.kind, encoder.ids, f"texts: {encoder.kind}, {encoder.ids:,} ids"
