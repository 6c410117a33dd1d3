"""Damage inputs of all formats and tasks, and read each as commands do: examples with notes, or one sentence.

    python tests/robustness/fuzz_inputs.py [count] [seed] [first]

Small valid files are damaged in their structure (cells, quotes, encodings, times, JSON nesting, arrays, members of
archives, compression) and in their bytes. Each is read as `train`, `evaluate` and `predict` read it, without training.
Everything but examples or one `InputError` of one line fails, with the seed and the number that make it again: another
exception, a warning, control characters in notes, too much time or memory. `fuzz_recordings.py` does the same with
recordings and with folders and tables of them.
"""

from __future__ import annotations

import bz2
import contextlib
import copy
import faulthandler
import gzip
import io
import json
import lzma
import math
import os
import random
import re
import resource
import shutil
import signal
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from forecast_models import forecaster
from models import classifier, language_model, loaded
from series_models import series_classifier
from tag_models import tagger

from gatewright.data.limits import limited_input
from gatewright.support.errors import InputError
from gatewright.tasks import registry

# Processor time, and time on the clock, which child processes need more of on a busy machine.
_SECONDS, _WAITING_SECONDS = 10, 120
# Reading a file of some kilobytes may use this much on top of the process; archives may unpack to the first number.
_GIGABYTES, _MEMORY = 0.02, 600 << 20
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_WORDS = ("a", "fine", "film", "dull", "day", "Ana", "lives", "in", "Lima", "日本", "über", "x" * 30, "don't", "1.5")
_NASTY = (
    *("", " ", "\t", "nan", "inf", "-inf", "1e308", "-1e309", "1e-320", "9007199254740993", "18446744073709551616"),
    *(
        "1" * 400,
        "-0",
        "+1",
        "0x10",
        "1_000",
        "1,5",
        "1,234.5",
        "$5",
        "5%",
        "true",
        "None",
        "null",
        "NA",
        "?",
        "#",
        "%",
    ),
    *('"', '""', '"a', 'a"b', "'", "\\", "\\n", "a\nb", "a\r\nb", "a\rb", "\x00", "\x0c", "\x1b[31m", "\x85", "\u2028"),
    *(
        "\ufeff",
        "\u202e",
        "é",
        "e\u0301",
        "\U0001f600",
        "😀" * 50,
        "٣",
        "１２",
        "²",
        "[1, 2]",
        "{}",
        "['a']",
        "(" * 300,
    ),
    *("2024-02-30", "2024-13-01", "0000-00-00", "9999-12-31", "10000-01-01", "1e10", "20240101", "24:00", "12:60:61"),
    *("2024-01-01T00:00:00+99:00", "2024-01-01T00:00:00Z", "01/02/03", "31.12.2024", "1700000000000000000", "-1"),
    *(
        "99999999999999999999999",
        "1969-12-31",
        "Jan 5, 2024",
        "2024-W05",
        "2024Q1",
        "a" * 5_000,
        "/" * 300,
        "B-",
        "I-X",
    ),
    *(",", ";", "|", ":", "@data", "@attribute x numeric", "-DOCSTART- O", "1-2", "1.1", "_", "<s>", "=1+1", "\ud800"),
)
_JSON = (None, True, 0, -1, 1.5, 1e308, 2**53 + 1, 2**63, 2**64, 10**40, "", "a", "\x1b[31m", [], {}, [1, "a"], [[1]])
_JSON_TEXTS = (
    "NaN",
    "Infinity",
    "1e999",
    "-",
    "[" * 5_000,
    '{"a":' * 3_000,
    "1" * 5_000,
    '"\\ud800"',
    '"\\u0000"',
    "}",
)


class Route(NamedTuple):
    """A way to read an input: the action, the command, and options to choose from.

    The action is "train", "evaluate" or "predict", or another one of a reader of its own.
    """

    action: str
    command: str
    options: tuple[dict[str, Any], ...] = ({},)


class Timeout(BaseException):
    """Raised when reading takes too long. It is not an `Exception`, so that no reader converts it."""


