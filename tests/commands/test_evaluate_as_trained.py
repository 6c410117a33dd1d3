"""`evaluate` and `predict` read data as training did, and `evaluate` finds the test set that training set aside."""

import io
import random

import numpy as np
import pytest

import gatewright
from gatewright.commands.main import main
from gatewright.support.errors import InputError

FAST = {"units": 2, "epochs": 1}


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """Return a table with unusual columns and several labels in a field, and a model that was trained on it."""
    folder, rng = tmp_path_factory.mktemp("reviews"), random.Random(0)
    rows = []
    for number in range(80):
        good = rng.random() < 0.5
        tags = ["good" if good else "bad", *(["long"] if rng.random() < 0.4 else [])]
        words = rng.choices(["a", "the", "film"], k=6) + ["fine" if good else "poor"] * 2
        rows.append(f"{number},{' '.join(words)} x{number},{'|'.join(tags)}")
    data = write(folder / "reviews.csv", ["n,review_body,tags", *rows])
    options = {"text": "review_body", "label": "tags", "label_separator": "|"}
    trained = gatewright.train("classify", data, folder / "m.safetensors", **options, embedding_dim=2, **FAST)
    return folder, trained


@pytest.mark.slow
def test_the_test_set_of_the_training_is_measured_without_repeating_any_option(reviews):
    folder, trained = reviews
    model, data = trained.out, str(folder / "reviews.csv")
    again = gatewright.evaluate(model, data)
    assert again.size == trained.sizes["test"] == 16
    assert again.test == pytest.approx(trained.test, rel=1e-4)
    assert any("--split all" in note for note in again.notes)
    assert not any("were in the training set" in note for note in again.notes)

    everything = gatewright.evaluate(model, data, split="all")
    assert everything.size == 80
    assert any("of the 80 texts were in the training set" in note for note in everything.notes)
    assert "Read as in training, with --text review_body, --label tags, --label-separator |." in everything.notes
    assert gatewright.evaluate(model, data, limit=5).size == 5

    renamed = write(folder / "renamed.csv", (folder / "reviews.csv").read_text().splitlines())
    assert gatewright.evaluate(model, renamed).test == again.test  # the same content under another name
    changed = write(folder / "changed.csv", (folder / "reviews.csv").read_text().splitlines()[:-1])
    assert gatewright.evaluate(model, changed).size == 79
    with pytest.raises(InputError, match=r"changed.csv has no test set, and none that the training .* --split test"):
        gatewright.evaluate(model, changed, split="test")
    with pytest.raises(InputError, match="--split must be one of 'test', 'all', not 'tset'; did you mean 'test'"):
        gatewright.evaluate(model, data, split="tset")


