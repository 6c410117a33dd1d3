"""What holds for the trained models of all tasks: copies, numbers that overflow, and files that change."""

import copy
import pickle

import numpy as np
import pytest
from all_models import answers, as_text, model_files
from models import classifier, language_model, loaded

from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.nn.file import write
from gatewright.support.errors import InputError


def test_models_and_answers_can_be_pickled_and_copied_before_and_after_use():
    for file in model_files():
        model = loaded(file)
        copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
        expected = as_text(model)
        copies += [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
        assert [as_text(one) for one in copies] == [expected] * 4
        pickle.dumps(answers(model))


def too_large(file, value):
    """Return a model file whose weights are all as large as `value`, with random signs."""
    rng = np.random.default_rng(0)
    for layer in file.weights:
        for array in layer.values():
            array[...] = np.where(rng.random(array.shape) < 0.5, value, -value)
    return file


def test_numbers_that_overflow_are_an_error_in_every_use():
    """The matrices multiply finite weights to numbers beyond float32, of both signs."""
    found = []
    for file in model_files():
        try:
            as_text(loaded(too_large(file, 3e38)))
        except InputError as error:
            found.append((file.task, str(error)))
    assert {"classify", "classify_series", "generate", "forecast"} <= {task for task, _ in found}
    assert all("a number that is not finite" in sentence for _, sentence in found)


def test_commands_report_numbers_that_overflow(tmp_path, capsys):
    write(too_large(classifier(multi_label=True, pooling="max", cell="min_gru"), 9e17), tmp_path / "c.safetensors")
    write(too_large(language_model(tokens="characters"), 9e17), tmp_path / "g.safetensors")
    (tmp_path / "a.csv").write_text("review,label\n" + "a fine film,good\na dull film,bad\n" * 3)
    c, data = str(tmp_path / "c.safetensors"), str(tmp_path / "a.csv")
    for arguments in (["predict", c, "a fine film", "--json"], ["predict", c, "--file", data, "--text", "review"]):
        assert cli.main(arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "a number that is not finite" in shown.err
        assert shown.err.count("\n") == 1


def test_a_loaded_model_does_not_depend_on_its_file(tmp_path):
    path = tmp_path / "m.safetensors"
    write(classifier(), path)
    model = runtime.load(path)
    expected = as_text(model)
    path.write_bytes(b"x" * 10)  # the same file, not a new one with its name
    assert as_text(model) == expected
    with pytest.raises(InputError, match="is not a model file, or is damaged"):
        runtime.load(path)


def test_a_huge_max_length_costs_no_memory(tmp_path, capsys):
    file = classifier()
    file.prepared["max_length"] = 2**31 - 1
    write(file, tmp_path / "m.safetensors")
    path, data = str(tmp_path / "m.safetensors"), str(tmp_path / "a.csv")
    assert runtime.load(path).predict("a fine film") == loaded(classifier()).predict("a fine film")
    (tmp_path / "a.csv").write_text("review,label\n" + "a fine film,good\na dull film,bad\n" * 3)
    assert cli.main(["evaluate", path, data, "--text", "review"]) == 0