_CLASSIFY = (
    Route("train", "classify", ({}, {"text": "text", "label": "label"}, {"label_separator": ";"}, {"header": "none"})),
    Route("evaluate", "classify", ({}, {"text": "text", "label": "label"})),
    Route("predict", "classify", ({}, {"text": "text"}, {"format": "csv"}, {"format": "jsonl"}, {"format": "lines"})),
    Route("predict", "tag", ({}, {"text": "text"})),
    Route("train", "generate", ({}, {"text": "text"})),
)
_SERIES = (
    Route(
        "train", "series", ({}, {"label": "label"}, {"layout": "long", "id": "id"}, {"layout": "wide"}, {"window": 3})
    ),
    Route("evaluate", "series"),
    Route("predict", "series", ({}, {"window": 3}, {"layout": "wide"})),
)
_TAG = (
    Route("train", "tag", ({}, {"column": "2"}, {"word_column": "1"}, {"column": "tag", "sentence": "1"})),
    Route("evaluate", "tag"),
    Route("predict", "tag", ({}, {"word_column": "1"}, {"format": "lines"})),
)
_FORECAST = (
    Route(
        "train",
        "forecast",
        (
            *({}, {"time": "time"}, {"target": "a"}, {"target": "a", "future_covariates": "b"}, {"layout": "wide"}),
            *({"time": "none"}, {"day_first": "yes"}, {"time_format": "iso"}, {"time_format": "ns"}, {"decimal": ","}),
            *({"frequency": "hour"}, {"frequency": "month"}, {"time_zone": "Europe/Berlin"}, {"series_id": "id"}),
        ),
    ),
    Route("evaluate", "forecast"),
    Route("predict", "forecast", ({}, {"horizon": 7})),
)
_GENERATE = (Route("train", "generate"), Route("evaluate", "generate"))
_ROLLS = (Route("train", "rolls"), Route("train", "series"))


def sentence_of(draw: random.Random) -> str:
    return " ".join(draw.choice(_WORDS) for _ in range(draw.randint(1, 9)))


def _labelled(draw: random.Random) -> list[list[str]]:
    return [["text", "label"], *([sentence_of(draw), draw.choice(("bad", "good"))] for _ in range(draw.randint(8, 25)))]


def _time_of(draw: random.Random) -> Callable[[int], str]:
    styles: tuple[Callable[[int], str], ...] = (
        lambda step: f"2024-01-{1 + step // 24:02d} {step % 24:02d}:00",
        lambda step: f"2024-01-{1 + step // 24:02d}T{step % 24:02d}:00:00+01:00",
        lambda step: f"{1 + step // 24:02d}/01/2024 {step % 24:02d}:00:00",
        lambda step: f"{2000 + step // 12}-{1 + step % 12:02d}",
        lambda step: str(1_700_000_000 + 3600 * step),
        lambda step: str(1_700_000_000_000_000_000 + 3_600_000_000_000 * step),
        lambda step: str(step),
        lambda step: f"{1900 + step}",
    )
    return draw.choice(styles)


def _waves(draw: random.Random) -> list[list[str]]:
    stamp = _time_of(draw)
    names = draw.choice((["time", "a", "b"], ["time", "id", "a", "b"]))
    rows = []
    for step in range(draw.randint(50, 90)):
        values = [f"{math.sin(step / 3) + 2:.4f}", f"{5 + math.cos(step / 3):.3f}"]
        if len(names) == 3:
            rows.append([stamp(step), *values])
        else:
            rows += [[stamp(step), name, *values] for name in ("x", "007")]
    return [names, *rows]


def _wide_waves(draw: random.Random) -> list[list[str]]:
    stamp = _time_of(draw)
    names = ["id", *(stamp(step) for step in range(40))]
    return [names, *([f"s{row}", *(f"{math.sin(step / 3) + row:.3f}" for step in range(40))] for row in range(4))]


def _long_series(draw: random.Random) -> list[list[str]]:
    rows = [["id", "time", "x", "y", "z", "label"]]
    for number in range(10):
        for step in range(draw.randint(2, 5)):
            rows.append([str(number), str(step), *(f"{draw.gauss(0, 1):.3f}" for _ in "xyz"), "abc"[number % 3]])
    return rows


def _wide_series(draw: random.Random) -> list[list[str]]:
    names = ["label", *(f"t{step}" for step in range(6))]
    return [names, *([draw.choice("ab"), *(f"{draw.gauss(0, 1):.3f}" for _ in range(6))] for _ in range(12))]


def _tagged(draw: random.Random) -> list[list[str]]:
    rows = [["sentence", "word", "tag"]]
    for number in range(6):
        rows += [[str(number), word, draw.choice(("B-a", "I-a", "O"))] for word in sentence_of(draw).split(" ")]
    return rows


