"""Time one sequence of 20 steps on one thread: packed weights, a call that packs them, and ONNX Runtime, in turns.

Both libraries return the outputs of all steps. Run it with `taskset -c 0 python benchmarks/short_sequences.py`.
"""

from statistics import median

from gatewright.bench import onnx_models
from gatewright.bench.calls import calls_for, operands, recurrence, seconds
from gatewright.bench.shape import Shape
from gatewright.ops import kernels
from gatewright.ops.numpy import forward
from gatewright.ops.packed import Packed

STEPS, ROUNDS = 20, 10


def main() -> None:
    kernels.set_num_threads(1)
    print("cell, units: microseconds packed, not packed, ONNX Runtime; ONNX Runtime / packed")
    for cell in ("gru", "lstm", "simple_rnn"):
        for units in (64, 128, 256, 512):
            rec, shape = recurrence(cell), Shape(1, STEPS, units, units)
            x, *weights = operands(rec, shape)
            packed = Packed(rec, *weights)
            session = onnx_models.session(rec, weights, shape, states=False, sequence=True, threads=1)
            inputs = {"X": x.swapaxes(0, 1).copy()}
            calls = (
                lambda packed=packed, x=x: packed.sequence(x),
                lambda rec=rec, x=x, weights=weights: forward(rec, x, *weights),
                lambda session=session, inputs=inputs: session.run(None, inputs),
            )
            repeats = [calls_for(0.01, seconds(call, 3)) for call in calls]
            rounds = [[1e6 * seconds(*one) for one in zip(calls, repeats, strict=True)] for _ in range(ROUNDS)]
            times = ", ".join(f"{median(column):.1f}" for column in zip(*rounds, strict=True))
            print(f"{cell}, {units}: {times}; {median(row[2] / row[0] for row in rounds):.2f}", flush=True)


if __name__ == "__main__":
    main()
