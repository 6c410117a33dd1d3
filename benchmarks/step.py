"""Times one step of a recurrence, called from Python with NumPy arrays, ours beside ONNX Runtime's session call.

    python benchmarks/step.py

Batch 1, as many features as units, float32, one thread each. Ours is `Packed.step` in place. ONNX Runtime runs a model
of one GRU (linear_before_reset), LSTM or RNN node with its state as input and output. Both stand in one process and
take turns: neither uses a thread beside the caller's.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import common

NODES = {"gru": "GRU", "lstm": "LSTM", "simple_rnn": "RNN"}
UNITS = (32, 64, 128, 256, 512)
CALLS = 500  # timed in one turn


def operands(cell: str, units: int) -> tuple[Any, ...]:
    """Kernel, recurrent kernel, bias, x and states in Keras' layout."""
    import numpy as np

    from gatewright.cells import Recurrence

    rec, rng = Recurrence(cell), np.random.default_rng(1)
    columns = rec.gates * units
    shapes = ((units, columns), (units, columns), rec.bias_shape(units), (1, units))
    states = [np.zeros((1, units), np.float32) for _ in rec.state_names]
    return *((0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes), states


def ours(cell: str, units: int) -> Any:
    from gatewright.ops import numpy as ops

    kernel, recurrent, bias, x, states = operands(cell, units)
    step = getattr(ops, f"pack_{cell}")(kernel, recurrent, bias).step
    state = states[0] if len(states) == 1 else tuple(states)
    return lambda: step(x, state, state)


def onnx_runtime(cell: str, units: int) -> Any:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    from gatewright import convert
    from gatewright.cells import Recurrence

    kernel, recurrent, bias, x, states = operands(cell, units)
    rec = Recurrence(cell)
    W, R, B = convert.keras_to_onnx(rec, kernel, recurrent, bias)
    names = ["h", "c"][: len(states)]
    node = helper.make_node(
        NODES[cell], ["X", "W", "R", "B", "", *names], ["", *(f"new_{name}" for name in names)],
        **convert.onnx_attributes(rec, units),
    )  # fmt: skip

    def value(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, units])

    weights = [numpy_helper.from_array(array, name) for name, array in (("W", W), ("R", R), ("B", B))]
    graph = helper.make_graph(
        [node], "step", [value("X"), *map(value, names)], [value(f"new_{name}") for name in names], weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    given = {"X": x[None], **{name: state[None] for name, state in zip(names, states, strict=True)}}
    return lambda: session.run(None, given)


def microseconds(call: Any) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return 1e6 * (time.perf_counter() - start) / CALLS


def measure(rounds: int) -> list[dict[str, Any]]:
    rows = []
    for cell in NODES:
        for units in UNITS:
            peers = {"gatewright": ours(cell, units), "onnxruntime": onnx_runtime(cell, units)}
            taken: dict[str, list[float]] = {name: [] for name in peers}
            for number in range(rounds + 1):
                for name, call in peers.items():
                    one = microseconds(call)
                    if number:  # the first round warms up
                        taken[name].append(one)
            rows.append({"cell": cell, "units": units, "times": taken})
            common.say(f"{cell}, {units} units: {common.median_ratio(taken['onnxruntime'], taken['gatewright']):.1f}")
    return rows


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        own, other = row["times"]["gatewright"], row["times"]["onnxruntime"]
        quartiles = [common.quartiles(values) for values in (own, other)]
        figures = [f"{common.number(m)} ({common.number(low)}-{common.number(high)})" for low, m, high in quartiles]
        ratio = f"{common.median_ratio(other, own):.1f}"
        lines.append((row["cell"], str(row["units"]), *figures, ratio))
    head = ("cell", "units", "Gatewright, µs", "ONNX Runtime, µs", "times as fast")
    return (
        f"{common.heading('One step', about)}\n{common.table(head, lines)}\n\nBatch 1, features = units, float32, one "
        "thread each, called from Python with NumPy arrays; medians with quartiles."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help=f"turns of {CALLS} calls each (default 20)")
    parser.add_argument("--out", type=Path, default=common.RESULTS / "step.json")
    options = parser.parse_args()

    from gatewright import kernels

    kernels.set_num_threads(1)
    about = common.facts({"rounds": options.rounds})
    about["versions"] = common.versions("gatewright", "onnxruntime", "numpy") | common.kernel_facts()
    rows = measure(options.rounds)
    common.publish(options.out, markdown(about, rows), {**about, "rows": rows})


if __name__ == "__main__":
    main()
