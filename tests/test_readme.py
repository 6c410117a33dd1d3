"""The README: every block of code runs, on small data with the names that it uses."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from data.audio.wavs import wav
from pages import ROOT, Block, blocks, commands
from speech_models import RATE, sound

from gatewright.commands.main import main

BLOCKS = blocks(ROOT / "README.md")
SHELL = [block for block in BLOCKS if block.language == "sh"]
GATEWRIGHT = [block for block in SHELL if block.text.startswith("gatewright ")]
PYTHON = [block for block in BLOCKS if block.language == "python"]
QUICK = {"train": ["--epochs", "1"], "compare": ["--epochs", "1", "--seeds", "1"]}
"""Flags that are added to a command: fewer epochs, fewer seeds."""


def first_line(block: Block) -> str:
    return block.text.splitlines()[0]


def write_table(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def reviews(path: Path) -> None:
    words = {"positive": ["fine", "lovely", "great"], "negative": ["dull", "long", "poor"]}
    rows = [
        [f"a {words[stars][number % 3]} film {number}", stars]
        for number in range(40)
        for stars in ("positive", "negative")
    ]
    write_table(path, ["review", "stars"], rows)


def walks(path: Path) -> None:
    rows = [
        [walk, step, math.sin(step * (1 + walk % 2)), math.cos(step), ("grass", "stone")[walk % 2]]
        for walk in range(40)
        for step in range(8)
    ]
    write_table(path, ["walk", "ms", "x", "y", "surface"], rows)


def sentences(path: Path) -> None:
    tags = {"show": "VERB", "me": "PRON", "flights": "NOUN", "from": "ADP", "boston": "PROPN"}
    lines = [f"{place}\t{word}\t{word}\t{tag}" + "\t_" * 6 for place, (word, tag) in enumerate(tags.items(), 1)]
    path.write_text("\n".join([*lines, "", ""] * 30), encoding="utf-8")


def load(path: Path) -> None:
    rows = [[f"2026-01-{1 + hour // 24:02}T{hour % 24:02}:00", 50 + 10 * math.sin(hour)] for hour in range(30 * 24)]
    write_table(path, ["date", "load"], rows)


def plays(path: Path) -> None:
    path.write_text("ROMEO: But soft, what light through yonder window breaks?\n" * 60, encoding="utf-8")


def captions(path: Path) -> None:
    texts = {".en": "A man is sitting at a table.", ".de": "Ein Mann sitzt an einem Tisch."}
    path.write_text("".join(f"{texts[path.suffix]} {number}\n" for number in range(60)), encoding="utf-8")


def call(path: Path) -> None:
    path.write_bytes(wav((sound(0.8) * 32_767).astype(int), rate=RATE))


def calls(path: Path) -> None:
    for number in range(20):
        path.with_name(f"{number}.wav").write_bytes(wav((sound(0.8, number) * 32_767).astype(int), rate=RATE))
    write_table(path, ["audio", "text"], [[f"{number}.wav", ("yes", "no")[number % 2]] for number in range(20)])


def program(path: Path) -> None:
    path.write_text(
        "import keras\n"
        "import numpy as np\n"
        "from keras import layers\n"
        "model = keras.Sequential([layers.GRU(4), layers.Dense(1)])\n"
        "model.compile(loss='mse')\n"
        "model.fit(np.zeros((8, 5, 2), 'float32'), np.zeros(8, 'float32'), verbose=0)\n",
        encoding="utf-8",
    )


def notebook_model(path: Path) -> None:
    import keras

    layers = [keras.Input((9,)), keras.layers.Embedding(9, 4), keras.layers.GRU(4), keras.layers.Dense(1, "sigmoid")]
    keras.Sequential(layers).save(path)


def word_index(path: Path) -> None:
    path.write_text(json.dumps({"a": 1, "film": 2, "fine": 3}), encoding="utf-8")


DATA: dict[str, Callable[[Path], None]] = {
    "reviews.csv": reviews,
    "more-reviews.csv": reviews,
    "walks.csv": walks,
    "sentences.conllu": sentences,
    "load.csv": load,
    "recent.csv": load,
    "plays.txt": plays,
    "captions.en": captions,
    "captions.de": captions,
    "calls.csv": calls,
    "call.wav": call,
    "program.py": program,
    "word_index.json": word_index,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Return the working folder, with small data files of the names in the README."""
    for name, write in DATA.items():
        write(tmp_path / name)
    if "model.keras" in request.node.callspec.params["block"].text:
        notebook_model(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_gatewright(arguments: list[str]) -> int:
    """Run a command line; `run` in a process of its own, because it changes Keras."""
    if arguments[0] == "run":
        return subprocess.run([sys.executable, "-m", "gatewright.commands.main", *arguments], check=False).returncode
    return main([*arguments, *QUICK.get(arguments[0], [])])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras with JAX
@pytest.mark.parametrize("block", GATEWRIGHT, ids=first_line)
def test_commands_of_a_block_run(block: Block, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for program, *arguments in commands(block):
        assert program == "gatewright"
        assert run_gatewright(arguments) == 0, capsys.readouterr().err
        written = [arguments[place + 1] for place, flag in enumerate(arguments) if flag in ("--out", "--plot")]
        assert all((folder / name).stat().st_size for name in written)


@pytest.mark.slow
@pytest.mark.parametrize("block", PYTHON, ids=first_line)
def test_python_of_a_block_runs(block: Block, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "print" in block.text:
        assert done.stdout.split()[-1] in ("positive", "negative")


def test_make_targets_exist() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = [arguments[0] for block in SHELL for program, *arguments in commands(block) if program == "make"]
    assert named == ["compare", "test"]
    assert set(named) <= set(targets)


def test_pip_installs_an_extra_that_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"pip install '([^']+)'", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named == [".[train]"]
    assert "train" in extras


def test_every_block_is_shell_or_python() -> None:
    assert {block.language for block in BLOCKS} == {"sh", "python"}
    programs = {command[0] for block in SHELL for command in commands(block)}
    assert programs == {"make", "gatewright"}


def test_it_fits_its_length() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
