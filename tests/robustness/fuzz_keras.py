"""Damage Keras files, and read each: a stack of layers with fitting weights, or one sentence.

    python tests/robustness/fuzz_keras.py [count] [seed] [first]

Files of Keras 1, 2 and 3 are damaged in their bytes, in the members of the archive, in the JSON of the configuration,
and in the HDF5 structure (shapes, types, links, names). `read_stack` starts a child process for each file, which takes
0.3 s. Here one worker process does for many files what the child and its caller do: it calls the child's reader, whose
errors become the sentences of `read_in_child`, and then reads what it wrote. The worker has the child's limit of
memory, and a time limit for each file. When HDF5 crashes or hangs, which `read_in_child` answers with a sentence, the
worker is started again at the next file; a crash anywhere else fails. `read_stack` itself reads every 500th file.

Everything but a stack or one sentence fails, with the seed and the number that make it again: another exception, a
warning, more memory or time, a layer with weights that the file does not have, or another stack than that of the
undamaged file although the bytes of the archive were damaged, whose checksums tell.
"""

from __future__ import annotations

import io
import json
import logging
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import h5py
import numpy as np
from goldens import older_keras

from gatewright.data import child
from gatewright.exchange.keras_files import read_stack, stack_of
from gatewright.exchange.keras_layers import KerasStack
from gatewright.support.errors import InputError

# Seconds for a file of some kilobytes, and memory for what the child has read of it.
_SECONDS = 20
_MEMORY = 150 << 20
# The address space of the worker, as of the child process.
_ADDRESSES = 2 << 30
_MAX_SENTENCE = 500
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_REAL = 500
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        4,
        5,
        1.5,
        -0.0,
        1e308,
        2**31,
        2**53,
        2**64,
        10**30,
        float("nan"),
        float("inf"),
    ),
    *("", "a", "tanh", "relu", "gru", "GRU", "LSTM", "Dense", "Sequential", "Functional", "InputLayer", "Lambda"),
    *("x" * 5000, "\x1b[31m", "a\nb", "\ud800", "../../etc/passwd", "keras.layers", "builtins", "__keras_tensor__"),
    *([], {}, [[]], [None], [1, 2], {"class_name": "GRU"}, {"class_name": "GRU", "config": {}}, [["a", 0, 0]]),
)


