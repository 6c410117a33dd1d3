"""Times a whole training step of a text classifier, ours beside its peers.

    python benchmarks/training_step.py --tensorflow-python /path/to/an/interpreter/with/tensorflow

Embedding(10000, 128) -> cell(128) -> Dense(1), binary cross-entropy, Adam, batches of 32 reviews of 200 words. Each
peer runs in a process of its own, and they take turns. Needs the data set imdb: `GATEWRIGHT_DATA`, or Keras' download.
"""

import argparse
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import common

WORDS, WIDTH, LENGTH, BATCH = 10_000, 128, 200, 32
CELLS = ("GRU", "LSTM", "SimpleRNN")
CASES = ("plain", "mask_zero", "recurrent_dropout", "bidirectional")
PEERS = {
    "keras-jax": "Keras on JAX",
    "keras-tensorflow": "Keras on TensorFlow",
    "torch": "PyTorch",
    "gatewright": "Gatewright",
}
OURS, STOCK = "gatewright", "keras-jax"
RATE = 0.2  # of recurrent_dropout
WARM = 2  # turns that are not counted: compilation, first touch of memory, thread pools
PAUSE = 0.1  # seconds between turns: thread pools that spin for a while after their work come to rest


# ---- workers -------------------------------------------------------------------------------------------------


class KerasPeer:
    """The program as a Keras user writes it: `compile`, then `fit`; with `accelerate()` before, for ours."""

    def __init__(self, name: str) -> None:
        # Not later than this: Keras takes its backend when it is imported.
        os.environ["KERAS_BACKEND"] = "tensorflow" if name == "keras-tensorflow" else "jax"
        import keras

        self.name, self.keras = name, keras
        if name == OURS:
            import gatewright

            warnings.simplefilter("error", gatewright.SlowPathWarning)  # that would not be ours that is timed
            gatewright.accelerate()

    def facts(self) -> dict[str, Any]:
        if self.name == OURS:
            return common.versions("gatewright", "keras", "jax", "jaxlib") | common.kernel_facts()
        packages = ("tensorflow",) if self.name == "keras-tensorflow" else ("jax", "jaxlib")
        return common.versions("keras", *packages)

    def build(self, cell: str, case: str) -> None:
        layers = self.keras.layers
        self.keras.utils.clear_session()
        self.keras.utils.set_random_seed(1)
        rate = RATE if case == "recurrent_dropout" else 0.0
        recurrent = getattr(layers, cell)(WIDTH, recurrent_dropout=rate)
        if case == "bidirectional":
            recurrent = layers.Bidirectional(recurrent)
        embedding = layers.Embedding(WORDS, WIDTH, mask_zero=case == "mask_zero")
        self.model = self.keras.Sequential([embedding, recurrent, layers.Dense(1)])
        self.model.compile("adam", self.keras.losses.BinaryCrossentropy(from_logits=True))

    def run(self, x: Any, y: Any) -> tuple[float, float]:
        """Seconds from the end of the first batch to the end of the last, and the loss."""
        marks: list[float] = []
        last = len(x) // BATCH - 1

        def mark(batch: int, logs: Any) -> None:
            if batch in (0, last):
                float(logs["loss"])  # waits for the batch: JAX hands out results before they are computed
                marks.append(time.perf_counter())

        class Timer(self.keras.callbacks.Callback):  # type: ignore[name-defined]
            async_safe = True  # else Keras would wait after every batch, which it does not without callbacks

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                mark(batch, logs)

        history = self.model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[Timer()])
        return marks[1] - marks[0], history.history["loss"][0]


