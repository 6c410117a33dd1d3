"""Piano rolls: files, the layers against a float64 reference, the baseline, and `train generate` on them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from models import loaded
from nn.test_file import changed, refused
from roll_models import KEYS, roll_model
from scipy.io import savemat
from tolerances import assert_close

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.nn import file as model_file
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Recurrent
from gatewright.ops import reference as cells
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.tasks.base.settings import setting_fields
from gatewright.tasks.rolls import baseline
from gatewright.tasks.rolls.baseline import frame_regression
from gatewright.tasks.rolls.layers import NO_FRAME, Sigmoids
from gatewright.tasks.rolls.reading import Rolls, is_rolls, read_rolls
from gatewright.tasks.rolls.settings import RollSettings
from gatewright.tasks.rolls.task import PreparedRolls

LENGTHS = (2, 7, 8, 9, 17)
PREPARED = PreparedRolls(KEYS)
SMALL = {"units": 9, "epochs": 3, "batch_size": 4, "learning_rate": 0.02}


def pieces(lengths, keys=KEYS, seed=0):
    """Return pieces in which each key mostly stays as it was."""
    draw = np.random.default_rng(seed)
    rolls = []
    for length in lengths:
        changes = draw.random((length, keys)) < 0.2
        rolls.append((np.cumsum(changes, axis=0) % 2).astype(np.uint8))
    return rolls


def write_mat(path, **parts):
    cells_ = {}
    for name, rolls in parts.items():
        cell = np.empty((1, len(rolls)), object)
        for place, piece in enumerate(rolls):
            cell[0, place] = piece
        cells_[f"{name}data"] = cell
    savemat(path, cells_)
    return path


def write_npz(path, **parts):
    arrays = {f"{name}data": np.concatenate(rolls) for name, rolls in parts.items()}
    np.savez(path, **arrays, **{f"{name}lengths": [len(piece) for piece in rolls] for name, rolls in parts.items()})
    return path


class TestFiles:
    @pytest.mark.parametrize("write", [write_mat, write_npz])
    def test_written_pieces_are_read(self, tmp_path, write):
        train, valid, test = (pieces(LENGTHS, seed=seed) for seed in range(3))
        path = write(tmp_path / f"r.{'mat' if write is write_mat else 'npz'}", train=train, valid=valid, test=test)
        assert is_rolls(str(path))
        source = read_rolls(str(path))
        for part, rolls in ((source.train, train), (source.validation, valid), (source.test, test)):
            for one, other in zip(part.pieces, rolls, strict=True):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == np.uint8
        alone = read_rolls(str(write(tmp_path / f"alone{path.suffix}", train=train)))
        assert (alone.validation, alone.test) == (None, None)

    def test_named_sets_are_found_in_the_data_folder(self, tmp_path, monkeypatch):
        monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
        with pytest.raises(
            InputError,
            match=r"jsb cannot be downloaded automatically, and GATEWRIGHT_DATA is not set\. Put JSB_Chorales",
        ):
            read_rolls("jsb")
        monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
        with pytest.raises(InputError, match=r"Nottingham.mat does not exist\. Put Nottingham.mat"):
            read_rolls("nottingham")
        (tmp_path / "chorales").mkdir()
        write_mat(tmp_path / "chorales" / "JSB_Chorales.mat", train=pieces(LENGTHS))
        assert read_rolls("jsb").name == "jsb"

    def test_rolls_that_differ_have_different_representations(self):
        one, other = Rolls(pieces((900,))), Rolls(pieces((900,)))
        assert repr(one) == repr(other)
        other.pieces[0][450, 2] ^= 1
        assert repr(one) != repr(other)

    @pytest.mark.parametrize(
        ("parts", "said"),
        [
            ({"valid": pieces(LENGTHS)}, "has no traindata"),
            ({"train": [np.zeros((1, 3), np.uint8)]}, "piece 1 of traindata has 1 frames. A piece needs at least two"),
            ({"train": [np.full((3, 3), 2)]}, "other than 0 and 1"),
            ({"train": [np.full((3, 3), np.nan)]}, "other than 0 and 1"),
            ({"train": pieces((3, 4)), "test": pieces((3,), 6)}, "has pieces of 5 and of 6 keys"),
        ],
    )
    @pytest.mark.parametrize("write", [write_mat, write_npz])
    def test_pieces_that_cannot_be_used_are_refused(self, tmp_path, write, parts, said):
        path = write(tmp_path / f"r.{'mat' if write is write_mat else 'npz'}", **parts)
        with pytest.raises(InputError) as caught:
            read_rolls(str(path))
        assert said in str(caught.value)

    def test_other_files_are_refused(self, tmp_path):
        for name in ("r.mat", "r.npz"):
            (tmp_path / name).write_bytes(b"MATLAB no")
            with pytest.raises(InputError, match=r"is not a MATLAB file|is not an archive of plain arrays"):
                read_rolls(str(tmp_path / name))
        savemat(tmp_path / "t.mat", {"traindata": "text"})
        with pytest.raises(InputError, match="must be numbers"):
            read_rolls(str(tmp_path / "t.mat"))
        np.savez(tmp_path / "t.npz", traindata=np.zeros((4, 3)), trainlengths=[2, 3])
        with pytest.raises(InputError, match="trainlengths the numbers of frames of the pieces"):
            read_rolls(str(tmp_path / "t.npz"))
        with pytest.raises(InputError, match="does not exist"):
            read_rolls("nowhere.mat")


class TestLayers:
    @pytest.mark.parametrize("cell", CELLS)
    def test_losses_equal_the_reference(self, cell):
        """The reference is the binary cross-entropy of each next frame, summed over keys, in float64."""
        made = roll_model(cell)
        rolls = pieces(LENGTHS)
        batch = PREPARED.encode(Rolls(rolls))
        w, out = made.weights[2], made.weights[-1]
        expected = np.zeros(batch.targets.shape[:2])
        for row, piece in zip(expected, rolls, strict=True):
            weights = [array.astype(np.float64) for array in Recurrent(cell, 9).operands(w)]
            zeros = [np.zeros((1, 9))] * len(Recurrence(cell).state_names)
            h = cells.forward(Recurrence(cell), piece[None, :-1].astype(np.float64), *weights, zeros).sequence[0]
            p = 1 / (1 + np.exp(-(h @ out["kernel"] + out["bias"])))
            row[: len(piece) - 1] = -np.where(piece[1:] == 1, np.log(p), np.log(1 - p)).sum(axis=1)
        losses = loaded(made).outputs(batch)
        assert_close(losses, expected, "forward", np.float32)
        measured = PREPARED.measure(losses, batch.targets)
        steps = sum(len(piece) - 1 for piece in rolls)
        assert measured["nll"] == pytest.approx(expected.sum() / steps, rel=1e-5)
        each = [row.sum() / (len(piece) - 1) for row, piece in zip(expected, rolls, strict=True)]
        assert measured["nll_of_pieces"] == pytest.approx(np.mean(each), rel=1e-5)

    def test_jax_equals_numpy_and_its_gradient_equals_finite_differences(self):
        import jax

        targets = PREPARED.encode(Rolls(pieces(LENGTHS))).targets
        h = np.random.default_rng(0).normal(size=(*targets.shape[:2], 3))
        layer = Sigmoids(KEYS)
        w = {"kernel": np.random.default_rng(1).normal(size=(3, KEYS)), "bias": np.linspace(-1, 1, KEYS)}

        def loss(backend, w):
            inputs = Activations(backend.xp.asarray(h), targets=targets)
            return layer.forward(backend, w, inputs, None, None)[0].x.sum()

        with jax.enable_x64(True):
            backend = jax_backend()
            assert_close(loss(backend, w), loss(NUMPY, w), "forward", np.float64)
            gradient = jax.grad(lambda kernel: loss(backend, {**w, "kernel": kernel}))(w["kernel"])
        moved = np.zeros_like(w["kernel"])
        step = np.finfo(np.float64).eps ** (1 / 3)
        for at in np.ndindex(moved.shape):
            one = np.zeros_like(moved)
            one[at] = step
            up, down = (loss(NUMPY, {**w, "kernel": w["kernel"] + sign * one}) for sign in (1, -1))
            moved[at] = (up - down) / (2 * step)
        assert_close(gradient, moved, "finite_difference", np.float64)

    def test_large_logits_lose_no_digits(self):
        layer, w = Sigmoids(1), {"kernel": np.array([[1.0]]), "bias": np.zeros(1)}
        x = np.array([[[1000.0], [-1000.0], [1000.0], [-1000.0]]])
        targets = np.array([[[1], [0], [0], [1]]], np.uint8)
        out = layer.forward(NUMPY, w, Activations(x, targets=targets), None, None)[0].x
        np.testing.assert_array_equal(out, [[0, 0, 1000, 1000]])

    def test_padding_changes_no_loss(self):
        rolls, model = pieces(LENGTHS), loaded(roll_model("lstm", layers=2))
        batch = PREPARED.encode(Rolls(rolls))
        for row, piece in zip(model.outputs(batch), rolls, strict=True):
            alone = model.outputs(PREPARED.encode(Rolls([piece])))[0]
            assert_close(row[: len(alone)], alone, "same_order", np.float32)
            assert not row[len(alone) :].any()
        assert (batch.inputs[0, 1:] == NO_FRAME).all()
        assert PREPARED.size(batch) == sum(length - 1 for length in LENGTHS)


class TestModel:
    @pytest.mark.parametrize("cell", CELLS)
    def test_steps_equal_the_whole_piece(self, cell):
        model, piece = loaded(roll_model(cell, 8, layers=2)), pieces((17,))[0]
        whole, states = model.probabilities(piece), model.start()
        for frame, expected in zip(piece, whole, strict=True):
            share, states = model.step(frame, states)
            assert_close(share, expected, "forward", np.float32)

    def test_the_frames_drawn_depend_on_the_seed_and_the_beginning(self):
        model = loaded(roll_model())
        drawn = model.generate(9, seed=1)
        assert drawn.shape == (9, KEYS)
        assert set(np.unique(drawn)) <= {0, 1}
        np.testing.assert_array_equal(drawn, model.generate(9, seed=1))
        assert (drawn != model.generate(9, seed=2)).any()
        assert (drawn != model.generate(9, seed=1, prompt=pieces((7,))[0])).any()
        assert model.generate(0, seed=1).shape == (0, KEYS)

    @pytest.mark.parametrize(
        ("frames", "said"),
        [([[0, 1]], "not of shape [1, 2]"), ([[0, 1, 2, 0, 0]], "only 0 and 1"), (np.empty((0, KEYS)), "shape [0, 5]")],
    )
    def test_frames_that_cannot_be_used_are_refused(self, frames, said):
        with pytest.raises(InputError) as caught:
            loaded(roll_model()).probabilities(frames)
        assert said in str(caught.value)

    def test_a_model_is_used_without_keras_or_jax(self, tmp_path):
        model_file.write(roll_model(), tmp_path / "m.safetensors")
        program = f"""
