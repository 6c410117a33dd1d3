"""The model file: one safetensors file that holds a trained network and all that is needed to use it.

The tensors are the weights, float32, each named `PLACE.NAME` after the block's place and the weight's name. The
metadata has one entry, `gatewright`, which is JSON:

    version       of this form
    task          "classify", "generate", "forecast" or "tag"
    blocks        [{"kind": ..., its fields}], from the input to the output
    encoder       how texts become ids: the words, characters or merges (see `data.encoders`); of series of numbers
                  their channels, and the mean and scale of each (see `data.channels`); of piano rolls {"kind": "keys"}
    answers       what the outputs mean. To classify: {"labels": [...], "length": the tokens of a text that are read,
                  the last; "several": true where a text is given any number of labels}; to generate: {"rows":
                  "stream", texts one after another, or "prefixes", lines alone; of these "length": the tokens of a
                  line that are read at once}; to tag: {"tags": [...], "labels": those of sentences [...], "length":
                  the words that are read at once}; of series "features", the numbers of a step, and "length", the steps
                  of a row that are read, the last; to forecast "features", "look_back", "horizon", "quantiles" and
                  "naive_errors", see `forecaster`; of piano rolls {"rows": "pieces",
                  "features": the keys}
    training      settings and figures, for a reader
    conventions   layout of the weights, order of the gates, place of the GRU's reset gate
    sha256        of all the others as JSON with sorted keys, and then of the weights in the order of their names

Reading it runs no code from it, and takes no more memory than in proportion to the file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import layers
from gatewright.nn import model as models
from gatewright.nn.block import Block
from gatewright.nn.layers import POOLS, Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.support.files import atomically
from gatewright.tasks.classify_series.blocks import Measurements
from gatewright.tasks.forecast import blocks as forecast_blocks
from gatewright.tasks.forecast.blocks import LEVELS, Decaying, Direct, Level, Parallel, Recursive, Restore, Segments
from gatewright.tasks.rolls.blocks import Frames, Sigmoids
from gatewright.tasks.tag import blocks as tag_blocks

VERSION = 1
# Of a step; more would be no file that anyone has made.
_MOST_FEATURES = 1 << 20
_KINDS = {
    **layers.KINDS,
    **forecast_blocks.KINDS,
    **tag_blocks.KINDS,
    **{block.kind: block for block in (Measurements, Frames, Sigmoids)},
}
# The gates of these cells stand in every file; those of another in the files that have it.
_GATES = {"simple_rnn": ["h"], "lstm": ["i", "f", "c", "o"], "gru": ["z", "r", "h"]}
_PARTS = ("version", "task", "blocks", "encoder", "answers", "training", "conventions", "sha256")


@dataclass(frozen=True)
class Model:
    """What a model file holds; `encoder` and `answers` as plain JSON."""

    task: str
    blocks: tuple[Block, ...]
    weights: tuple[dict[str, NDArray[np.float32]], ...]
    encoder: dict[str, Any]
    answers: dict[str, Any]
    training: dict[str, Any]


def write(model: Model, path: str | os.PathLike[str]) -> None:
    """Write the file, whole or not at all."""
    from safetensors.numpy import save

    record, tensors = _parts(model)
    record["sha256"] = _digest(record, tensors)
    content = save(tensors, {"gatewright": json.dumps(record, ensure_ascii=True, allow_nan=False)})
    with atomically(path) as temporary:
        temporary.write_bytes(content)


def digest(model: Model) -> str:
    """The digest that the model's file has: another where anything in it is."""
    return _digest(*_parts(model))


def _parts(model: Model) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """The record but for its digest, and the tensors by name."""
    tensors = {
        f"{place}.{name}": np.ascontiguousarray(array, np.float32)
        for place, block in enumerate(model.weights)
        for name, array in block.items()
    }
    record: dict[str, Any] = {
        "version": VERSION,
        "task": model.task,
        "blocks": [_fields(block) for block in model.blocks],
        "encoder": model.encoder,
        "answers": model.answers,
        "training": model.training,
        "conventions": _conventions(model.blocks),
    }
    return record, tensors