def _column_lines(draw: random.Random, gap: str) -> list[list[str]]:
    found: list[list[str]] = []
    for _ in range(6):
        words = sentence_of(draw).split(" ")
        found += [[word, draw.choice(("B-a", "I-a", "O"))] for word in words]
        found.append([""])
    return found


def _conllu(draw: random.Random) -> list[list[str]]:
    found = []
    for _ in range(5):
        found.append(["# text = a"])
        for place, word in enumerate(sentence_of(draw).split(" "), 1):
            found.append([str(place), word, word, "NOUN", "NN", "_", "0", "root", "_", "_"])
        found.append([""])
    return found


def damage_rows(draw: random.Random, rows: list[list[str]]) -> list[list[str]]:
    rows = [list(row) for row in rows]
    for _ in range(draw.choice((0, 1, 1, 2, 3, 8))):
        row = draw.choice(rows)
        kind = draw.randrange(9)
        if kind <= 2 and row:
            row[draw.randrange(len(row))] = draw.choice(_NASTY)
        elif kind == 3 and row:
            del row[draw.randrange(len(row))]
        elif kind == 4:
            row.insert(draw.randint(0, len(row)), draw.choice(_NASTY))
        elif kind == 5:
            rows.insert(draw.randint(0, len(rows)), list(draw.choice(rows)))
        elif kind == 6 and len(rows) > 1:
            del rows[draw.randrange(len(rows))]
        elif kind == 7:  # a whole column of one value
            place, value = draw.randrange(max(map(len, rows), default=1) or 1), draw.choice(_NASTY)
            for other in rows[1:]:
                if place < len(other):
                    other[place] = value
        elif rows[0]:
            rows[0][draw.randrange(len(rows[0]))] = draw.choice((*_NASTY, *rows[0]))
    return rows


def _quoted(field: str, delimiter: str, draw: random.Random) -> str:
    if draw.random() < 0.02 or not any(mark in field for mark in (delimiter, '"', "\n", "\r")):
        return field
    return '"' + field.replace('"', '""') + '"'


def _delimited(rows: list[list[str]], delimiter: str, draw: random.Random) -> str:
    end = draw.choice(("\n", "\n", "\n", "\r\n", "\r"))
    return "".join(delimiter.join(_quoted(field, delimiter, draw) for field in row) + end for row in rows)


def _records(rows: list[list[str]]) -> list[dict[str, Any]]:
    return [dict(zip(rows[0], map(_typed, row), strict=False)) for row in rows[1:]]


def _typed(text: str) -> Any:
    with contextlib.suppress(ValueError):
        return float(text) if len(text) < 30 else text
    return text


def _damage_json(draw: random.Random, value: Any) -> str:
    for _ in range(draw.choice((0, 1, 2, 4))):
        inside = value
        while isinstance(inside, dict | list) and inside:
            key = draw.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            if not isinstance(inside[key], dict | list) or draw.random() < 0.2:
                inside[key] = copy.deepcopy(draw.choice(_JSON))
                break
            inside = inside[key]
    text = json.dumps(value)
    if draw.random() < 0.15:
        place = draw.randrange(len(text) + 1)
        text = text[:place] + draw.choice(_JSON_TEXTS) + text[place:]
    return text


def _json(rows: list[list[str]], draw: random.Random) -> str:
    records = _records(rows)
    kind = draw.randrange(5)
    if kind <= 1:
        return "\n".join(_damage_json(draw, record) for record in records)
    if kind == 2:
        return _damage_json(draw, records)
    if kind == 3:
        return _damage_json(draw, {"data": records})
    return _damage_json(draw, {name: [record.get(name) for record in records] for name in rows[0]})


def encoded_text(text: str, draw: random.Random) -> bytes:
    encoding = draw.choice(("utf-8",) * 12 + ("utf-8-sig", "utf-16", "utf-32", "latin-1", "utf-16-le", "cp1252"))
    content = text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf") else "replace")
    if draw.random() < 0.05:
        place = draw.randrange(len(content) + 1)
        content = (
            content[:place] + draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xed\xa0\x80")) + content[place:]
        )
    return content


