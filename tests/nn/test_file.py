"""The model file: what is written is read, by any safetensors reader, and every damage is one sentence."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import arrays, classifier, language_model, tagger
from safetensors import safe_open
from safetensors.numpy import load, save

from gatewright import runtime
from gatewright.nn import file as model_file
from gatewright.nn.file import read, write
from gatewright.nn.layers import Recurrent
from gatewright.support.errors import InputError


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    write(classifier(pooling="attention"), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "options",
    [{}, {"cell": "lstm", "both": True, "pooling": "max"}, {"cell": "min_gru", "both": True}, {"tokens": "bytes"}],
)
def test_what_is_written_is_read(tmp_path, options):
    model = classifier(**options)
    write(model, tmp_path / "m.safetensors")
    again = read(tmp_path / "m.safetensors")
    for name in ("task", "blocks", "encoder", "answers", "training"):
        assert getattr(again, name) == getattr(model, name)
    for one, other in zip(arrays(again), arrays(model), strict=True):
        np.testing.assert_array_equal(one, other)


def test_any_safetensors_reader_opens_it(tmp_path):
    write(classifier(cell="lstm", units=3), tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert sorted(file.keys()) == [
            *("0.table", "1.bias", "1.kernel", "1.recurrent_kernel", "3.bias", "3.kernel"),
        ]
        assert file.get_tensor("1.kernel").shape == (4, 12)
        record = json.loads(file.metadata()["gatewright"])
    assert record["conventions"] == {
        "layout": "keras",
        "gates": {"simple_rnn": ["h"], "lstm": ["i", "f", "c", "o"], "gru": ["z", "r", "h"]},
        "gru_reset": "after",
    }
    assert record["answers"]["labels"] == ["bad", "good"]
    assert record["training"] == {"settings": {"cell": "lstm"}, "test": {"accuracy": 0.5}}


def test_a_file_tells_the_gates_of_its_own_cells(tmp_path):
    write(classifier(cell="min_lstm"), tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert "1.recurrent_kernel" not in file.keys()  # noqa: SIM118  it is no mapping
        record = json.loads(file.metadata()["gatewright"])
    assert record["conventions"]["gates"]["min_lstm"] == ["i", "f", "c"]
    assert "min_gru" not in record["conventions"]["gates"]


def test_nothing_is_left_of_a_file_that_can_not_be_written(tmp_path):
    model = classifier()
    model.training["test"]["accuracy"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        write(model, tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def refused(tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        runtime.load(path)
    sentence = str(caught.value)
    assert "broken.safetensors" in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def changed(content, change):
    """The file with its record changed, and all that must agree with it too: what a hostile one would be."""
    tensors = load(content)
    size = struct.unpack("<Q", content[:8])[0]
    record = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gatewright"])
    sha256 = record["sha256"]
    change(record)
    if record.get("sha256") == sha256:
        record["sha256"] = model_file._digest(record, tensors)
    return save(tensors, {"gatewright": json.dumps(record)})


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="nowhere is not there: give the path of a model file"):
        runtime.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a folder: give the path of a model file"):
        runtime.load(tmp_path)


def test_other_files(tmp_path, content):
    assert "no model file, or a damaged one" in refused(tmp_path, b"")
    assert "no model file, or a damaged one" in refused(tmp_path, b"PK\x03\x04 something else")
    assert "no model of Gatewright" in refused(tmp_path, save({"a": np.zeros(3, np.float32)}))
    assert "no model of Gatewright" in refused(tmp_path, save({"a": np.zeros(3, np.float32)}, {"format": "np"}))
    assert "not JSON" in refused(tmp_path, save({}, {"gatewright": "[" * 100_000}))
    assert "no version" in refused(tmp_path, save({}, {"gatewright": "[1]"}))


def test_another_version(tmp_path, content):
    sentence = refused(tmp_path, changed(content, lambda record: record.update(version=2)))
    assert "is of version 2, and this Gatewright reads version 1" in sentence


def test_weights_that_were_changed(tmp_path, content):
    flipped = bytearray(content)
    flipped[-1] ^= 1
    assert "it is not as it was written" in refused(tmp_path, bytes(flipped))


def test_a_word_that_was_changed(tmp_path, content):
    assert content.count(b"film") == 1
    assert "it is not as it was written" in refused(tmp_path, content.replace(b"film", b"firm"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.pop("encoder"), "no encoder"),
        (lambda r: r.update(task="dance"), "its task is not known"),
        (lambda r: r.update(blocks=[]), "lists no blocks"),
        (lambda r: r.update(blocks=[{"kind": "os.system"}]), "no known kind"),
        (lambda r: r["blocks"][1].update(units=10**18), "fields that do not fit"),
        (lambda r: r["blocks"][1].update(units=2**31 - 1), "is not float32 of shape"),
        (lambda r: r["blocks"][1].update(units=True), "fields that do not fit"),
        (lambda r: r["blocks"][1].update(cell="__import__"), "no known cell"),
        (lambda r: r["blocks"][1].update(steps=False), "no order that makes a network"),
        (lambda r: r["blocks"][1].update(surprise=1), "fields that do not fit"),
        (lambda r: r["blocks"][1].pop("units"), "fields that do not fit"),
        (lambda r: r["blocks"][1].update(zoneout=1.5), "fields that do not fit"),
        (lambda r: r["blocks"][2].update(by="sum"), "pooling of no known kind"),
        (lambda r: r["blocks"].reverse(), "no order that makes a network"),
        (lambda r: r["blocks"].pop(2), "no order that makes a network"),
        (lambda r: r["blocks"].insert(1, {"kind": "dense", "units": 3}), "no order that makes a network"),
        (lambda r: r["blocks"].__setitem__(1, {"kind": "dropout", "rate": 0.1}), "no order that makes a network"),
        (lambda r: r["blocks"].pop(), "no order that makes a network"),
        (lambda r: r["blocks"].insert(4, {"kind": "dense", "units": 3}), "tensors are not those of its blocks"),
        (lambda r: r["conventions"].update(gru_reset="before"), "other conventions"),
        (lambda r: r["encoder"].update(kind="regex"), "encoder is of no known kind"),
        (lambda r: r["encoder"]["tokens"].pop(), "not as many ids as its embedding"),
        (lambda r: r["encoder"]["tokens"].append("a"), "occurs twice"),
        (lambda r: r["answers"].update(labels=["a", "a"]), "labels are not as many"),
        (lambda r: r["answers"].update(labels=["a", 1]), "labels are not a list of texts"),
        (lambda r: r["answers"].update(labels=[]), "labels are not as many"),
        (lambda r: r["answers"].update(length=0), "length is not a whole number"),
        (lambda r: r["answers"].update(several="yes"), "several labels is neither true nor false"),
        (lambda r: r["answers"].update(several=1), "several labels is neither true nor false"),
        (lambda r: r["answers"].update(several=True), "labels are not as many"),
        (lambda r: r.update(sha256=""), "not as it was written"),
    ],
)
def test_a_record_that_does_not_fit(tmp_path, content, change, said):
    assert said in refused(tmp_path, changed(content, change))


def test_zoneout_stands_in_files_of_networks_that_have_it_alone(tmp_path, content):
    """Files of other networks are what they were before there was any."""
    (tmp_path / "plain.safetensors").write_bytes(content)
    with safe_open(tmp_path / "plain.safetensors", "np") as opened:
        assert all("zoneout" not in block for block in json.loads(opened.metadata()["gatewright"])["blocks"])
    assert read(tmp_path / "plain.safetensors").blocks[1].zoneout == 0
    made = language_model("lstm", 4)
    zoned = [replace(block, zoneout=0.3) if isinstance(block, Recurrent) else block for block in made.blocks]
    write(replace(made, blocks=tuple(zoned)), tmp_path / "zoned.safetensors")
    assert read(tmp_path / "zoned.safetensors").blocks == tuple(zoned)


def test_several_labels_are_read(tmp_path):
    write(classifier(labels=("a", "b"), several=True), tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    assert runtime.load(tmp_path / "m.safetensors").answers.several
    assert "labels are not as many" in refused(tmp_path, changed(content, lambda r: r["answers"].update(several=False)))
    write(classifier(), tmp_path / "older.safetensors")
    assert "several" not in read(tmp_path / "older.safetensors").answers
    assert not runtime.load(tmp_path / "older.safetensors").answers.several


def test_weights_that_are_no_numbers(tmp_path):
    model = classifier()
    model.weights[-1]["bias"][:] = np.nan
    write(model, tmp_path / "broken.safetensors")
    assert "not finite" in refused(tmp_path, (tmp_path / "broken.safetensors").read_bytes())


def test_every_cut(tmp_path, content):
    for size in {*range(64), *range(64, len(content), 97)}:
        refused(tmp_path, content[:size])


@given(data=st.data())
def test_changed_bytes_are_refused_or_change_nothing_that_counts(tmp_path_factory, content, data):
    """A fuzzed file is refused in one sentence; or it still has every weight, and answers."""
    path = tmp_path_factory.mktemp("fuzz") / "m.safetensors"
    mutable = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        mutable[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(mutable)
    try:
        model = runtime.load(path)
    except InputError as error:
        assert str(error).endswith(".")  # noqa: PT017
    else:
        assert 0 <= max(model.predict("a fine film").probabilities.values()) <= 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["answers"].update(rows="columns"), "rows are neither a stream nor prefixes"),
        (lambda r: r["answers"].update(rows="prefixes"), "length is not a whole number above 0"),
        (lambda r: r["answers"].update(rows="prefixes", length=0), "length is not a whole number above 0"),
        (lambda r: r["encoder"]["tokens"].pop(), "not as many ids as its embedding and its softmax"),
        (lambda r: r["blocks"][1].update(both=True), "no order that makes a network"),
        (lambda r: r["blocks"][-1].update(vocabulary=7), "no order that makes a network"),
        (lambda r: r["blocks"][-1].update(vocabulary=0), "has a size of 0"),
        (lambda r: r["blocks"].insert(2, {"kind": "pool", "by": "max"}), "no order that makes a network"),
        (lambda r: r["blocks"].insert(2, r["blocks"][-1]), "no order that makes a network"),
        (lambda r: r["blocks"].pop(-2), "no order that makes a network"),
        (lambda r: r.update(task="classify"), "no order that makes a network"),
    ],
)
def test_a_record_of_a_language_model_that_does_not_fit(tmp_path, change, said):
    write(language_model(tied=True), tmp_path / "m.safetensors")
    assert said in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))


def test_a_language_model_is_read(tmp_path):
    made = language_model(tied=True, layers=2)
    write(made, tmp_path / "m.safetensors")
    found = model_file.read(tmp_path / "m.safetensors")
    assert (found.task, found.blocks, found.answers) == ("generate", made.blocks, {"rows": "stream"})
    for one, other in zip(arrays(made), arrays(found), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r["answers"].update(tags=["a", "b"]), "tags are not as many as its outputs"),
        (lambda r: r["answers"].update(tags=["a", "b", "b"]), "tags are not as many as its outputs"),
        (lambda r: r["answers"].update(tags=["a", "b", ""]), "tags are not a list of texts"),
        (lambda r: r["answers"].update(labels="good"), "labels are not a list of texts"),
        (lambda r: r["answers"].update(length=True), "length is not a whole number above 0"),
        (lambda r: r["encoder"]["tokens"].pop(), "not as many ids as its vectors"),
        (lambda r: r["encoder"]["letters"].append("é"), "not as many ids as its vectors"),
        (lambda r: r["encoder"]["letters"].append("ab"), "a letter of its encoder is more than one"),
        (lambda r: r["encoder"].update(read=10**6), "is not a whole number from 1 to 1024"),
        (lambda r: r["encoder"].update(kind="words"), "encoder is of no known kind"),
        (lambda r: r["blocks"][0].update(cell="os"), "no order that makes a network"),
        (lambda r: r["blocks"][0].update(letters=0), "no order that makes a network"),
        (lambda r: r["blocks"][0].update(letter_units=2**31 - 1), "is not float32 of shape"),
        (lambda r: r["blocks"][-1].update(tags=0), "no order that makes a network"),
        (lambda r: r["blocks"][-1].update(pooling="sum"), "no order that makes a network"),
        (lambda r: r["blocks"][-1].update(labels=2**31 - 1), "is not float32 of shape"),
        (lambda r: r["blocks"][2].update(steps=False), "no order that makes a network"),
        (lambda r: r["blocks"].pop(2), "no order that makes a network"),
        (lambda r: r["blocks"].insert(2, r["blocks"][0]), "no order that makes a network"),
        (lambda r: r.update(task="classify"), "no order that makes a network"),
    ],
)
def test_a_record_of_a_tagger_that_does_not_fit(tmp_path, change, said):
    write(tagger(crf=True), tmp_path / "m.safetensors")
    assert said in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))


@pytest.mark.parametrize("options", [{}, {"crf": True, "labels": ()}, {"pooling": "attention", "cell": "lstm"}])
def test_a_tagger_is_read(tmp_path, options):
    made = tagger(**options)
    write(made, tmp_path / "m.safetensors")
    found = model_file.read(tmp_path / "m.safetensors")
    assert (found.task, found.blocks, found.answers) == ("tag", made.blocks, made.answers)
    for one, other in zip(arrays(made), arrays(found), strict=True):
        np.testing.assert_array_equal(one, other)
