"""The text classifier as users of each library write it: what `training` times and `memory` weighs.

Embedding(10000, 128) -> cell(128) -> Dense(1), binary cross-entropy on logits, Adam.
"""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

from gatewright.bench import results
from gatewright.bench.workers import OURS

WORDS, WIDTH, LENGTH, BATCH = 10_000, 128, 200, 32
CELLS = ("GRU", "LSTM", "SimpleRNN")
CASES = ("plain", "mask_zero", "recurrent_dropout", "bidirectional")
NAMES = ("keras-jax", "keras-tensorflow", "torch")
_RATE = 0.2  # of recurrent_dropout


def peer(name: str) -> KerasPeer | TorchPeer:
    """The peer of that name, in this process.

    Raises:
        ModuleNotFoundError: a library that it needs is not installed.
    """
    return TorchPeer() if name == "torch" else KerasPeer(name)


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
            return results.kernel_facts("keras", "jax", "jaxlib")
        packages = ("tensorflow",) if self.name == "keras-tensorflow" else ("jax", "jaxlib")
        return results.versions("keras", *packages)

    def build(self, cell: str, case: str) -> None:
        layers = self.keras.layers
        self.keras.utils.clear_session()
        self.keras.utils.set_random_seed(1)
        rate = _RATE if case == "recurrent_dropout" else 0.0
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

        class Timer(self.keras.callbacks.Callback):  # type: ignore[name-defined, misc]
            async_safe = True  # else Keras would wait after every batch, which it does not without callbacks

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                mark(batch, logs)

        history = self.model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[Timer()])
        return marks[1] - marks[0], history.history["loss"][0]


class TorchPeer:
    """The same model of plain torch.nn modules, and a plain loop."""

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def facts(self) -> dict[str, Any]:
        return results.versions("torch") | {"threads": self.torch.get_num_threads()}

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