def damage_bytes(draw: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed) + 1)
        kind = draw.randrange(5)
        if kind == 0:
            changed[place : place + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del changed[place : place + draw.randint(1, 50)]
        elif kind == 2:
            changed[place:place] = changed[place : place + draw.randint(1, 200)]
        elif kind == 3:
            changed[place:place] = draw.choice((b"\xff" * 8, b"\x00" * 8, draw.randbytes(draw.randint(1, 9))))
        else:
            del changed[place:]
    return bytes(changed)


def _array(draw: random.Random) -> Any:
    shape = draw.choice(((12, 5, 3), (12, 5), (12,), (3, 5, 12), (0, 5, 3), (12, 0, 3), (), (2, 2, 2, 2), (12, 1)))
    kind = draw.choice(("f8", "f4", "i8", "u1", "?", "c16", "U3", "S3", "M8[s]", "m8[D]", "f2", ">f8", "O", "V3", "u8"))
    if kind == "O":
        return np.full(shape, None, object)
    values = np.array([draw.choice((0, 1, 2, 1e30, -5)) for _ in range(math.prod(shape))]).reshape(shape)
    if kind in ("f8", "f4"):
        values = np.where(np.array([draw.random() < 0.1 for _ in range(values.size)]).reshape(shape), np.nan, values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            np.zeros(shape, kind)
            if kind == "V3"
            else np.abs(values).clip(0, 200).astype("i8").astype(kind)
            if kind[0] in "USMm"
            else values.astype(kind)
        )


def _npy(array: Any, draw: random.Random) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    content = stream.getvalue()
    if draw.random() < 0.2:
        header = draw.choice(
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 3)}",
                "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 0)}",
                "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}",
                "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
                "{'descr': [('a', '<f8')], 'fortran_order': True, 'shape': (2,)}",
                "{'descr': '<U99999999', 'fortran_order': False, 'shape': (12,)}",
                "__import__('os').abort()",
                "(" * 3_000,
                "{'descr': '<f8', 'fortran_order': 1, 'shape': 12}",
            )
        )
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(draw.randrange(400))
    return content


def _npz(arrays: dict[str, Any], draw: random.Random) -> bytes:
    stream = io.BytesIO()
    compression = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that occur twice
        with zipfile.ZipFile(stream, "w", compression) as archive:
            for name, array in arrays.items():
                content = _npy(array, draw)
                archive.writestr(f"{name}.npy", content)
                if draw.random() < 0.03:
                    archive.writestr(draw.choice((f"{name}.npy", "../x.npy", "x.txt", "\x1b[31m.npy")), content)
            if draw.random() < 0.03:
                archive.writestr("X_bomb.npy", _npy(np.zeros(5_000_000), draw))
    content = stream.getvalue()
    return content.replace(b"PK\x01\x02", b"PK\x01\x03", 1) if draw.random() < 0.03 else content


def _series_arrays(draw: random.Random) -> dict[str, Any]:
    rng = np.random.default_rng(draw.randrange(10**6))
    arrays: dict[str, Any] = {"X": rng.normal(size=(12, 5, 3)), "y": np.array(list("abcabcabcabc"))}
    if draw.random() < 0.4:
        arrays |= {"X_test": rng.normal(size=(6, 5, 3)), "y_test": np.array(list("abcabc"))}
    if draw.random() < 0.4:
        arrays["lengths"] = rng.integers(1, 6, 12)
    for _ in range(draw.choice((0, 0, 1, 2))):
        arrays[draw.choice((*arrays, "x_train", "Y"))] = _array(draw)
    return arrays


def _roll_arrays(draw: random.Random) -> dict[str, Any]:
    rng = np.random.default_rng(draw.randrange(10**6))
    arrays: dict[str, Any] = {}
    for split in ("train", "valid", "test"):
        lengths = rng.integers(2, 9, 4)
        arrays |= {f"{split}data": rng.integers(0, 2, (lengths.sum(), 5)), f"{split}lengths": lengths}
    for _ in range(draw.choice((0, 0, 1, 2))):
        arrays[draw.choice(list(arrays))] = _array(draw)
    return arrays


def _mat(draw: random.Random) -> bytes:
    from scipy.io import savemat

    rng = np.random.default_rng(draw.randrange(10**6))
    cells = np.empty((1, 4), object)
    for place in range(4):
        cells[0, place] = rng.integers(0, 2, (4, 5)).astype(np.uint8)
    stream = io.BytesIO()
    given = {"traindata": cells, "x": draw.choice((1, "text", {"a": 1}))}
    savemat(stream, given, do_compression=draw.random() < 0.5)
    return stream.getvalue()


