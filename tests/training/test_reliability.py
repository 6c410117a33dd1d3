"""Trainings that meet other trainings, files of the user, damaged files, a full disk or numbers that overflow."""

import errno
import json
import os
import random
import re

import numpy as np
import pytest
from adding_problem import network_of, sets

import gatewright
from gatewright.commands import main as cli
from gatewright.ops import kernels
from gatewright.support import archives
from gatewright.support.errors import InputError
from gatewright.training import network
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.fit import fit
from gatewright.training.recipe import Recipe

SMALL = {"units": 4, "embedding_dim": 4, "epochs": 3, "max_length": 8, "batch_size": 16, "learning_rate": 0.01}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
STEPS = 6  # of an epoch


def write_reviews(folder):
    draw, words = random.Random(0), ("bad", "good")
    rows = [f"word{draw.randrange(9)} {words[row % 2]}{draw.randrange(3)},{row % 2}" for row in range(120)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]))


@pytest.fixture
def reviews(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path)
    return "reviews.csv"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the figures of an undisturbed training."""
    folder = tmp_path_factory.mktemp("whole")
    write_reviews(folder)
    return figures(gatewright.train("classify", str(folder / "reviews.csv"), folder / "m", **SMALL))


def figures(result):
    """Return a result without what differs between equal trainings."""
    kept = result.to_json()
    for epoch in kept["epochs"]:
        del epoch["seconds"]
    return {name: value for name, value in kept.items() if name not in ("seconds", "machine", "out")}


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(tmp_path, capsys, *arguments):
    """Return the one sentence with which a command is refused, and check that it changed no file."""
    before = tree(tmp_path), sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert cli.main(list(map(str, arguments))) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    said = [line for line in printed.err.splitlines() if line.startswith("gatewright: ")]
    assert len(said) == 1
    assert "Traceback" not in printed.err
    assert said[0].endswith(".")
    assert (tree(tmp_path), sorted(tmp_path.rglob("*"))) == before
    return said[0]


def interrupted(monkeypatch, step):
    """Make Ctrl-C happen at a training step, which counts from 1."""
    real, done = network.Network.train_step, []

    def counted(*given):
        done.append(1)
        if len(done) == step:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(network.Network, "train_step", counted)


@pytest.mark.slow
def test_a_second_training_to_one_file_is_refused_and_the_first_goes_on(reviews, whole, tmp_path, monkeypatch, capsys):
    real, said = network.Network.train_step, []

    def with_a_second_one(*given):
        if len(said) < 2:
            other = [*FLAGS, "--units=3", "--overwrite"] if said else FLAGS
            said.append(refused(tmp_path, capsys, "train", "classify", reviews, "--out", "m", *other))
        return real(*given)

    monkeypatch.setattr(network.Network, "train_step", with_a_second_one)
    assert figures(gatewright.train("classify", reviews, "m", **SMALL)) == whole
    for one in said:
        assert f"--out m is in use by another training (process {os.getpid()}, since 20" in one
        assert one.endswith("wait until it has finished, or choose another --out.")
    assert sorted(os.listdir(tmp_path)) == ["m", "reviews.csv"]


def test_a_folder_of_the_user_is_never_taken_for_the_progress_of_a_training(reviews, tmp_path, capsys):
    folder = tmp_path / "m.training"
    train = ("train", "classify", reviews, "--out", "m", *FLAGS)
    folder.mkdir()
    for name in ("checkpoint.npz", "notes.txt"):
        (folder / name).write_text("of the user")
    assert "m.training is a folder with other files, but the progress of " in refused(tmp_path, capsys, *train)
    assert "choose another --out, or rename it." in refused(tmp_path, capsys, *train, "--overwrite")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert "m.training is a link, but" in refused(tmp_path, capsys, *train)
    folder.unlink()
    folder.write_text("of the user")
    assert "m.training is a file, but" in refused(tmp_path, capsys, *train)


@pytest.mark.slow
def test_files_of_the_user_in_the_folder_of_a_training_are_left(reviews, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupted(patch, STEPS + 1)
        assert cli.main(["train", "classify", reviews, "--out", "m", *FLAGS]) == 130
    folder = tmp_path / "m.training"
    assert sorted(os.listdir(folder)) == ["baseline.npz", "checkpoint.npz", "gatewright.lock"]
    (folder / "notes.txt").write_text("of the user")
    capsys.readouterr()
    assert cli.main(["train", "classify", reviews, "--out", "m", *FLAGS]) == 0
    assert "m.training has other files, and is left with them." in capsys.readouterr().err
    assert os.listdir(folder) == ["notes.txt"]


@pytest.mark.slow
def test_the_default_names_differ_so_that_no_model_is_replaced_by_another_kind(reviews, tmp_path, capsys):
    assert cli.main(["train", "generate", reviews, "--text=text", "--units=4", "--embedding-dim=4", "--epochs=1"]) == 0
    content = (tmp_path / "generate.safetensors").read_bytes()
    classify = ("train", "classify", reviews, "--from", "generate.safetensors", "--epochs=1")
    for spelled in ("generate.safetensors", tmp_path / "generate.safetensors", "link"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to("generate.safetensors")
        said = refused(tmp_path, capsys, *classify, "--overwrite", "--out", spelled)
        assert f"--out {spelled} is also given as --from, and would be lost: choose another --out." in said
    (tmp_path / "link").unlink()
    assert cli.main(list(classify)) == 0
    model = tmp_path / "classify.safetensors"
    assert sorted(os.listdir(tmp_path)) == ["classify.safetensors", "generate.safetensors", "reviews.csv"]
    assert (tmp_path / "generate.safetensors").read_bytes() == content
    model.chmod(0o600)
    assert cli.main([*classify, "--overwrite", "--seed=1"]) == 0
    assert model.stat().st_mode & 0o777 == 0o600


def test_no_input_is_taken_for_the_model_file(reviews, tmp_path, capsys):
    (tmp_path / "s.toml").write_text("units = 4\n")
    os.link("reviews.csv", "hard.csv")
    for flag, name in (("--config", "s.toml"), ("--validation", "hard.csv"), ("--test", "hard.csv")):
        out = "reviews.csv" if name == "hard.csv" else f"../{tmp_path.name}/s.toml"
        other = "hard.csv" if name != "hard.csv" else "no.csv"
        said = refused(tmp_path, capsys, "train", "classify", other, flag, name, "--out", out, "--overwrite")
        assert f"--out {out} is also given as {flag}, and would be lost: choose another --out." in said


@pytest.mark.slow
def test_a_training_that_diverges_keeps_the_best_epoch_or_writes_nothing(reviews, tmp_path, monkeypatch, capsys):
    train = ("train", "classify", reviews, "--out", "m", *FLAGS)
    said = refused(tmp_path, capsys, *train, "--learning-rate=1e38")
    assert re.search(
        r"Training diverged: the loss is (not a number|infinite) at step 2, in epoch 1\. Give a lower", said
    )
    assert said.endswith("Give a lower learning rate than --learning-rate 1e+38.")
    with monkeypatch.context() as patch:
        patch.setattr(Recipe, "rate", lambda self, step, steps: 1e38 if step == STEPS + 1 else 0.01)
        assert cli.main([*train, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    note = result["notes"][-1]
    assert re.match(
        r"Training diverged: the loss is (not a number|infinite) at step 9, in epoch 2\. The model is", note
    )
    assert note.endswith("that of epoch 1. Give a lower learning rate than --learning-rate 0.01.")
    assert f"gatewright: Warning: {note}" in printed.err
    assert (len(result["epochs"]), result["chosen_epoch"], result["finished"]) == (1, 1, True)
    assert gatewright.runtime.load("m").predict("good1").label in ("0", "1")
    assert cli.main([*train, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == result
    assert sorted(os.listdir(tmp_path)) == ["m", "reviews.csv"]


@pytest.mark.slow
def test_damaged_leftovers_are_made_again_with_a_note(reviews, whole, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupted(patch, STEPS + 1)
        assert cli.main(["train", "classify", reviews, "--out", "m", *FLAGS]) == 130
    for name in ("checkpoint.npz", "baseline.npz"):
        path = tmp_path / "m.training" / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    capsys.readouterr()
    assert figures(gatewright.train("classify", reviews, "m", **SMALL)) == whole
    said = capsys.readouterr().err
    assert "checkpoint.npz is damaged or of another version: training starts from the beginning." in said
    assert "baseline.npz is damaged: the baseline is fitted again." in said


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_progress_stays(reviews, whole, tmp_path, monkeypatch, capsys):
    """The disk is full when the baseline, a checkpoint, or the model is written."""
    train = ("train", "classify", reviews, "--out", "m", *FLAGS)
    for name in ("baseline.npz", "checkpoint.npz", "m"):
        real, failed = os.fsync, []

        def full(file, name=name, real=real, failed=failed):
            if os.readlink(f"/proc/self/fd/{file}").endswith(f"-{name}") and not failed:
                failed.append(file)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(file)

        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            assert cli.main(list(train)) == 2
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gatewright: ")]
        assert len(said) == 1
        assert f"{name} cannot be read or written (No space left on device): fix this or name another path." in said[0]
        assert not any(path.name.startswith(".") for path in tmp_path.rglob("*"))
    assert figures(gatewright.train("classify", reviews, "m", **SMALL)) == whole


def test_too_little_memory_is_one_sentence(reviews, tmp_path, monkeypatch, capsys):
    for error in (MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes")):

        def failing(*given, error=error):
            raise error

        monkeypatch.setattr(network.Network, "__init__", failing)
        (tmp_path / "m.training").mkdir(exist_ok=True)
        assert cli.main(["train", "classify", reviews, "--out", "m", *FLAGS]) == 2
        said = capsys.readouterr().err
        assert "gatewright: There is not enough memory: use less data, or a smaller network or batch.\n" in said
        assert "Traceback" not in said


@pytest.fixture(scope="module")
def progress():
    """Return the progress of a small training."""
    ours, kept = network_of(), []
    file = Checkpoint.__new__(Checkpoint)
    file.write, file.read, file.due = kept.append, lambda like: like, lambda: False
    fit(ours, Recipe(1, 8, 0.01), *sets(), seed=1, weights=ours.initial_weights([1, 0]), checkpoint=file)
    return kept[-1]


class TestCheckpoint:
    def write(self, path, like, settings):
        Checkpoint(path, settings).write(like)
        return path.read_bytes()

    def test_no_damage_is_overlooked(self, tmp_path, progress, capsys):
        path, draw = tmp_path / "c.npz", random.Random(0)
        content = self.write(path, progress, {"units": 5})
        assert Checkpoint(path, {"units": 5}).read(progress).epochs == progress.epochs
        changed = [content[:length] for length in (0, 1, 31, 32, 33, len(content) - 1)] + [content + b"\0"]
        for _ in range(200):
            one = bytearray(content)
            one[draw.randrange(len(one))] ^= 1 << draw.randrange(8)
            changed.append(bytes(one))
        for one in changed:
            path.write_bytes(one)
            assert Checkpoint(path, {"units": 5}).read(progress) is progress
            assert capsys.readouterr().err == (
                f"gatewright: {path} is damaged or of another version: training starts from the beginning.\n"
            )
            assert not path.exists()

    @pytest.mark.parametrize(
        "change",
        [
            {"made by": "gatewright checkpoint 1"},
            {"epochs": [{"loss": 1.0}]},
            {"epochs": 3},
            {"arrays": "many"},
            {"arrays": 10**9},
            {"chosen": None},
            {"done": "x"},
            {"settings": 5},
        ],
    )
    def test_a_record_of_another_version_is_made_again(self, tmp_path, progress, capsys, change):
        path = tmp_path / "c.npz"
        self.write(path, progress, {})
        arrays = archives.read_arrays(path)
        record = json.dumps({**json.loads(str(arrays["record"])), **change})
        archives.write_arrays(path, {**arrays, "record": record})
        assert Checkpoint(path, {}).read(progress) is progress
        assert "is damaged or of another version: training starts from the beginning." in capsys.readouterr().err

    def test_arrays_of_another_network_are_not_used(self, tmp_path, progress, capsys):
        path = tmp_path / "c.npz"
        self.write(path, progress, {})
        arrays = archives.read_arrays(path)
        for other in (arrays["array0"].astype(np.float64), np.zeros((3, 3), np.float32)):
            archives.write_arrays(path, {**arrays, "array0": other})
            assert Checkpoint(path, {}).read(progress) is progress
            assert "training starts from the beginning" in capsys.readouterr().err

    def test_another_number_of_threads_is_a_note_and_other_settings_are_refused(self, tmp_path, progress, capsys):
        path = tmp_path / "c.npz"
        kernels.set_num_threads(2)
        self.write(path, progress, {"units": 5})
        kernels.set_num_threads(3)
        assert Checkpoint(path, {"units": 5}).read(progress).epochs == progress.epochs
        assert "was begun with 2 threads and is resumed with 3: its result can differ in" in capsys.readouterr().err
        with pytest.raises(InputError, match="with units 5, not 4: give the same settings to resume it, or --overwri"):
            Checkpoint(path, {"units": 4}).read(progress)
