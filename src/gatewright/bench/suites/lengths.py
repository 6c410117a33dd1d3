"""Measure how much time is spent on padding in batches of texts with different lengths.

The suite compares the time per live token (a token that is not padding) in padded batches with the time per token in
batches without padding. A ratio of 1.00 means that padding takes no time. Texts are as long as real reviews,
cut at 500 words. PyTorch skips padding with packed sequences. PyTorch's times include packing and unpacking, because
a program that starts from padded batches has to do both.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.bench import reviews, tables
from gatewright.bench.facts import facts, kernel_facts, versions
from gatewright.bench.shape import Shape
from gatewright.bench.workers import OURS, TITLES, Worker, WorkerPool, print_progress, serve, worker_name


@dataclass(frozen=True)
class Settings:
    rounds: int = 3
    batches: int = 6  # several batches, because a single one may be unusual
    cells: tuple[str, ...] = ("gru", "lstm")
    batch: int = 32
    time: int = 500
    width: int = 128  # features and units
    peers: tuple[str, ...] = ("torch",)


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of recurrent cell and library.

    Raises:
        Unavailable: The reviews cannot be read, or no worker process could be started.
    """
    result = facts(settings)
    with tempfile.TemporaryDirectory() as folder, WorkerPool() as pool:
        path = Path(folder) / "lengths.npz"
        result["data"] = reviews.write_lengths(path, settings.batches * settings.batch, settings.time)
        workers = (Worker("suites.lengths", name) for name in (*settings.peers, OURS))
        pool.start(workers, path=str(path), batch_size=settings.batch)
        rows = [row for cell in settings.cells for row in _measure(pool, cell, settings)]
        return {**result, **pool.summary(), "rows": rows}


def _measure(pool: WorkerPool, cell: str, settings: Settings) -> list[dict[str, Any]]:
    """Time a recurrent cell, and return a row for each library. The libraries take turns for each batch of texts."""
    turns: dict[str, list[dict[str, Any]]] = {peer: [] for peer in pool.workers}
    options = {"cell": cell, "time": settings.time, "width": settings.width, "rounds": settings.rounds}
    for batch in range(settings.batches):
        latest = pool.request_each(turns, cell, "turn", batch=batch, **options)
        turns = {peer: [*turns[peer], turn] for peer, turn in latest.items()}
        shown = ", ".join(f"{peer} {padding_ratios(turn)[0]:.2f}" for peer, turn in latest.items())
        print_progress(f"{cell}, batch {batch + 1} of {settings.batches}, ratio per live token: {shown}")
    return [summarize(cell, peer, of_peer) for peer, of_peer in turns.items()]


def padding_ratios(turn: dict[str, Any]) -> list[float]:
    """Return for each round the time per live token, divided by the time per token without padding.

    A live token is a token that is not padding. `turn` contains the times of one batch, as `_Runner.turn` returns them.
    """
    live = turn["live"] / turn["tokens"]
    return [padded / full / live for padded, full in zip(turn["padded_ms"], turn["full_ms"], strict=True)]


def summarize(cell: str, peer: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the library `peer` for a recurrent cell. `turns` has the times for each batch of texts."""
    low, middle, high = tables.quartiles([ratio for turn in turns for ratio in padding_ratios(turn)])
    live = sum(turn["live"] for turn in turns) / sum(turn["tokens"] for turn in turns)
    per_live_token = [1e6 * ms / turn["live"] for turn in turns for ms in turn["padded_ms"]]
    per_token = [1e6 * ms / turn["tokens"] for turn in turns for ms in turn["full_ms"]]
    return {
        "cell": cell,
        "peer": peer,
        "ratio": middle,
        "quartiles": [low, high],
        "live": live,
        "ns_per_live_token": tables.quartiles(per_live_token)[1],
        "ns_per_token": tables.quartiles(per_token)[1],
        "batches": turns,
    }


def markdown(result: dict[str, Any]) -> str:
    rows = [
        (
            row["cell"],
            TITLES[row["peer"]],
            tables.format_number(row["ns_per_live_token"]),
            tables.format_number(row["ns_per_token"]),
            f"{row['ratio']:.2f}",
            "-".join(f"{quartile:.2f}" for quartile in row["quartiles"]),
        )
        for row in result["rows"]
    ]
    settings = result["settings"]
    shape = Shape(settings["batch"], settings["time"], settings["width"], settings["width"])
    live = f"{100 * result['rows'][0]['live']:.0f}% of positions are live. " if result["rows"] else ""
    return tables.page(
        "Texts of different lengths",
        result,
        ("cell", "library", "ns per live token", "ns per token without padding", "ratio", "quartiles"),
        rows,
        f"Forward and backward pass, {shape}, float32. {live}A ratio of 1.00 means that padding costs nothing.\n"
        f"{tables.idle_sentence(result)}\nLengths: {result['data']}; {settings['batches']} batches.",
    )


def _our_calls(cell: str, lengths: Any, time: int, width: int) -> dict[str, Any]:
    from gatewright.bench.calls import KernelCall

    shape = Shape(len(lengths), time, width, width)
    return {"padded_ms": KernelCall(cell, shape, lengths), "full_ms": KernelCall(cell, shape)}


def _torch_calls(cell: str, lengths: Any, time: int, width: int) -> dict[str, Any]:
    import torch

    torch.manual_seed(1)
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](width, width, batch_first=True)
    x = torch.randn(len(lengths), time, width, requires_grad=True)
    sizes, d_sequence = torch.from_numpy(lengths), torch.ones(len(lengths), time, width)
    rnn = torch.nn.utils.rnn

    def padded() -> None:
        packed = rnn.pack_padded_sequence(x, sizes, batch_first=True, enforce_sorted=False)
        out, _ = rnn.pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=time)
        backward(out)

    def backward(out: Any) -> None:
        x.grad = None
        layer.zero_grad()
        out.backward(d_sequence)

    return {"padded_ms": padded, "full_ms": lambda: backward(layer(x)[0])}


def _facts() -> dict[str, Any]:
    if worker_name() == OURS:
        return kernel_facts()
    import torch

    return versions("torch") | {"threads": torch.get_num_threads()}


class _Runner:
    """The commands that a worker process handles. The attributes keep data from one command to the next."""

    def start(self, path: str, batch_size: int) -> dict[str, Any]:
        import numpy as np

        self.lengths = np.load(path)["lengths"].reshape(-1, batch_size)
        return _facts()

    def turn(self, batch: int, cell: str, time: int, width: int, rounds: int) -> dict[str, Any]:
        """Time the batch with the index `batch`, alternately with and without padding.

        Return the milliseconds of each round ("padded_ms" and "full_ms") and the numbers of tokens without ("live") and
        with padding ("tokens"). A first round for warming up is not counted.
        """
        from gatewright.bench.calls import seconds

        lengths = self.lengths[batch]
        calls = (_our_calls if worker_name() == OURS else _torch_calls)(cell, lengths, time, width)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(rounds + 1):
            for name, call in calls.items():
                ms = 1e3 * seconds(call)
                times[name] += [ms] if number else []
        return {"live": int(lengths.sum()), "tokens": len(lengths) * time, **times}


if __name__ == "__main__":
    runner = _Runner()
    serve(start=runner.start, turn=runner.turn)