def _parquet(rows: list[list[str]], draw: random.Random) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    width = len(rows[0])
    columns = [[(row[place : place + 1] or [""])[0] for row in rows[1:]] for place in range(width)]
    arrays = []
    for values in columns:
        values = [value.encode("utf-8", "replace").decode() for value in values]
        kind = draw.randrange(4)
        array = pa.array(values) if kind else pa.array([list(value) for value in values])
        arrays.append(array.dictionary_encode() if kind == 1 else array)
    if draw.random() < 0.1:  # some kilobytes that are 30 MB
        arrays = [pa.array(["x" * 100] * 300_000) for _ in range(width)]
    stream = io.BytesIO()
    names = [name.encode("utf-8", "replace").decode() for name in rows[0]]
    pq.write_table(pa.table(arrays, names=names), stream, compression=draw.choice(("none", "snappy", "gzip", "zstd")))
    return stream.getvalue()


def _arff(draw: random.Random) -> str:
    if draw.random() < 0.5:
        lines = ["@relation r", *(f"@attribute t{step} numeric" for step in range(4)), "@attribute c {a,b}", "@data"]
        lines += [",".join([*(f"{draw.gauss(0, 1):.3f}" for _ in range(4)), draw.choice("ab")]) for _ in range(10)]
    else:
        lines = ["@relation r", "@attribute s relational", *(f"@attribute t{step} numeric" for step in range(4))]
        lines += ["@end s", "@attribute c {a,b}", "@data"]
        for _ in range(10):
            dimensions = "\\n".join(",".join(f"{draw.gauss(0, 1):.2f}" for _ in range(4)) for _ in range(3))
            lines.append(f"'{dimensions}',{draw.choice('ab')}")
    return _damaged_lines(draw, lines)


def _ts(draw: random.Random) -> str:
    lines = ["@problemName x", "@timeStamps false", "@dimensions 3", "@classLabel true a b c", "@data"]
    for number in range(10):
        steps = draw.randint(2, 5)
        one = (",".join(f"{draw.gauss(0, 1):.2f}" for _ in range(steps)) for _ in range(3))
        lines.append(":".join((*one, "abc"[number % 3])))
    return _damaged_lines(draw, lines)


def _tsf(draw: random.Random) -> str:
    lines = ["@relation x", "@attribute series_name string", "@attribute start_timestamp date"]
    lines += [f"@frequency {draw.choice(('daily', 'monthly', 'hourly', '10_minutes'))}", "@horizon 8", "@data"]
    for number in range(3):
        values = ",".join(f"{math.sin(step / 3) + 2:.3f}" for step in range(draw.randint(30, 60)))
        lines.append(f"T{number}:2000-01-01 00-00-00:{values}")
    return _damaged_lines(draw, lines)


def _damaged_lines(draw: random.Random, lines: list[str]) -> str:
    rows = [re.split(r"([,: ])", line) for line in lines]
    return "\n".join("".join(row) for row in damage_rows(draw, rows)) + "\n"


def _spaced(draw: random.Random) -> str:
    rows = [[f"{draw.gauss(0, 1):.3f}" for _ in range(3)] for _ in range(draw.randint(3, 6))]
    return "\n".join(" ".join(row) for row in damage_rows(draw, rows)) + "\n"


def _compressed(draw: random.Random, content: bytes, suffix: str) -> tuple[bytes, str]:
    """Return the content as it is or compressed, and the suffix."""
    if draw.random() < 0.85:
        return content, suffix
    if draw.random() < 0.1:  # a bomb
        content = draw.choice((b"a", b"0,", b"\n", b'"', b"[")) * 30_000_000
    ending, compress = draw.choice(((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)))
    packed = compress(content)
    return (damage_bytes(draw, packed) if draw.random() < 0.5 else packed), suffix + ending


class Case(NamedTuple):
    """An input that was written, and the ways to read it."""

    path: Path
    routes: tuple[Route, ...]


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _text_file(draw: random.Random, folder: Path, text: str, suffix: str, routes: tuple[Route, ...]) -> Case:
    content = encoded_text(text, draw)
    if draw.random() < 0.1:
        content = damage_bytes(draw, content)
    content, suffix = _compressed(draw, content, suffix)
    name = draw.choice(("data", "data", "data", "\x1b[31mdata", "X_TRAIN", "ü", "data\udcff"))
    return Case(write(folder, name + suffix, content), routes)


