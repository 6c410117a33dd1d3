"""The text classifier that the suites `training` and `memory` train, in each library.

The model is Embedding(10000, 128) -> recurrent layer with 128 units -> Dense(1). It is trained with binary
cross-entropy on logits and Adam. The code is as users of each library usually write it.
"""

import os
import time
import warnings
from typing import Any, Protocol

from gatewright.bench import instruction_sets
from gatewright.bench.facts import kernel_facts, versions
from gatewright.bench.workers import OURS, OURS_BF16

VOCABULARY, UNITS, LENGTH, BATCH_SIZE = 10_000, 128, 200, 32
CELLS = ("GRU", "LSTM", "SimpleRNN")
CASES = ("plain", "mask_zero", "recurrent_dropout", "bidirectional")
NAMES = ("keras-jax", "keras-tensorflow", "torch")
_DROPOUT_RATE = 0.2


class Peer(Protocol):
    """The interface of a text classifier in one of the libraries that are compared (a peer)."""

    def facts(self) -> dict[str, Any]:
        """Return the versions of the library and of the packages on which it depends, with package names as keys."""

    def build(self, cell: str, case: str) -> None:
        """Create the model. `cell` is an element of CELLS, and `case` is an element of CASES."""

    def train(self, x: Any, y: Any) -> tuple[float, float]:
        """Train the model for one epoch. Return the duration in seconds and the mean loss.

        The duration is measured from the end of the first batch to the end of the last batch.

        Args:
            x: The word ids of the texts, [texts, LENGTH].
            y: The labels, 0 or 1, [texts].
        """


def load(name: str) -> Peer:
    """Import the library `name`, and return an object that builds and trains the classifier in this library.

    Raises:
        ModuleNotFoundError: The library `name` is not installed.
    """
    return TorchPeer() if name == "torch" else KerasPeer(name)


class KerasPeer:
    """The classifier in Keras, trained with `compile` and `fit`.

    With the names of Gatewright, `accelerate()` is called. The other names select the backend of stock Keras.
    """

    def __init__(self, name: str) -> None:
        # Keras reads the variable when it is imported.
        os.environ["KERAS_BACKEND"] = "tensorflow" if name == "keras-tensorflow" else "jax"
        import keras

        self.name, self.keras = name, keras
        if name in (OURS, OURS_BF16):
            from gatewright.keras.accelerate import accelerate
            from gatewright.keras.slow_path import SlowPathWarning
            from gatewright.ops import kernels

            instruction_sets.choose()
            if name == OURS_BF16 and not kernels.bf16_instructions():
                raise RuntimeError("the processor has no instructions for products in bfloat16")
            warnings.simplefilter("error", SlowPathWarning)  # otherwise stock Keras would be timed
            accelerate(precision="bfloat16" if name == OURS_BF16 else None)

    def facts(self) -> dict[str, Any]:
        if self.name in (OURS, OURS_BF16):
            return kernel_facts("keras", "jax", "jaxlib")
        return versions("keras", *(("tensorflow",) if self.name == "keras-tensorflow" else ("jax", "jaxlib")))

    def build(self, cell: str, case: str) -> None:
        layers = self.keras.layers
        self.keras.utils.clear_session()
        self.keras.utils.set_random_seed(1)
        rate = _DROPOUT_RATE if case == "recurrent_dropout" else 0.0
        recurrent = getattr(layers, cell)(UNITS, recurrent_dropout=rate)
        if case == "bidirectional":
            recurrent = layers.Bidirectional(recurrent)
        embedding = layers.Embedding(VOCABULARY, UNITS, mask_zero=case == "mask_zero")
        self.model = self.keras.Sequential([embedding, recurrent, layers.Dense(1)])
        self.model.compile("adam", self.keras.losses.BinaryCrossentropy(from_logits=True))

    def train(self, x: Any, y: Any) -> tuple[float, float]:
        marks: list[float] = []
        last = len(x) // BATCH_SIZE - 1

        def mark(batch: int, logs: Any) -> None:
            if batch in (0, last):
                float(logs["loss"])  # waits for the batch, since JAX returns results before they are computed
                marks.append(time.perf_counter())

        class Timer(self.keras.callbacks.Callback):  # type: ignore[name-defined, misc]
            async_safe = True  # otherwise Keras waits after every batch

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                mark(batch, logs)

        history = self.model.fit(x, y, batch_size=BATCH_SIZE, shuffle=False, verbose=0, callbacks=[Timer()])
        return marks[1] - marks[0], history.history["loss"][0]


class TorchPeer:
    """The classifier in PyTorch, with torch.nn modules and a training loop."""

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def facts(self) -> dict[str, Any]:
        return versions("torch") | {"threads": self.torch.get_num_threads()}

    def build(self, cell: str, case: str) -> None:
        nn = self.torch.nn
        self.torch.manual_seed(1)
        self.packed, self.bidirectional = case == "mask_zero", case == "bidirectional"
        recurrent = {"GRU": nn.GRU, "LSTM": nn.LSTM, "SimpleRNN": nn.RNN}[cell]
        self.embedding = nn.Embedding(VOCABULARY, UNITS)
        self.recurrent = recurrent(UNITS, UNITS, batch_first=True, bidirectional=self.bidirectional)
        self.dense = nn.Linear(2 * UNITS if self.bidirectional else UNITS, 1)
        self.loss = nn.BCEWithLogitsLoss()
        modules = (self.embedding, self.recurrent, self.dense)
        self.optimizer = self.torch.optim.Adam([p for module in modules for p in module.parameters()])

    def train(self, x: Any, y: Any) -> tuple[float, float]:
        torch, losses = self.torch, []
        for number, first in enumerate(range(0, len(x), BATCH_SIZE)):
            ids, labels = (torch.from_numpy(array[first : first + BATCH_SIZE]) for array in (x, y[:, None]))
            self.optimizer.zero_grad()
            loss = self.loss(self.dense(self._encode(ids)), labels)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
            if number == 0:
                start = time.perf_counter()
        return time.perf_counter() - start, sum(losses) / len(losses)

    def _encode(self, ids: Any) -> Any:
        """Return the final hidden states, [texts, units], or [texts, 2 * units] if the layer is bidirectional."""
        embedded = self.embedding(ids)
        if self.packed:
            embedded = self._pack(ids, embedded)
        out, state = self.recurrent(embedded)
        if not (self.packed or self.bidirectional):
            return out[:, -1]
        h = state[0] if isinstance(state, tuple) else state
        return self.torch.cat([h[0], h[1]], 1) if self.bidirectional else h[0]

    def _pack(self, ids: Any, embedded: Any) -> Any:
        # PyTorch has no masks. A packed sequence skips padding, which must be at the end.
        lengths = (ids != 0).sum(1)
        positions = (self.torch.arange(LENGTH) + (LENGTH - lengths)[:, None]) % LENGTH
        moved = embedded.gather(1, positions[:, :, None].expand_as(embedded))
        pack = self.torch.nn.utils.rnn.pack_padded_sequence
        return pack(moved, lengths, batch_first=True, enforce_sorted=False)