class Damage:
    """Damaged versions of files, from random numbers."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def of(self, content: bytes) -> tuple[str, bytes]:
        """Return the kind of damage and the damaged file."""
        ways: list[Callable[[bytes], bytes]] = [
            self.flipped,
            self.cut,
            self.moved,
            self.h5_structure,
            self.configuration,
        ]
        if content[:2] == b"PK":
            ways += [self.members, self.inner_bytes, self.configuration, self.h5_structure]
        way = self._rng.choice(ways)
        return way.__name__, way(content)

    def flipped(self, content: bytes) -> bytes:
        """Change up to 20 bits or bytes, near the start more often, where HDF5 has its structure."""
        changed, rng = bytearray(content), self._rng
        for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
            place = rng.randrange(min(len(changed), rng.choice((64, 1000, 4000, len(changed)))))
            changed[place] = rng.choice((changed[place] ^ 1 << rng.randrange(8), 0, 255, 127, rng.randrange(256)))
        return bytes(changed)

    def cut(self, content: bytes) -> bytes:
        place, other = sorted(self._rng.randrange(len(content) + 1) for _ in range(2))
        pieces = (content[:place], content[place:], content[:place] + content[other:], content + content[:place], b"")
        return self._rng.choice(pieces)

    def moved(self, content: bytes) -> bytes:
        """Copy a block over another one."""
        size = self._rng.choice((1, 4, 8, 64, 512))
        start, end = (self._rng.randrange(max(1, len(content) - size)) for _ in range(2))
        return content[:end] + content[start : start + size] + content[end + size :]

    def members(self, content: bytes) -> bytes:
        """Leave out, repeat, exchange or rename members, or replace them."""
        parts, rng = list(_members(content).items()), self._rng
        place, other = (rng.randrange(len(parts)) for _ in range(2))
        way = rng.randrange(6)
        if way == 0:
            del parts[place]
        elif way == 1:
            parts.append((parts[place][0], parts[other][1]))
        elif way == 2:
            (one, first), (two, second) = parts[place], parts[other]
            parts[place], parts[other] = (one, second), (two, first)
        elif way == 3:
            parts[place] = (
                rng.choice(("config.json ", "/config.json", "CONFIG.JSON", "../a", "a" * 300)),
                parts[place][1],
            )
        elif way == 4:
            size = rng.choice((0, 1, 100, 1 << 20, 1 << 24))
            parts[place] = (parts[place][0], rng.choice((bytes(size), b"[" * min(size, 1 << 20), b"{}", b"\xff\xfe")))
        return _zipped(parts, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))

    def inner_bytes(self, content: bytes) -> bytes:
        """Damage the bytes of a member, with a right checksum."""
        parts = _members(content)
        name = self._rng.choice(("config.json", "metadata.json", *["model.weights.h5"] * 6))
        way = self._rng.choice((self.flipped, self.flipped, self.flipped, self.cut, self.moved))
        return _zipped([*{**parts, name: way(parts[name])}.items()])

    def configuration(self, content: bytes) -> bytes:
        """Change values of the configuration."""
        if content[:2] == b"PK":
            parts = _members(content)
            return _zipped([*{**parts, "config.json": self._changed_json(parts["config.json"])}.items()])
        stream = io.BytesIO(content)
        with h5py.File(stream, "a") as file:
            text = self._changed_json(_encoded(file.attrs["model_config"]))
            del file.attrs["model_config"]
            with_text = file.attrs
            try:
                with_text["model_config"] = text
            except (OSError, RuntimeError, ValueError):  # HDF5 refuses to store so long a text
                return content
        return stream.getvalue()

    def _changed_json(self, text: bytes) -> bytes:
        value, rng = json.loads(text), self._rng
        places = list(_places(value))
        for _ in range(rng.choice((1, 1, 2, 4))):
            holder, key = rng.choice(places)
            try:
                way = rng.randrange(8)
                if way == 0:
                    del holder[key]
                elif way == 1:
                    other, of_other = rng.choice(places)
                    holder[key] = json.loads(json.dumps(other[of_other]))
                elif way == 2 and isinstance(holder, list):
                    holder += holder[: 2 ** rng.randrange(1, 8)] * rng.choice((1, 1, 1, 200))
                elif way == 3:
                    for _ in range(rng.choice((1, 10, 60, 300))):
                        holder[key] = rng.choice(([holder[key]], {"config": holder[key]}))
                else:
                    holder[key] = rng.choice(_VALUES)
            except (KeyError, IndexError):  # it has been removed
                continue
        return json.dumps(value).encode()

    def h5_structure(self, content: bytes) -> bytes:
        """Replace a group or an array of the HDF5 file, or an attribute."""
        parts = _members(content) if content[:2] == b"PK" else {}
        stream, rng = io.BytesIO(parts.get("model.weights.h5", content)), self._rng
        with h5py.File(stream, "a") as file:
            names: list[str] = []
            file.visit(names.append)
            name = rng.choice(names)
            way = rng.randrange(11)
            if way < 8:
                old = file[name]
                values = old[()] if isinstance(old, h5py.Dataset) else np.zeros(3, "f4")
                del file[name]
            if way == 0:
                side = rng.choice((0, 1, 10**6, 2**40))
                file.create_dataset(name, shape=rng.choice(((side,), (side, side), (1,) * 20)), dtype="f4", chunks=None)
            elif way == 1:
                file.create_dataset(name, shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000), compression="gzip")
            elif way == 2:
                file.create_dataset(name, data=np.resize(values, rng.choice(((4, 4), (7,), (1, 1, 1), ()))))
            elif way == 3:
                file.create_dataset(name, shape=(4, 2), dtype="f4", external=[("/etc/passwd", 0, 32)])
            elif way == 4:
                file[name] = rng.choice((h5py.SoftLink("/layers"), h5py.ExternalLink("/etc/passwd", "/a"), file["/"]))
            elif way == 5:
                file.create_dataset(
                    name, data=np.asarray(values).astype(rng.choice(("f8", "f2", "i4", "S5", "c8", "u1")))
                )
            elif way == 6:
                file.create_dataset(
                    name, data=np.where(np.asarray(values) > 0, rng.choice((np.nan, np.inf, 1e38)), values)
                )
            elif way == 8:
                file.move(name, f"{name}_{rng.randrange(3)}")
            elif way > 8:
                holder = rng.choice([file, *(file[name] for name in names)])
                attribute = rng.choice([*holder.attrs, "layer_names", "weight_names0", "keras_version"])
                value = rng.choice(("3.0", "1", "", 5, np.zeros(1000), np.array(["a", "b"], "S1"), np.float32("nan")))
                holder.attrs[attribute] = value
        return _zipped([*{**parts, "model.weights.h5": stream.getvalue()}.items()]) if parts else stream.getvalue()


def _encoded(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return a pair for each value inside a JSON value: the list or dict that holds it, and its index or key."""
    found = []
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += [(value, key), *_places(value[key])]
    return found


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(parts: Sequence[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of equal names
        with zipfile.ZipFile(stream, "w", compression) as archive:
            for name, content in parts:
                archive.writestr(name, content)
    return stream.getvalue()


def write_originals(folder: Path) -> None:
    """Write the files to damage: of Keras 1 and 2, and of Keras 3 as .keras and .h5."""
    import keras
    from keras import layers

    for write in (older_keras.keras_1_lstm, older_keras.keras_2_gru, older_keras.tf1_cudnn, older_keras.tf2_lstm):
        write(folder / f"{write.__name__}.h5")
    inner = keras.Sequential([keras.Input((None, 4)), layers.LSTM(3, return_sequences=True), layers.Dense(2)])
    ids = keras.Input((None,), dtype="int32")
    x = layers.Bidirectional(layers.GRU(2, return_sequences=True))(layers.Embedding(9, 3, mask_zero=True)(ids))
    models = {
        "sequential": keras.Sequential(
            [
                keras.Input((7,)),
                layers.Embedding(9, 4),
                inner,
                layers.TimeDistributed(layers.Dense(3)),
                layers.GRU(4, reset_after=False, return_sequences=True),
                layers.SimpleRNN(2),
                layers.Dense(1, activation="sigmoid"),
            ]
        ),
        "functional": keras.Model(ids, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x))),
    }
    logging.disable(logging.WARNING)  # Keras advises against .h5 files
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")


