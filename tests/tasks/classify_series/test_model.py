"""A trained classifier of series: its predictions, its model file, and what it refuses."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nn.test_file import changed, refused
from series_models import LENGTH, loaded_series_classifier, series, series_classifier
from tasks.classify_series.test_reading import write_npz
from tolerances import assert_close

import gatewright
from gatewright import runtime
from gatewright.data.widths import last_steps
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import write
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Recurrent
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.tasks.base.measures import to_probabilities

LENGTHS = (1, 7, 8, 9, 17, 20, 26)


class TestPrediction:
    @pytest.mark.parametrize("cell", CELLS)
    def test_predictions_equal_the_reference(self, cell):
        """Scaling, the recurrence in float64, its mean over the steps, and the linear map."""
        file, model = series_classifier(cell, 9), loaded_series_classifier(cell, 9)
        examples = series(LENGTHS, missing=0.3)
        dense, layer, rec = file.weights[-1], Recurrent(cell, 9), Recurrence(cell)
        expected = []
        for one in examples:
            x = (one[-LENGTH:] - np.array(model.channels.mean)) / np.array(model.channels.scale)
            x = np.nan_to_num(x[~np.isnan(x).all(axis=1)], nan=0.0)[None]
            weights = [array.astype(np.float64) for array in layer.operands(file.weights[2])]
            outputs = cells.forward(rec, x, *weights, [np.zeros((1, 9))] * len(rec.state_names)).sequence
            expected.append(outputs[0].mean(axis=0) @ dense["kernel"] + dense["bias"])
        assert_close(model.probabilities(examples), to_probabilities(np.array(expected)), "forward", np.float32)

    @pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
    def test_a_prediction_does_not_depend_on_the_other_series(self, pooling):
        model = loaded_series_classifier("lstm", 17, pooling, bidirectional=True, layers=2)
        examples = series(LENGTHS * 12, missing=0.2)
        alone = np.concatenate([model.probabilities([one]) for one in examples])
        assert_close(model.probabilities(examples), alone, "same_order", np.float32)

    @given(padding=st.integers(0, 9), seed=st.integers(0, 99))
    def test_padding_changes_no_prediction(self, padding, seed):
        file = series_classifier("gru", 5, "attention", bidirectional=True)
        one = loaded_series_classifier().channels.encode(series((7,), seed=seed)[0])
        outputs = [
            models.forward(file.layers, NUMPY, file.weights, Activations(last_steps(one[None], 7 + more, np.nan)))[0].x
            for more in (0, padding)
        ]
        assert_close(*outputs, "same_order", np.float32)

    @pytest.mark.parametrize("cell", CELLS)
    @pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
    def test_step_by_step_predictions_equal_those_of_whole_series(self, cell, pooling):
        model = loaded_series_classifier(cell, 8, pooling, layers=2)
        one = series((9,), missing=0.2)[0]
        one = one[~np.isnan(one).all(axis=1)]
        states = model.start()
        for numbers in one:
            before = states
            found, states = model.step(numbers, before)
        again, _ = model.step(numbers, before)
        assert again == found  # the given state stays as it is
        expected = model.predict([one])[0].probabilities
        assert_close(list(found.probabilities.values()), list(expected.values()), "forward", np.float32)

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            (["a"], "something in it is not a number"),
            ([[1, 2]], "must be numbers [time, 3], not of shape [1, 2]"),
            ([[1, 2, np.inf]], "an infinite number"),
            ([[np.nan] * 3], "has no number"),
            (np.empty((0, 3)), "has no number"),
            ([[[1, 2, 3]]], "not of shape [1, 1, 3]"),
        ],
    )
    def test_wrong_series_are_refused(self, given, sentence):
        with pytest.raises(InputError) as caught:
            loaded_series_classifier().predict([given])
        assert sentence in str(caught.value)

    def test_steps_without_a_number_at_both_ends_are_left_out(self):
        model, one = loaded_series_classifier(), series((17,))[0]
        nothing = np.full((30, 3), np.nan)
        for padded in ([nothing, one], [one, nothing], [nothing, one, nothing]):
            np.testing.assert_array_equal(model.probabilities([np.concatenate(padded)]), model.probabilities([one]))

    def test_no_series_give_no_predictions(self):
        assert loaded_series_classifier().predict([]) == []

    def test_a_bidirectional_model_cannot_run_step_by_step(self):
        with pytest.raises(InputError, match="needs the whole sequence at once"):
            loaded_series_classifier(bidirectional=True).start()


class TestModelFile:
    def test_a_model_is_read_without_keras_or_jax(self, tmp_path):
        write(series_classifier(), tmp_path / "m.safetensors")
        program = f"""
