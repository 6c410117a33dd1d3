"""Classifying series of numbers: `train classify` from a file to predictions, and what it refuses."""

import json

import numpy as np
import pytest
from series_models import series
from tasks.classify_series.test_reading import write_long, write_npz, write_ts

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.support.errors import InputError
from gatewright.tasks.base.settings import setting_fields
from gatewright.tasks.classify_series.reading import read_series
from gatewright.tasks.classify_series.settings import ClassifySeriesSettings
from gatewright.tasks.classify_series.task import ClassifySeries

SMALL = {"units": 8, "epochs": 20, "batch_size": 16, "learning_rate": 0.02, "bidirectional": False}


def rising_and_falling(examples, seed=0):
    """Return series of two channels, and labels: the first channel rises in one class and falls in the other.

    Only the order of the numbers distinguishes the classes.
    """
    rng = np.random.default_rng(seed)
    values, labels = [], []
    for place in range(examples):
        one = rng.normal(0, 1, (rng.integers(5, 18), 2))
        one[:, 0] = np.sort(one[:, 0])[:: 1 if place % 2 else -1]
        values.append(one)
        labels.append("up" if place % 2 else "down")
    return values, labels


def test_every_default_is_allowed():
    for field in setting_fields(ClassifySeriesSettings):
        assert field.default is None or field.check(field.default) == field.default
    assert ClassifySeriesSettings.complete({}).max_length is None


def test_the_validation_set_consists_of_stretches_of_neighbors():
    """The digits of one writer are neighbors: whole stretches of each class are set aside."""
    splits = ClassifySeries("digits", ClassifySeriesSettings.complete({})).read()
    assert any("validation set therefore consists of blocks" in note for note in splits.notes)
    train = read_series("digits").train
    held = {one.tobytes() for one in splits.validation.values}
    assert len(splits.validation.values) == 120
    for label in set(train.labels):
        own = [one.tobytes() in held for one, name in zip(train.values, train.labels, strict=True) if name == label]
        assert np.diff(np.flatnonzero(own)).tolist().count(1) >= sum(own) - 2


def test_preparing_learns_from_the_training_set_alone():
    task = ClassifySeries("digits", ClassifySeriesSettings.complete({}), limit=200)
    splits = task.read()
    prepared, settings = task.prepare(splits)
    assert (settings.input_noise, settings.max_length) == (0.5, 8)
    batch = prepared.encode(splits.train)
    assert batch.inputs.shape == (len(splits.train.labels), 8, 8)
    np.testing.assert_allclose(batch.inputs.mean(axis=(0, 1)), 0, atol=1e-5)
    assert type(prepared).from_json(json.loads(json.dumps(prepared.to_json()))) == prepared


