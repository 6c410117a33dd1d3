"""The model files of taggers: what is written is read, and a record that does not fit is refused."""

import numpy as np
import pytest
from nn.test_file import changed, refused
from tag_models import tagger

from gatewright import runtime
from gatewright.nn.file import read, write
from gatewright.tasks import registry


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["prepared"].update(tags=["a", "b"]), "its number of tags is 2, but its other parts need 3"),
        (lambda r: r["prepared"].update(tags=["a", "b", "b"]), "its prepared.tags has the same value twice"),
        (lambda r: r["prepared"].update(tags=["a", "b", ""]), "its prepared.tags[2] must be a text that is not empty"),
        (lambda r: r["prepared"].update(labels="good"), "its prepared.labels must be a list, not 'good'"),
        (
            lambda r: r["prepared"].update(notation="infix"),
            "its prepared.notation must be one of 'prefix'",
        ),
        (lambda r: r["prepared"].update(splitter=[]), "its prepared.splitter must be an object"),
        (lambda r: r["prepared"]["splitter"].update(more=1), "its prepared.splitter has an unknown entry 'more'"),
        (lambda r: r["prepared"]["splitter"].update(after=[""]), "is damaged"),
        (lambda r: r["prepared"]["splitter"].update(whole="U.S."), "is damaged"),
        (
            lambda r: r["prepared"]["splitter"].update(initials=1),
            "splitter.initials must be true or false",
        ),
        (
            lambda r: r["prepared"]["splitter"].update(characters="some"),
            "splitter.characters must be one of",
        ),
        (
            lambda r: r["prepared"]["splitter"].update(longest=-1),
            "splitter.longest must be a whole number",
        ),
        (
            lambda r: r["prepared"].update(max_length=True),
            "its prepared.max_length must be a whole number from 1",
        ),
        (lambda r: r["prepared"]["encoder"]["tokens"].pop(), "its number of word ids is 11"),
        (lambda r: r["prepared"]["encoder"]["letters"].append("é"), "its number of character ids is 17"),
        (
            lambda r: r["prepared"]["encoder"]["letters"].append("ab"),
            "its encoder.letters[12] must be one character",
        ),
        (
            lambda r: r["prepared"]["encoder"].update(read=10**6),
            "encoder.read must be a whole number from 1 to 1,024",
        ),
        (lambda r: r["prepared"]["encoder"].update(kind="words"), "its encoder"),
        (lambda r: r["layers"][0].update(cell="os"), "its layers[0].cell must be one of"),
        (
            lambda r: r["layers"][0].update(char_vocabulary=0),
            "char_vocabulary must be a whole number from 1",
        ),
        (lambda r: r["layers"][0].update(char_units=2**31 - 1), "is not float32 of shape"),
        (
            lambda r: r["layers"][-1].update(tags=0),
            "tags must be a whole number from 1",
        ),
        (lambda r: r["layers"][-1].update(pooling="sum"), "its layers[3].pooling must be one of"),
        (lambda r: r["layers"][-1].update(labels=2**31 - 1), "its number of labels is 2"),
        (lambda r: r["layers"][2].update(return_sequences=False), "its 'return_sequences' of recurrent layer 1"),
        (lambda r: r["layers"].pop(2), "layers are not a network of its task"),
        (lambda r: r["layers"].insert(2, r["layers"][0]), "layers are not a network of its task"),
        (lambda r: r.update(task="classify"), "its layers[0] is of a kind that is unknown"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path, change, message):
    write(tagger(crf=True), tmp_path / "m.safetensors")
    assert message in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))


@pytest.mark.parametrize("options", [{}, {"crf": True, "labels": ()}, {"pooling": "attention", "cell": "lstm"}])
def test_what_is_written_is_read(tmp_path, options):
    file = tagger(**options)
    write(file, tmp_path / "m.safetensors")
    found, _ = read(tmp_path / "m.safetensors", registry.model_class)
    assert (found.task, found.layers, found.prepared) == ("tag", file.layers, file.prepared)
    for layer, other in zip(file.weights, found.weights, strict=True):
        for name, array in layer.items():
            np.testing.assert_array_equal(array, other[name])


def test_a_file_without_a_notation_has_spans_if_all_its_tags_mark_them(tmp_path):
    file = tagger()
    file.prepared.pop("notation")
    write(file, tmp_path / "m.safetensors")
    assert runtime.load(tmp_path / "m.safetensors").prepared.notation == "prefix"


def test_a_file_without_a_rule_splits_texts_at_white_space(tmp_path):
    file = tagger()
    file.prepared.pop("splitter")
    write(file, tmp_path / "m.safetensors")
    assert runtime.load(tmp_path / "m.safetensors").predict("a fine film.").words == ("a", "fine", "film.")
