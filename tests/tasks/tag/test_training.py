"""Taggers from tagged sentences to predictions: training, comparison and the commands."""

import json

import pytest

import gatewright
from gatewright.commands import main as cli
from gatewright.support.errors import InputError

pytestmark = pytest.mark.slow  # compiles training steps

SIZES = {"units": 8, "embedding_dim": 6, "char_units": 4, "max_chars": 5, "batch_size": 8}
SMALL = {**SIZES, "epochs": 2, "learning_rate": 0.01}


@pytest.mark.parametrize("more", [{}, {"crf": False, "pooling": "attention"}])
def test_from_sentences_to_predictions(folder, tmp_path, more):
    out = tmp_path / "m.safetensors"
    result = gatewright.train("tag", str(folder), out, **{**SMALL, "epochs": 12, "ema_decay": 0.9}, **more)
    assert result.settings["crf"] is more.get("crf", True)
    assert result.test["span_f1"] > 0.95
    assert result.test["intent_accuracy"] == 1
    assert result.unit == "tokens"
    assert not any("unknown words" in note for note in result.notes)  # the test set has none
    again = gatewright.evaluate(out, str(folder))
    for name, figure in result.test.items():
        assert again.test[name] == pytest.approx(figure, nan_ok=True)
    assert again.size == result.sizes["test"]
    assert again.baseline["span_f1"] == 0
    predicted = gatewright.predict(out, "show flights from new york to dallas")[0]
    assert predicted.tags == ("O", "O", "O", "B-from", "I-from", "O", "B-to")
    assert predicted.label == "flight"
    assert "spelling" in str(gatewright.info(out))


def test_the_same_seed_gives_the_same_figures(folder, tmp_path):
    runs = [
        gatewright.train("tag", str(folder), tmp_path / f"{n}.safetensors", **SMALL, seed=n // 2) for n in (0, 1, 2)
    ]
    losses = [[epoch.loss for epoch in run.epochs] for run in runs]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    "more",
    [
        {"crf": False},
        {"max_chars": 2},
        {"char_units": 5},
        {"word_dropout": 0.5},
        {"pooling": "attention"},
        {"bidirectional": False},
        {"layers": 2},
        {"min_count": 30},
        {"max_length": 4},
        {"input_dropout": 0.3},
    ],
    ids=lambda more: next(iter(more)),
)
def test_each_setting_changes_what_is_learned(folder, tmp_path, more):
    plain, other = (
        gatewright.train("tag", str(folder), tmp_path / f"{place}.safetensors", **{**SMALL, "epochs": 1, **own})
        for place, own in enumerate(({}, more))
    )
    assert plain.epochs[0].loss != other.epochs[0].loss


def test_the_commands_train_predict_evaluate_and_describe_a_tagger(folder, tmp_path, capsys):
    out = str(tmp_path / "m.safetensors")
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
    assert cli.main(["train", "tag", str(folder), "--out", out, "--no-crf", *flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["task"] == "tag"
    assert cli.main(["predict", out, "show flights", "it"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert [line.split("\t")[0] for line in lines[1:4]] == ["show", "flights", ""]
    assert lines[0].startswith("# intent = ")
    assert len(lines) == 8
    assert cli.main(["predict", out, "show flights", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["words"] == ["show", "flights"]
    assert cli.main(["evaluate", out, str(folder), "--limit", "3"]) == 0
    assert "span F1" in capsys.readouterr().out
    assert cli.main(["info", out]) == 0
    assert "word_char_embedding" in capsys.readouterr().out


def test_wrong_input_is_refused_before_anything_is_written(folder, tmp_path, capsys):
    out = str(tmp_path / "m.safetensors")
    assert cli.main(["train", "tag", "nowhere", "--out", out]) == 2
    assert cli.main(["train", "tag", str(folder), "--max-chars", "0", "--out", out]) == 2
    assert "max_chars must be a whole number from 1 to 1024" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"--text review is an option of .*, not of tag: leave it out"):
        gatewright.train("tag", str(folder), out, text="review")
    assert list(tmp_path.iterdir()) == [folder]


def test_cells_are_compared(folder, tmp_path):
    result = gatewright.compare(
        str(folder), task="tag", cells=["GRU", "SimpleRNN"], seeds=2, epochs=2, crf=True, **SIZES, out=tmp_path / "c"
    )
    assert result.measures[0].name == "span_f1"
    assert {cell.name for cell in result.cells} == {"GRU", "SimpleRNN"}
    assert result.baseline.name == "each word's most frequent tag"
