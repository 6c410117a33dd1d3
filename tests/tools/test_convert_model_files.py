"""Model files of version 1 are rewritten in the format of version 3."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import convert_model_files
import numpy as np
import pytest
from safetensors.numpy import save

from gatewright import runtime
from gatewright.support.errors import InputError

GATES = {"simple_rnn": ["h"], "lstm": ["i", "f", "c", "o"], "gru": ["z", "r", "h"], "zoneout_gru": ["z", "r", "h"]}

CLASSIFIER = {
    "version": 1,
    "task": "classify",
    "blocks": [
        {"kind": "embedding", "vocabulary": 6, "units": 3},
        {"kind": "recurrent", "cell": "zoneout_gru", "units": 2, "both": True, "steps": True, "zoneout": 0.1},
        {"kind": "pool", "by": "max"},
        {"kind": "dropout", "rate": 0.5},
        {"kind": "dense", "units": 1},
    ],
    "encoder": {"kind": "words", "tokens": ["fine", "dull"], "split": "keras"},
    "answers": {"labels": ["bad", "good"], "length": 5},
    "training": {
        "settings": {"cell": "zoneout_gru", "zoneout": 0.1, "both": True, "batch": 4, "clip": 1.0, "least": 2},
        "unit": "rows",
        "chosen": 2,
        "test": {"accuracy": 0.9, "log_loss": 0.3},
        "p": 0.5,
        "rows": "0123456789abcdef",
        "made": {"python": "3.11"},
        "several": False,
        "others": {},
    },
    "conventions": {"layout": "keras", "gates": GATES, "gru_reset": "after"},
}
CLASSIFIER_WEIGHTS = {
    "0.table": (6, 3),
    "1.kernel": (3, 6),
    "1.recurrent_kernel": (2, 6),
    "1.bias": (2, 6),
    "1.backward_kernel": (3, 6),
    "1.backward_recurrent_kernel": (2, 6),
    "1.backward_bias": (2, 6),
    "4.kernel": (4, 1),
    "4.bias": (1,),
}
FORECASTER = {
    "version": 1,
    "task": "forecast",
    "blocks": [
        {"kind": "level", "by": "last", "look_back": 4, "targets": 1, "known": 1, "lead": True},
        {"kind": "recurrent", "cell": "lstm", "units": 2},
        {"kind": "recursive", "cell": "lstm", "layers": 1, "horizon": 3, "targets": 1, "outputs": 1, "known": 1},
        {"kind": "restore"},
    ],
    "encoder": {
        "kind": "series",
        "variables": ["load", "price"],
        "targets": 1,
        "ahead": 1,
        "calendar": False,
        "since": False,
        "grid": {"kind": "seconds", "step": 3600, "origin": 1704067200},
        "series": {"": [[10.0, 5.0], [2.0, 1.0]]},
        "time": "date",
        "by": None,
    },
    "answers": {"features": 2, "look_back": 4, "horizon": 3, "quantiles": [], "naive_errors": [0.2]},
    "training": {"settings": {"cell": "lstm", "level": "last"}, "unit": "windows", "test": {"mse": 0.5}},
    "conventions": {"layout": "keras", "gates": GATES, "gru_reset": "after"},
}
FORECASTER_WEIGHTS = {
    "1.kernel": (2, 8),
    "1.recurrent_kernel": (2, 8),
    "1.bias": (8,),
    "2.kernel": (2, 1),
    "2.bias": (1,),
}


def _write(path: Path, record: dict[str, Any], shapes: dict[str, tuple[int, ...]], sha256: str = "") -> None:
    rng = np.random.default_rng(0)
    tensors = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(tensors[name].tobytes())
    signed = {**record, "sha256": sha256 or digest.hexdigest()}
    path.write_bytes(save(tensors, {"gatewright": json.dumps(signed)}))


def test_a_text_classifier_is_converted(tmp_path):
    _write(tmp_path / "old.safetensors", CLASSIFIER, CLASSIFIER_WEIGHTS)
    assert convert_model_files.main([str(tmp_path / "old.safetensors"), str(tmp_path / "new.safetensors")]) == 0
    model = runtime.load(tmp_path / "new.safetensors")
    assert sum(model.predict("a fine film").probabilities.values()) == pytest.approx(1)
    recurrent = model.layers[1]
    assert (recurrent.cell, recurrent.zoneout, recurrent.bidirectional) == ("gru", 0.1, True)
    assert (model.labels, model.prepared.max_length, model.prepared.multi_label) == (("bad", "good"), 5, False)


def test_the_training_record_gets_the_new_names(tmp_path):
    _write(tmp_path / "old.safetensors", CLASSIFIER, CLASSIFIER_WEIGHTS)
    convert_model_files.convert(tmp_path / "old.safetensors", tmp_path / "new.safetensors")
    assert runtime.load(tmp_path / "new.safetensors").training == {
        "settings": {
            "cell": "gru",
            "zoneout": 0.1,
            "bidirectional": True,
            "batch_size": 4,
            "clip_norm": 1.0,
            "min_count": 2,
        },
        "unit": "texts",
        "chosen_epoch": 2,
        "test": {"accuracy": 0.9, "log_loss": 0.3},
        "p_value": 0.5,
        "fingerprint": "0123456789abcdef",
        "machine": {"python": "3.11"},
        "multi_label": False,
        "other_baselines": {},
        "measures": [
            {"name": "accuracy", "title": "accuracy", "better": "higher", "per_epoch": False},
            {"name": "log_loss", "title": "log loss", "better": "lower", "per_epoch": True},
        ],
    }


def test_all_models_of_a_folder_are_converted(tmp_path):
    (tmp_path / "old").mkdir()
    _write(tmp_path / "old" / "forecaster.safetensors", FORECASTER, FORECASTER_WEIGHTS)
    assert convert_model_files.main([str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    model = runtime.load(tmp_path / "new" / "forecaster.safetensors")
    forecast = model.predict(np.arange(14.0).reshape(7, 2))  # four past steps, and three for the future covariate
    assert forecast.values.shape == (3, 1)
    assert np.isfinite(forecast.values).all()


def test_a_wrong_digest_stays_wrong(tmp_path):
    _write(tmp_path / "old.safetensors", CLASSIFIER, CLASSIFIER_WEIGHTS, sha256="0" * 64)
    convert_model_files.convert(tmp_path / "old.safetensors", tmp_path / "new.safetensors")
    with pytest.raises(InputError, match="its contents have changed"):
        runtime.load(tmp_path / "new.safetensors")


def test_a_file_of_another_version_is_refused(tmp_path, capsys):
    _write(tmp_path / "old.safetensors", {**CLASSIFIER, "version": 2}, CLASSIFIER_WEIGHTS)
    assert convert_model_files.main([str(tmp_path / "old.safetensors"), str(tmp_path / "new.safetensors")]) == 1
    assert "has version 2, not 1" in capsys.readouterr().err
    assert not (tmp_path / "new.safetensors").exists()
