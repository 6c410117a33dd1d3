"""A baseline of transcribers: a linear map of a few frames with the CTC loss."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch, minibatches, shuffled
from gatewright.nn.backend import jax_backend
from gatewright.nn.layer import Activations
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.transcribe import ctc
from gatewright.tasks.transcribe.layers import CtcOutput, SpeechInput

_EPOCHS, _BATCH_SIZE, _RATE = 10, 16, 0.003
_REACH = 12
"""Frames before and after a step that its symbol is read from."""
_SEED = 0
# The numbers of frames for which the functions are compiled.
_WIDTHS = 2


class _Prepared(Protocol):
    """The part of `PreparedSpeech` that the baseline uses."""

    @property
    def stack(self) -> int: ...
    @property
    def features(self) -> int: ...
    def lengths(self, batch: Batch) -> NDArray[np.intp]: ...
    def with_steps(self, batch: Batch, steps: int) -> Batch: ...


class _Chunk(NamedTuple):
    """The places of the utterances of a minibatch, their weights, and the number of frames that they are padded to."""

    places: NDArray[np.intp]
    live: NDArray[np.float32]
    frames: int


class LinearCtc:
    """A network without recurrence: the logits of a step are a linear map of its frames and of `_REACH` on each side.

    It is trained with Adam on the CTC loss, and the best epoch on the validation set is kept.

    Args:
        prepared: What is known about the utterances.
        symbols: Number of symbols without the blank.
        train, validation: The encoded training and validation sets.
    """

    name = "linear CTC"
    description = f"a linear map of {_REACH} frames before and after each step, with the same loss and decoder"

    def __init__(self, prepared: _Prepared, symbols: int, train: Batch, validation: Batch) -> None:
        import jax

        self._prepared, self._backend = prepared, jax_backend()
        self._steps, self._output = SpeechInput(stack=prepared.stack), CtcOutput(symbols)
        self._reach = -(-_REACH // prepared.stack)
        self._forward = jax.jit(lambda weights, inputs: self._log_probs(weights, inputs)[0])
        self._weights = self._fit(train, validation)

    def _fit(self, train: Batch, validation: Batch) -> Any:
        """Return the weights after the epoch with the smallest loss on the validation set."""
        import jax
        import optax

        adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(_RATE))

        def mean_loss(weights: Any, inputs: Any, ids: Any, live: Any) -> Any:
            losses = ctc.losses(self._backend, *self._log_probs(weights, inputs), ids)
            return (losses * live).sum() / ((ids != 0).sum(axis=1) * live).sum().clip(1)

        @jax.jit
        def update(weights: Any, state: Any, *batch: Any) -> tuple[Any, Any]:
            changes, state = adam.update(jax.grad(mean_loss)(weights, *batch), state)
            return optax.apply_updates(weights, changes), state

        features = (2 * self._reach + 1) * self._prepared.stack * self._prepared.features
        weights: Any = {name: np.zeros(shape, np.float32) for name, shape in self._output.shapes(features).items()}
        state, best, smallest = adam.init(weights), weights, np.inf
        batches, ticker = self._batches(train), Ticker()
        for epoch in range(1, _EPOCHS + 1):
            for place in shuffled(len(batches), _SEED, epoch):
                chunk = self._chunk(train, batches[place])
                weights, state = update(weights, state, chunk.inputs, chunk.targets["ids"], batches[place].live)
                if ticker.due():
                    print_status(f"Epoch {epoch} of {_EPOCHS} of the baseline is trained.")
            loss = float(ctc.losses_of(self._log_probs_of(weights, validation), validation.targets["ids"]).sum())
            if loss < smallest:
                smallest, best = loss, weights
        return best

    def utterances(self, batch: Batch) -> list[NDArray[np.float32]]:
        """Return the log probabilities of each utterance at its steps, [steps, 1 + symbols]."""
        return self._log_probs_of(self._weights, batch)

    def _log_probs_of(self, weights: Any, batch: Batch) -> list[NDArray[np.float32]]:
        found: list[Any] = [None] * batch.size
        for one in self._batches(batch):
            log_probs = np.asarray(self._forward(weights, self._chunk(batch, one).inputs))
            for row, place in zip(log_probs, one.places[one.live > 0], strict=False):
                found[place] = row[: batch.targets["steps"][place]]
        return found

    def _batches(self, batch: Batch) -> list[_Chunk]:
        """Return minibatches of utterances of similar length."""
        lengths = self._prepared.lengths(batch)
        unit = -(-int(lengths.max()) // _WIDTHS)
        return [
            _Chunk(places, live, -(-int(lengths[places].max()) // unit) * unit)
            for places, live in minibatches(np.argsort(lengths, kind="stable"), _BATCH_SIZE)
        ]

    def _chunk(self, batch: Batch, chunk: _Chunk) -> Batch:
        return self._prepared.with_steps(batch.take(chunk.places), chunk.frames)

    def _log_probs(self, weights: Mapping[str, Any], inputs: Any) -> tuple[Any, Any]:
        """Return the log probabilities at each step, and which steps are not padding."""
        found, _ = self._steps.forward(self._backend, {}, Activations(inputs), None, None)
        xp, steps, reach = self._backend.xp, found.x.shape[1], self._reach
        padded = xp.pad(found.x, ((0, 0), (reach, reach), (0, 0)))
        around = xp.concatenate([padded[:, first : first + steps] for first in range(2 * reach + 1)], axis=2)
        outputs, _ = self._output.forward(self._backend, weights, found._replace(x=around), None, None)
        return outputs.x["log_probs"], found.mask
