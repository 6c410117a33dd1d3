"""Time a single time step, called from Python with NumPy arrays, compared with ONNX Runtime.

The batch size is 1, there are as many features as units, and the type is float32. Gatewright runs `Packed.step`, which
overwrites the state. ONNX Runtime runs a model with one GRU (linear_before_reset), LSTM or RNN node, whose state is an
input and an output. Both run on one thread and take turns in the same process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatewright.bench import tables
from gatewright.bench.facts import facts, kernel_facts
from gatewright.bench.shape import Shape
from gatewright.bench.workers import OURS, TITLES, Worker, WorkerPool, print_progress, serve

_PEER = "onnxruntime"


@dataclass(frozen=True)
class Settings:
    rounds: int = 20
    calls: int = 500  # timed calls per turn
    cells: tuple[str, ...] = ("gru", "lstm", "simple_rnn")
    units: tuple[int, ...] = (32, 64, 128, 256, 512)
    peers: tuple[str, ...] = (_PEER,)


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of recurrent cell and number of units.

    Raises:
        Unavailable: The kernels cannot be loaded.
    """
    result = facts(settings)
    rows = []
    with WorkerPool() as pool:
        pool.start([Worker("suites.step", OURS)])
        versions = pool.facts[OURS]
        peers = [OURS, *(peer for peer in settings.peers if peer in versions)]
        if len(peers) <= len(settings.peers):
            pool.add_note(f"{TITLES[_PEER]} is skipped: onnxruntime and onnx are not both installed.")
        options = {"peers": peers, "rounds": settings.rounds, "calls": settings.calls}
        for cell in settings.cells:
            for units in settings.units:
                times = pool.workers[OURS].request("measure", cell=cell, units=units, **options)
                rows.append({"cell": cell, "units": units, "times": times})
                shown = ", ".join(f"{peer} {tables.format_spread(of_peer)}" for peer, of_peer in times.items())
                print_progress(f"{cell}, {units} units, µs: {shown}")
        return {**result, "versions": versions, "notes": pool.notes, "rows": rows}


def markdown(result: dict[str, Any]) -> str:
    return tables.page(
        "One step",
        result,
        ("cell", "units", "Gatewright, µs", "ONNX Runtime, µs", "ONNX Runtime / Gatewright"),
        map(_line, result["rows"]),
        "Batch size 1, as many features as units, float32, one thread each, called from Python with NumPy arrays; "
        "medians and quartiles.",
    )


def _line(row: dict[str, Any]) -> list[str]:
    times = row["times"]
    line = [row["cell"], str(row["units"]), tables.format_spread(times[OURS])]
    if _PEER not in times:
        return [*line, "-", "-"]
    return [*line, tables.format_spread(times[_PEER]), f"{tables.median_ratio(times[_PEER], times[OURS]):.1f}"]


def _our_call(cell: str, units: int) -> Callable[[], Any]:
    from gatewright.ops.packed import Packed

    rec, weights, x, states = _operands(cell, units)
    step = Packed(rec, *weights).step
    state = states[0] if len(states) == 1 else tuple(states)
    return lambda: step(x, state, state)


def _onnx_runtime_call(cell: str, units: int) -> Callable[[], Any]:
    from gatewright.bench import onnx_models

    rec, weights, x, states = _operands(cell, units)
    shape = Shape(1, 1, units, units)
    run = onnx_models.session(rec, weights, shape, states=True, sequence=False, threads=1).run
    inputs = {"X": x[None], **{name: state[None] for name, state in zip(("h", "c"), states, strict=False)}}
    return lambda: run(None, inputs)


def _operands(cell: str, units: int) -> tuple[Any, Any, Any, Any]:
    """Return the recurrence, its weights, the input x [1, units] and the initial states (a list of [1, units])."""
    import numpy as np

    from gatewright.bench.calls import operands, recurrence

    rec = recurrence(cell)
    x, *weights = operands(rec, Shape(1, 1, units, units))
    return rec, weights, x[0], [np.zeros((1, units), np.float32) for _ in rec.state_names]


def _measure(cell: str, units: int, peers: list[str], rounds: int, calls: int) -> dict[str, list[float]]:
    """Time the libraries `peers` in turn. Return for each library the microseconds per call in each round.

    A first round for warming up is not counted.
    """
    from gatewright.bench.calls import seconds

    functions = {peer: (_our_call if peer == OURS else _onnx_runtime_call)(cell, units) for peer in peers}
    times: dict[str, list[float]] = {peer: [] for peer in peers}
    for number in range(rounds + 1):
        for peer, call in functions.items():
            microseconds = 1e6 * seconds(call, calls)
            times[peer] += [microseconds] if number else []
    return times


def _facts() -> dict[str, Any]:
    from gatewright.ops import kernels

    kernels.set_num_threads(1)
    found = kernel_facts("onnx", _PEER)
    if "onnx" not in found:  # needed to create the model
        found.pop(_PEER, None)
    return found


if __name__ == "__main__":
    serve(start=_facts, measure=_measure)
