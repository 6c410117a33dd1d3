"""Make the goldens: what Keras, PyTorch and ONNX Runtime compute for the same small recurrences.

Run `python tests/goldens/make.py` with keras, jax, torch, onnx and onnxruntime installed. Tests read the
results and need none of these. Each file holds groups: a group's operands stand under "group/name", the
results of each of its cases under "group/case/name". What is no array of numbers stands as JSON under
"about": the versions of the libraries, and for each case the fields of its recurrence, its mask or lengths,
and whether it has a bias. PyTorch computes in float64; Keras on JAX and ONNX Runtime in float32, which is all
that they have. Operands are multiples of 1/64, so they are exact in every dtype and take little space.
Weights stand in the layout of the library that the file is named for.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import onnx
import onnx_node
import onnxruntime
import torch

from gatewright.ops.convert import OnnxWeights
from gatewright.ops.recurrence import Recurrence

BATCH, TIME, FEATURES, UNITS = 3, 4, 3, 2
# A row without masked steps, one with masked steps before, between and after live ones, one with no live
# step.
MASK = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)
LENGTHS = np.array([4, 1, 3])

Group = dict[str, Any]


def exact(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of order 1 that every dtype holds exactly."""
    return np.round(rng.normal(size=shape) * 64) / 64


def sequence_operands(rng: np.random.Generator, rec: Recurrence) -> Group:
    """Inputs, initial states, and the weights d of the loss that the gradients are those of."""
    group = {"x": exact(rng, BATCH, TIME, FEATURES), "d_sequence": exact(rng, BATCH, TIME, UNITS)}
    for name in rec.state_names:
        group[f"initial_{name}"] = exact(rng, BATCH, UNITS)
        group[f"d_last_{name}"] = exact(rng, BATCH, UNITS)
    return group


def save(name: str, groups: dict[str, Group], versions: dict[str, str]) -> None:
    """Write the groups; a dict within a group is a case of it."""
    about: dict[str, Any] = {"versions": versions, "cases": {}}
    arrays: dict[str, Any] = {}
    for group, entries in groups.items():
        for key, entry in entries.items():
            if isinstance(entry, dict):
                about["cases"][f"{group}/{key}"] = entry.pop("about")
                arrays |= {f"{group}/{key}/{field}": value for field, value in entry.items()}
            else:
                arrays[f"{group}/{key}"] = entry
    np.savez_compressed(Path(__file__).with_name(name), about=np.array(json.dumps(about)), **arrays)


def describe(
    rec: Recurrence, mask: np.ndarray | None = None, lengths: np.ndarray | None = None, use_bias: bool = True
) -> dict[str, Any]:
    """What stands about a case in the JSON."""
    return {
        "recurrence": dataclasses.asdict(rec),
        "mask": None if mask is None else mask.astype(int).tolist(),
        "lengths": None if lengths is None else lengths.tolist(),
        "use_bias": use_bias,
    }


# ---- Keras -------------------------------------------------------------------------------------------------


def keras_layer(rec: Recurrence, **options: Any) -> keras.layers.RNN:
    """The stock layer of a recurrence; RNN around the stock cell where the layer has no such argument."""
    arguments: dict[str, Any] = {"activation": rec.activation}
    if rec.cell != "simple_rnn":
        arguments["recurrent_activation"] = rec.recurrent_activation
    if rec.cell == "gru":
        arguments["reset_after"] = rec.reset_after
    name = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}[rec.cell]
    walk = {"return_state": True, "go_backwards": rec.reverse}
    if rec.zero_output_for_mask:
        cell = getattr(keras.layers, f"{name}Cell")(UNITS, use_bias=options.pop("use_bias"), **arguments)
        return keras.layers.RNN(cell, zero_output_for_mask=True, **walk, **options)
    return getattr(keras.layers, name)(UNITS, **arguments, **walk, **options)


def draw_dropout_masks(layer: keras.layers.RNN, group: Group) -> Group:
    """The masks that the layer's cell draws; it keeps them until the layer has been called."""
    drawn = {
        "dropout_mask": layer.cell.get_dropout_mask(jnp.float32(group["x"][:, 0])),
        "recurrent_dropout_mask": layer.cell.get_recurrent_dropout_mask(jnp.float32(group["initial_h"])),
    }
    return {
        name: np.stack(masks if isinstance(masks, list) else [masks])
        for name, masks in drawn.items()
        if masks is not None
    }


