"""The model files of language models: what is written is read, and a record that does not fit is refused."""

import numpy as np
import pytest
from models import arrays, language_model
from nn.test_file import changed, refused

from gatewright.nn.file import read, write
from gatewright.tasks import registry


def test_what_is_written_is_read(tmp_path):
    file = language_model(tied=True, layers=2)
    write(file, tmp_path / "m.safetensors")
    found, _ = read(tmp_path / "m.safetensors", registry.model_class)
    assert (found.task, found.layers, found.prepared) == ("generate", file.layers, file.prepared)
    for one, other in zip(arrays(file), arrays(found), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda r: r["prepared"].update(examples="columns"), "examples"),
        (
            lambda r: r["prepared"].update(examples="prefixes", max_length=0),
            "its prepared.max_length must be a whole number from 1",
        ),
        (lambda r: r["prepared"]["encoder"]["tokens"].pop(), "ids"),
        (lambda r: r["layers"][1].update(bidirectional=True), "its 'bidirectional' of recurrent layer 1 is true"),
        (lambda r: r["layers"][-1].update(vocabulary=7), "is damaged"),
        (
            lambda r: r["layers"][-1].update(vocabulary=0),
            "its layers[4].vocabulary must be a whole number from 1",
        ),
        (lambda r: r["layers"].insert(2, {"kind": "pool", "method": "max"}), "its layers[2] is of a kind that"),
        (lambda r: r["layers"].insert(2, r["layers"][-1]), "not a network of its task"),
        (lambda r: r["layers"].pop(-2), "inputs of its tied softmax is 9, but its other parts need 4"),
        (lambda r: r.update(task="classify"), "its layers[4] is of a kind that is unknown"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(tmp_path, change, sentence):
    write(language_model(tied=True), tmp_path / "m.safetensors")
    assert sentence in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))
