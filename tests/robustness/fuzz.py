"""Damage model files of every task at random, and use each file that loads.

    python tests/robustness/fuzz.py [files] [seed] [task ...]

A file is refused with one sentence, or the model gives finite answers. Anything else is a fault: another exception, a
warning, a crash, a hang, or too much memory. The first fault ends the program, and its message names the file and the
seed. Most files are damaged with the right digest, as a hostile file would be: values, layers and tensors are changed,
removed, added, swapped, and replaced by those of other tasks.
"""

from __future__ import annotations

import copy
import json
import pickle
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from all_models import answers, answers_from_table, as_text, model_files
from safetensors.numpy import load, save

from gatewright import runtime
from gatewright.commands.info import info
from gatewright.nn import file as model_file
from gatewright.support.errors import InputError
from gatewright.tasks.classify.pretrained import Pretrained

# A file of some 10 kB may cost a few MB on top of the process.
_MEMORY = 64 * 2**20
# Seconds of the processor, and seconds on the clock, since another program may need the processor too.
_SECONDS, _WAITED = 5, 60
_MAX_SENTENCE = 500
_NUMBERS = [
    *(
        0,
        1,
        -1,
        2,
        7,
        255,
        1000,
        32_768,
        10**5,
        2**31 - 1,
        2**31,
        2**53,
        2**62,
        2**63,
        2**64,
        10**40,
        -(2**61),
        10**400,
    ),
    *(0.0, -0.0, 0.5, 0.999, 1.0, 1e-320, 1e-30, 3e38, 1e39, 1e154, 1e300, 1.7e308, float("nan"), float("inf"), -1e308),
]
_OTHERS = [
    *(None, True, False, "", "a", "0", "\x1b[31m", "\ud800", "a" * 5000, "relu", "lstm", "None", "%", "%d%d", "UTC"),
    *([], {}, [[]] * 50, [0], [1, 2], ["a", "a"], {"kind": "words"}, {"": 0}, [None], [True], "__import__"),
]
_KEYS = [
    *("horizon", "look_back", "max_length", "units", "zoneout", "read", "rate", "quantiles", "cell", "step", "kinds"),
    *("zone", "origin", "slots", "decimal", "columns", "split", "notation", "samples", "segment", "every", "length"),
]
_FITTING = [
    *("gru", "mgu", [0.5], 9, 30_000, 32_768, ["%"], ["%d/%m/%Y"], ["epoch s"], ["number"], ["year"], ["%Y-%m-%d %H"]),
    *("Mars/City", "../x", "+25:00", "+01:00", "America/New_York", ",", "keys", "spaces", ["date"], [0], [[1, 2]]),
]
_CHANGES: list[Callable[[Any], Any]] = [
    *(lambda value: value + 1, lambda value: value - 1, lambda value: -value, lambda value: value * 2),
    *(float, int, lambda value: value * 1000, lambda value: value * 1e30),
]

Record = dict[str, Any]
Tensors = dict[str, Any]


def model_contents() -> dict[str, bytes]:
    """Return the contents of whole model files of all tasks and of their kinds of layers."""
    contents = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, model in enumerate(model_files()):
            training = {**model.training, "finished": True, "seconds": 1.5, "epochs": []}
            training["test"] = {"accuracy": 0.5, "auroc": None}
            whole = model_file.ModelFile(model.task, model.layers, model.weights, model.prepared, training)
            path = Path(folder) / "model.safetensors"
            model_file.write(whole, path)
            contents[f"{model.task} {number}"] = path.read_bytes()
    return contents


def split(content: bytes) -> tuple[Record, Tensors]:
    """Return the record and the tensors of a whole file."""
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gatewright"]), load(content)


def joined(record: Record, tensors: Tensors) -> bytes:
    """Return a file with this record and these tensors, and with the right digest."""
    if "sha256" in record:
        record["sha256"] = model_file._digest(record, tensors)
    return save(tensors, {"gatewright": json.dumps(record)})