def keras_results(
    rec: Recurrence,
    group: Group,
    mask: np.ndarray | None = None,
    training: bool = False,
    use_bias: bool = True,
    return_sequences: bool = True,
    **options: Any,
) -> Group:
    """Outputs, last states and gradients of the stock layer, with the dropout masks that its cell drew."""
    layer = keras_layer(rec, use_bias=use_bias, return_sequences=return_sequences, **options)
    layer.build((BATCH, TIME, FEATURES))
    results = draw_dropout_masks(layer, group) if training else {}
    # Keras gives a reversed walk's outputs in the order of the walk; here they are aligned with the inputs.
    order = slice(None, None, -1 if rec.reverse else 1)
    d_output = group["d_sequence"][:, order] if return_sequences else group["d_sequence"][:, order][:, -1]
    d_states = [group[f"d_last_{name}"] for name in rec.state_names]

    def loss(x: Any, weights: list[Any], states: list[Any]) -> tuple[Any, Any]:
        non_trainable = [v.value for v in layer.non_trainable_variables]
        (output, *last), _ = layer.stateless_call(
            weights, non_trainable, x, initial_state=states, mask=mask, training=training
        )
        by_states = sum((s * d).sum() for s, d in zip(last, d_states, strict=True))
        return (output * d_output).sum() + by_states, (output, last)

    weight_names = ["kernel", "recurrent_kernel", "bias"][: 3 if use_bias else 2]
    (_, (output, last)), (d_x, d_weights, d_initial) = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(
        jnp.float32(group["x"]),
        [jnp.float32(group[name]) for name in weight_names],
        [jnp.float32(group[f"initial_{name}"]) for name in rec.state_names],
    )
    results |= {"sequence": output[:, order]} if return_sequences else {"output": output}
    results |= {f"last_{name}": s for name, s in zip(rec.state_names, last, strict=True)}
    results |= {"gradient_x": d_x}
    results |= {f"gradient_{name}": d for name, d in zip(weight_names, d_weights, strict=True)}
    results |= {f"gradient_initial_{name}": d for name, d in zip(rec.state_names, d_initial, strict=True)}
    return {"about": describe(rec, mask, use_bias=use_bias)} | {n: np.asarray(v) for n, v in results.items()}


def keras_group(rec: Recurrence, seed: int) -> Group:
    rng = np.random.default_rng(seed)
    group = sequence_operands(rng, rec)
    group["kernel"] = exact(rng, FEATURES, rec.gates * UNITS)
    group["recurrent_kernel"] = exact(rng, UNITS, rec.gates * UNITS)
    group["bias"] = exact(rng, *rec.bias_shape(UNITS))
    variant = dataclasses.replace
    hard = variant(rec, activation="relu", recurrent_activation="hard_sigmoid")
    cases: dict[str, Callable[[], Group]] = {
        "plain": lambda: keras_results(rec, group),
        "masked": lambda: keras_results(rec, group, MASK),
        "reversed": lambda: keras_results(variant(rec, reverse=True), group, MASK),
        "zero_output": lambda: keras_results(variant(rec, zero_output_for_mask=True), group, MASK),
        "last_output": lambda: keras_results(rec, group, MASK, return_sequences=False),
        "no_bias": lambda: keras_results(hard, group, use_bias=False),
        "dropout": lambda: keras_results(rec, group, training=True, dropout=0.5, seed=seed),
        "both_dropouts": lambda: keras_results(
            rec, group, MASK, training=True, dropout=0.5, recurrent_dropout=0.5, seed=seed
        ),
    }
    return group | {name: make() for name, make in cases.items()}


def make_keras() -> None:
    recurrences = {
        "simple_rnn": Recurrence("simple_rnn"),
        "lstm": Recurrence("lstm"),
        "gru_reset_after": Recurrence("gru"),
        "gru_reset_before": Recurrence("gru", reset_after=False),
    }
    groups = {name: keras_group(rec, seed) for seed, (name, rec) in enumerate(recurrences.items())}
    save("keras.npz", groups, {"keras": keras.__version__, "jax": jax.__version__})


# ---- PyTorch -----------------------------------------------------------------------------------------------