def _fields(block: Any) -> dict[str, Any]:
    """A block as JSON; where it has no zoneout, as files had it before there was any."""
    values = {"kind": block.kind, **dataclasses.asdict(block)}
    return {name: value for name, value in values.items() if name != "zoneout" or value}


def _conventions(blocks: Sequence[Block]) -> dict[str, Any]:
    """How the numbers of the blocks' weights are laid out."""
    cells: list[str] = [block.cell for block in blocks if hasattr(block, "cell")]
    own = {cell: list(Recurrence(cell).gate_names) for cell in cells}
    return {"layout": "keras", "gates": _GATES | own, "gru_reset": "after"}


def read(path: str | os.PathLike[str]) -> Model:
    """Read and check a model file.

    Raises:
        InputError: there is no such file, it is damaged, no model file, or of another version.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        fault = "is a folder" if file.is_dir() else "is not there"
        raise InputError(f"{path} {fault}: give the path of a model file, as `gatewright train --out` writes it.")
    try:
        with safe_open(file, framework="numpy") as content:
            record = _record(file, content.metadata())
            blocks, shapes = _blocks(file, record)
            if record["conventions"] != _conventions(blocks):
                raise _damaged(file, "its weights follow other conventions")
            names = [f"{place}.{name}" for place, block in enumerate(shapes) for name in block]
            if sorted(content.keys()) != sorted(names):
                raise _damaged(file, "its tensors are not those of its blocks")
            for place, block in enumerate(shapes):
                for name, shape in block.items():
                    kept = content.get_slice(f"{place}.{name}")
                    if kept.get_dtype() != "F32" or tuple(kept.get_shape()) != shape:
                        raise _damaged(file, f"its tensor {place}.{name} is not float32 of shape {list(shape)}")
            tensors = {name: content.get_tensor(name) for name in names}
    except (SafetensorError, OSError, OverflowError) as error:
        why = _short(error)
        raise InputError(f"{file} is no model file, or a damaged one ({why}): train or fetch it again.") from None
    if _digest(record, tensors) != record["sha256"]:
        raise _damaged(file, "it is not as it was written")
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise _damaged(file, "some weights are not finite numbers")
    weights = tuple({name: tensors[f"{place}.{name}"] for name in block} for place, block in enumerate(shapes))
    parts = (record[name] for name in ("encoder", "answers", "training"))
    return Model(record["task"], blocks, weights, *parts)


def _digest(record: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> str:
    told = {name: value for name, value in record.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _damaged(file: Path, why: str) -> InputError:
    return InputError(f"{file} is damaged ({why}): train or fetch it again.")


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _record(file: Path, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """The entry `gatewright` with its parts, each of the right type."""
    if not metadata or "gatewright" not in metadata:
        raise InputError(f"{file} is a safetensors file, but no model of Gatewright: it has no entry `gatewright`.")
    try:
        record = json.loads(metadata["gatewright"])
    except (ValueError, RecursionError):
        raise _damaged(file, "its metadata are not JSON") from None
    if not isinstance(record, dict) or type(record.get("version")) is not int:
        raise _damaged(file, "its metadata have no version")
    if record["version"] != VERSION:
        raise InputError(
            f"{file} is of version {record['version']}, and this Gatewright reads version {VERSION}: "
            "use the Gatewright that wrote it, or train it again."
        )
    if missing := [name for name in _PARTS if name not in record]:
        raise _damaged(file, f"its metadata have no {missing[0]}")
    if not isinstance(record["task"], str) or record["task"] not in _MAKES_A_NETWORK:
        raise _damaged(file, "its task is not known")
    for name in ("encoder", "answers", "training"):
        if not isinstance(record[name], dict):
            raise _damaged(file, f"its {name} is not an object")
    return record


def _blocks(file: Path, record: Mapping[str, Any]) -> tuple[tuple[Block, ...], list[dict[str, tuple[int, ...]]]]:
    """The blocks, and the shapes of their weights."""
    listed = record["blocks"]
    if not isinstance(listed, list) or not listed:
        raise _damaged(file, "it lists no blocks")
    made = tuple(_block(file, fields) for fields in listed)
    if not _MAKES_A_NETWORK[record["task"]](made):
        raise _damaged(file, "its blocks stand in no order that makes a network")
    return made, models.shapes(made, _features(file, made, record["answers"]))


def _features(file: Path, blocks: Sequence[Block], answers: Mapping[str, Any]) -> int:
    """The numbers of a step that come in; an id is one."""
    if isinstance(blocks[0], Embedding | tag_blocks.WordVectors):
        return 1
    features = answers.get("features")
    if type(features) is not int or not 0 < features < _MOST_FEATURES:
        raise _damaged(file, "it does not say how many numbers a step has")
    return features


def _block(file: Path, fields: Any) -> Block:
    name = fields.get("kind") if isinstance(fields, dict) else None
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise _damaged(file, "it has a block of no known kind")
    known = {field.name: field.type for field in dataclasses.fields(kind)}
    # A field that is not there has its default.
    needed = {field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING}
    values = {key: value for key, value in fields.items() if key != "kind"}
    if not needed <= values.keys() <= known.keys() or not all(
        _fits(value, known[key]) for key, value in values.items()
    ):
        raise _damaged(file, f"its block {name!r} has fields that do not fit")
    if any(values.get(name) == 0 for name in ("units", "vocabulary")):
        raise _damaged(file, f"its block {name!r} has a size of 0")
    try:
        block: Block = kind(**values)
    except InputError:  # of two fields that do not go together
        raise _damaged(file, f"its block {name!r} has fields that do not fit") from None
    if isinstance(block, Recurrent | Decaying) and block.cell not in CELLS:
        raise _damaged(file, "it has a recurrent layer of no known cell")
    if isinstance(block, Pool) and block.by not in POOLS:
        raise _damaged(file, "it has a pooling of no known kind")
    return block


def _fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a field's type, and a size is one."""
    if kind == "int":
        return type(value) is int and 0 <= value < 2**31
    if kind == "float":
        return type(value) in (int, float) and math.isfinite(value) and 0 <= value < 1
    return type(value) is {"bool": bool, "str": str}[kind]