@pytest.mark.slow
def test_a_column_that_other_data_lacks_is_found_with_a_note(reviews, capsys, monkeypatch):
    folder, trained = reviews
    other = write(folder / "other.csv", ["text,tags", "a fine film,good|long", "a poor film,bad"])
    notes = gatewright.evaluate(trained.out, other).notes
    lacking = "The model was trained with --text review_body, which {} does not have, so it was left out."
    assert lacking.format(other) in notes
    assert "Read as in training, with --label tags, --label-separator |." in notes
    none = write(folder / "none.csv", ["u,v,w,tags", "a fine film,a poor film,x,good|long", "a poor one,b c d,y,bad"])
    with pytest.raises(InputError, match=r"trained with --text review_body, .* has no column 'text'.* Give --text"):
        gatewright.evaluate(trained.out, none)
    assert gatewright.evaluate(trained.out, none, text="v").size == 2  # an option that is given wins
    with pytest.raises(InputError, match=r"^--text 'z' is not a column of .*none.csv"):
        gatewright.evaluate(trained.out, none, text="z")
    lists = write(folder / "lists.jsonl", ['{"text": "a", "tags": ["good"]}', '{"text": "b", "tags": ["bad", "long"]}'])
    assert gatewright.evaluate(trained.out, lists).size == 2  # lists need no separator

    own = write(folder / "own.csv", ["text,review_body", "zzz zzz,a fine film", "zzz yyy,a poor film"])
    wanted = gatewright.predict(trained.out, ["a fine film", "a poor film"])
    assert [one.to_json() for one in gatewright.predict(trained.out, file=own)] == [one.to_json() for one in wanted]
    assert len(gatewright.predict(trained.out, file=write(folder / "lines.txt", ["a fine film", "poor"]))) == 2
    capsys.readouterr()
    for content, rows in (("number,review_body\n1,a fine film\n2,a poor film\n", 2), ("a fine film\n", 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
        assert main(["predict", trained.out, "--file", "-"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == rows

    assert main(["info", trained.out]) == 0
    assert "read with: --text review_body, --label tags, --label-separator |" in capsys.readouterr().out


def sentences(folder):
    rng = random.Random(1)
    blocks = [
        "\n".join(f"w{(word := rng.randrange(6))}\tX\t{'N' if word < 3 else 'V'}\tz" for _ in range(4))
        for _ in range(60)
    ]
    return "tag", write(folder / "words.tok", ["\n\n".join(blocks)]), {"column": "3"}


def lines(folder):
    rng = random.Random(2)
    rows = [f"{place},{' '.join(rng.choices(['to', 'be', 'or', 'not'], k=8))} {place % 7}" for place in range(60)]
    return "generate", write(folder / "lines.csv", ["k,saying", *rows]), {"text": "saying"}


def series(folder):
    rng = np.random.default_rng(3)
    rows = [
        f"w{walk},{step},{rng.normal() + walk % 2 * step:.3f},{'up' if walk % 2 else 'flat'}"
        for walk in range(40)
        for step in range(5)
    ]
    data = write(folder / "walks.csv", ["walk,ms,y,surface", *rows])
    return "classify", data, {"id": "walk", "time": "ms", "label": "surface"}


def load(folder):
    rows = [f"2026-01-{1 + hour // 24:02d} {hour % 24:02d}:00,{np.sin(hour / 4):.4f},{hour}" for hour in range(240)]
    return "forecast", write(folder / "load.csv", ["when,load,rows", *rows]), {"target": "load", "horizon": 2}


def rolls(folder):
    rng = np.random.default_rng(4)
    pieces = [rng.integers(0, 2, (rng.integers(4, 9), 5)).astype(np.uint8) for _ in range(30)]
    np.savez(folder / "r.npz", traindata=np.concatenate(pieces), trainlengths=[len(piece) for piece in pieces])
    return "generate", str(folder / "r.npz"), {}


@pytest.mark.slow
@pytest.mark.parametrize("make", [sentences, lines, series, load, rolls])
def test_every_task_measures_the_test_set_of_its_training(tmp_path, make):
    task, data, options = make(tmp_path)
    trained = gatewright.train(task, data, tmp_path / "m.safetensors", **options, **FAST)
    again = gatewright.evaluate(trained.out, data)
    assert again.size == trained.sizes["test"]
    assert {name: again.test[name] for name in trained.test} == pytest.approx(trained.test, rel=1e-3, nan_ok=True)
    everything = gatewright.evaluate(trained.out, data, split="all")
    assert everything.size > trained.sizes["test"]


@pytest.mark.slow
def test_the_columns_of_a_forecaster_can_have_other_names(tmp_path):
    rows = [(f"2026-01-{1 + hour // 24:02d}", f"{hour % 24:02d}:00", np.sin(hour / 4), hour % 5) for hour in range(240)]
    known = [f"{day} {hour},{load:.4f},{heat}" for day, hour, load, heat in rows]
    data = write(tmp_path / "load.csv", ["when,load,heat", *known])
    options = {"target": "load", "past_covariates": "heat", "horizon": 2}
    out = gatewright.train("forecast", data, tmp_path / "m.safetensors", **options, **FAST).out
    wanted = gatewright.evaluate(out, data, split="all")

    others = [f"{day[8:]}/01/2026 {hour};{f'{load:.4f}'.replace('.', ',')};{heat}" for day, hour, load, heat in rows]
    other = write(tmp_path / "other.csv", ["date;power;warmth", *others])
    with pytest.raises(InputError, match=r"no column 'when', which the model was trained with, only 'date', .* --time"):
        gatewright.evaluate(out, other)
    given = {"time": "date", "time_format": "%d/%m/%Y %H:%M", "target": "power", "past_covariates": "warmth"}
    found = gatewright.evaluate(out, other, **given, decimal=",")
    assert found.test == pytest.approx(wanted.test, rel=1e-6)
    (forecast,) = gatewright.predict(out, file=other, **given, decimal=",")
    assert forecast.to_json() == gatewright.predict(out, file=data)[0].to_json()
    with pytest.raises(InputError, match=r"--frequency hour is an option of training\. Leave it out"):
        gatewright.evaluate(out, other, frequency="hour")


@pytest.mark.slow
def test_the_columns_of_a_table_of_series_are_found_with_a_note(tmp_path):
    task, data, options = series(tmp_path)
    out = gatewright.train(task, data, tmp_path / "m.safetensors", **options, **FAST).out
    renamed = (tmp_path / "walks.csv").read_text().replace("walk,ms,y,surface", "id,ms,y,label")
    other = write(tmp_path / "other.csv", renamed.splitlines())
    notes = gatewright.evaluate(out, other).notes
    lacking = "The model was trained with --{} {}, which {} does not have, so it was left out."
    assert lacking.format("id", "walk", other) in notes
    assert lacking.format("label", "surface", other) in notes
    none = write(tmp_path / "none.csv", renamed.replace("id,ms,y,label", "id,ms,y,ground").splitlines())
    with pytest.raises(InputError, match=r"trained with --label surface, .* has no column 'label'.* with --label"):
        gatewright.evaluate(out, none)
    assert gatewright.evaluate(out, none, label="ground").size == 40
