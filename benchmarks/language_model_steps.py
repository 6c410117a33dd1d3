"""Time training steps of word language models on Penn Treebank, of two checkouts in turns.

    GATEWRIGHT_DATA=... .venv/bin/python benchmarks/language_model_steps.py OTHER/.venv/bin/python

Each checkout runs in a process of its own, which sleeps while the other is timed. Prints the median milliseconds of a
step, its minor page faults, the memory of a step, and the losses of the first steps, which start from equal weights.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

WORDS = {"tokens": "words", "split": "spaces", "max_length": 35, "batch_size": 32, "epochs": 1}
LARGE = {"cell": "lstm", "units": 512, "embedding_dim": 512, "tied_embedding": True, "embedding_moments": "shared"}
CASES: dict[str, dict[str, Any]] = {
    "GRU 128, all words": {"cell": "gru", "units": 128, "embedding_dim": 128},
    "GRU 128, tied, all words": {"cell": "gru", "units": 128, "embedding_dim": 128, "tied_embedding": True},
    "LSTM 512, tied, all words": LARGE,
    "LSTM 512, tied, 2,048 samples": {**LARGE, "samples": 2048},
}
ROUNDS, STEPS = int(os.environ.get("ROUNDS", "5")), int(os.environ.get("STEPS", "5"))


def serve() -> None:
    """Answer each line with the times of some steps of the case that it names."""
    from gatewright.ops import kernels
    from gatewright.support import memory

    memory.use_one_arena()  # this and the next as `gatewright train` does
    kernels.share_threads_with_jax()
    import numpy as np

    from gatewright.tasks.generate.settings import GenerateSettings
    from gatewright.tasks.generate.task import Generate
    from gatewright.training.network import Network
    from gatewright.training.recipe import Recipe

    cases: dict[str, Any] = {}
    for line in sys.stdin:
        case = line.strip()
        if case not in cases:
            task = Generate("ptb", GenerateSettings(**WORDS, **CASES[case]))
            splits = task.read()
            prepared, settings = task.prepare(splits)
            train = prepared.encode(splits.train, training=True)
            network = Network(prepared, task.network(prepared, settings), train, Recipe.of(settings))
            needed = network.peak_memory(train)
            cases[case] = [network, train, network.init(network.initial_weights([0])), 0, needed]
        network, train, state, start, needed = cases[case]
        losses, times, faults = [], [], 0
        with memory.keep_freed_memory():
            for step in range(start, start + STEPS + 1):
                batch = train.take(np.arange(step * 32, step * 32 + 32) % train.size)
                began = time.perf_counter()
                state, loss = network.train_step(state, batch, np.ones(32, np.float32), 0.002, (0, step))
                losses.append(float(loss))
                times.append(1000 * (time.perf_counter() - began))
                if len(times) == 1:  # it takes memory from the system
                    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        times = times[1:]
        cases[case] = [network, train, state, start + STEPS + 1, needed]
        faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) // STEPS
        print(json.dumps({"times": times, "losses": losses, "faults": faults, "memory": needed}), flush=True)


def main(other: str) -> None:
    environment = {**os.environ, "LANGUAGE_MODEL_STEPS": "serve"}
    workers = {
        name: subprocess.Popen(
            [path, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        for name, path in (("other", other), ("this", sys.executable))
    }

    def ask(name: str, case: str) -> dict[str, Any]:
        worker = workers[name]
        assert worker.stdin is not None
        assert worker.stdout is not None
        print(case, file=worker.stdin, flush=True)
        answer: dict[str, Any] = json.loads(worker.stdout.readline())
        return answer

    cases = [case for case in CASES if os.environ.get("ONLY", "") in case]
    first = {(case, name): ask(name, case) for case in cases for name in workers}
    if gate := os.environ.get("GATE"):  # all is compiled: wait for a quiet machine
        subprocess.run(gate, shell=True, check=True)
    for case in cases:
        rounds = [{name: ask(name, case) for name in workers} for _ in range(ROUNDS)]
        for name in workers:
            ms = statistics.median(t for answers in rounds for t in answers[name]["times"])
            faults = statistics.median(answers[name]["faults"] for answers in rounds)
            memory = first[case, name]["memory"] / 1e6
            print(
                f"{case}, {name}: {ms:.1f} ms, {faults} faults a step, {memory:.0f} MB, {first[case, name]['losses']}"
            )
        ratio = statistics.median(
            statistics.median(answers["other"]["times"]) / statistics.median(answers["this"]["times"])
            for answers in rounds
        )
        print(f"{case}: other / this {ratio:.2f}", flush=True)
    for worker in workers.values():
        worker.stdin.close()  # type: ignore[union-attr]


if __name__ == "__main__":
    serve() if os.environ.get("LANGUAGE_MODEL_STEPS") == "serve" else main(sys.argv[1])