def read_in_worker(path: Path) -> KerasStack:
    """Do what `read_stack` does, without a child process.

    Raises:
        InputError: The file is refused.
    """
    damaged = f"{path} is not a .keras or .h5 file of a Keras model, or is damaged: save the model again."
    output = io.BytesIO()
    with path.open("rb") as file:
        if file.read(4) not in (b"PK\3\4", b"\x89HDF"):
            raise InputError(damaged)
    try:
        child.read_keras(output, 4 * 10**9, str(path))
    except (MemoryError, Exception):  # as `child.main` does
        raise InputError(damaged) from None
    finally:
        _peak(reset=True)  # the limit of the child is higher: HDF5 takes 256 MB for a damaged file
    print("stack", flush=True)
    return stack_of(output.getvalue(), str(path))


def problem_of(path: Path, original: KerasStack, is_checked: bool, number: int) -> tuple[str, str]:
    """Read a damaged file. Return how it ended, and what is wrong with that, or nothing."""
    before = _peak(reset=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            stack = read_stack(path) if number % _REAL == 0 else read_in_worker(path)
    except InputError as error:
        sentence = str(error)
        fits = len(sentence) <= _MAX_SENTENCE and sentence.endswith(".") and not _CONTROL.search(sentence)
        outcome, problem = "sentence", "" if fits else f"not one sentence: {sentence!r}"
    except Exception:
        outcome, problem = "exception", traceback.format_exc()
    else:
        outcome, problem = "stack", _fault(stack, original, is_checked)
    used = _peak() - before
    return outcome, problem or (f"used {used >> 10} MB" if used > _MEMORY >> 10 else "")


def _peak(reset: bool = False) -> int:
    """Return the largest memory of the process since it was last reset, in KB."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def _fault(stack: KerasStack, original: KerasStack, is_checked: bool) -> str:
    """Return what is wrong with a stack that was read from a damaged file."""
    if not stack.layers or not all(np.isfinite(array).all() for layer in stack.layers for array in layer.weights):
        return "no layers, or weights that are not finite"
    if is_checked:  # the weights have a checksum
        known = [array for layer in original.layers for array in layer.weights]
        for layer in stack.layers:
            if not all(any(_is_same(array, one) for one in known) for array in layer.weights):
                return f"{layer.name} has weights that the file does not have"
    return ""


def _is_same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one == other).all())


def same_stacks(one: KerasStack, other: KerasStack) -> bool:
    """Return True if two stacks mean the same."""
    return (
        one.input_shape == other.input_shape
        and len(one.layers) == len(other.layers)
        and all(
            (a.kind, a.name, a.config) == (b.kind, b.name, b.config)
            and len(a.weights) == len(b.weights)
            and all(map(_is_same, a.weights, b.weights))
            for a, b in zip(one.layers, other.layers, strict=True)
        )
    )


def worker(folder: Path, count: int, seed: int, first: int) -> None:
    """Read damaged files, and print a line before and after each part of the work on a file."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    originals = [(path, path.read_bytes()) for path in sorted(folder.iterdir()) if path.suffix in (".h5", ".keras")]
    stacks = {path: read_stack(path) for path, _ in originals}
    for number in range(first, count):
        rng = random.Random(f"{seed} {number}")
        path, content = rng.choice(originals)
        kind, damaged = Damage(rng).of(content)
        case = folder / f"case-{number}{path.suffix}x"
        case.write_bytes(damaged)
        print(f"read {number} {path.suffix[1:]} {kind}", flush=True)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)  # the signal ends the process
        is_keras = path.suffix == ".keras"
        is_checked = is_keras and kind in ("configuration", "flipped", "cut", "moved")
        outcome, problem = problem_of(case, stacks[path], is_checked, number)
        if outcome == "stack" and is_keras and kind in ("flipped", "cut", "moved") and not problem:
            problem = (
                "" if same_stacks(read_stack(case), stacks[path]) else "a damaged archive is read as another stack"
            )
        signal.setitimer(signal.ITIMER_REAL, 0)
        case.unlink()
        print(f"done {outcome} {json.dumps(problem)}", flush=True)


