"""Classifying series of numbers: the block, the baseline, and `train classify` from a file to predictions."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nn.test_file import changed, refused
from series_models import series, series_classifier
from tasks.classify_series.test_reading import write_long, write_npz, write_ts
from tolerances import assert_close

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.nn import file as model_file
from gatewright.nn import model as models
from gatewright.nn.block import Steps
from gatewright.nn.layers import Recurrent
from gatewright.nn.library import NUMPY, jax_library
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.tasks.base.labels import OneLabel
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.base.settings import complete
from gatewright.tasks.classify_series.baseline import summary, summary_regression
from gatewright.tasks.classify_series.blocks import Measurements
from gatewright.tasks.classify_series.channels import pad
from gatewright.tasks.classify_series.model import SeriesClassifier
from gatewright.tasks.classify_series.reading import read_series
from gatewright.tasks.classify_series.settings import SERIES
from gatewright.tasks.classify_series.task import ClassifySeries

LENGTHS = (1, 7, 8, 9, 17, 20, 26)
SMALL = {"units": 8, "epochs": 20, "batch": 16, "learning_rate": 0.02, "both": False}


class TestMeasurements:
    def test_missing_numbers_are_0_and_steps_without_any_are_not_live(self):
        x = np.array([[[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [2, 3]]], np.float32)
        for lib in (NUMPY, jax_library()):
            steps, states = Measurements().forward(lib, {}, Steps(lib.xp.asarray(x)), None, None)
            np.testing.assert_array_equal(steps.x, [[[0, 0], [1, 0], [0, 0], [2, 3]]])
            np.testing.assert_array_equal(steps.live, [[False, True, False, True]])
            assert states == ()

    def test_noise_has_its_deviation_and_leaves_what_is_missing(self):
        class Noise:
            def uniform(self, shape):
                return np.random.default_rng(0).random(shape)

        x = np.where(np.arange(3000).reshape(10, 100, 3) % 7 == 0, np.nan, 1.0)
        made = Measurements(0.5)
        steps, _ = made.forward(NUMPY, {}, Steps(x), None, Noise())
        there = ~np.isnan(x)
        assert abs(steps.x[there].mean() - 1) < 0.05
        assert abs(steps.x[there].std() - 0.5) < 0.02
        assert not steps.x[~there].any()
        np.testing.assert_array_equal(made.forward(NUMPY, {}, Steps(x), None, None)[0].x, np.nan_to_num(x))

    @pytest.mark.parametrize("cell", CELLS)
    def test_answers_are_those_of_the_reference(self, cell):
        """Scaling, the recurrence in float64, its mean over the steps, and the linear map."""
        made = series_classifier(cell, 9)
        model = SeriesClassifier(made)
        rows = series(LENGTHS, missing=0.3)
        w, dense = made.weights[2], made.weights[-1]
        expected = []
        for row in rows:
            x = (row[-model.length :] - np.array(model.channels.mean)) / np.array(model.channels.scale)
            x = np.nan_to_num(x[~np.isnan(x).all(axis=1)], nan=0.0)[None]
            weights = [array.astype(np.float64) for array in Recurrent(cell, 9).operands(w)]
            zeros = [np.zeros((1, 9))] * len(Recurrence(cell).state_names)
            outputs = cells.forward(Recurrence(cell), x, *weights, zeros).sequence
            expected.append(outputs[0].mean(axis=0) @ dense["kernel"] + dense["bias"])
        assert_close(model.probabilities(rows), to_probabilities(np.array(expected)), "forward", np.float32)

    @pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
    def test_a_row_is_answered_alike_alone_and_among_others(self, pooling):
        model = SeriesClassifier(series_classifier("lstm", 17, pooling, both=True, layers=2))
        rows = series(LENGTHS * 12, missing=0.2)
        alone = np.concatenate([model.probabilities([row]) for row in rows])
        assert_close(model.probabilities(rows), alone, "same_order", np.float32)

    @given(padding=st.integers(0, 9), seed=st.integers(0, 99))
    def test_padding_changes_no_answer(self, padding, seed):
        made = series_classifier("gru", 5, "attention", both=True)
        row = SeriesClassifier(made).channels.encode(series((7,), seed=seed)[0])
        outs = [
            models.forward(made.blocks, NUMPY, made.weights, Steps(pad([row], 7 + more)))[0].x for more in (0, padding)
        ]
        assert_close(*outs, "same_order", np.float32)

    @pytest.mark.parametrize("cell", CELLS)
    @pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
    def test_steps_are_the_whole(self, cell, pooling):
        model = SeriesClassifier(series_classifier(cell, 8, pooling, layers=2))
        row = series((9,), missing=0.2)[0]
        row = row[~np.isnan(row).all(axis=1)]
        states = model.start()
        for numbers in row:
            before = states
            said, states = model.step(numbers, before)
        again, _ = model.step(numbers, before)
        assert again == said
        expected = model.predict([row])[0].probabilities
        assert_close(list(said.probabilities.values()), list(expected.values()), "forward", np.float32)

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (["a"], "something in it is no number"),
            ([[1, 2]], "must be numbers [time, 3], not of shape [1, 2]"),
            ([[1, 2, np.inf]], "an infinite number"),
            ([[np.nan] * 3], "has no number"),
            (np.empty((0, 3)), "has no number"),
            ([[[1, 2, 3]]], "not of shape [1, 1, 3]"),
        ],
    )
    def test_rows_that_can_not_be_answered(self, row, said):
        with pytest.raises(InputError) as caught:
            SeriesClassifier(series_classifier()).predict([row])
        assert said in str(caught.value)

    def test_steps_without_a_number_at_the_ends_are_left_out(self):
        model, row = SeriesClassifier(series_classifier()), series((17,))[0]
        nothing = np.full((30, 3), np.nan)
        for padded in ([nothing, row], [row, nothing], [nothing, row, nothing]):
            np.testing.assert_array_equal(model.probabilities([np.concatenate(padded)]), model.probabilities([row]))

    def test_no_rows_and_no_steps(self):
        assert SeriesClassifier(series_classifier()).predict([]) == []
        with pytest.raises(InputError, match="both directions needs the whole sequence"):
            SeriesClassifier(series_classifier(both=True)).start()


class TestModelFile:
    def test_it_is_read_without_keras_or_jax(self, tmp_path):
        model_file.write(series_classifier(), tmp_path / "m.safetensors")
        program = f"""