import sys
from gatewright import runtime
model = runtime.load({str(tmp_path / "m.safetensors")!r})
print(model.predict([[[1, 2, 3], [4, 5, 6]]])[0].label)
heavy = {{"keras", "jax", "torch", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "optax"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() in ("a", "b", "c")

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda r: r["prepared"].update(max_length=0), "its prepared.max_length must be a whole number from 1"),
            (lambda r: r["prepared"].update(labels=["a", "a", "b"]), "its prepared.labels has the same value twice"),
            (
                lambda r: r["prepared"].update(labels=["a", "b"]),
                "outputs is 3, but its other parts need 1",
            ),
            (lambda r: r["prepared"].update(labels=["a"]), "labels are fewer than two"),
            (lambda r: r["prepared"].update(labels=[1, 2, 3]), "its prepared.labels[0] must be a text, not 1"),
            (lambda r: r["prepared"].pop("channels"), "its prepared has no entry 'channels'"),
            (lambda r: r["prepared"]["channels"].update(kind="words"), "its channels.kind must be"),
            (lambda r: r["prepared"]["channels"].update(mean=[0.0]), "do not have a mean and a scale each"),
            (lambda r: r["prepared"]["channels"].update(mean=[0.0, "1", 2.0]), "its channels.mean[1] must be"),
            (
                lambda r: r["prepared"]["channels"].update(scale=[1.0, 1.0, 0.0]),
                "scale[2] must be a number above 0",
            ),
            (
                lambda r: r["prepared"]["channels"].update(scale=[1.0, 1.0, float("inf")]),
                "its metadata has the value Infinity",
            ),
            (lambda r: r["prepared"]["channels"].update(names="abc"), "its channels.names must be a list"),
            (
                lambda r: r["prepared"]["channels"].update(names=["a"], mean=[0.0], scale=[1.0]),
                "is not float32 of shape",
            ),
            (lambda r: r["prepared"].update(options=[]), "its options for reading series must be an object"),
            (lambda r: r["prepared"].update(options={"names": "x"}), "has an unknown entry 'names'"),
            (lambda r: r["prepared"].update(options={"window": 0}), "its options for reading series.window must be"),
            (lambda r: r["prepared"].update(options={"window": True}), "its options for reading series.window must be"),
            (
                lambda r: r["prepared"].update(options={"layout": "round"}),
                "series.layout must be",
            ),
            (lambda r: r["layers"].insert(1, {"kind": "series_input", "noise": 0.3}), "not a network of its task"),
            (lambda r: r["layers"].pop(0), "not a network of its task"),
            (lambda r: r["layers"][0].update(units=3), "its layers[0] has an unknown entry 'units'"),
            (lambda r: r["layers"][0].update(noise=-1.0), "its layers[0].noise must be"),
            (lambda r: r.update(task="classify"), "its layers[0] is of a kind that is unknown"),
        ],
    )
    def test_a_record_that_does_not_fit_is_refused(self, tmp_path, change, sentence):
        write(series_classifier(), tmp_path / "m.safetensors")
        assert sentence in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))


class TestUse:
    @pytest.fixture
    def model(self, tmp_path):
        write(series_classifier(), tmp_path / "m.safetensors")
        return tmp_path / "m.safetensors"

    def test_texts_are_refused(self, model):
        with pytest.raises(InputError, match=r"classifies series of numbers, not texts\. Give a file of series"):
            gatewright.predict(model, "a text")
        with pytest.raises(InputError, match=r"--text t does not apply to series of numbers"):
            gatewright.evaluate(model, "x.ts", text="t")
        with pytest.raises(InputError, match=r"--text t does not apply to .*m.safetensors, a model of series"):
            gatewright.predict(model, file="x.csv", text="t")

    def test_unknown_labels_are_refused_in_evaluation_alone(self, model, tmp_path):
        data = str(write_npz(tmp_path / "s.npz", series((7, 8)), ["a", "z"]))
        with pytest.raises(InputError, match=r"has the label 'z', which the model does not know"):
            gatewright.evaluate(model, data)
        assert len(gatewright.predict(model, file=data)) == 2

    def test_another_number_of_channels_is_refused(self, model, tmp_path):
        data = str(write_npz(tmp_path / "s.npz", series((7, 8), 2), ["a", "b"]))
        with pytest.raises(InputError, match="has 2 channels"):
            gatewright.predict(model, file=data)
        with pytest.raises(InputError, match="has 2 channels, but needs 3"):
            gatewright.evaluate(model, data)

    def test_a_limit_takes_the_first_series(self, model, tmp_path):
        data = str(write_npz(tmp_path / "s.npz", series(LENGTHS), [*"abcabca"]))
        assert gatewright.evaluate(model, data, limit=3).size == 3

    def test_the_model_is_described(self, model):
        read = runtime.load(model)
        assert read.describe().reads == "series: 3 channels"
        assert read.answers() == {"labels": ["a", "b", "c"], "multi_label": False, "max_length": LENGTH}