import sys
from gatewright import runtime
print(runtime.load({str(tmp_path / "m.safetensors")!r}).generate(4, 0).shape)
heavy = {{"keras", "jax", "torch", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "optax"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "(4, 5)"

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (
                lambda r: r["prepared"].update(keys=10**9),
                "outputs is 5, but its other parts need 1000000000",
            ),
            (lambda r: r["prepared"].update(keys=4), "its number of outputs is 5, but its other parts need 4"),
            (lambda r: r["prepared"].update(keys="5"), "its prepared.keys must be a whole number"),
            (lambda r: r["layers"][2].update(bidirectional=True), "its 'bidirectional' of recurrent layer 1 is true"),
            (lambda r: r["layers"][2].update(return_sequences=False), "its 'return_sequences' of recurrent layer 1"),
            (lambda r: r["layers"].insert(1, {"kind": "frames"}), "are not a network of its task"),
            (lambda r: r["layers"].insert(4, {"kind": "pool", "method": "max"}), "its layers[4] is of a kind"),
            (lambda r: r["layers"].__setitem__(-1, {"kind": "dense", "units": 5}), "its layers[4] is of a kind"),
            (lambda r: r["layers"][-1].update(units=0), "its layers[4].units must be a whole number"),
            (lambda r: r.update(task="classify"), "its layers[0] is of a kind that is unknown"),
        ],
    )
    def test_a_damaged_file_is_refused(self, tmp_path, change, said):
        model_file.write(roll_model(), tmp_path / "m.safetensors")
        assert said in refused(tmp_path, changed((tmp_path / "m.safetensors").read_bytes(), change))

    def test_other_commands_are_refused(self, tmp_path, capsys):
        model_file.write(roll_model(), tmp_path / "m.safetensors")
        assert cli.main(["generate", str(tmp_path / "m.safetensors")]) == 2
        assert "A piano roll model generates no text. Generate frames with" in capsys.readouterr().err
        assert cli.main(["predict", str(tmp_path / "m.safetensors"), "a text"]) == 2
        assert "A piano roll model has no predictions. Measure it with `gatewright evaluate`" in capsys.readouterr().err
        data = write_npz(tmp_path / "r.npz", train=pieces(LENGTHS, 6))
        assert cli.main(["evaluate", str(tmp_path / "m.safetensors"), str(data)]) == 2
        assert "has 6 keys, but the model needs 5" in capsys.readouterr().err