import sys
from gatewright import runtime
model = runtime.load({str(tmp_path / "m.safetensors")!r})
print(model.predict([[[1, 2, 3], [4, 5, 6]]])[0].label)
heavy = {{"keras", "jax", "torch", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "optax"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() in ("a", "b", "c")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda r: r["answers"].update(features=10**9), "how many numbers a step has"),
            (lambda r: r["answers"].update(features=2), "is not float32 of shape"),
            (lambda r: r["answers"].update(length=0), "length is not a whole number"),
            (lambda r: r["answers"].update(labels=["a", "a", "b"]), "labels are not as many"),
            (lambda r: r["answers"].update(labels=[1, 2, 3]), "labels are not a list of texts"),
            (lambda r: r["encoder"].update(kind="words"), "not one of channels"),
            (lambda r: r["encoder"].update(mean=[0.0]), "a mean and a scale for each channel"),
            (lambda r: r["encoder"].update(mean=[0.0, "1", 2.0]), "a mean and a scale for each channel"),
            (lambda r: r["encoder"].update(scale=[1.0, 1.0, 0.0]), "is not above 0"),
            (lambda r: r["encoder"].update(scale=[1.0, 1.0, float("inf")]), "a mean and a scale for each channel"),
            (lambda r: r["encoder"].update(names="abc"), "not a list of names"),
            (lambda r: r["encoder"].update(names=["a"], mean=[0.0], scale=[1.0]), "not as many channels"),
            (lambda r: r["blocks"].insert(1, {"kind": "measurements", "noise": 0.3}), "no order that makes a network"),
            (lambda r: r["blocks"].pop(0), "no order that makes a network"),
            (lambda r: r["blocks"][0].update(units=3), "fields that do not fit"),
            (lambda r: r.update(task="generate"), "no order that makes a network"),
        ],
    )
    def test_a_record_that_does_not_fit(self, tmp_path, change, said):
        model_file.write(series_classifier(), tmp_path / "m.safetensors")
        assert said in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))