def table_case(draw: random.Random, folder: Path, rows: list[list[str]], routes: tuple[Route, ...]) -> Case:
    rows = damage_rows(draw, rows)
    suffix = draw.choice((".csv", ".csv", ".tsv", ".txt", ".json", ".jsonl", ".jsonl", ".parquet"))
    if suffix == ".parquet":
        if draw.random() < 0.7:  # each is read by a process of its own, which takes a while
            suffix = ".csv"
        else:
            content = _parquet(rows, draw)
            content = damage_bytes(draw, content) if draw.random() < 0.5 else content
            return Case(write(folder, "data.parquet", content), routes)
    if suffix.startswith(".json"):
        return _text_file(draw, folder, _json(rows, draw), suffix, routes)
    delimiter = "\t" if suffix == ".tsv" else draw.choice((",", ",", ";", "|", "\t"))
    return _text_file(draw, folder, _delimited(rows, delimiter, draw), suffix, routes)


def _class_folder(draw: random.Random, folder: Path, make: Callable[[random.Random], bytes], suffix: str) -> Path:
    root = folder / "classes"
    for split in draw.choice((("",), ("train", "test"), ("train",), ("train", "test", "extra"))):
        for label in ("bad", "good", *draw.choice(((), ("\x1b[31m",), (".hidden",), ("unsup",), ("bad\udcff",)))):
            for number in range(draw.randint(1, 4)):
                content = make(draw)
                if draw.random() < 0.1:
                    content = damage_bytes(draw, content)
                write(root / split / label, f"{number}{suffix}", content)
    add_special(draw, root)
    return root


def add_special(draw: random.Random, root: Path) -> None:
    """Add something to a folder that is not a regular file."""
    place = draw.choice([root, *(path for path in sorted(root.rglob("*")) if path.is_dir())])
    kind = draw.randrange(12)
    if kind == 0:
        os.mkfifo(place / "fifo.txt")
    elif kind == 1:
        (place / "loop").symlink_to(place.parent)
    elif kind == 2:
        (place / "nowhere.txt").symlink_to("missing")
    elif kind == 3:
        (place / "self.txt").symlink_to("self.txt")
    elif kind == 4:
        (place / "zero.txt").symlink_to("/dev/zero")
    elif kind == 5:
        (place / "deep" / "er" / "still").mkdir(parents=True)
        (place / "deep" / "er" / "still" / "a.txt").write_text("a")


def _tar(draw: random.Random, folder: Path) -> Path:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for label in ("bad", "good"):
            for number in range(3):
                content = encoded_text(sentence_of(draw), draw)
                name = f"r/{label}/{number}.txt"
                if draw.random() < 0.1:
                    name = draw.choice(("../../x.txt", "/etc/passwd", "", ".", "r/bad/\x1b[31m.txt", "r/" * 60 + "x"))
                member = tarfile.TarInfo(name)
                member.size = len(content)
                if draw.random() < 0.1:
                    member.type = draw.choice(
                        (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE)
                    )
                    member.linkname = "r/bad/0.txt"
                archive.addfile(member, io.BytesIO(content))
        if draw.random() < 0.05:
            member = tarfile.TarInfo("r/bad/bomb.txt")
            member.size = 30_000_000
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    content = stream.getvalue()
    if draw.random() < 0.3:
        content = damage_bytes(draw, content)
    packed = gzip.compress(content)
    return write(folder, "texts.tar.gz", damage_bytes(draw, packed) if draw.random() < 0.3 else packed)


def _series_folder(draw: random.Random, folder: Path) -> Path:
    suffix = draw.choice((".csv", ".txt", ".npy"))

    def recording(draw: random.Random) -> bytes:
        if suffix == ".npy":
            return _npy(np.ones((4, 3)) if draw.random() < 0.9 else _array(draw), draw)
        if suffix == ".txt":
            return _spaced(draw).encode("utf-8", "surrogatepass")
        rows = [["x", "y", "z"], *([f"{draw.gauss(0, 1):.3f}" for _ in "xyz"] for _ in range(4))]
        return _delimited(damage_rows(draw, rows), ",", draw).encode("utf-8", "surrogatepass")

    return _class_folder(draw, folder, recording, suffix)


