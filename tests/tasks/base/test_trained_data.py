"""What a model file stores about the data of its training."""

import json
from dataclasses import replace

import pytest
from models import classifier, loaded

from gatewright.data.contents import content_hash
from gatewright.support.errors import InputError, OptionError
from gatewright.tasks.base.trained_data import TrainedData


def test_contents_are_recognized_whatever_their_name(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "b.csv").write_text("text,label\n")
    assert content_hash(str(tmp_path / "a.csv")) == content_hash(str(tmp_path / "b.csv"))
    for folder, text in (("one", "x"), ("two", "x"), ("three", "y")):
        (tmp_path / folder / "good").mkdir(parents=True)
        (tmp_path / folder / "good" / "1.txt").write_text(text)
    one, two, three = (content_hash(str(tmp_path / folder)) for folder in ("one", "two", "three"))
    assert one == two != three
    (tmp_path / "two" / "good" / "1.txt").rename(tmp_path / "two" / "1.txt")
    assert content_hash(str(tmp_path / "two")) != one
    assert content_hash("imdb") == content_hash("imdb") != content_hash("ptb")


def test_options_that_do_not_fit_are_left_out_one_by_one():
    trained = TrainedData({"text": "body", "label": "stars", "header": "none"}, ("label",))
    tried = []

    def read(options):
        tried.append(dict(options))
        if "text" in options:
            raise OptionError("no column", "text")
        if "header" in options:
            raise OptionError("no table", "header", is_missing=False)
        return "read"

    assert trained.read(read, "b.jsonl", {}) == (
        "read",
        ("The model was trained with --text body, which b.jsonl does not have, so it was left out.",),
    )
    assert tried[-1] == {"label": "stars"}
    with pytest.raises(OptionError, match="no column"):
        trained.read(read, "b.jsonl", {"text": "other"})
    _, notes = trained.read(lambda options: options, "c.csv", {"label": "x"})
    assert notes == ("Read as in training, with --text body, --header none.",)


def test_what_is_stored_is_checked_and_may_be_missing():
    file = classifier()
    stored = TrainedData({"text": "body"}, (), None, "ab", "cd")
    whole = replace(file, training={**file.training, "read_with": json.loads(json.dumps(stored.to_json()))})
    kind = type(loaded(file))
    assert kind.parse_training(whole.training)["read_with"]["options"] == {"text": "body"}
    assert loaded(whole).trained_data == stored
    assert loaded(file).trained_data == TrainedData()
    for damaged in ({"options": {"text": 1}}, {"options": {}, "limit": 0}, {"other": 1}, [], {"found": [3]}):
        with pytest.raises(InputError, match=r"^its training\.read_with"):
            kind.parse_training({**file.training, "read_with": damaged})