class TestBaseline:
    def test_a_summary(self):
        row = np.array([[1, np.nan], [np.nan, np.nan], [3, np.nan]])
        expected = [2, 1, 1, 3, 1, 3, 1, 2, 3, *[0] * 9, 3]
        np.testing.assert_array_equal(summary(row, 3), expected)

    @pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c")])
    def test_it_learns_what_the_statistics_tell(self, labels):
        draw = np.random.default_rng(0)
        classes = draw.integers(0, len(labels), 120)
        rows = [row + kind for row, kind in zip(series(draw.integers(1, 20, 120), 2), classes * 9, strict=True)]
        parts = [slice(0, 60), slice(60, 90), slice(90, 120)]
        train, validation, test = ((rows[part], classes[part]) for part in parts)
        answers = OneLabel(labels)
        fitted = summary_regression(*train, *validation, test[0], answers)
        assert fitted.outputs.shape == (30, answers.outputs)
        assert answers.measure(answers.probabilities(fitted.outputs), test[1])["accuracy"] > 0.9


def rising_and_falling(rows, seed=0):
    """Rows of two channels of which the first rises in one class and falls in the other: only their order tells."""
    draw = np.random.default_rng(seed)
    values, labels = [], []
    for place in range(rows):
        row = draw.normal(0, 1, (draw.integers(5, 18), 2))
        row[:, 0] = np.sort(row[:, 0])[:: 1 if place % 2 else -1]
        values.append(row)
        labels.append("up" if place % 2 else "down")
    return values, labels