def pytorch_results(rec: Recurrence, group: Group, lengths: np.ndarray | None) -> Group:
    """Outputs and gradients of one direction of a bidirectional module: the loss leaves out the other."""
    name = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[rec.cell]
    options = {"nonlinearity": rec.activation} if rec.cell == "simple_rnn" else {}
    module = getattr(torch.nn, name)(
        FEATURES, UNITS, batch_first=True, bidirectional=True, dtype=torch.float64, **options
    )
    direction, suffix = (1, "_l0_reverse") if rec.reverse else (0, "_l0")
    weight_names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    with torch.no_grad():
        for weight in weight_names:
            getattr(module, weight + suffix).copy_(torch.from_numpy(group[weight]))
    x = torch.tensor(group["x"], requires_grad=True)
    initial = [torch.tensor(group[f"initial_{n}"], requires_grad=True) for n in rec.state_names]
    both = [torch.stack([s, s]) for s in initial]
    states = tuple(both) if rec.cell == "lstm" else both[0]
    if lengths is None:
        sequence, last = module(x, states)
    else:
        rnn = torch.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x, lengths.tolist(), batch_first=True, enforce_sorted=False)
        packed, last = module(packed, states)
        sequence, _ = rnn.pad_packed_sequence(packed, batch_first=True, total_length=TIME)
    sequence = sequence[..., direction * UNITS : (direction + 1) * UNITS]
    last = [s[direction] for s in (last if rec.cell == "lstm" else (last,))]
    loss = (sequence * torch.from_numpy(group["d_sequence"])).sum()
    for state_name, state in zip(rec.state_names, last, strict=True):
        loss = loss + (state * torch.from_numpy(group[f"d_last_{state_name}"])).sum()
    loss.backward()
    results: Group = {"sequence": sequence, "gradient_x": x.grad}
    results |= {f"last_{n}": s for n, s in zip(rec.state_names, last, strict=True)}
    results |= {f"gradient_{weight}": getattr(module, weight + suffix).grad for weight in weight_names}
    results |= {f"gradient_initial_{n}": s.grad for n, s in zip(rec.state_names, initial, strict=True)}
    return {"about": describe(rec, lengths=lengths)} | {n: v.detach().numpy() for n, v in results.items()}


def pytorch_group(rec: Recurrence, seed: int) -> Group:
    rng = np.random.default_rng(seed)
    group = sequence_operands(rng, rec)
    rows = rec.gates * UNITS
    group |= {"weight_ih": exact(rng, rows, FEATURES), "weight_hh": exact(rng, rows, UNITS)}
    group |= {"bias_ih": exact(rng, rows), "bias_hh": exact(rng, rows)}
    padded = dataclasses.replace(rec, zero_output_for_mask=True)
    group["plain"] = pytorch_results(rec, group, None)
    group["lengths"] = pytorch_results(padded, group, LENGTHS)
    group["lengths_reversed"] = pytorch_results(dataclasses.replace(padded, reverse=True), group, LENGTHS)
    return group


def make_pytorch() -> None:
    recurrences = {
        "simple_rnn": Recurrence("simple_rnn"),
        "simple_rnn_relu": Recurrence("simple_rnn", activation="relu"),
        "lstm": Recurrence("lstm"),
        "gru": Recurrence("gru"),
    }
    groups = {name: pytorch_group(rec, 10 + seed) for seed, (name, rec) in enumerate(recurrences.items())}
    save("pytorch.npz", groups, {"torch": torch.__version__})


# ---- ONNX Runtime ------------------------------------------------------------------------------------------


def onnx_results(rec: Recurrence, group: Group, lengths: np.ndarray | None) -> Group:
    """Outputs of a model of one node."""
    weights = OnnxWeights(group["W"], group["R"], group["B"])
    states = [group[f"initial_{n}"] for n in rec.state_names]
    sequence, *last = onnx_node.run(rec, group["x"], weights, states, lengths)
    results = {f"last_{n}": s for n, s in zip(rec.state_names, last, strict=True)}
    return {"about": describe(rec, lengths=lengths), "sequence": sequence} | results


def onnx_group(rec: Recurrence, seed: int) -> Group:
    rng = np.random.default_rng(seed)
    group = sequence_operands(rng, rec)
    rows = rec.gates * UNITS
    group |= {
        "W": exact(rng, 1, rows, FEATURES),
        "R": exact(rng, 1, rows, UNITS),
        "B": exact(rng, 1, 2 * rows),
    }
    padded = dataclasses.replace(rec, zero_output_for_mask=True)
    group["plain"] = onnx_results(rec, group, None)
    group["lengths"] = onnx_results(padded, group, LENGTHS)
    group["lengths_reversed"] = onnx_results(dataclasses.replace(padded, reverse=True), group, LENGTHS)
    return {name: value for name, value in group.items() if not name.startswith("d_")}


def make_onnx() -> None:
    recurrences = {
        "simple_rnn": Recurrence("simple_rnn"),
        "lstm": Recurrence("lstm"),
        "lstm_hard": Recurrence("lstm", activation="relu", recurrent_activation="hard_sigmoid"),
        "gru_linear_before_reset_1": Recurrence("gru"),
        "gru_linear_before_reset_0": Recurrence("gru", reset_after=False),
        "gru_linear": Recurrence("gru", activation="linear", recurrent_activation="hard_sigmoid"),
    }
    groups = {name: onnx_group(rec, 20 + seed) for seed, (name, rec) in enumerate(recurrences.items())}
    save("onnxruntime.npz", groups, {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__})


if __name__ == "__main__":
    make_keras()
    make_pytorch()
    make_onnx()
