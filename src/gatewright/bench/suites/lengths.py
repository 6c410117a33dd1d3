"""What padding costs: time per live token of real batches, beside time per token of the same batch without padding.

Rows are as long as real reviews, cut at 500 words. 1.00 means that padding costs nothing. PyTorch's way is a packed
sequence; its packing and unpacking count, as they do in a program that gets a padded batch.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.bench import results, reviews, workers
from gatewright.bench.workers import OURS, TITLES, Crew, Worker, WorkerError


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 3
    batches: int = 6  # different ones: a single batch may be lucky
    cells: tuple[str, ...] = ("gru", "lstm")
    batch: int = 32
    time: int = 500
    width: int = 128  # features and units
    peers: tuple[str, ...] = ("torch",)


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell and peer.

    Raises:
        Unavailable: there are no reviews, or no peer starts.
    """
    about = results.facts(settings)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, Crew() as crew:
        path = Path(folder) / "lengths.npz"
        about["data"] = reviews.write_lengths(path, settings.batches * settings.batch, settings.time)
        for name in (*settings.peers, OURS):
            crew.start(Worker("suites.lengths", name), path=str(path), batch=settings.batch)
        crew.require_any()
        for cell in settings.cells:
            rows += _measure(crew, cell, settings)
        about |= {"peers": crew.about, "notes": crew.notes, "idle_cpu": crew.idle_cpu}
    return {**about, "rows": rows}


def _measure(crew: Crew, cell: str, settings: Settings) -> list[dict[str, Any]]:
    """Each batch in turn, its rounds in turns of the workers; one row for each peer."""
    turns: dict[str, list[dict[str, Any]]] = {peer: [] for peer in crew.workers}
    for batch in range(settings.batches):
        for peer in list(turns):
            time.sleep(workers.PAUSE)
            request = {"cell": cell, "number": batch, "time": settings.time, "width": settings.width}
            try:
                turns[peer].append(crew.workers[peer].ask("turn", **request, rounds=settings.rounds))
            except WorkerError as error:
                del turns[peer]
                crew.note(f"{TITLES[peer]}, {cell} failed: {error}.")
        shown = ", ".join(f"{peer} {turn_ratio(turn[-1])[0]:.2f}" for peer, turn in turns.items())
        workers.say(f"{cell}, batch {batch + 1} of {settings.batches}, per live token: {shown}")
    return [_row(cell, peer, of_peer) for peer, of_peer in turns.items()]


def turn_ratio(turn: dict[str, Any]) -> list[float]:
    """Time per live token over time per token without padding, of each round."""
    share = turn["live"] / turn["tokens"]
    return [padded / full / share for padded, full in zip(turn["padded_ms"], turn["full_ms"], strict=True)]


def _row(cell: str, peer: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
    low, middle, high = results.quartiles([ratio for turn in turns for ratio in turn_ratio(turn)])
    live = sum(turn["live"] for turn in turns) / sum(turn["tokens"] for turn in turns)
    per_token = [1e6 * ms / turn["live"] for turn in turns for ms in turn["padded_ms"]]
    per_full = [1e6 * ms / turn["tokens"] for turn in turns for ms in turn["full_ms"]]
    return {
        "cell": cell,
        "peer": peer,
        "ratio": middle,
        "quartiles": [low, high],
        "live": live,
        "ns_per_live_token": results.quartiles(per_token)[1],
        "ns_per_token": results.quartiles(per_full)[1],
        "batches": turns,
    }


def markdown(result: dict[str, Any]) -> str:
    """The result as a page."""
    lines = [
        (
            row["cell"],
            TITLES[row["peer"]],
            results.number(row["ns_per_live_token"]),
            results.number(row["ns_per_token"]),
            f"{row['ratio']:.2f}",
            "-".join(f"{of:.2f}" for of in row["quartiles"]),
        )
        for row in result["rows"]
    ]
    head = ("cell", "peer", "ns a live token", "ns a token, no padding", "ratio", "quartiles")
    settings = result["settings"]
    width = settings["width"]
    live = f"{100 * result['rows'][0]['live']:.0f}% of positions are live. " if result["rows"] else ""
    return (
        f"{results.heading('Rows of different lengths', result)}\n{results.table(head, lines)}\n\n"
        f"Forward and backward, {results.shape_name(settings['batch'], settings['time'], width, width)}, float32. "
        f"{live}A ratio of 1.00 means that padding costs nothing.\n{results.idle(result)}\n"
        f"Lengths: {result['data']}; {settings['batches']} batches.\n{results.notes(result)}"
    ).rstrip()


def _ours(cell: str, lengths: Any, time: int, width: int) -> dict[str, Any]:
    from gatewright.bench.calls import Call, Shape

    shape = Shape(len(lengths), time, width, width)
    return {"padded": Call(cell, shape, lengths), "full": Call(cell, shape)}


def _torch(cell: str, lengths: Any, time: int, width: int) -> dict[str, Any]:
    import torch

    torch.manual_seed(1)
    layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](width, width, batch_first=True)
    x = torch.randn(len(lengths), time, width, requires_grad=True)
    sizes, d_sequence = torch.from_numpy(lengths), torch.ones(len(lengths), time, width)
    rnn = torch.nn.utils.rnn

    def padded() -> None:
        packed = rnn.pack_padded_sequence(x, sizes, batch_first=True, enforce_sorted=False)
        out, _ = rnn.pad_packed_sequence(layer(packed)[0], batch_first=True, total_length=time)
        back(out)

    def back(out: Any) -> None:
        x.grad = None
        layer.zero_grad()
        out.backward(d_sequence)

    return {"padded": padded, "full": lambda: back(layer(x)[0])}


def _turn(name: str, lengths: Any, cell: str, time: int, width: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of one batch with its lengths and at full length, in turns; each is called once before."""
    from gatewright.bench.calls import seconds

    ways = (_ours if name == OURS else _torch)(cell, lengths, time, width)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, call in ways.items():
            ms = 1e3 * seconds(call)
            taken[way] += [ms] if number else []
    counts = {"live": int(lengths.sum()), "tokens": len(lengths) * time}
    return {**counts, "padded_ms": taken["padded"], "full_ms": taken["full"]}


def _facts(name: str) -> dict[str, Any]:
    if name == OURS:
        return results.kernel_facts()
    import torch

    return results.versions("torch") | {"threads": torch.get_num_threads()}


def _work(name: str) -> None:
    """Be the worker of one peer."""
    import numpy as np

    lengths: Any = None

    def answer(do: str, **request: Any) -> Any:
        nonlocal lengths
        if do == "start":
            lengths = np.load(request["path"])["lengths"].reshape(-1, request["batch"])
            return _facts(name)
        return _turn(name, lengths[request.pop("number")], **request)

    workers.serve(answer)


if __name__ == "__main__":
    _work(workers.name_of_this())
