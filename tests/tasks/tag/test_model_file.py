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
        (lambda r: r["prepared"].update(tags=["a", "b"]), "numbers of tags and labels differ from its"),
        (lambda r: r["prepared"].update(tags=["a", "b", "b"]), "a name occurs twice in its tags"),
        (lambda r: r["prepared"].update(tags=["a", "b", ""]), "tags are not a list of strings"),
        (lambda r: r["prepared"].update(labels="good"), "labels are not a list of strings"),
        (lambda r: r["prepared"].update(notation="infix"), "notation of spans is unknown"),
        (lambda r: r["prepared"].update(splitter=[]), "rule that splits texts into words has unexpected fields"),
        (lambda r: r["prepared"]["splitter"].update(more=1), "splits texts into words has unexpected fields"),
        (lambda r: r["prepared"]["splitter"].update(after=[""]), "is damaged"),
        (lambda r: r["prepared"]["splitter"].update(whole="U.S."), "is damaged"),
        (lambda r: r["prepared"]["splitter"].update(initials=1), "splits texts into words has an unknown value"),
        (lambda r: r["prepared"]["splitter"].update(characters="some"), "into words has an unknown value"),
        (lambda r: r["prepared"]["splitter"].update(longest=-1), "into words has a wrong number of characters"),
        (lambda r: r["prepared"].update(max_length=True), "max_length is not a whole number above 0"),
        (lambda r: r["prepared"]["encoder"]["tokens"].pop(), "its embeddings differ in the number"),
        (lambda r: r["prepared"]["encoder"]["letters"].append("é"), "its embeddings differ in the number"),
        (lambda r: r["prepared"]["encoder"]["letters"].append("ab"), "a letter of its encoder"),
        (lambda r: r["prepared"]["encoder"].update(read=10**6), "from 1 to 1024"),
        (lambda r: r["prepared"]["encoder"].update(kind="words"), "its encoder"),
        (lambda r: r["layers"][0].update(cell="os"), "fields that do not fit"),
        (lambda r: r["layers"][0].update(char_vocabulary=0), "layers are not a network of its task"),
        (lambda r: r["layers"][0].update(char_units=2**31 - 1), "is not float32 of shape"),
        (lambda r: r["layers"][-1].update(tags=0), "layers are not a network of its task"),
        (lambda r: r["layers"][-1].update(pooling="sum"), "fields that do not fit"),
        (lambda r: r["layers"][-1].update(labels=2**31 - 1), "is not float32 of shape"),
        (lambda r: r["layers"][2].update(return_sequences=False), "layers are not a network of its task"),
        (lambda r: r["layers"].pop(2), "layers are not a network of its task"),
        (lambda r: r["layers"].insert(2, r["layers"][0]), "layers are not a network of its task"),
        (lambda r: r.update(task="classify"), "it has a layer of an unknown kind"),
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