@pytest.mark.slow
class TestTrain:
    @pytest.mark.parametrize("form", ["ts", "csv", "npz"])
    def test_from_a_file_to_predictions(self, tmp_path, form, capsys):
        rows, labels = rising_and_falling(100)
        data = tmp_path / f"s.{form}"
        {"ts": write_ts, "csv": write_long, "npz": write_npz}[form](data, rows, labels)
        out = tmp_path / "m.safetensors"
        result = gatewright.train("classify", str(data), out, **SMALL)
        assert result.sizes == {"train": 72, "validation": 8, "test": 20}
        assert result.test["accuracy"] > 0.9
        assert result.baseline_name.startswith("logistic regression")
        assert result.labels == ("down", "up")
        said = gatewright.predict(out, file=str(data))
        assert np.mean([one.label == label for one, label in zip(said, labels, strict=True)]) > 0.9
        figures = gatewright.evaluate(out, str(data))
        assert figures.rows == 100
        assert figures.test["accuracy"] == np.mean(
            [one.label == label for one, label in zip(said, labels, strict=True)]
        )
        model = runtime.load(out)
        assert [one.label for one in model.predict(rows)] == [one.label for one in said]
        states = model.start()
        for numbers in rows[0]:
            last, states = model.step(numbers, states)
        assert last.label == said[0].label
        assert cli.main(["info", str(out)]) == 0
        assert "series: 2 channels" in capsys.readouterr().out
        assert cli.main(["predict", str(out), "--file", str(data), "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["predictions"]) == 100

    def test_the_files_figures_are_those_of_the_training(self, tmp_path):
        rows, labels = rising_and_falling(60)
        write_ts(tmp_path / "P_TRAIN.ts", rows[:40], labels[:40])
        write_ts(tmp_path / "P_TEST.ts", [np.tile(row, (2, 1)) for row in rows[40:]], labels[40:])
        out = tmp_path / "m.safetensors"
        result = gatewright.train("classify", str(tmp_path), out, **{**SMALL, "epochs": 2})
        assert any("steps are read" in note or "are read" in note for note in result.notes)
        again = gatewright.evaluate(out, str(tmp_path))
        for name, figure in result.test.items():
            assert again.test[name] == pytest.approx(figure, abs=1e-5)

    def test_each_setting_changes_the_network(self, tmp_path):
        rows, labels = rising_and_falling(40)
        data = str(write_npz(tmp_path / "s.npz", rows, labels))
        small = {**SMALL, "epochs": 2}
        plain = gatewright.train("classify", data, tmp_path / "plain.safetensors", **small)
        others = [
            {"length": 3},
            {"input_dropout": 0.5},
            {"recurrent_dropout": 0.5},
            {"noise": 0.9},
            {"scaling": "together"},
            {"output_dropout": 0.0},
            {"layers": 2},
            {"both": True},
            {"pooling": "last"},
            {"cell": "lstm"},
        ]
        for place, other in enumerate(others):
            result = gatewright.train("classify", data, tmp_path / f"{place}.safetensors", **{**small, **other})
            assert result.epochs[-1].loss != plain.epochs[-1].loss, other

    @pytest.mark.parametrize(("channels", "noise"), [(1, 0.1), (2, 0.5)])
    def test_one_channel_has_less_noise(self, tmp_path, channels, noise):
        rows, labels = rising_and_falling(40)
        data = str(write_npz(tmp_path / "s.npz", [row[:, :channels] for row in rows], labels))
        small = {**SMALL, "epochs": 2}
        result = gatewright.train("classify", data, tmp_path / "m.safetensors", **small)
        told = gatewright.train("classify", data, tmp_path / "told.safetensors", **small, noise=noise)
        assert result.settings["noise"] == noise
        assert [epoch.loss for epoch in result.epochs] == [epoch.loss for epoch in told.epochs]

    def test_of_equal_accuracies_the_smaller_log_loss_is_kept(self, tmp_path):
        rows, labels = rising_and_falling(60)
        rows = [row + (9 if label == "up" else 0) for row, label in zip(rows, labels, strict=True)]
        data = str(write_npz(tmp_path / "s.npz", rows, labels))
        result = gatewright.train("classify", data, tmp_path / "m.safetensors", **SMALL)
        ranked = [(epoch.validation["accuracy"], -epoch.validation["log_loss"]) for epoch in result.epochs]
        assert result.chosen == 1 + ranked.index(max(ranked))
        assert result.chosen > 1 + [one[0] for one in ranked].index(1.0)

    def test_what_is_odd_has_a_note(self, tmp_path):
        rows, labels = rising_and_falling(60)
        rows = [np.concatenate([row, np.full((len(row), 1), 7.0)], axis=1) for row in rows]
        rows[0][2, 1] = np.nan
        labels[0] = "sideways"
        out = tmp_path / "m.safetensors"
        result = gatewright.train("classify", str(write_npz(tmp_path / "s.npz", rows, labels)), out, **SMALL)
        assert "1 of 3 channels are constant in the training rows (3)." in result.notes
        assert "One training row alone has the class 'sideways'." in result.notes
        assert any("numbers are missing; one that is counts as its channel's mean" in note for note in result.notes)

    @pytest.mark.parametrize("scaling", ["each", "together"])
    def test_numbers_beyond_any_measurement(self, tmp_path, scaling):
        rows, labels = rising_and_falling(40)
        rows[3][1, 1], rows[5][2, 0] = 1e308, -1e308
        data = str(write_npz(tmp_path / "s.npz", rows, labels))
        result = gatewright.train("classify", data, tmp_path / "m.safetensors", **SMALL, scaling=scaling)
        assert np.isfinite(result.test["log_loss"])

    def test_a_comparison_has_noise_where_it_is_given_alone(self, tmp_path):
        data = str(write_npz(tmp_path / "s.npz", *rising_and_falling(40)))
        small = {"task": "classify", "cells": ("gru",), "units": 8, "epochs": 1, "seeds": 2}
        plain, without, with_noise = (
            gatewright.compare(data, **small, **given, out=tmp_path / name).cells[0].runs[0].epochs[0].loss
            for name, given in (("plain", {}), ("without", {"noise": 0.0}), ("with", {"noise": 0.5}))
        )
        assert plain == without != with_noise

    def test_cells_are_compared(self, tmp_path):
        rows, labels = rising_and_falling(60)
        data = str(write_ts(tmp_path / "s.ts", rows, labels))
        result = gatewright.compare(
            data, task="classify", cells=("gru", "lstm"), units=8, epochs=2, seeds=2, pooling="mean", out=tmp_path / "c"
        )
        assert [cell.cell for cell in result.cells] == ["gru", "lstm"]
        assert result.baseline.name == "logistic regression"
        with pytest.raises(InputError, match=r"embedding is not for series of numbers, as .* has: leave embedding out"):
            gatewright.compare(data, embedding=8, out=tmp_path / "d")
        with pytest.raises(InputError, match="word_dropout is not for series of numbers"):
            gatewright.compare(data, word_dropout=0.1, out=tmp_path / "d")

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (["--embedding", "8"], "embedding is not for series of numbers, as {data} has: leave embedding out."),
            (
                ["--adversarial", "0.3"],
                "adversarial is not for series of numbers, as {data} has: leave adversarial out.",
            ),
            (["--tokens", "bytes"], "tokens is not for series of numbers, as {data} has: leave tokens out."),
            (["--from", "x"], "--from x is not for series of numbers, as {data} has: leave it out."),
            (["--text", "x"], "--text x is not for series of numbers, as {data} has: leave it out."),
            (["--id", "x"], "name the columns of a long table, which {data} is not: leave them out."),
            (["--test", "nowhere.ts"], "--test must be a file of series"),
            (["--validation", "nowhere.ts"], "--validation must be a file of series"),
        ],
    )
    def test_refusals(self, tmp_path, capsys, flags, said):
        rows, labels = rising_and_falling(20)
        data = write_ts(tmp_path / "s.ts", rows, labels)
        out = tmp_path / "m.safetensors"
        assert cli.main(["train", "classify", str(data), "--out", str(out), *flags]) == 2
        sentence = capsys.readouterr().err
        assert said.format(data=data) in sentence
        assert sentence.count("\n") == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["s.ts"]

    @pytest.mark.parametrize(
        ("rows", "labels", "said"),
        [
            (1, ["a"], "has one class only, 'a'"),
            (2, ["a", "b"], "too few rows"),
            (4, ["a", "a", "a", "b"], "too few rows"),
            (3, ["a", "b", "c"], "3 different labels in 3 rows"),
        ],
    )
    def test_too_few_rows(self, tmp_path, rows, labels, said):
        data = write_ts(tmp_path / "s.ts", series([7] * rows, 2), labels)
        with pytest.raises(InputError, match=said):
            gatewright.train("classify", str(data), tmp_path / "m.safetensors")

    def test_parts_that_do_not_fit(self, tmp_path):
        data = str(write_ts(tmp_path / "s.ts", series([7] * 20, 2), ["a", "b"] * 10))
        other = str(write_ts(tmp_path / "t.ts", series([7] * 2, 2), ["a", "c"]))
        with pytest.raises(InputError, match=r"the test part of s.ts has the label 'c', which no training row has"):
            gatewright.train("classify", data, tmp_path / "m.safetensors", test=other)
        with pytest.raises(InputError, match=r"the validation rows of .* have the label 'c'"):
            gatewright.train("classify", data, tmp_path / "m.safetensors", validation=other)
        np.savez(tmp_path / "u.npz", X=np.ones((2, 3, 5)), y=np.array(["a", "b"]))
        with pytest.raises(InputError, match="has 5 channels, and 2 are needed"):
            gatewright.train("classify", data, tmp_path / "m.safetensors", test=str(tmp_path / "u.npz"))


