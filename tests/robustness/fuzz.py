"""Damage model files at random, and load each: one sentence or a model that answers; nothing else, and little memory.

    python tests/robustness/fuzz.py [files] [seed]

Bytes are changed, cut, repeated and inserted, in the header as often as in the weights; and parts of the record are
replaced by other JSON. Every file is loaded in this process, whose memory is bounded: a crash, a hang, another
exception or too much memory ends it with an error.
"""

from __future__ import annotations

import copy
import json
import random
import resource
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from forecast_models import forecaster
from models import classifier, language_model
from safetensors.numpy import load, save
from tag_models import tagger

from gatewright import runtime
from gatewright.nn import file as model_file
from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.model import Forecaster
from gatewright.tasks.generate.model import LanguageModel

# A file of some 10 kB may cost a few MB on top of the process; a second is far beyond any.
_MEMORY = 64 * 2**20
_SECONDS = 5
_OTHERS = [None, True, 0, -1, 1e308, 2**63, 10**40, "", "a" * 5000, [], {}, [[]] * 50, {"kind": "words"}, ["a", "a"]]


def damaged(content: bytes, draw: random.Random) -> bytes:
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
            changed[0:8] = struct.pack(
                "<Q", draw.choice([0, 1, size + 1, 2**31, 2**63, 2**64 - 1, draw.getrandbits(64)])
            )
        else:
            del changed[place:]
    return bytes(changed)


def rewritten(content: bytes, draw: random.Random) -> bytes:
    """A well-formed file whose record says something else somewhere."""
    size = struct.unpack("<Q", content[:8])[0]
    record = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gatewright"])
    for _ in range(draw.randint(1, 3)):
        inside = record
        while True:
            key = draw.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            if not isinstance(inside[key], dict | list) or not inside[key] or draw.random() < 0.3:
                break
            inside = inside[key]
        inside[key] = copy.deepcopy(draw.choice(_OTHERS))
    tensors = load(content)
    record["sha256"] = model_file._digest(record, tensors)  # a hostile file has the right one
    return save(tensors, {"gatewright": json.dumps(record)})


def map_of(make: Callable[..., Any], *options: dict[str, Any]) -> list[Any]:
    return [make(**one) for one in options]


def use(model: runtime.AnyModel) -> None:
    if isinstance(model, LanguageModel):
        model.generate("a fine film", tokens=5, seed=0)
    elif isinstance(model, Forecaster):
        variables = len(model.scales.variables)
        model.predict(np.zeros((min(model.look_back + model.horizon, 1000), variables)))
    else:
        model.predict("a fine film")


def main(files: int, seed: int) -> None:
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        contents = []
        models = [
            *map_of(
                classifier, {}, {"pooling": "attention", "cell": "lstm", "bidirectional": True}, {"tokens": "bytes"}
            ),
            *map_of(classifier, {"multi_label": True}),
            *map_of(tagger, {"crf": True}, {"cell": "lstm", "pooling": "attention"}),
            *map_of(language_model, {"tied": True}, {"tokens": "characters", "examples": "prefixes", "layers": 2}),
            *map_of(forecaster, {}, {"decoding": "recursive", "known": 1}, {"decoding": "direct", "missing": "decay"}),
        ]
        for model in models:
            write(model, path)
            contents.append(path.read_bytes())
            use(runtime.load(path))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
        signal.signal(signal.SIGALRM, lambda number, frame: sys.exit("a file took too long"))
        ends: Counter[str] = Counter()
        began = time.monotonic()
        for number in range(files):
            content = draw.choice(contents)
            path.write_bytes(draw.choice([damaged, rewritten])(content, draw))
            signal.alarm(_SECONDS)
            try:
                model = runtime.load(path)
            except InputError as error:
                if "\n" in str(error) or not str(error).endswith("."):
                    sys.exit(f"file {number} of seed {seed}: not one sentence: {error!r}")
                ends["refused"] += 1
            else:
                use(model)
                ends["read"] += 1
            signal.alarm(0)
            if number % 10_000 == 9_999:
                print(f"{number + 1:,} files, {dict(ends)}, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{files:,} files of seed {seed}: {dict(ends)}; no crash, no hang, within {_MEMORY >> 20} MB")


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[1:]]
    main(*given, *(100_000, 0)[len(given) :])