def damage_bytes(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Change, cut, repeat and insert bytes, in the header as often as in the weights."""
    size = struct.unpack("<Q", content[:8])[0]
    changed = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        end = draw.choice([8, 8 + size, len(changed)])
        place = draw.randrange(min(end, len(changed)) or 1) if changed else 0
        kind = draw.randrange(6)
        if kind == 0:
            changed[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del changed[place : place + draw.randint(1, 50)]
        elif kind == 2:
            changed[place:place] = changed[place : place + draw.randint(1, 50)]
        elif kind == 3:
            changed[place:place] = draw.randbytes(draw.randint(1, 8))
        elif kind == 4:
            numbers = [0, 1, size + 1, 2**31, 2**63, 2**64 - 1, draw.getrandbits(64)]
            changed[0:8] = struct.pack("<Q", draw.choice(numbers))
        else:
            del changed[place:]
    return bytes(changed)


def damage_header(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Change the JSON of the header around the record: names, types, shapes and places of tensors."""
    size = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    for _ in range(draw.randint(1, 3)):
        change_value(header, draw)
    text = json.dumps(header)
    if draw.random() < 0.3:  # the same key twice
        text = text.replace("{", '{"__metadata__": {"gatewright": "{}"}, ', 1)
    encoded = text.encode()
    if draw.random() < 0.3:
        data += draw.randbytes(draw.choice([1, 4, 400]))
    return struct.pack("<Q", len(encoded)) + encoded + data


def damage_values(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Change values anywhere in the record."""
    record, tensors = split(content)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        change_value(record, draw)
    return joined(record, tensors)


def damage_consistently(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Change the value of a key to the same other value everywhere in the record."""
    record, tensors = split(content)
    key = draw.choice(_KEYS)
    value = draw.choice([*_NUMBERS, *_OTHERS, *_FITTING])

    def replace(inside: Any) -> None:
        for name in list(inside) if isinstance(inside, dict) else range(len(inside)):
            if name == key:
                inside[name] = copy.deepcopy(value)
            elif isinstance(inside[name], dict | list):
                replace(inside[name])

    replace(record)
    if key == "cell" and isinstance(value, str) and value in model_file.CELLS:
        record["conventions"]["gates"] = {value: list(model_file.CELLS[value].gates)}
    return joined(record, tensors)


def damage_keys(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Remove, rename, add and swap keys, and write a key twice."""
    record, tensors = split(content)
    for _ in range(draw.randint(1, 2)):
        inside = objects_of(record, draw)
        key = draw.choice(list(inside) or [""])
        kind = draw.randrange(4)
        if kind == 0:
            inside.pop(key, None)
        elif kind == 1 and key in inside:
            inside[key + draw.choice(["_", " ", "s"])] = inside.pop(key)
        elif kind == 2:
            inside[draw.choice(["kind", "extra", "__class__", "units", ""])] = copy.deepcopy(draw.choice(_OTHERS))
        else:
            other = draw.choice(list(inside) or [""])
            if key in inside:
                inside[key], inside[other] = inside[other], inside[key]
    content = joined(record, tensors)
    if draw.random() < 0.2:
        text = json.dumps(record)
        return save(tensors, {"gatewright": text.replace('"task"', '"task": "tag", "task"', 1)})
    return content


def damage_layers(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Remove, add, repeat and reorder layers, also with layers of other tasks, and move the tensors with them."""
    record, tensors = split(content)
    stranger, strange_tensors = split(draw.choice(others))
    layers = [(layer, weights_of(tensors, place)) for place, layer in enumerate(record["layers"])]
    for _ in range(draw.randint(1, 2)):
        place, kind = draw.randrange(len(layers) or 1), draw.randrange(5)
        if kind == 0 and layers:
            layers.pop(place)
        elif kind == 1:
            layers.insert(place, ({"kind": "dropout", "rate": 0.5}, {}))
        elif kind == 2:
            other = draw.randrange(len(stranger["layers"]))
            strange = (stranger["layers"][other], weights_of(strange_tensors, other))
            layers[place : place + draw.randint(0, 1)] = [strange]
        elif kind == 3 and layers:
            layers.insert(draw.randrange(len(layers) + 1), copy.deepcopy(layers[place]))
        else:
            draw.shuffle(layers)
    record["layers"] = [layer for layer, _ in layers]
    moved = {f"{place}.{name}": array for place, (_, own) in enumerate(layers) for name, array in own.items()}
    return joined(record, moved)


def damage_tensors(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Change shapes, types and numbers of tensors, remove some and add others."""
    record, tensors = split(content)
    for _ in range(draw.randint(1, 3)):
        name = draw.choice(list(tensors))
        array, kind = tensors[name].copy(), draw.randrange(8)
        if kind == 0:
            tensors[name] = array.reshape(-1)[: draw.randrange(array.size + 1)]
        elif kind == 1:
            tensors[name] = array.astype(draw.choice([np.float16, np.float64, np.int32, np.uint8]))
        elif kind == 2:
            del tensors[name]
            tensors["extra"] = array
        elif kind == 3:
            tensors[name] = array.T.copy()
        elif kind == 4:
            tensors[draw.choice(["9.kernel", "0", "", "a.b", "0.table.x"])] = array
        else:
            number = draw.choice([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e18, -1e18, 1e15, 1e10, 1e-45, 0])
            array = array.astype(np.float32)
            if draw.random() < 0.5:
                array[...] = number
            elif array.size:
                array.reshape(-1)[draw.randrange(array.size)] = number
            tensors[name] = array
    return joined(record, tensors)


def damage_part(content: bytes, others: list[bytes], draw: random.Random) -> bytes:
    """Replace an entry of the record, such as `prepared`, by that of another file."""
    record, tensors = split(content)
    stranger, strange_tensors = split(draw.choice(others))
    for _ in range(draw.randint(1, 2)):
        name = draw.choice(["task", "prepared", "layers", "conventions", "training"])
        record[name] = stranger[name]
    return joined(record, strange_tensors if draw.random() < 0.3 else tensors)


DAMAGES: list[Callable[[bytes, list[bytes], random.Random], bytes]] = [
    *(damage_bytes, damage_header, damage_keys, damage_layers, damage_tensors, damage_part),
    *(damage_values, damage_values, damage_values, damage_consistently),
]


def weights_of(tensors: Tensors, place: int) -> Tensors:
    """Return the tensors of the layer at a place, by the names of the weights."""
    return {name.partition(".")[2]: array for name, array in tensors.items() if name.split(".")[0] == str(place)}


def objects_of(record: Record, draw: random.Random) -> Record:
    """Return the record or an object inside it."""
    inside = record
    while True:
        inner = [value for value in inside.values() if isinstance(value, dict)]
        inner += [one for value in inside.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
        if not inner or draw.random() < 0.3:
            return inside
        inside = draw.choice(inner)


def change_value(record: Any, draw: random.Random) -> None:
    """Change a value somewhere in a JSON value, to one of another type or to a similar one."""
    inside = record
    while True:
        key = draw.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if not isinstance(inside[key], dict | list) or not inside[key] or draw.random() < 0.2:
            break
        inside = inside[key]
    value = inside[key]
    if type(value) in (int, float) and draw.random() < 0.6:
        change = draw.choice(_CHANGES)
        try:
            inside[key] = change(value) if draw.random() < 0.5 else draw.choice(_NUMBERS)
        except (OverflowError, ValueError):  # an integer that no float can hold, or NaN
            inside[key] = 0
    elif isinstance(value, list) and value and draw.random() < 0.5:
        similar = [value[:-1], value * 2, value[::-1], [*value, value[0]], [value], value * 300]
        inside[key] = copy.deepcopy(draw.choice(similar))
    elif isinstance(value, str) and draw.random() < 0.4:
        inside[key] = draw.choice([value + "x", value.upper(), value * 20, value[:-1], f"{value}\n\x1b]0;x\x07"])
    elif isinstance(value, bool):
        inside[key] = not value
    else:
        inside[key] = copy.deepcopy(draw.choice([*_OTHERS, *_NUMBERS]))


def use(path: Path, draw: random.Random) -> None:
    """Load a file, describe it and use the model in its usual ways. All answers must be finite."""
    described = info(path)
    str(described)
    json.dumps(described.to_json(), allow_nan=False)
    model = runtime.load(path)
    if draw.random() < 0.2:
        model = pickle.loads(pickle.dumps(model))
    as_text(model)
    for answer in answers_from_table(model, path.parent):
        answer.text(first=True)
    if model.task == "generate":
        Pretrained.read(str(path))
    [answer.text(first=True) for answer in answers(model) if not isinstance(answer, np.ndarray)]


def main(files: int, seed: int, tasks: Sequence[str] = ()) -> Counter[str]:
    """Damage and use this many files. Return how many of each task were refused on loading, refused in use, and used.

    Args:
        files: The number of files.
        seed: The seed of the damage.
        tasks: The tasks whose files are damaged. Empty for all.

    Raises:
        AssertionError: A file is neither refused nor used as it should be.
    """
    draw = random.Random(seed)
    contents = model_contents()
    everything = list(contents.values())
    damaged = [(name, content) for name, content in contents.items() if not tasks or name.split()[0] in tasks]
    ends: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        path = Path(folder) / "model.safetensors"
        for content in everything:  # whole files answer, and everything that is loaded once is loaded
            path.write_bytes(content)
            use(path, draw)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limits = resource.getrlimit(resource.RLIMIT_AS)
        handlers = [(number, signal.signal(number, _stop)) for number in (signal.SIGALRM, signal.SIGPROF)]
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, limits[1]))
        try:
            for number in range(files):
                name, content = draw.choice(damaged)
                damage = draw.choice(DAMAGES)
                with np.errstate(all="ignore"):
                    path.write_bytes(damage(content, everything, draw))
                outcome = _outcome(path, draw, f"file {number} of seed {seed} ({damage.__name__})")
                ends[f"{name.split()[0]} {outcome}"] += 1
                if number % 10_000 == 9_999:
                    print(f"{number + 1:,} files, {time.monotonic() - began:.0f} s", flush=True)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
            for number, handler in handlers:
                signal.signal(number, handler)
    return ends


def _stop(number: int, frame: object) -> None:
    raise TimeoutError(f"it took more than {_SECONDS} seconds")


def _outcome(path: Path, draw: random.Random, name: str) -> str:
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    signal.alarm(_WAITED)
    try:
        use(path, draw)
    except InputError as error:
        sentence = str(error).replace(str(path), "The file")
        is_one = "\n" not in sentence and sentence.endswith(".") and len(sentence) < _MAX_SENTENCE
        if not is_one or "does not fit into memory" in sentence:
            raise AssertionError(f"{name}: not one sentence, or too much memory: {sentence!r}") from error
        return "refused" if sentence.startswith("The file") else "refused in use"
    except Exception as error:
        raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "used"


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[1:3]]
    count, chosen = [*given, *(100_000, 0)[len(given) :]]
    found = main(count, chosen, sys.argv[3:])
    print(f"{count:,} files of seed {chosen}: {dict(sorted(found.items()))}")
    print(f"No fault, no file took more than {_SECONDS} seconds or {_MEMORY >> 20} MB.")