def test_stretches_of_neighbours_validate():
    """Digits of one writer stand beside one another: of each class whole runs of them are held out."""
    task = ClassifySeries("digits")
    parts = task.read()
    assert any("are of one writer: whole stretches of them validate" in note for note in parts.notes)
    rows = read_series("digits").train
    held = {row.tobytes() for row in parts.validation.values}
    assert len(parts.validation.values) == 120
    for label in set(rows.labels):
        own = [row.tobytes() in held for row, one in zip(rows.values, rows.labels, strict=True) if one == label]
        assert np.diff(np.flatnonzero(own)).tolist().count(1) >= sum(own) - 2


class TestUse:
    @pytest.fixture
    def model(self, tmp_path):
        model_file.write(series_classifier(), tmp_path / "m.safetensors")
        return tmp_path / "m.safetensors"

    def test_texts_are_refused(self, model, tmp_path):
        with pytest.raises(InputError, match="answers series of numbers, not texts: give a file of rows with --file"):
            gatewright.predict(model, "a text")
        with pytest.raises(InputError, match=r"--text is for texts, and .* is a classifier of series: leave it out"):
            gatewright.evaluate(model, "x.ts", text="t")

    def test_labels_it_does_not_know(self, model, tmp_path):
        data = write_npz(tmp_path / "s.npz", series((7, 8)), ["a", "z"])
        with pytest.raises(InputError, match=r"has the label 'z', which .* does not know"):
            gatewright.evaluate(model, str(data))
        assert len(gatewright.predict(model, file=str(data))) == 2
        data = write_npz(tmp_path / "s.npz", series((7, 8), 2))
        with pytest.raises(InputError, match="has 2 channels, and 3 are needed"):
            gatewright.predict(model, file=str(data))

    def test_every_default_is_allowed(self):
        for setting in SERIES:
            assert setting.default is None or setting.check(setting.default) == setting.default
        assert complete(SERIES, {})["length"] is None