def _tag_folder(draw: random.Random, folder: Path) -> Path:
    root = folder / "tags"
    if draw.random() < 0.5:
        sentences = [sentence_of(draw).split(" ") for _ in range(8)]
        texts = {
            "seq.in": [" ".join(words) for words in sentences],
            "seq.out": [" ".join(draw.choice(("B-a", "O")) for _ in words) for words in sentences],
            "label": [draw.choice(("bad", "good")) for _ in sentences],
        }
        for name, lines in texts.items():
            text = "\n".join(" ".join(row) for row in damage_rows(draw, [line.split(" ") for line in lines]))
            write(root, name, encoded_text(text + "\n", draw))
    else:
        for split in draw.choice((("train", "dev", "test"), ("train", "train2"), ("x",))):
            rows = damage_rows(draw, _column_lines(draw, "\t"))
            write(root, f"{split}.conll", encoded_text("\n".join("\t".join(row) for row in rows), draw))
    add_special(draw, root)
    return root


def make_case(draw: random.Random, folder: Path) -> Case:
    """Write a damaged input to the folder, and return it with the ways to read it."""
    kind = draw.randrange(24)
    if kind <= 2:
        return table_case(draw, folder, _labelled(draw), _CLASSIFY)
    if kind <= 5:
        return table_case(draw, folder, _waves(draw), _FORECAST)
    if kind == 6:
        return table_case(draw, folder, _wide_waves(draw), _FORECAST)
    if kind <= 8:
        return table_case(draw, folder, _long_series(draw), _SERIES)
    if kind <= 10:
        return table_case(draw, folder, _wide_series(draw), _SERIES)
    if kind == 11:
        return table_case(draw, folder, _tagged(draw), _TAG)
    if kind == 12:
        gap = draw.choice(("\t", " "))
        rows = damage_rows(draw, draw.choice((_column_lines(draw, gap), _conllu(draw))))
        suffix = draw.choice((".conll", ".txt", ".conllu", ".iob", ""))
        return _text_file(draw, folder, "\n".join(gap.join(row) for row in rows), suffix, _TAG)
    if kind == 13:
        return _text_file(draw, folder, _arff(draw), ".arff", _SERIES)
    if kind == 14:
        return _text_file(draw, folder, _ts(draw), ".ts", _SERIES)
    if kind == 15:
        return _text_file(draw, folder, _tsf(draw), ".tsf", _FORECAST)
    if kind == 16:
        arrays, routes = draw.choice(((_series_arrays, _SERIES), (_roll_arrays, _ROLLS)))
        content = _npz(arrays(draw), draw)
        return Case(write(folder, "a.npz", damage_bytes(draw, content) if draw.random() < 0.4 else content), routes)
    if kind == 17:
        write(folder, "y.npy", _npy(np.array(list("abcabcabcabc")) if draw.random() < 0.5 else _array(draw), draw))
        content = _npy(np.ones((12, 5, 3)) if draw.random() < 0.5 else _array(draw), draw)
        return Case(write(folder, "X.npy", damage_bytes(draw, content) if draw.random() < 0.3 else content), _SERIES)
    if kind == 18:
        return Case(_class_folder(draw, folder, lambda draw: encoded_text(sentence_of(draw), draw), ".txt"), _CLASSIFY)
    if kind == 19:
        return Case(_tar(draw, folder), _CLASSIFY)
    if kind == 20:
        return Case(_series_folder(draw, folder), _SERIES)
    if kind == 21:
        return Case(_tag_folder(draw, folder), _TAG)
    if kind == 22 and draw.random() < 0.2:
        return Case(write(folder, "rolls.mat", damage_bytes(draw, _mat(draw))), _ROLLS)
    if kind == 22:
        rows = [["1", *(f"{draw.gauss(0, 1):.3f}" for _ in range(5))] for _ in range(8)]
        text = "\n".join("\t".join(row) for row in damage_rows(draw, rows))
        return Case(write(folder, "X_TRAIN.tsv", encoded_text(text, draw)), _SERIES)
    text = "\n".join(sentence_of(draw) for _ in range(draw.randint(0, 30)))
    text = text + "".join(draw.choice(_NASTY) for _ in range(draw.choice((0, 1, 5))))
    return _text_file(draw, folder, text, draw.choice((".txt", ".txt", "", ".md")), (*_GENERATE, *_CLASSIFY, *_TAG))