def _classifies(blocks: Sequence[Block]) -> bool:
    """Whether ids or measurements come in first, recurrent layers read them, steps become one vector, and a linear map
    ends it; dropout may stand between any two."""
    first = _begins_with(blocks, Embedding) or _begins_with(blocks, Measurements)
    steps, fits = True, first and isinstance(blocks[-1], Dense)
    for block in blocks:
        fits = fits and not isinstance(block, Softmax | Sigmoids)
        if isinstance(block, Recurrent):
            fits, steps = fits and steps, block.steps
        elif isinstance(block, Pool):
            fits, steps = fits and steps, False
    return fits and not steps


def _generates(blocks: Sequence[Block]) -> bool:
    """Whether blocks are those of a language model, or of one of piano rolls."""
    return _plays(blocks) if isinstance(blocks[0], Frames) else _writes(blocks)


def _plays(blocks: Sequence[Block]) -> bool:
    """Whether frames come in first, recurrent layers with the outputs of all steps read them, and sigmoids end it;
    dropout may stand between any two."""
    fits = _begins_with(blocks, Frames) and isinstance(blocks[-1], Sigmoids)
    for block in blocks[1:-1]:
        recurrent = isinstance(block, Recurrent) and block.steps and not block.both
        fits = fits and (recurrent or isinstance(block, Dropout))
    return fits


