"""The model file: what is written is read, by any safetensors reader, and damage is reported in one sentence."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import arrays, classifier
from safetensors import safe_open
from safetensors.numpy import load, save

from gatewright import runtime
from gatewright.nn import file as model_file
from gatewright.nn.file import digest, read, write
from gatewright.nn.layers import Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks import registry


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    write(classifier(pooling="attention"), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "lstm", "bidirectional": True, "pooling": "max"},
        {"cell": "min_gru", "bidirectional": True},
        {"tokens": "bytes"},
        {"labels": ("a", "b"), "multi_label": True},
    ],
)
def test_what_is_written_is_read(tmp_path, options):
    file = classifier(**options)
    write(file, tmp_path / "m.safetensors")
    again, prepared = read(tmp_path / "m.safetensors", registry.model_class)
    for name in ("task", "layers", "prepared", "training"):
        assert getattr(again, name) == getattr(file, name)
    for one, other in zip(arrays(again), arrays(file), strict=True):
        np.testing.assert_array_equal(one, other)
    assert prepared.to_json() == file.prepared
    assert prepared.multi_label == options.get("multi_label", False)
    assert digest(again) == digest(file)


def test_any_safetensors_reader_opens_a_model_file(tmp_path):
    write(classifier(cell="lstm", units=3), tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert sorted(file.keys()) == [
            *("0.table", "1.bias", "1.kernel", "1.recurrent_kernel", "3.bias", "3.kernel"),
        ]
        assert file.get_tensor("1.kernel").shape == (4, 12)
        record = json.loads(file.metadata()["gatewright"])
    assert record["version"] == 3
    assert record["conventions"] == {
        "layout": "keras",
        "gates": {"lstm": ["i", "f", "c", "o"]},
        "gru_reset": "after",
    }
    assert record["prepared"]["labels"] == ["bad", "good"]
    assert record["training"] == {"settings": {"cell": "lstm"}, "test": {"accuracy": 0.5}}


def test_a_file_names_the_gates_of_its_own_cells(tmp_path):
    write(classifier(cell="min_lstm"), tmp_path / "m.safetensors")
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        assert "1.recurrent_kernel" not in file.keys()  # noqa: SIM118  it is not a mapping
        record = json.loads(file.metadata()["gatewright"])
    assert record["conventions"]["gates"] == {"min_lstm": ["i", "f", "c"]}


def test_zoneout_is_stored(tmp_path):
    file = classifier(cell="lstm")
    layers = [replace(layer, zoneout=0.3) if isinstance(layer, Recurrent) else layer for layer in file.layers]
    write(replace(file, layers=tuple(layers)), tmp_path / "m.safetensors")
    assert read(tmp_path / "m.safetensors", registry.model_class)[0].layers == tuple(layers)


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path):
    file = classifier()
    file.training["test"]["accuracy"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        write(file, tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def refused(tmp_path, content):
    """Return the sentence with which a file is refused."""
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
    """Return the file with its record changed and a matching digest, as a hostile file would have."""
    tensors = load(content)
    size = struct.unpack("<Q", content[:8])[0]
    record = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gatewright"])
    sha256 = record["sha256"]
    change(record)
    if record.get("sha256") == sha256:
        record["sha256"] = model_file._digest(record, tensors)
    return save(tensors, {"gatewright": json.dumps(record)})


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist: give the path of a model file"):
        runtime.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a folder: give the path of a model file"):
        runtime.load(tmp_path)


def test_other_files_are_refused(tmp_path):
    assert "is not a model file, or is damaged" in refused(tmp_path, b"")
    assert "is not a model file, or is damaged" in refused(tmp_path, b"PK\x03\x04 something else")
    assert "not a Gatewright model" in refused(tmp_path, save({"a": np.zeros(3, np.float32)}))
    assert "not a Gatewright model" in refused(tmp_path, save({"a": np.zeros(3, np.float32)}, {"format": "np"}))
    assert "not JSON" in refused(tmp_path, save({}, {"gatewright": "[" * 100_000}))
    assert "no version" in refused(tmp_path, save({}, {"gatewright": "[1]"}))


def test_another_version_is_refused(tmp_path, content):
    sentence = refused(tmp_path, changed(content, lambda record: record.update(version=1)))
    assert "has version 1, and this release of Gatewright reads version 3" in sentence


def test_changed_weights_are_refused(tmp_path, content):
    flipped = bytearray(content)
    flipped[-1] ^= 1
    assert "its contents have changed since it was written" in refused(tmp_path, bytes(flipped))


def test_a_changed_word_is_refused(tmp_path, content):
    assert content.count(b"film") == 1
    assert "its contents have changed since it was written" in refused(tmp_path, content.replace(b"film", b"firm"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda r: r.pop("prepared"), "its metadata has no prepared"),
        (lambda r: r.update(prepared=[]), "its prepared must be an object, not a list of 0 values"),
        (lambda r: r.update(training=None), "its training must be an object, not null"),
        (lambda r: r.update(task="dance"), "its task is unknown"),
        (lambda r: r.update(task="adding"), "its task is unknown"),
        (lambda r: r.update(task=["classify"]), "its metadata.task must be a text, not a list"),
        (lambda r: r.update(layers=[]), "its layers are not a list of 1 to 1,000 layers"),
        (
            lambda r: r.update(layers=[{"kind": "os.system"}]),
            "its layers[0] is of a kind that is unknown",
        ),
        (
            lambda r: r.update(layers=[{"kind": ["dense"]}]),
            "its layers[0] is of a kind that is unknown",
        ),
        (
            lambda r: r["layers"][1].update(units=10**18),
            "units must be a whole number from 1",
        ),
        (lambda r: r["layers"][1].update(units=2**31 - 1), "is not float32 of shape"),
        (
            lambda r: r["layers"][1].update(units=0),
            "its layers[1].units must be a whole number from 1",
        ),
        (
            lambda r: r["layers"][1].update(units=True),
            "its layers[1].units must be a whole number from 1",
        ),
        (lambda r: r["layers"][1].update(cell="__import__"), "its layers[1].cell must be one of"),
        (lambda r: r["layers"][1].update(return_sequences=False), "'return_sequences' of recurrent layer 1 is false"),
        (lambda r: r["layers"][1].update(surprise=1), "its layers[1] has an unknown entry 'surprise'"),
        (lambda r: r["layers"][1].pop("units"), "its layers[1] has no entry 'units'"),
        (lambda r: r["layers"][1].update(zoneout=1.5), "must be a number of at least 0 and below 1, not 1.5"),
        (lambda r: r["layers"][2].update(method="sum"), "its layers[2].method must be one of"),
        (lambda r: r["layers"].reverse(), "not a network of its task"),
        (lambda r: r["layers"].pop(2), "is true, but its other parts need false"),
        (lambda r: r["layers"].insert(1, {"kind": "dense", "units": 3}), "not a network of its task"),
        (lambda r: r["layers"].__setitem__(1, {"kind": "dropout", "rate": 0.1}), "not a network of its task"),
        (lambda r: r["layers"].pop(), "not a network of its task"),
        (lambda r: r["layers"].insert(4, {"kind": "dense", "units": 3}), "not a network of its task"),
        (lambda r: r["conventions"].update(gru_reset="before"), "its entry 'conventions' does not match"),
        (lambda r: r["prepared"].pop("encoder"), "its prepared has no entry 'encoder'"),
        (lambda r: r["prepared"]["encoder"].update(kind="regex"), "its encoder"),
        (lambda r: r["prepared"]["encoder"]["tokens"].pop(), "its number of ids is 11, but its other parts need 12"),
        (lambda r: r["prepared"]["encoder"]["tokens"].append("a"), "occurs twice"),
        (lambda r: r["prepared"].update(labels=["a", "a"]), "its prepared.labels has the same value twice"),
        (lambda r: r["prepared"].update(labels=["a", "b", "c"]), "number of outputs is 1, but its other parts need 3"),
        (lambda r: r["prepared"].update(labels=["a", 1]), "its prepared.labels[1] must be a text, not 1"),
        (lambda r: r["prepared"].update(labels=[]), "its prepared.labels has 0 entries, but must have at least 1"),
        (lambda r: r["prepared"].update(labels=["a"]), "labels are fewer than two"),
        (
            lambda r: r["prepared"].update(max_length=0),
            "its prepared.max_length must be a whole number from 1",
        ),
        (
            lambda r: r["prepared"].update(max_length=True),
            "its prepared.max_length must be a whole number from 1",
        ),
        (
            lambda r: r["prepared"].update(multi_label="yes"),
            "its prepared.multi_label must be true or false",
        ),
        (lambda r: r["prepared"].update(multi_label=1), "its prepared.multi_label must be true or false"),
        (lambda r: r["prepared"].update(multi_label=True), "number of outputs is 1, but its other parts need 2"),
        (lambda r: r.update(sha256=""), "its contents have changed since it was written"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path, content, change, sentence):
    assert sentence in refused(tmp_path, changed(content, change))


def test_a_multi_label_model_needs_one_output_per_label(tmp_path):
    write(classifier(labels=("a", "b"), multi_label=True), tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    assert runtime.load(tmp_path / "m.safetensors").prepared.multi_label
    single = changed(content, lambda record: record["prepared"].update(multi_label=False))
    assert "number of outputs is 2, but its other parts need 1" in refused(tmp_path, single)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    file = classifier()
    file.weights[-1]["bias"][:] = np.nan
    write(file, tmp_path / "broken.safetensors")
    assert "some weights are not finite" in refused(tmp_path, (tmp_path / "broken.safetensors").read_bytes())


def test_every_truncated_file_is_refused(tmp_path, content):
    for size in {*range(64), *range(64, len(content), 97)}:
        refused(tmp_path, content[:size])


@given(data=st.data())
def test_changed_bytes_are_refused_or_change_no_prediction(tmp_path_factory, content, data):
    """A fuzzed file is refused in one sentence, or still has every weight and predicts."""
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
