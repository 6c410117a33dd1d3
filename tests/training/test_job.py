"""`gatewright train` and the commands that use its model: resumed trainings, equal figures and clear errors."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

import gatewright
from gatewright.commands import main as cli
from gatewright.support.errors import InputError
from gatewright.training import network
from gatewright.training.checkpoint import Checkpoint

pytestmark = pytest.mark.slow  # trains networks

SMALL = {"units": 6, "embedding_dim": 8, "epochs": 3, "max_length": 12, "batch_size": 16, "learning_rate": 0.01}
FLAGS = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", str(value))]


def write_reviews(path, rows=120, labels=("bad", "good"), seed=0):
    """Write a table of texts, two words of which depend on the label."""
    draw = random.Random(seed)
    telling = [[f"{label}{place}" for place in range(4)] for label in labels]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(rows):
            kind = row % len(labels)
            words = [f"word{draw.randrange(30)}" for _ in range(6)] + draw.choices(telling[kind], k=2)
            draw.shuffle(words)
            writer.writerow([" ".join(words), labels[kind]])
    return path


@pytest.fixture
def reviews(tmp_path):
    return write_reviews(tmp_path / "reviews.csv")


def figures(result):
    """Return a result without what differs between equal trainings."""
    kept = result.to_json()
    for epoch in kept["epochs"]:
        del epoch["seconds"]
    return {name: value for name, value in kept.items() if name not in ("seconds", "machine", "out")}


def test_from_a_table_to_predictions(tmp_path, reviews, capsys):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("classify", str(reviews), out, **{**SMALL, "epochs": 8})
    assert result.test["accuracy"] > 0.9
    assert result.sizes == {"train": 86, "validation": 10, "test": 24}
    assert sum(map(sum, result.confusion)) == 24
    assert (
        set(result.test)
        == set(result.baseline)
        == {
            *("accuracy", "macro_f1", "auroc", "log_loss", "calibration_error"),
        }
    )
    assert "the baseline" in result.verdict
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "reviews.csv"]
    model = gatewright.runtime.load(out)
    assert model.predict("good1 word3 good2").label == "good"
    measured = gatewright.evaluate(out, str(reviews), split="all")
    assert measured.size == 120
    assert measured.test["accuracy"] > 0.9
    assert measured.baseline["accuracy"] == 0.5
    assert gatewright.info(out).training["test"] == result.test
    assert [one.label for one in gatewright.predict(out, ["bad1 bad2", "good0 good3"])] == ["bad", "good"]
    for shown in (result, measured, gatewright.info(out)):
        assert max(map(len, str(shown).split("\n"))) <= 100 + len(str(out))  # a path is not wrapped
    assert "<pre>" in result._repr_html_()
    assert json.loads(json.dumps(result.to_json(), allow_nan=False))["test"] == result.test


def test_a_finished_training_is_not_repeated_and_replaced_only_on_request(tmp_path, reviews):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("classify", str(reviews), out, **SMALL)
    stamp = out.stat().st_mtime_ns
    assert gatewright.train("classify", str(reviews), out, **SMALL) == result
    assert out.stat().st_mtime_ns == stamp
    others = {**SMALL, "units": 5, "pooling": "last"}
    with pytest.raises(InputError, match=r"was trained with units 6, not 5; pooling 'max', not 'last': choose another"):
        gatewright.train("classify", str(reviews), out, **others)
    assert out.stat().st_mtime_ns == stamp
    other = gatewright.train("classify", str(reviews), out, overwrite=True, **others)
    assert other.settings["units"] == 5
    assert gatewright.info(out).training["settings"]["units"] == 5


def test_flags_a_settings_file_and_the_function_give_equal_trainings(tmp_path, reviews, capsys):
    config = tmp_path / "s.toml"
    config.write_text("\n".join(f"{name.replace('_', '-')} = {value}" for name, value in SMALL.items()))
    by_function = gatewright.train("classify", str(reviews), tmp_path / "a.safetensors", **SMALL)
    by_file = gatewright.train("classify", str(reviews), tmp_path / "b.safetensors", config=config)
    assert (
        cli.main(["train", "classify", str(reviews), "--out", str(tmp_path / "c.safetensors"), *FLAGS, "--json"]) == 0
    )
    by_flags = json.loads(capsys.readouterr().out)
    assert figures(by_function) == figures(by_file)
    assert by_flags["test"] == by_function.test
    assert (
        gatewright.train("classify", str(reviews), tmp_path / "d.safetensors", config=config, units=4).settings["units"]
        == 4
    )


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm", "layers": 2, "bidirectional": False, "pooling": "last"},
        {"pooling": "attention", "ema_decay": 0.9, "schedule": "cosine", "warmup": 0.2},
        {"tokens": "bytes", "vocabulary": 300, "pooling": "mean", "max_length": 40},
        {"class_weights": "balanced", "recurrent_dropout": 0.2, "embedding_dropout": 0.2, "weight_decay": 0.01},
        {"input_dropout": 0.3},
        {"adversarial_epsilon": 0.5},
        {"cell": "min_gru", "bidirectional": True},
        {"cell": "min_lstm", "layers": 2},
        {"cell": "layer_norm_lstm", "recurrent_dropout": 0.2},
        {"cell": "layer_norm_gru", "bidirectional": True},
        {"cell": "lstm", "zoneout": 0.4},
        {"zoneout": 0.1, "bidirectional": True},
        {"layer_lr_decay": 1.5, "gradual_unfreezing": True},
        {"embedding_moments": "own", "clip_norm": 0.1},
    ],
)
def test_settings_reach_the_model(tmp_path, options):
    reviews = write_reviews(tmp_path / "three.csv", labels=("a", "b", "c"))
    out = tmp_path / "m.safetensors"
    result = gatewright.train("classify", str(reviews), out, **{**SMALL, **options})
    assert {name: result.settings[name] for name in options} == options
    assert gatewright.runtime.load(out).labels == ("a", "b", "c")
    layers = gatewright.info(out).layers
    assert sum(layer["kind"] == "recurrent" for layer in layers) == options.get("layers", 1)
    plain = gatewright.train("classify", str(reviews), tmp_path / "p.safetensors", **SMALL)
    assert result.epochs[0].loss != plain.epochs[0].loss


class TestInterruption:
    def test_a_training_interrupted_at_any_step_resumes_to_the_same_figures(self, tmp_path, reviews, monkeypatch):
        """The training has a checkpoint at every step, and is interrupted after every third step."""
        options = {**SMALL, "ema_decay": 0.8, "recurrent_dropout": 0.3}
        whole = gatewright.train("classify", str(reviews), tmp_path / "whole.safetensors", **options)
        monkeypatch.setattr(Checkpoint, "due", lambda self: True)
        steps, train_step = 0, network.Network.train_step

        def interrupted(self, *given):
            nonlocal steps
            steps += 1
            if steps % 4 == 0:
                raise KeyboardInterrupt
            return train_step(self, *given)

        monkeypatch.setattr(network.Network, "train_step", interrupted)
        out, messages = tmp_path / "m.safetensors", []
        while True:
            try:
                result = gatewright.train("classify", str(reviews), out, **options)
            except KeyboardInterrupt as stopped:
                messages.append(str(stopped))
                if out.exists():
                    assert gatewright.runtime.load(out).predict("good1").label in ("bad", "good")
            else:
                break
        assert len(messages) > 3
        assert all("run the same command again to resume" in message for message in messages)
        assert "interrupted before the first epoch was finished" in messages[0]
        assert "the best epoch so far" in messages[-1]
        assert figures(result) == figures(whole)
        for name in ("whole", "m"):
            assert (tmp_path / f"{name}.safetensors").stat().st_size > 1000
        one, other = (gatewright.runtime.load(tmp_path / f"{name}.safetensors") for name in ("whole", "m"))
        assert one.predict("good1 bad2") == other.predict("good1 bad2")

    def test_a_killed_training_resumes_to_the_same_figures(self, tmp_path, reviews):
        whole = gatewright.train("classify", str(reviews), tmp_path / "whole.safetensors", **{**SMALL, "epochs": 30})
        out = tmp_path / "m.safetensors"
        command = [
            sys.executable,
            "-m",
            "gatewright.commands.main",
            "train",
            "classify",
            str(reviews),
            "--out",
            str(out),
        ]
        command += [*FLAGS, "--epochs", "30", "--json"]
        draw = random.Random(1)
        for _ in range(4):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draw.uniform(0.5, 5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            if out.exists():
                gatewright.runtime.load(out)
        done = subprocess.run(command, capture_output=True, check=True)
        assert json.loads(done.stdout)["test"] == whole.test
        assert figures(gatewright.train("classify", str(reviews), out, **{**SMALL, "epochs": 30})) == figures(whole)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "reviews.csv", "whole.safetensors"]

    def test_a_folder_left_by_a_training_killed_at_its_end_is_removed(self, tmp_path, reviews):
        out = tmp_path / "m.safetensors"
        first = gatewright.train("classify", str(reviews), out, **SMALL)
        (tmp_path / "m.safetensors.training").mkdir()
        (tmp_path / "m.safetensors.training" / "gatewright.lock").write_text("")
        (tmp_path / "m.safetensors.training" / "checkpoint.npz").write_bytes(b"")
        assert figures(gatewright.train("classify", str(reviews), out, **SMALL)) == figures(first)
        assert not (tmp_path / "m.safetensors.training").exists()

    def test_ctrl_c_on_the_command_line_saves_the_best_epoch(self, tmp_path, reviews):
        out = tmp_path / "m.safetensors"
        # A shell starts background jobs with Ctrl-C ignored, and child processes inherit that.
        program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        program += "from gatewright.commands.main import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", program, "train", "classify", str(reviews), "--out", str(out)]
        command += [*FLAGS, "--epochs", "100000"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if line.startswith("epoch 2 of"):
                break
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert printed == ""
        assert "Traceback" not in errors
        assert "gatewright: interrupted; the best epoch so far, " in errors
        assert gatewright.runtime.load(out).predict("good1").label in ("bad", "good")
        assert not gatewright.info(out).training["finished"]

    def test_temporary_files_of_a_killed_process_are_removed(self, tmp_path, reviews):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        (tmp_path / f".gatewright-{gone.pid}-m.safetensors").write_bytes(b"half")
        (tmp_path / f".{gone.pid}-m.safetensors").write_bytes(b"of the user")
        gatewright.train("classify", str(reviews), tmp_path / "m.safetensors", **SMALL)
        left = sorted(path.name for path in tmp_path.iterdir())
        assert left == [f".{gone.pid}-m.safetensors", "m.safetensors", "reviews.csv"]

    def test_an_interrupted_training_of_other_settings_is_refused(self, tmp_path, reviews, monkeypatch):
        out = tmp_path / "m.safetensors"
        monkeypatch.setattr(network, "minibatches", interrupt_after(network.minibatches, 1))
        with pytest.raises(KeyboardInterrupt, match="the best epoch so far, 1, is saved in"):
            gatewright.train("classify", str(reviews), out, **SMALL)
        other = {**SMALL, "units": 5}
        with pytest.raises(InputError, match=r"with units 6, not 5: give the same settings to resume the training, "):
            gatewright.train("classify", str(reviews), out, **other)
        out.rename(tmp_path / "kept")
        with pytest.raises(InputError, match=r"with units 6, not 5: give the same settings to resume it, or --overwri"):
            gatewright.train("classify", str(reviews), out, **other)

    def test_an_interrupted_training_of_other_settings_is_discarded_on_request(self, tmp_path, reviews, monkeypatch):
        out = tmp_path / "m.safetensors"
        with monkeypatch.context() as patch:
            patch.setattr(network, "minibatches", interrupt_after(network.minibatches, 1))
            with pytest.raises(KeyboardInterrupt):
                gatewright.train("classify", str(reviews), out, **SMALL)
        result = gatewright.train("classify", str(reviews), out, overwrite=True, **{**SMALL, "units": 5})
        assert result.finished
        assert result.settings["units"] == 5
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors", "reviews.csv"]


def interrupt_after(function, calls):
    """Return a function that raises KeyboardInterrupt after so many calls."""
    made = 0

    def counted(*given):
        nonlocal made
        made += 1
        if made == calls + 1:
            raise KeyboardInterrupt
        return function(*given)

    return counted


def refused(tmp_path, capsys, *arguments):
    """Return the one sentence with which a command is refused, and check that it wrote nothing."""
    before = sorted(os.listdir(tmp_path))
    assert cli.main(list(map(str, arguments))) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gatewright: ")
    assert printed.err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == before
    return printed.err


class TestRefused:
    def test_a_wrong_place_for_the_model_is_refused(self, tmp_path, reviews, capsys):
        train = ("train", "classify", reviews, "--out")
        assert "is a folder" in refused(tmp_path, capsys, *train, tmp_path)
        assert "in a folder that does not exist" in refused(tmp_path, capsys, *train, tmp_path / "no" / "m")
        (tmp_path / "text").write_text("no model")
        assert "is not a complete model file: remove it" in refused(tmp_path, capsys, *train, tmp_path / "text")
        assert "is also given as DATA, and would be lost" in refused(tmp_path, capsys, *train, reviews, "--overwrite")

    def test_a_model_of_other_data_or_another_task_is_refused(self, tmp_path, reviews, capsys):
        out = tmp_path / "m"
        gatewright.train("classify", str(reviews), out, **SMALL)
        capsys.readouterr()
        other = write_reviews(tmp_path / "other.csv", seed=1)
        content = out.read_bytes()
        said = refused(tmp_path, capsys, "train", "classify", other, "--out", out)
        assert "was trained with the data reviews.csv, not other.csv: choose another --out, or give --overwrite" in said
        said = refused(tmp_path, capsys, "train", "generate", other, "--text", "text", "--out", out)
        assert "was trained with the task classify, not generate: choose another --out" in said
        os.replace(other, reviews)
        said = refused(tmp_path, capsys, "train", "classify", reviews, "--out", out)
        assert "was trained with other data, also named reviews.csv: choose another --out" in said
        assert out.read_bytes() == content

    def test_the_language_model_that_is_fine_tuned_is_never_replaced(self, tmp_path, reviews, capsys):
        out = tmp_path / "m"
        gatewright.train("generate", str(reviews), out, text="text", units=4, embedding_dim=4, epochs=1)
        capsys.readouterr()
        said = refused(tmp_path, capsys, "train", "classify", reviews, "--from", out, "--out", out, "--overwrite")
        assert "is also given as --from, and would be lost: choose another --out." in said

    def test_wrong_settings_are_refused(self, tmp_path, reviews, capsys):
        train = ("train", "classify", reviews, "--out", tmp_path / "m")
        assert "did you mean 'attention'?" in refused(tmp_path, capsys, *train, "--pooling", "atention")
        config = tmp_path / "s.toml"
        config.write_text("unit = 3\n")
        said = refused(tmp_path, capsys, *train, "--config", config)
        assert "'unit' is not a setting of this task: leave it out; did you mean 'units'?" in said

    def test_wrong_data_is_refused(self, tmp_path, reviews, capsys):
        def data(content):
            (tmp_path / "d.csv").write_text(content)
            return refused(tmp_path, capsys, "train", "classify", tmp_path / "d.csv", "--out", tmp_path / "m")

        (tmp_path / "d.csv").write_text("")
        assert "has no rows" in data("text,label\n")
        assert "has only one class" in data("text,label\na,b\n")
        assert "different labels" in data("text,label\n" + "".join(f"t,{row}.5\n" for row in range(50)))
        assert "has no column 'text'" in data("one,two,label\na,b,c\nd,e,f\n")
        (tmp_path / "v.csv").write_text("text,label\na,unheard\n")
        train = ("train", "classify", reviews, "--out", tmp_path / "m", "--validation", tmp_path / "v.csv")
        assert "'unheard', which the training set does not have" in refused(tmp_path, capsys, *train)

    def test_commands_that_use_a_model_refuse_wrong_input(self, tmp_path, reviews, capsys):
        out = tmp_path / "m.safetensors"
        gatewright.train("classify", str(reviews), out, **SMALL)
        capsys.readouterr()
        other = write_reviews(tmp_path / "other.csv", labels=("good", "goood"))
        said = refused(tmp_path, capsys, "evaluate", out, other)
        assert "the label 'goood', which" in said
        assert "did you mean 'good'?" in said
        for command in (["predict", reviews, "a"], ["info", reviews], ["evaluate", reviews, reviews]):
            assert "is not a model file, or is damaged" in refused(tmp_path, capsys, *command)
        assert "No texts are given. Give texts" in refused(tmp_path, capsys, "predict", out)
        assert "does not exist" in refused(tmp_path, capsys, "predict", out, "--file", tmp_path / "none.txt")


def test_only_some_of_many_epochs_are_shown(tmp_path, reviews):
    result = gatewright.train("classify", str(reviews), tmp_path / "m.safetensors", **{**SMALL, "epochs": 40})
    shown = [line.split()[0] for line in str(result).split("\n") if line.strip()[:1].isdigit()]
    assert {"1", str(result.chosen_epoch), "40"} <= set(shown)
    assert 10 <= len(shown) <= 15


def test_predict_from_files_and_standard_input(tmp_path, reviews, capsys, monkeypatch):
    out = tmp_path / "m.safetensors"
    gatewright.train("classify", str(reviews), out, **{**SMALL, "epochs": 8})
    (tmp_path / "t.txt").write_bytes(b"good1 good2\r\nbad1 bad2\n\n")
    (tmp_path / "t.csv").write_text("id,review\n1,good1 good2\n2,bad1 bad2\n")
    capsys.readouterr()
    assert cli.main(["predict", str(out), "--file", str(tmp_path / "t.txt")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines[:2]] == ["good", "bad"]
    assert len(lines) == 3
    assert cli.main(["predict", str(out), "--file", str(tmp_path / "t.csv"), "--text", "review", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["predictions"]
    assert [one["label"] for one in said] == ["good", "bad"]
    assert sum(said[0]["probabilities"].values()) == pytest.approx(1)
    piped = subprocess.run(
        [sys.executable, "-m", "gatewright.commands.main", "predict", str(out), "-"],
        input=b"bad1 bad3\n",
        capture_output=True,
        check=True,
    )
    assert piped.stdout.decode().startswith("bad\t")


class TestMultiLabel:
    NAMES = ("toxic", "a, b", "[/b]\U0001f600\0")

    def write(self, path, rows=240, seed=0):
        """Write texts with words that depend on each label, and lists of labels."""
        draw = random.Random(seed)
        with path.open("w") as file:
            for _ in range(rows):
                labels = [name for name in self.NAMES[:2] if draw.random() < 0.5]
                labels += [self.NAMES[2]] * (labels == [])
                words = [f"word{draw.randrange(30)}" for _ in range(4)]
                words += [f"tell{self.NAMES.index(name)}" for name in labels] * 2
                draw.shuffle(words)
                file.write(json.dumps({"text": " ".join(words), "label": labels, "joined": ";".join(labels)}) + "\n")
        return path

    def test_from_lists_to_predictions(self, tmp_path, capsys):
        data, out = str(self.write(tmp_path / "d.jsonl")), tmp_path / "m.safetensors"
        result = gatewright.train("classify", data, out, **{**SMALL, "epochs": 30})
        assert list(result.test) == list(result.baseline)
        assert list(result.test)[:3] == ["macro_f1", "micro_f1", "accuracy"]
        assert result.test["macro_f1"] > 0.9
        assert result.test["accuracy"] > 0.8
        assert f"macro F1 {result.test['macro_f1']:.4f} against " in result.verdict
        assert f"examples with every label right {result.test['accuracy']:.4f} against " in result.verdict
        assert result.multi_label
        assert [sum(map(sum, table)) for table in result.confusion] == [48] * 3
        assert gatewright.train("classify", data, out, **{**SMALL, "epochs": 30}) == result  # read from the file
        model = gatewright.runtime.load(out)
        assert model.labels == tuple(sorted(self.NAMES))
        assert model.predict("tell0 tell0 tell1 tell1").labels == ("a, b", "toxic")
        measured = gatewright.evaluate(out, data, split="all")
        assert measured.test["macro_f1"] > 0.9
        assert measured.baseline["auroc"] == 0.5
        joined = gatewright.evaluate(out, data, label="joined", label_separator=";")
        assert (joined.test, joined.confusion) == (measured.test, measured.confusion)
        for shown in (result, measured, gatewright.info(out)):
            assert max(map(len, str(shown).split("\n"))) <= 100 + len(str(out))
        assert "precision" in str(result)
        assert "multi_label: true" in str(gatewright.info(out))
        assert json.loads(json.dumps(result.to_json(), allow_nan=False))["confusion"][0][1][1] > 0
        capsys.readouterr()
        assert cli.main(["predict", str(out), "tell0 tell0 tell1 tell1", "word1 word2"]) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("a, b,toxic\t[/b]\U0001f600\\x00 0.")
        assert second.count("\t") == 1
        assert cli.main(["predict", str(out), "tell0 tell0", "--json"]) == 0
        (said,) = json.loads(capsys.readouterr().out)["predictions"]
        assert said["labels"] == ["toxic"]
        assert set(said["probabilities"]) == set(self.NAMES)

    def test_columns_of_labels_are_read_and_wrong_ones_are_refused(self, tmp_path, capsys):
        data = tmp_path / "d.csv"
        lines = [f"tell{row % 2} word{row % 7},{row % 2},{str(row % 3 == 0).lower()},{row}" for row in range(60)]
        data.write_text("text,p,q,n\n" + "\n".join(lines) + "\n")
        out = tmp_path / "m.safetensors"
        train = ("train", "classify", data, "--out", out, *FLAGS)
        said = refused(tmp_path, capsys, *train, "--label", "p,n")
        assert "d.csv, line 4: 'n' is '2', but several label columns must contain 0 or 1, or true or false" in said
        said = refused(tmp_path, capsys, *train, "--label", "p,q", "--class-weights", "balanced")
        assert "class_weights cannot be 'balanced' if a text has any number of labels" in said
        said = refused(tmp_path, capsys, *train, "--label", "p,q", "--label-separator", "|")
        assert "--label-separator" in said
        assert cli.main([*map(str, train), "--label", "p,q", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["labels"] == ["p", "q"]
        evaluate = ("evaluate", out, data, "--label")
        assert "has one label for each text, but " in refused(tmp_path, capsys, *evaluate, "p")
        other = tmp_path / "o.csv"
        other.write_text("text,p,q,r\na,1,0,1\n")
        said = refused(tmp_path, capsys, "evaluate", out, other, "--label", "p,q,r")
        assert "the label 'r', which" in said
        assert "leave that column out" in said
        single = self.write(tmp_path / "s.jsonl", 40)
        said = refused(tmp_path, capsys, "evaluate", out, single)
        assert "which " in said
        assert "leave those texts out" in said
        models = tmp_path / "one.safetensors"
        gatewright.train("classify", str(write_reviews(tmp_path / "r.csv")), models, **{**SMALL, "epochs": 1})
        capsys.readouterr()
        said = refused(tmp_path, capsys, "evaluate", models, single)
        assert "has any number of labels for each text, but " in said

    def test_a_missing_column_of_labels_is_refused(self, tmp_path, capsys):
        data, out = tmp_path / "d.csv", tmp_path / "m.safetensors"
        data.write_text("text,p,q,r\n" + "".join(f"t{n % 5},{n % 2},{n % 3 % 2},{n % 5 % 2}\n" for n in range(60)))
        gatewright.train("classify", str(data), out, label="p,q,r", **{**SMALL, "epochs": 1})
        capsys.readouterr()
        said = refused(tmp_path, capsys, "evaluate", out, data, "--label", "p,r")
        assert "predicts the label 'q', but --label names no column of d.csv for it. Name one column for each" in said

    def test_a_language_model_has_no_labels(self):
        with pytest.raises(InputError, match=r"^--label-separator ; is an option of classify, not of generate"):
            gatewright.train("generate", "shakespeare", label_separator=";")