class TorchPeer:
    """The same model of plain torch.nn modules, and a plain loop."""

    def __init__(self, name: str) -> None:
        import torch

        self.torch = torch

    def facts(self) -> dict[str, Any]:
        return common.versions("torch") | {"threads": self.torch.get_num_threads()}

    def build(self, cell: str, case: str) -> None:
        nn = self.torch.nn
        self.torch.manual_seed(1)
        self.packed, self.both = case == "mask_zero", case == "bidirectional"
        kind = {"GRU": nn.GRU, "LSTM": nn.LSTM, "SimpleRNN": nn.RNN}[cell]
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.recurrent = kind(WIDTH, WIDTH, batch_first=True, bidirectional=self.both)
        self.dense = nn.Linear(2 * WIDTH if self.both else WIDTH, 1)
        self.loss = nn.BCEWithLogitsLoss()
        parts = (self.embedding, self.recurrent, self.dense)
        self.optimizer = self.torch.optim.Adam([p for part in parts for p in part.parameters()])

    def run(self, x: Any, y: Any) -> tuple[float, float]:
        """Seconds from the end of the first batch to the end of the last, and the mean loss."""
        torch, losses = self.torch, []
        for number, first in enumerate(range(0, len(x), BATCH)):
            ids, labels = (torch.from_numpy(array[first : first + BATCH]) for array in (x, y[:, None]))
            self.optimizer.zero_grad()
            loss = self.loss(self.dense(self._last(ids)), labels)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
            if number == 0:
                start = time.perf_counter()
        return time.perf_counter() - start, sum(losses) / len(losses)

    def _last(self, ids: Any) -> Any:
        """The state after the last word of each row (and, of both directions, after the first)."""
        embedded = self.embedding(ids)
        if self.packed:
            embedded = self._pack(ids, embedded)
        out, state = self.recurrent(embedded)
        if not (self.packed or self.both):
            return out[:, -1]
        h = state[0] if isinstance(state, tuple) else state
        return self.torch.cat([h[0], h[1]], 1) if self.both else h[0]

    def _pack(self, ids: Any, embedded: Any) -> Any:
        # PyTorch has no masks; a packed sequence is its way to skip padding, which must stand at the end.
        lengths = (ids != 0).sum(1)
        places = (self.torch.arange(LENGTH) + (LENGTH - lengths)[:, None]) % LENGTH
        moved = embedded.gather(1, places[:, :, None].expand_as(embedded))
        pack = self.torch.nn.utils.rnn.pack_padded_sequence
        return pack(moved, lengths, batch_first=True, enforce_sorted=False)


def work(name: str) -> None:
    """Be the worker of one peer."""
    import numpy as np

    peer: Any = None
    rows: Any = None

    def answer(do: str, **request: Any) -> Any:
        nonlocal peer, rows
        if do == "start":
            peer = (TorchPeer if name == "torch" else KerasPeer)(name)
            rows = np.load(request["rows"])
            return peer.facts()
        if do == "build":
            return peer.build(**request)
        count = (1 + request["steps"]) * BATCH  # the first batch of a turn is not timed
        seconds, loss = peer.run(rows["x"][:count], rows["y"][:count])
        return {"ms": 1e3 * seconds / request["steps"], "loss": float(loss)}

    common.serve(answer)


# ---- data ----------------------------------------------------------------------------------------------------


def write_rows(path: Path, count: int) -> str:
    """Write `count` encoded training reviews to the path, and say where they are from."""
    import numpy as np

    reviews, labels, source = _reviews()
    # They are sorted by label.
    chosen = np.random.default_rng(1).permutation(len(labels))[:count]
    x = np.zeros((count, LENGTH), np.int32)
    for row, index in zip(x, chosen, strict=True):
        last = np.asarray(reviews[index][-LENGTH:], np.int32)
        row[LENGTH - len(last) :] = last
    np.savez(path, x=x, y=labels[chosen].astype(np.float32))
    return f"{source}, {100 * np.mean(x == 0):.0f}% of positions are padding"


def _reviews() -> tuple[Any, Any, str]:
    """Training reviews as `keras.datasets.imdb.load_data(num_words=10000)` gives them."""
    import numpy as np

    from gatewright.data import public

    try:
        files = public.imdb_for_keras()
    except FileNotFoundError:
        return *_keras_reviews(), "imdb as Keras has it"
    kept = np.load(files.arrays, allow_pickle=True)  # ragged rows; this cache is our own file
    # Keras' marks: 1 starts a review, 2 stands for a rarer word, and words begin at 4.
    reviews = [[1, *(w + 3 if w + 3 < WORDS else 2 for w in review)] for review in kept["x_train"]]
    return reviews, kept["y_train"], "imdb of GATEWRIGHT_DATA"


def _keras_reviews() -> tuple[Any, Any]:
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    try:
        return keras.datasets.imdb.load_data(num_words=WORDS)[0]
    except Exception:  # Keras raises a bare Exception when a download fails
        sentence = "set GATEWRIGHT_DATA to a folder with imdb/train.parquet and imdb/test.parquet, or connect once."
        sys.exit(f"The reviews are not here and can't be downloaded: {sentence}")


# ---- the run -------------------------------------------------------------------------------------------------


def start_workers(options: argparse.Namespace, rows: Path) -> tuple[dict[str, common.Worker], dict, list[str]]:
    """A worker for each peer that is installed, facts about each, and sentences about those that are not."""
    workers: dict[str, common.Worker] = {}
    about: dict[str, Any] = {}
    notes: list[str] = []
    for peer in options.peers:
        python = options.tensorflow_python if peer == "keras-tensorflow" else sys.executable
        worker = common.Worker(__file__, peer, python)
        try:
            about[peer] = worker.ask("start", rows=str(rows))
            workers[peer] = worker
        except common.WorkerError as error:
            worker.close()
            why = f"{error.missing} is not installed" if error.missing else str(error)
            notes.append(f"{PEERS[peer]} is skipped: {why}.")
            common.say(notes[-1])
    return workers, about, notes