@pytest.mark.slow
class TestTrain:
    @pytest.mark.parametrize("form", ["ts", "csv", "npz"])
    def test_from_a_file_to_predictions(self, tmp_path, form, capsys):
        examples, labels = rising_and_falling(100)
        data = tmp_path / f"s.{form}"
        {"ts": write_ts, "csv": write_long, "npz": write_npz}[form](data, examples, labels)
        out = tmp_path / "m.safetensors"
        result = gatewright.train("classify", str(data), out, **SMALL)
        assert result.sizes == {"train": 72, "validation": 8, "test": 20}
        assert result.test["accuracy"] > 0.9
        assert result.baseline_name.startswith("logistic regression")
        assert result.labels == ("down", "up")
        found = gatewright.predict(out, file=str(data))
        accuracy = np.mean([one.label == label for one, label in zip(found, labels, strict=True)])
        assert accuracy > 0.9
        evaluated = gatewright.evaluate(out, str(data), split="all")
        assert evaluated.size == 100
        assert evaluated.test["accuracy"] == accuracy
        model = runtime.load(out)
        assert [one.label for one in model.predict(examples)] == [one.label for one in found]
        states = model.start()
        for numbers in examples[0]:
            last, states = model.step(numbers, states)
        assert last.label == found[0].label
        assert cli.main(["info", str(out)]) == 0
        assert "series: 2 channels" in capsys.readouterr().out
        assert cli.main(["predict", str(out), "--file", str(data), "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["predictions"]) == 100

    def test_a_stream_is_cut_in_the_same_way_by_all_commands(self, tmp_path, capsys):
        rng = np.random.default_rng(0)
        lines = ["user,ms,x,y,activity"]
        for user in range(6):
            ms = 0
            for label in rng.permutation(["run", "walk"] * 6):
                for _ in range(20):
                    x, y = rng.normal(3 if label == "run" else 0, 1, 2)
                    lines.append(f"{user},{ms},{x:.3f},{y:.3f},{label}")
                    ms += 20
        data = tmp_path / "s.csv"
        data.write_text("\n".join(lines) + "\n")
        out, columns = str(tmp_path / "m.safetensors"), ["--id", "user", "--time", "ms", "--label", "activity"]
        small = ["--units", "8", "--epochs", "20", "--learning-rate", "0.02", "--window", "10"]
        assert cli.main(["train", "classify", str(data), "--out", out, *columns, *small]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert "s.csv was cut into 144 windows of 10 steps, one every 10 steps (--stride), from 6 streams." in printed
        assert "All series with the same 'user' are in the same set." in printed
        assert cli.main(["predict", out, "--file", str(data), "--json"]) == 0
        found = capsys.readouterr()
        assert len(json.loads(found.out)["predictions"]) == 144
        assert "gatewright: s.csv was cut into 144 windows of 10 steps" in found.err
        assert cli.main(["evaluate", out, str(data), "--split", "all", "--json"]) == 0
        evaluated = json.loads(capsys.readouterr().out)
        assert evaluated["size"] == 144
        assert evaluated["test"]["accuracy"] > 0.9
        assert any("144 windows of 10 steps" in note for note in evaluated["notes"])
        assert cli.main(["predict", out, "--file", str(data), "--window", "20", "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["predictions"]) == 72
        assert cli.main(["info", out]) == 0
        assert "series: 2 channels, in windows of 10 steps" in capsys.readouterr().out
        assert cli.main(["predict", out, "--file", str(data), "--window", "0"]) == 2
        assert "--window must be a number of steps of at least 1, not 0" in capsys.readouterr().err

    def test_recordings_and_wide_tables_from_training_to_predictions(self, tmp_path, capsys):
        examples, labels = rising_and_falling(40)
        wide = ["label," + ",".join(f"t{step}" for step in range(18))]
        for place, (one, label) in enumerate(zip(examples, labels, strict=True)):
            folder = tmp_path / "recordings" / label
            folder.mkdir(parents=True, exist_ok=True)
            lines = [f"{step / 50},{x:.3f},{y:.3f}" for step, (x, y) in enumerate(one.tolist())]
            (folder / f"{place}.csv").write_text("t,x,y\n" + "\n".join(lines) + "\n")
            numbers = [f"{x:.3f}" for x in one[:, 0]] + [""] * (18 - len(one))
            wide.append(",".join([label, *numbers]))
        (tmp_path / "wide.csv").write_text("\n".join(wide) + "\n")
        for name in ("recordings", "wide.csv"):
            data, out = str(tmp_path / name), tmp_path / f"{name}.safetensors"
            result = gatewright.train("classify", data, out, **{**SMALL, "epochs": 3})
            assert result.sizes == {"train": 29, "validation": 3, "test": 8}
            assert gatewright.evaluate(out, data, split="all").size == 40
            assert len(gatewright.predict(out, file=data)) == 40
        assert cli.main(["predict", str(tmp_path / "recordings.safetensors"), "--file", str(folder / "0.csv")]) == 2
        existing = next(folder.iterdir())
        assert cli.main(["predict", str(tmp_path / "recordings.safetensors"), "--file", str(existing)]) == 0
        assert capsys.readouterr().out.count("\n") == 1

    def test_evaluation_repeats_the_figures_of_the_training(self, tmp_path):
        examples, labels = rising_and_falling(60)
        write_ts(tmp_path / "P_TRAIN.ts", examples[:40], labels[:40])
        write_ts(tmp_path / "P_TEST.ts", [np.tile(one, (2, 1)) for one in examples[40:]], labels[40:])
        out = tmp_path / "m.safetensors"
        result = gatewright.train("classify", str(tmp_path), out, **{**SMALL, "epochs": 2})
        assert any("are read" in note for note in result.notes)
        again = gatewright.evaluate(out, str(tmp_path))
        for name, figure in result.test.items():
            assert again.test[name] == pytest.approx(figure, abs=1e-5)

    def test_each_setting_changes_the_network(self, tmp_path):
        data = str(write_npz(tmp_path / "s.npz", *rising_and_falling(40)))
        small = {**SMALL, "epochs": 2}
        plain = gatewright.train("classify", data, tmp_path / "plain.safetensors", **small)
        others = [
            {"max_length": 3},
            {"input_dropout": 0.5},
            {"recurrent_dropout": 0.5},
            {"input_noise": 0.9},
            {"scaling": "together"},
            {"output_dropout": 0.0},
            {"layers": 2},
            {"bidirectional": True},
            {"pooling": "last"},
            {"cell": "lstm"},
        ]
        for place, other in enumerate(others):
            result = gatewright.train("classify", data, tmp_path / f"{place}.safetensors", **{**small, **other})
            assert result.epochs[-1].loss != plain.epochs[-1].loss, other

    @pytest.mark.parametrize(("channels", "noise"), [(1, 0.1), (2, 0.5)])
    def test_the_default_noise_is_smaller_for_one_channel(self, tmp_path, channels, noise):
        examples, labels = rising_and_falling(40)
        data = str(write_npz(tmp_path / "s.npz", [one[:, :channels] for one in examples], labels))
        small = {**SMALL, "epochs": 2}
        result = gatewright.train("classify", data, tmp_path / "m.safetensors", **small)
        given = gatewright.train("classify", data, tmp_path / "given.safetensors", **small, input_noise=noise)
        assert result.settings["input_noise"] == noise
        assert [epoch.loss for epoch in result.epochs] == [epoch.loss for epoch in given.epochs]

    def test_among_epochs_of_equal_accuracy_the_smallest_log_loss_is_chosen(self, tmp_path):
        examples, labels = rising_and_falling(60)
        examples = [one + (9 if label == "up" else 0) for one, label in zip(examples, labels, strict=True)]
        data = str(write_npz(tmp_path / "s.npz", examples, labels))
        result = gatewright.train("classify", data, tmp_path / "m.safetensors", **SMALL)
        ranked = [(epoch.validation["accuracy"], -epoch.validation["log_loss"]) for epoch in result.epochs]
        assert result.chosen_epoch == 1 + ranked.index(max(ranked))
        assert result.chosen_epoch > 1 + [one[0] for one in ranked].index(1.0)

    def test_notes_name_what_is_unusual(self, tmp_path):
        examples, labels = rising_and_falling(60)
        examples = [np.concatenate([one, np.full((len(one), 1), 7.0)], axis=1) for one in examples]
        examples[0][2, 1] = np.nan
        labels[0] = "sideways"
        out = tmp_path / "m.safetensors"
        result = gatewright.train("classify", str(write_npz(tmp_path / "s.npz", examples, labels)), out, **SMALL)
        assert "1 of 3 channels are constant in the training set (3)." in result.notes
        assert "The class 'sideways' has only one training series." in result.notes
        assert any("numbers are missing. The mean of the channel is used for them." in note for note in result.notes)

    @pytest.mark.parametrize("scaling", ["each", "together"])
    def test_huge_numbers_do_not_overflow(self, tmp_path, scaling):
        examples, labels = rising_and_falling(40)
        examples[3][1, 1], examples[5][2, 0] = 1e149, -1e149
        data = str(write_npz(tmp_path / "s.npz", examples, labels))
        result = gatewright.train("classify", data, tmp_path / "m.safetensors", **SMALL, scaling=scaling)
        assert np.isfinite(result.test["log_loss"])
        examples[3][1, 1] = 1e200
        write_npz(tmp_path / "s.npz", examples, labels)
        with pytest.raises(InputError, match="series 4 has a number that is too large to compute with"):
            gatewright.train("classify", data, tmp_path / "n.safetensors", **SMALL, scaling=scaling)

    def test_a_comparison_has_no_noise_by_default(self, tmp_path):
        data = str(write_npz(tmp_path / "s.npz", *rising_and_falling(40)))
        small = {"task": "classify", "cells": ("gru",), "units": 8, "epochs": 1, "seeds": 2}
        plain, without, with_noise = (
            gatewright.compare(data, **small, **given, out=tmp_path / name).cells[0].runs[0].epochs[0].loss
            for name, given in (("plain", {}), ("without", {"input_noise": 0.0}), ("with", {"input_noise": 0.5}))
        )
        assert plain == without != with_noise

    def test_cells_are_compared(self, tmp_path):
        data = str(write_ts(tmp_path / "s.ts", *rising_and_falling(60)))
        result = gatewright.compare(
            data, task="classify", cells=("gru", "lstm"), units=8, epochs=2, seeds=2, pooling="mean", out=tmp_path / "c"
        )
        assert [cell.cell for cell in result.cells] == ["gru", "lstm"]
        assert result.baseline.name == "logistic regression"
        for name, value in (("embedding_dim", 8), ("word_dropout", 0.1)):
            with pytest.raises(InputError, match=f"'{name}' is not a setting of this task: leave it out"):
                gatewright.compare(data, **{name: value}, out=tmp_path / "d")

    @pytest.mark.parametrize(
        ("flags", "sentence"),
        [
            (["--embedding-dim", "8"], "'embedding_dim' is not a setting of this task: leave it out"),
            (["--adversarial-epsilon", "0.3"], "'adversarial_epsilon' is not a setting of this task: leave it out"),
            (["--tokens", "bytes"], "'tokens' is not a setting of this task: leave it out"),
            (["--text", "x"], "--text x does not apply to series of numbers, as in {data}: leave it out."),
            (["--id", "x"], "--id cannot be used, because {data} is not a table. Leave it out."),
            (["--window", "9"], "--window cannot be used, because {data} is not a table. Leave it out."),
            (["--channels", "up"], "--channels must be first or last, not 'up'."),
            (["--test", "nowhere.ts"], "--test must be a file of series"),
            (["--validation", "nowhere.ts"], "--validation must be a file of series"),
        ],
    )
    def test_wrong_flags_are_refused(self, tmp_path, capsys, flags, sentence):
        data = write_ts(tmp_path / "s.ts", *rising_and_falling(20))
        out = tmp_path / "m.safetensors"
        assert cli.main(["train", "classify", str(data), "--out", str(out), *flags]) == 2
        printed = capsys.readouterr().err
        assert sentence.format(data=data) in printed
        assert printed.count("\n") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["s.ts"]

    @pytest.mark.parametrize(
        ("examples", "labels", "sentence"),
        [
            (1, ["a"], "has only one class, 'a'"),
            (2, ["a", "b"], "too few examples"),
            (4, ["a", "a", "a", "b"], "too few examples"),
            (3, ["a", "b", "c"], "3 different labels in 3 series"),
        ],
    )
    def test_too_few_examples_are_refused(self, tmp_path, examples, labels, sentence):
        data = write_ts(tmp_path / "s.ts", series([7] * examples, 2), labels)
        with pytest.raises(InputError, match=sentence):
            gatewright.train("classify", str(data), tmp_path / "m.safetensors")

    def test_splits_that_do_not_fit_are_refused(self, tmp_path):
        data = str(write_ts(tmp_path / "s.ts", series([7] * 20, 2), ["a", "b"] * 10))
        other = str(write_ts(tmp_path / "t.ts", series([7] * 2, 2), ["a", "c"]))
        with pytest.raises(InputError, match=r"^The test set of s\.ts has the label 'c', which the training"):
            gatewright.train("classify", data, tmp_path / "m.safetensors", test=other)
        with pytest.raises(InputError, match=r"^The validation data .* has the label 'c'"):
            gatewright.train("classify", data, tmp_path / "m.safetensors", validation=other)
        np.savez(tmp_path / "u.npz", X=np.ones((2, 3, 5)), y=np.array(["a", "b"]))
        with pytest.raises(InputError, match="has 5 channels"):
            gatewright.train("classify", data, tmp_path / "m.safetensors", test=str(tmp_path / "u.npz"))
