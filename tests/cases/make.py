"""Make the model files of this folder from damaged files of version 1, which are not part of the project.

PYTHONPATH=tools python tests/cases/make.py FOLDER
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from convert_model_files import Record, Tensors, convert, read, write

MODELS = Path(__file__).parent / "models"

# What the forecasters were trained on.
_DEVIATIONS = [2.155339272397018, 1.4445166907603408]
_MEANS = [9.992224999999994, 5.004710714285707]
_ORIGIN = 1704067200
_HORIZON = 6


def _repair_weights(record: Record, tensors: Tensors) -> None:
    rng = np.random.default_rng(0)
    for name in sorted(tensors):
        tensors[name] = rng.uniform(-0.3, 0.3, tensors[name].shape).astype(np.float32)


def _repair_scales(record: Record, tensors: Tensors) -> None:
    record["prepared"]["scales"]["series"] = {"": [_MEANS, _DEVIATIONS]}


def _repair_grid(record: Record, tensors: Tensors) -> None:
    record["prepared"]["scales"]["grid"]["origin"] = _ORIGIN


def _repair_horizon(record: Record, tensors: Tensors) -> None:
    record["prepared"]["horizon"] = _HORIZON
    for layer in record["layers"]:
        if layer["kind"] == "recursive":
            layer["horizon"] = _HORIZON


def _remove_dropout(record: Record, tensors: Tensors) -> None:
    kept = [place for place, layer in enumerate(record["layers"]) if layer["kind"] != "dropout"]
    record["layers"] = [record["layers"][place] for place in kept]
    moved = {}
    for name, tensor in tensors.items():
        place, weight = name.split(".")
        moved[f"{kept.index(int(place))}.{weight}"] = tensor
    tensors.clear()
    tensors.update(moved)


REPAIRS: dict[str, Callable[[Record, Tensors], None]] = {
    "deviation-1e308": _repair_scales,
    "dropout-before-last": _remove_dropout,
    "dropout-first": _remove_dropout,
    "dropout-last": _remove_dropout,
    "fore-3e38": _repair_weights,
    "gen-3e38": _repair_weights,
    "grid-months-1--2305843009213693952": _repair_grid,
    "grid-seconds-3600-2305843009213693952": _repair_grid,
    "horizon-1000": _repair_horizon,
    "scale-bigint": _repair_scales,
    "series-3e38": _repair_weights,
    "tag-3e38": _repair_weights,
    "text-3e38": _repair_weights,
}
"""How the damage of each file is undone."""


def _damage_training(training: dict[str, Any]) -> dict[str, Any]:
    """Return a training record whose values have wrong types."""
    return {**training, "epochs": "many", "test": ["good"], "settings": 7, "finished": "yes"}


def make(folder: Path) -> None:
    """Write all models in `damaged` and `whole`."""
    for name in ("damaged", "whole"):
        (MODELS / name).mkdir(parents=True, exist_ok=True)
    for source in sorted(folder.glob("*.safetensors")):
        file = MODELS / "damaged" / source.name
        convert(source, file)
        record, tensors = read(file)
        record["training"]["out"] = "model.safetensors"
        if source.stem == "training-str":
            write({**record, "training": _damage_training(record["training"])}, tensors, file)
        else:
            write(record, tensors, file)
            REPAIRS[source.stem](record, tensors)
        write(record, tensors, MODELS / "whole" / source.name)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