class TestBaselines:
    def test_the_baseline_equals_scikit_learn(self):
        from sklearn.linear_model import LogisticRegression

        train, validation, test = (pieces((40, 60), seed=seed) for seed in range(3))
        fitted = frame_regression(train, validation, test)
        assert fitted.order == 1  # only the last frame matters
        before, after = (np.concatenate([piece[cut] for piece in train]) for cut in (slice(-1), slice(1, None)))
        expected = np.zeros(59)
        for key in range(KEYS):
            model = LogisticRegression(tol=1e-9, max_iter=1_000).fit(before, after[:, key])
            logs = model.predict_log_proba(test[1][:-1])
            expected -= logs[np.arange(59), test[1][1:, key].astype(int)]
        np.testing.assert_allclose(fitted.nats[1], expected, rtol=1e-6)

    def test_large_data_is_fitted_in_parts(self, monkeypatch):
        splits = [pieces((40, 60), seed=seed) for seed in range(3)]
        whole = frame_regression(*splits)
        monkeypatch.setattr(baseline, "_PAIRS", 200)
        monkeypatch.setattr(baseline, "_HESSIANS", 1)
        for nats, expected in zip(frame_regression(*splits).nats, whole.nats, strict=True):
            np.testing.assert_allclose(nats, expected, rtol=1e-9)

    def test_keys_that_never_change_have_finite_losses(self):
        rolls = [np.stack([np.zeros(20), np.ones(20), np.arange(20) % 2], axis=1).astype(np.uint8)] * 2
        fitted = frame_regression(rolls, rolls, rolls)
        assert all(np.isfinite(nats).all() for nats in fitted.nats)

    def test_the_constant_is_the_frequency_of_each_key(self):
        rolls = pieces(LENGTHS)
        targets = PREPARED.encode(Rolls(rolls)).targets
        heard = np.concatenate([piece[1:] for piece in rolls])
        p = (1 + heard.sum(axis=0)) / (2 + len(heard))
        expected = -np.where(heard == 1, np.log(p), np.log(1 - p)).sum(axis=1).mean()
        for known in (None, targets):
            outputs, _ = PREPARED.constant(targets, known)
            assert PREPARED.measure(outputs, targets)["nll"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
class TestTrain:
    def test_from_a_file_to_figures(self, tmp_path, capsys):
        rolls = pieces([20] * 60)
        data = write_mat(tmp_path / "r.mat", train=rolls[:40], valid=rolls[40:50], test=rolls[50:])
        out = tmp_path / "m.safetensors"
        result = gatewright.train("generate", str(data), out, **{**SMALL, "epochs": 60})
        assert result.sizes == {"train": 760, "validation": 190, "test": 190}
        assert result.unit == "steps"
        train, test = (PREPARED.encode(Rolls(some)).targets for some in (rolls[:40], rolls[50:]))
        constant = PREPARED.measure(PREPARED.constant(test, train)[0], test)
        assert result.test["nll"] < 0.9 * constant["nll"]
        again = gatewright.evaluate(out, str(data))
        assert again.test["nll"] == pytest.approx(result.test["nll"], rel=1e-5)
        assert again.size == 190
        assert cli.main(["info", str(out)]) == 0
        assert "piano rolls: 5 keys" in capsys.readouterr().out
        assert cli.main(["evaluate", str(out), str(data), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["task"] == "generate"
        assert runtime.load(out).generate(3, 0).shape == (3, KEYS)

    def test_splits_are_set_aside(self, tmp_path):
        data = write_npz(tmp_path / "r.npz", train=pieces([9] * 40))
        result = gatewright.train("generate", str(data), tmp_path / "m.safetensors", **SMALL)
        assert result.sizes == {"train": 32 * 8, "validation": 4 * 8, "test": 4 * 8}
        assert any("has no test set: 10% of its pieces" in note for note in result.notes)
        few = write_npz(tmp_path / "few.npz", train=pieces([9]))
        with pytest.raises(InputError, match="too few pieces to set some aside"):
            gatewright.train("generate", str(few), tmp_path / "n.safetensors")

    def test_each_setting_changes_what_is_learned(self, tmp_path):
        data = str(write_npz(tmp_path / "r.npz", train=pieces([9] * 20)))
        plain = gatewright.train("generate", data, tmp_path / "plain.safetensors", **SMALL)
        others = [
            {"input_dropout": 0.5},
            {"recurrent_dropout": 0.5},
            {"weight_dropout": 0.5},
            {"output_dropout": 0.0},
            {"layers": 2},
            {"cell": "lstm"},
            {"held_out_fraction": 0.3},
        ]
        for place, other in enumerate(others):
            result = gatewright.train("generate", data, tmp_path / f"{place}.safetensors", **{**SMALL, **other})
            assert result.epochs[-1].loss != plain.epochs[-1].loss, other

    def test_cells_are_compared(self, tmp_path):
        data = str(write_npz(tmp_path / "r.npz", train=pieces([9] * 40)))
        result = gatewright.compare(
            data,
            task="generate",
            cells=("gru", "lstm", "simple_rnn"),
            match="parameters",
            units=8,
            epochs=2,
            batch_size=4,
            seeds=2,
            out=tmp_path / "c",
        )
        sizes = [cell.parameters for cell in result.cells]
        assert max(sizes) < 1.2 * min(sizes)
        assert result.baseline.name == "logistic regression"
        with pytest.raises(InputError, match="'vocabulary' is not a setting of this task: leave it out"):
            gatewright.compare(data, task="generate", vocabulary=8, out=tmp_path / "d")

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (["--tokens", "words"], "'tokens' is not a setting of this task: leave it out"),
            (["--max-length", "9"], "'max_length' is not a setting of this task: leave it out"),
            (["--text", "x"], "--text x does not apply to piano rolls, as in {data}: leave it out."),
            (["--test", "x.mat"], "--test x.mat does not apply to piano rolls: all splits come from {data}"),
        ],
    )
    def test_what_applies_to_texts_alone_is_refused(self, tmp_path, capsys, flags, said):
        data = write_npz(tmp_path / "r.npz", train=pieces([9] * 20))
        assert cli.main(["train", "generate", str(data), "--out", str(tmp_path / "m.safetensors"), *flags]) == 2
        assert said.format(data=data) in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["r.npz"]


def test_every_default_is_allowed():
    for field in setting_fields(RollSettings):
        for default in (field.default, field.compare_default):
            assert default is None or field.check(default) == default
