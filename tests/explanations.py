"""Explanations of small networks, computed by NumPy, for tests of their views."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from gatewright.explanation.summary import summary
from gatewright.ops import numpy as ops
from gatewright.ops.recurrence import Recurrence
from gatewright.results.explanation import (
    GRADIENTS,
    LEDGER,
    OMISSION,
    Attribution,
    Explanation,
    Faithfulness,
    Group,
    LayerTrace,
    Step,
    Target,
)
from gatewright.results.statistics import mean_interval

CONVENTIONS = {"z": "z = 1 keeps the state", "r": "r = 0 ignores the state in the candidate"}


def explained(
    words: Sequence[str | Step],
    cell: str = "gru",
    units: int = 4,
    *,
    bidirectional: bool = False,
    pooling: str = "last",
    seed: int = 0,
    target: Target | None = None,
    weights: tuple[list[tuple[np.ndarray, np.ndarray, np.ndarray]], np.ndarray, float] | None = None,
    inputs: np.ndarray | None = None,
    **changes,
) -> Explanation:
    """Return the explanation of the answer of a GRU or a SimpleRNN about these words.

    The network's weights and the words' vectors are random, unless they are given: (kernel, recurrent kernel, bias) of
    each direction, the read-out's weights and its bias; the vectors, [steps, features]. The network reads the last
    state, or the mean over steps.
    """
    steps = tuple(Step(word) if isinstance(word, str) else word for word in words)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(steps), 3)) if inputs is None else np.asarray(inputs, np.float64)
    recs = [Recurrence(cell, reverse=reverse) for reverse in (False, True)[: 1 + bidirectional]]
    if weights is None:
        directions = [
            (
                rng.normal(size=(x.shape[1], rec.gates * units)),
                rng.normal(size=rec.recurrent_kernel_shape(units)),
                rng.normal(size=rec.bias_shape(units)),
            )
            for rec in recs
        ]
        v, b = rng.normal(size=len(recs) * units), 0.1
    else:
        directions, v, b = weights
    directions = [tuple(np.asarray(array, np.float64) for array in arrays) for arrays in directions]

    def run(rows: np.ndarray) -> list[ops.Run]:
        return [ops.forward(rec, rows[None], *one, keep=True) for rec, one in zip(recs, directions, strict=True)]

    def logit(rows: np.ndarray) -> float:
        if not len(rows):
            return float(b)
        sequences = np.concatenate([one.sequence[0] for one in run(rows)], axis=1)
        last = np.concatenate([one.states[0][0] for one in run(rows)])
        return float((sequences.mean(axis=0) if pooling == "mean" else last) @ v + b)

    value = logit(x)
    every = np.arange(len(x))
    omission = np.array([value - logit(x[every != step]) for step in every])
    attributions = [Attribution(OMISSION, omission)]
    traces = []
    ledger = np.zeros(len(x))
    for place, one in enumerate(run(x) if len(x) else []):
        trace = _trace(one, cell, place, bidirectional)
        traces.append(trace)
        if trace.keep is not None and trace.written is not None:
            ledger += _contributions(trace, v[place * units :][:units], pooling)
    if traces and traces[0].keep is not None:
        attributions.insert(0, Attribution(LEDGER, ledger, {"bias": b}, float(ledger.sum() + b - value)))
    gradients = omission * 0.9 + 0.01  # any numbers
    attributions.append(Attribution(GRADIENTS, gradients, {}, 0.004))
    probability = float(1 / (1 + np.exp(-value)))
    explanation = Explanation(
        "model.safetensors",
        "positive" if value > 0 else "negative",
        target or Target("positive", "negative", value, probability),
        steps,
        tuple(attributions),
        tuple(traces),
        tuple(range(len(traces))),
        pooling,
        tuple(
            Faithfulness(found.method, 1, float(omission.max()), mean_interval(omission.tolist()))
            for found in attributions
            if len(x) > 1
        ),
        None,
        (Group((0, 1), value - logit(x[2:]), float(omission[:2].sum())),) if len(x) > 2 else (),
        "",
        ("The model reads the last 200 words of a text.",),
    )
    explanation = dataclasses.replace(explanation, **changes)
    return dataclasses.replace(
        explanation,
        summary=summary(explanation.answer, explanation.target, explanation.steps, explanation.attributions),
    )


def _trace(run: ops.Run, cell: str, place: int, bidirectional: bool) -> LayerTrace:
    gates = {name: values[0] for name, values in run.gates.items()}
    states = {"h": run.sequence[0]}
    title = cell.upper() + " 1" + (f", {('forward', 'backward')[place]}" if bidirectional else "")
    if cell != "gru":
        return LayerTrace(
            title, 1, cell, place == 1, gates, states, None, None, "h", {}, None, {}, None, None, {}
        )  # fmt: skip
    keep, written = gates["z"], (1 - gates["z"]) * gates["c"]
    in_order = slice(None, None, -1) if place else slice(None)
    kept = np.array([np.prod(keep[in_order][step + 1 :], axis=0) for step in range(len(keep))])[in_order]
    weight = np.abs(written)
    saturation = {
        name: np.stack([(gates[name] < 0.1).mean(axis=0), (gates[name] > 0.9).mean(axis=0)], axis=1) for name in "zr"
    }
    return LayerTrace(
        title,
        1,
        cell,
        place == 1,
        gates,
        states,
        keep,
        written,
        "h",
        CONVENTIONS,
        np.log(2) / -np.log(keep.mean(axis=0)),
        saturation,
        (weight * kept).sum(axis=1) / weight.sum(axis=1),
        np.array([_half_gone(keep, weight, step, place == 1) for step in range(len(keep))]),
        {"h": np.linalg.norm(states["h"], axis=1)},
    )


def _half_gone(keep: np.ndarray, weight: np.ndarray, step: int, backward: bool) -> int:
    left = weight[step].copy()
    for other in range(step - 1, -1, -1) if backward else range(step + 1, len(keep)):
        left *= keep[other]
        if left.sum() < weight[step].sum() / 2:
            return other
    return -1


def _contributions(trace: LayerTrace, v: np.ndarray, pooling: str) -> np.ndarray:
    """Return what each step adds to the logit: v @ (what is left of w_t in the outputs that are read)."""
    order = range(len(trace.keep)) if trace.backward else range(len(trace.keep) - 1, -1, -1)
    found = np.zeros(len(trace.keep))
    share, factor = np.zeros_like(v), 1.0
    for count, step in enumerate(order):
        read = 1 / len(trace.keep) if pooling == "mean" else float(count == 0)
        share = share * factor + read
        found[step] = (v * share * trace.written[step]).sum()
        factor = trace.keep[step]
    return found
