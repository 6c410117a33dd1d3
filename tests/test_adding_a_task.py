"""A task is added by its folder and one line in the registry: every command and public function then knows it."""

import json

import numpy as np
import pytest
import toy_task

import gatewright
from gatewright.commands.main import main
from gatewright.support.errors import InputError
from gatewright.tasks import registry

SETTINGS = {"units": 8, "embedding_dim": 3, "epochs": 30, "batch_size": 8, "learning_rate": 0.02, "output_dropout": 0.0}
FLAGS = [part for name, value in SETTINGS.items() for part in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setattr(registry, "TASKS", (*registry.TASKS, toy_task.SPEC))


@pytest.fixture
def bits(tmp_path):
    rng = np.random.default_rng(0)
    sequences = ["".join(map(str, rng.integers(0, 2, rng.integers(1, 9)))) for _ in range(200)]
    (tmp_path / "bits.txt").write_text("\n".join(sequences) + "\n")
    return str(tmp_path / "bits.txt")


@pytest.mark.slow
def test_the_public_functions_know_the_task(tmp_path, bits):
    out = tmp_path / "m.safetensors"
    trained = gatewright.train("count", bits, out, **SETTINGS)
    assert trained.task == "count"
    assert trained.sizes == {"train": 140, "validation": 20, "test": 40}
    assert trained.test["mse"] < trained.baseline["mse"]
    assert trained.settings["embedding_dim"] == 3
    assert "mean squared error" in str(trained)
    assert gatewright.train_counter(bits, out, **SETTINGS) == trained  # finished: nothing is trained again

    evaluated = gatewright.evaluate(out, bits)
    assert evaluated.size == 200
    assert evaluated.test["mse"] < evaluated.baseline["mse"]
    assert "constant" in str(evaluated)

    alone, padded = gatewright.predict(out, "0110")[0], gatewright.predict(out, ["0110", "01101111"])[0]
    assert round(alone.count) == 2
    assert padded.count == pytest.approx(alone.count, abs=1e-5)
    assert len(gatewright.predict(out, file=bits)) == 200

    info = gatewright.info(out)
    assert (info.task, info.reads, info.ids) == ("count", "sequences of bits", 3)
    assert "sequences of bits" in str(info)

    compared = gatewright.compare(
        bits, task="count", cells=("gru", "lstm"), units=4, epochs=2, seeds=2, out=tmp_path / "c"
    )
    assert [cell.name for cell in compared.cells] == ["GRU", "LSTM"]
    assert compared.baseline.name == "linear regression"
    assert (tmp_path / "c" / "report.html").exists()


@pytest.mark.slow
def test_the_command_line_knows_the_task(tmp_path, bits, capsys):
    out = str(tmp_path / "m.safetensors")

    def printed(*arguments):
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    trained = json.loads(printed("train", "count", bits, "--out", out, *FLAGS, "--json"))
    assert trained["settings"]["units"] == 8
    assert json.loads(printed("evaluate", out, bits, "--json"))["size"] == 200
    assert printed("predict", out, "0110").startswith("0110\t")
    predictions = json.loads(printed("predict", out, "--file", bits, "--json"))["predictions"]
    assert set(predictions[0]) == {"bits", "count"}
    assert "count, " in printed("info", out)
    compare = ("compare", bits, "--task", "count", "--cells", "gru", "--units", "4", "--epochs", "1", "--seeds", "2")
    assert "The report is" in printed(*compare, "--out", str(tmp_path / "c"))


def test_the_help_texts_name_the_task(capsys):
    for arguments, text in (
        (["train", "--help"], "count"),
        (["train", "count", "--help"], "Size of the embeddings of the two bits"),
        (["compare", "--help"], "sequences of bits"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert text in " ".join(capsys.readouterr().out.split())


def test_the_task_is_among_the_training_functions():
    assert "train_counter" in dir(gatewright)
    assert "embedding_dim" in gatewright.train_counter.__doc__


def test_wrong_data_and_settings_are_refused(tmp_path, bits):
    out = tmp_path / "m.safetensors"
    with pytest.raises(InputError, match="'max_length' is not a setting of this task"):
        gatewright.train("count", bits, out, max_length=3)
    with pytest.raises(InputError, match="--test t does not apply to sequences of bits"):
        gatewright.train("count", bits, out, test="t")
    (tmp_path / "words.txt").write_text("a film\n")
    with pytest.raises(InputError, match="must consist of 0 and 1, not be 'a'"):
        gatewright.train("count", str(tmp_path / "words.txt"), out)