def measure(
    workers: dict[str, common.Worker], cell: str, case: str, options: argparse.Namespace, notes: list[str]
) -> list[dict[str, Any]]:
    """Rounds in which each worker has one turn; one row for each peer."""
    turns: dict[str, list[dict[str, float]]] = {}
    for peer, worker in workers.items():
        if peer == "torch" and case == "recurrent_dropout":
            continue  # torch.nn has none
        try:
            worker.ask("build", cell=cell, case=case)
            for _ in range(WARM):
                worker.ask("run", steps=options.steps)
            turns[peer] = []
        except common.WorkerError as error:
            notes.append(_failed(peer, cell, case, error))
    for number in range(options.rounds):
        for peer in list(turns):
            time.sleep(PAUSE)
            try:
                turns[peer].append(workers[peer].ask("run", steps=options.steps))
            except common.WorkerError as error:  # the others' rounds are still good
                del turns[peer]
                notes.append(_failed(peer, cell, case, error))
        shown = ", ".join(f"{peer} {common.number(turn[-1]['ms'])}" for peer, turn in turns.items())
        common.say(f"{cell} {case}, round {number + 1} of {options.rounds}, ms a step: {shown}")
    rows = [_row(cell, case, peer, turns) for peer in turns]
    notes += _disagreement(rows)
    return rows


def _failed(peer: str, cell: str, case: str, error: common.WorkerError) -> str:
    sentence = f"{PEERS[peer]}, {cell}, {case} failed: {error}."
    common.say(sentence)
    return sentence


def _row(cell: str, case: str, peer: str, turns: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    ms = {name: [turn["ms"] for turn in of_peer] for name, of_peer in turns.items()}
    low, middle, high = common.quartiles(ms[peer])
    return {
        "cell": cell,
        "case": case,
        "peer": peer,
        "ms": middle,
        "quartiles": [low, high],
        "ratio": common.median_ratio(ms[peer], ms[OURS]) if OURS in ms else None,
        "loss": turns[peer][-1]["loss"],
        "rounds": ms[peer],
    }


def _disagreement(rows: list[dict[str, Any]]) -> list[str]:
    """Ours and stock start from the same weights and see the same rows: their losses must stay together."""
    loss = {row["peer"]: row["loss"] for row in rows}
    if OURS not in loss or STOCK not in loss or abs(loss[OURS] - loss[STOCK]) < 0.02:
        return []
    row = rows[0]
    return [f"{row['cell']}, {row['case']}: the losses DIFFER, {loss[OURS]:.4f} and stock {loss[STOCK]:.4f}."]


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    lines = [
        (
            row["cell"],
            row["case"],
            PEERS[row["peer"]],
            common.number(row["ms"]),
            "-".join(map(common.number, row["quartiles"])),
            "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
        )
        for row in rows
    ]
    head = ("cell", "case", "peer", "ms a step", "quartiles", "peer / ours")
    idle = ", ".join(
        f"{PEERS[peer]} {'unknown' if share is None else f'{100 * share:.1f}%'}"
        for peer, share in about["idle_cpu"].items()
    )
    notes = "".join(f"\n- {note}" for note in about["notes"])
    return (
        f"{common.heading('Training step', about)}\n{common.table(head, lines)}\n\n"
        f"Processor time used while it was another's turn, of one core: {idle}.\nRows: {about['data']}.\n{notes}"
    ).rstrip()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each peer that count (default 15)")
    parser.add_argument("--steps", type=int, default=10, help="timed steps of a turn (default 10)")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--case", nargs="+", choices=CASES, default=["plain"])
    parser.add_argument("--tensorflow-python", default=sys.executable, help="interpreter that has TensorFlow")
    parser.add_argument("--out", type=Path, default=common.RESULTS / "training_step.json")
    parser.add_argument("--worker", choices=list(PEERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 1 or options.steps < 1:
        parser.error("--rounds and --steps must be 1 or more.")
    return options


def run(options: argparse.Namespace) -> None:
    names = ("rounds", "steps", "cells", "peers", "case")
    about = common.facts({name: getattr(options, name) for name in names})
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npz"
        about["data"] = write_rows(path, (1 + options.steps) * BATCH)
        workers, about["peers"], about["notes"] = start_workers(options, path)
        try:
            for case in options.case:
                for cell in options.cells:
                    rows += measure(workers, cell, case, options, about["notes"])
        finally:
            about["idle_cpu"] = {peer: worker.idle_cpu for peer, worker in workers.items()}
            for worker in workers.values():
                worker.close()
    common.publish(options.out, markdown(about, rows), {**about, "rows": rows})


if __name__ == "__main__":
    given = parse()
    if given.worker:
        work(given.worker)
    else:
        run(given)