def _writes(blocks: Sequence[Block]) -> bool:
    """Whether ids come in first, recurrent layers read them, nothing needs the whole text, and a softmax ends it: a
    tied one above as many numbers as its table has."""
    steps, fits = True, _begins_with(blocks, Embedding) and isinstance(blocks[-1], Softmax)
    features = 1
    for place, block in enumerate(blocks):
        fits = fits and not isinstance(block, Pool | Sigmoids)
        fits = fits and (isinstance(block, Softmax) <= (place == len(blocks) - 1))
        if isinstance(block, Recurrent):
            fits, steps = fits and steps and not block.both, block.steps
        if isinstance(block, Softmax) and block.tied:
            fits = fits and features == blocks[0].width(0) and block.vocabulary == getattr(blocks[0], "vocabulary", 0)
        features = block.width(features)
    return fits


def _begins_with(blocks: Sequence[Block], kind: type[Any]) -> bool:
    """Whether a block of this kind, through which ids or measurements come in, is first and the only such one, and a
    recurrent layer reads it."""
    reading = next((block for block in blocks[1:] if not isinstance(block, Dropout)), None)
    doors = [isinstance(block, Embedding | Measurements | Frames) for block in blocks]
    return len(blocks) > 2 and isinstance(reading, Recurrent) and isinstance(blocks[0], kind) and not any(doors[1:])


def _forecasts(blocks: Sequence[Block]) -> bool:
    """Whether a level comes first, recurrent layers alike read steps or segments, one block goes ahead, and the level
    is given back; dropout may stand between. All say the same of targets and of what is known ahead."""
    kept = [block for block in blocks if not isinstance(block, Dropout)]
    if len(kept) < 4 or not isinstance(kept[0], Level) or not isinstance(kept[-1], Restore):
        return False
    level, layers, ahead = kept[0], kept[1:-2], kept[-2]
    segments = [block for block in layers if isinstance(block, Segments)]
    recurrent = [block for block in layers if isinstance(block, Recurrent | Decaying)]
    steps = [*(True for _ in recurrent[1:]), False]
    fits = (
        layers == [*segments, *recurrent]
        and len(segments) <= 1
        and bool(recurrent)
        and not isinstance(blocks[1], Restore)
    )
    fits = fits and [block.steps for block in recurrent] == steps
    fits = fits and not any(getattr(block, "both", False) for block in recurrent)
    decaying = [block for block in recurrent if isinstance(block, Decaying)]
    fits = fits and (not decaying or (decaying == recurrent[:1] and isinstance(ahead, Direct)))
    fits = fits and all(level.targets == block.targets <= block.variables for block in decaying)
    fits = fits and isinstance(ahead, Parallel | Direct | Recursive) and isinstance(ahead, Parallel) == bool(segments)
    if not fits or not isinstance(ahead, Parallel | Direct | Recursive):
        return False
    alike = len({_alike(block) for block in recurrent}) == 1 and level.by in LEVELS
    alike = alike and (ahead.targets, ahead.known) == (level.targets, level.known) and level.targets > 0
    alike = alike and level.lead == (isinstance(ahead, Recursive) and level.known > 0)
    alike = alike and level.look_back > 0 and 0 < ahead.horizon < _MOST_FEATURES and ahead.outputs > 0
    if isinstance(ahead, Parallel):
        same = (segments[0].segment, segments[0].units, segments[0].targets) == (
            ahead.segment,
            ahead.units,
            ahead.targets,
        )
        alike = alike and same and ahead.units % 2 == 0 and 0 < ahead.segment <= level.look_back
        alike = alike and _alike(recurrent[-1]) == _alike(ahead)
    if isinstance(ahead, Recursive):
        alike = alike and (ahead.cell, ahead.zoneout, ahead.layers) == (
            recurrent[0].cell,
            getattr(recurrent[0], "zoneout", 0),
            len(recurrent),
        )
    return alike


def _alike(block: Any) -> tuple[Any, ...]:
    """What recurrent layers of one network have in common; one that decays has no zoneout."""
    return block.cell, block.units, getattr(block, "zoneout", 0)


_MAKES_A_NETWORK: dict[str, Callable[[Sequence[Block]], bool]] = {
    "classify": _classifies,
    "generate": _generates,
    "forecast": _forecasts,
    "tag": tag_blocks.make_a_tagger,
}
"""Of each task, whether blocks stand in an order that makes a network of it."""