class Reader:
    """Reads inputs as the commands do, with small models of random weights."""

    def __init__(self) -> None:
        self.models = {
            "classify": loaded(classifier()),
            "series": loaded(series_classifier()),
            "tag": loaded(tagger()),
            "forecast": loaded(forecaster()),
            "generate": loaded(language_model()),
        }

    def read(self, path: str, route: Route, options: dict[str, Any]) -> None:
        """Read an input. The examples are dropped."""
        if route.action == "predict":
            self.models[route.command].predict_from(None, path, options)
        elif route.action == "evaluate":
            self.models[route.command].read(path, options, None)
        else:
            command = {"series": "classify", "rolls": "generate"}.get(route.command, route.command)
            own = [spec for spec in registry.TASKS if spec.command == command]
            names = {option.name for spec in own for option in spec.options}
            given = {name: value for name, value in options.items() if name in names}
            spec = registry.find(command, path, given)
            task = spec.task_class()(path, spec.complete(spec.settings, {}, given), given)
            splits = task.read()
            prepared, _ = task.prepare(splits)
            for examples in (splits.train, splits.validation, splits.test):
                prepared.encode(examples)


def problem_of(reader: Reader, case: Case, route: Route, options: dict[str, Any]) -> tuple[str, str]:
    """Return how reading ended ("examples" or "sentence"), and what is wrong with that, or an empty text."""
    notes = io.StringIO()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    signal.alarm(_WAITING_SECONDS)
    outcome, problem = "examples", ""
    try:
        with contextlib.redirect_stderr(notes), limited_input(_GIGABYTES):
            reader.read(str(case.path), route, options)
    except InputError as error:
        outcome, message = "sentence", str(error)
        if _CONTROL.search(message) or len(message) > 500 or not message.endswith((".", "?")):
            problem = f"the sentence is not one: {message!r}"
    except (Exception, Timeout):
        problem = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    if _CONTROL.search(notes.getvalue().replace("\n", "")):
        problem = problem or f"control characters in the notes: {notes.getvalue()!r}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    if grown > _MEMORY:
        problem = problem or f"{grown / 1e6:.0f} MB of memory"
    return outcome, problem


def cases(
    count: int, seed: int, first: int, folder: Path, make: Callable[[random.Random, Path], Case]
) -> Iterator[tuple[int, Case, Route, dict[str, Any]]]:
    """Yield the number of each damaged input, the input, and how to read it."""
    for number in range(first, first + count):
        draw = random.Random(f"{seed} {number}")
        place = folder / str(number)
        place.mkdir()
        case = make(draw, place)
        route = draw.choice(case.routes)
        yield number, case, route, draw.choice(route.options)
        shutil.rmtree(place)


def _timeout(*_: Any) -> None:
    raise Timeout


def main(
    count: int = 20_000,
    seed: int = 0,
    first: int = 0,
    stop_after: int = 1,
    make: Callable[[random.Random, Path], Case] = make_case,
    make_reader: Callable[[], Reader] = Reader,
) -> Counter[str]:
    """Read `count` damaged inputs, and return how often reading ended in which way.

    Args:
        count: The number of inputs.
        seed: The seed of the damage.
        first: The number of the first input, to make a failure again.
        stop_after: The number of failures after which to stop.
        make: The function that writes an input.
        make_reader: The function that makes the reader, with warnings as errors.

    Raises:
        AssertionError: `stop_after` inputs were not read as they should.
    """
    warnings.simplefilter("error")
    reader = make_reader()
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    before = {number: signal.signal(number, _timeout) for number in (signal.SIGALRM, signal.SIGPROF)}
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number, case, route, options in cases(count, seed, first, Path(folder), make):
                outcome, problem = problem_of(reader, case, route, options)
                outcomes[f"{route.action} {route.command}: {outcome}"] += 1
                if problem:
                    where = (
                        f"seed {seed}, number {number}: {case.path.name!r}, {route.action} {route.command} {options}"
                    )
                    failures.append(f"{where}\n{problem}")
                    print(failures[-1].encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
                    if len(failures) >= stop_after:
                        break
                if number % 500 == 0 and count > 500:
                    print(f"{number}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if failures:
        raise AssertionError(failures[0])
    return outcomes


if __name__ == "__main__":
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    for name, times in sorted(main(*map(int, sys.argv[1:])).items()):
        print(f"{times:7,} {name}")