def main(count: int = 10_000, seed: int = 0, first: int = 0) -> Counter[str]:
    """Read damaged files in worker processes, and return how often reading ended in which way.

    Raises:
        AssertionError: A file was not read as it should.
    """
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "KERAS_BACKEND": "numpy"}  # which compiles nothing
        subprocess.run([sys.executable, __file__, "--originals", folder], env=environment, check=True)
        while first < count:
            first = _run_worker(Path(folder), count, seed, first, outcomes) + 1
    return outcomes


def _run_worker(folder: Path, count: int, seed: int, first: int, outcomes: Counter[str]) -> int:
    """Run one worker until it ends or crashes, and return the number of the last file that it has tried."""
    command = [sys.executable, __file__, "--worker", str(folder), str(count), str(seed), str(first)]
    number, kind, phase = first - 1, "", ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            phase, *words = line.split(maxsplit=2)
            if phase == "read":
                number, kind = int(words[0]), words[1].strip()
            elif phase == "done":
                outcomes[f"{kind}: {words[0]}"] += 1
                problem = json.loads(words[1])
                if problem:
                    process.kill()
                    raise AssertionError(f"seed {seed}, number {number}, {kind}: {problem}")
    if phase != "done":
        if phase != "read" or process.returncode >= 0:
            raise AssertionError(f"seed {seed}, number {number}, {kind}: the worker ended with {process.returncode}")
        # The child process of `read_stack` would have ended so, and its caller would have said so in a sentence.
        name = signal.Signals(-process.returncode).name
        outcomes[f"{kind}: sentence after {name}"] += 1
    return number


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    elif sys.argv[1:2] == ["--originals"]:
        write_originals(Path(sys.argv[2]))
    else:
        for name, times in sorted(main(*map(int, sys.argv[1:])).items()):
            print(f"{times:7,} {name}")
