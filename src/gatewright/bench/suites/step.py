"""One step of a recurrence, called from Python with NumPy arrays, ours beside ONNX Runtime's session call.

Batch 1, as many features as units, float32, one thread each. Ours is `Packed.step` in place. ONNX Runtime runs a model
of one GRU (linear_before_reset), LSTM or RNN node with its state as input and output. Both stand in one process and
take turns: neither uses a thread beside the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewright.bench import results
from gatewright.bench.workers import OURS, TITLES, Crew, Worker, name_of_this, say, serve

_PEER = "onnxruntime"


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 20
    calls: int = 500  # timed in one turn
    cells: tuple[str, ...] = ("gru", "lstm", "simple_rnn")
    units: tuple[int, ...] = (32, 64, 128, 256, 512)
    peers: tuple[str, ...] = (_PEER,)


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell and number of units.

    Raises:
        Unavailable: the kernels do not load.
    """
    about = results.facts(settings)
    rows = []
    with Crew() as crew:
        crew.start(Worker("suites.step", OURS))
        crew.require_any()
        about["versions"] = crew.about[OURS]
        peers = [OURS, *settings.peers]
        for peer in settings.peers:
            if peer not in about["versions"]:
                peers.remove(peer)
                crew.note(f"{TITLES[peer]} is skipped: onnxruntime and onnx are not both installed.")
        for cell in settings.cells:
            for units in settings.units:
                sizes = {"cell": cell, "units": units}
                times = crew.workers[OURS].ask(
                    "measure", **sizes, peers=peers, rounds=settings.rounds, calls=settings.calls
                )
                rows.append({**sizes, "times": times})
                shown = ", ".join(f"{peer} {results.spread(taken)}" for peer, taken in times.items())
                say(f"{cell}, {units} units, µs: {shown}")
        about["notes"] = crew.notes
    return {**about, "rows": rows}


def markdown(result: dict[str, Any]) -> str:
    """The result as a page."""
    lines = []
    for row in result["rows"]:
        own, other = row["times"][OURS], row["times"].get(_PEER)
        figures = (results.spread(own), results.spread(other) if other else "-")
        ratio = f"{results.median_ratio(other, own):.1f}" if other else "-"
        lines.append((row["cell"], str(row["units"]), *figures, ratio))
    head = ("cell", "units", "Gatewright, µs", "ONNX Runtime, µs", "times as fast")
    return (
        f"{results.heading('One step', result)}\n{results.table(head, lines)}\n\nBatch 1, features = units, float32, "
        f"one thread each, called from Python with NumPy arrays; medians with quartiles.\n{results.notes(result)}"
    ).rstrip()


def _ours(cell: str, units: int) -> Any:
    from gatewright.ops import numpy as ops

    _, weights, x, states = _operands(cell, units)
    step = getattr(ops, f"pack_{cell}")(*weights).step
    state = states[0] if len(states) == 1 else tuple(states)
    return lambda: step(x, state, state)


def _onnx_runtime(cell: str, units: int) -> Any:
    from gatewright.bench import onnx_models

    rec, weights, x, states = _operands(cell, units)
    run = onnx_models.session(rec, weights, (1, 1, units, units), states=True, sequence=False, threads=1).run
    given = {"X": x[None], **{name: state[None] for name, state in zip(("h", "c"), states, strict=False)}}
    return lambda: run(None, given)


def _operands(cell: str, units: int) -> tuple[Any, Any, Any, Any]:
    """The recurrence, its weights, x [1, units] and first states."""
    import numpy as np

    from gatewright.bench.calls import Shape, operands, recurrence

    rec = recurrence(cell)
    x, *weights = operands(rec, Shape(1, 1, units, units))
    return rec, weights, x[0], [np.zeros((1, units), np.float32) for _ in rec.state_names]


def _measure(cell: str, units: int, peers: list[str], rounds: int, calls: int) -> dict[str, list[float]]:
    """Microseconds of a call of each peer, in turns."""
    from gatewright.bench.calls import seconds

    made = {peer: (_ours if peer == OURS else _onnx_runtime)(cell, units) for peer in peers}
    taken: dict[str, list[float]] = {peer: [] for peer in peers}
    for number in range(rounds + 1):
        for peer, call in made.items():
            one = 1e6 * seconds(call, calls)
            if number:  # the first round warms up
                taken[peer].append(one)
    return taken


def _facts() -> dict[str, Any]:
    from gatewright.ops import kernels

    kernels.set_num_threads(1)
    found = results.kernel_facts("onnx", "onnxruntime")
    if "onnx" not in found:  # the model is made with it
        found.pop(_PEER, None)
    return found


def _work(name: str) -> None:
    def answer(do: str, **request: Any) -> Any:
        return _facts() if do == "start" else _measure(**request)

    serve(answer)


if __name__ == "__main__":
    _work(name_of_this())
