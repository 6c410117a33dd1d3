"""The baselines of transcribers: a linear map of a few frames with the CTC loss, and the most frequent transcript."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch, minibatches, shuffled
from gatewright.nn.backend import jax_backend
from gatewright.nn.layer import Activations
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.task import FittedBaseline, Splits
from gatewright.tasks.transcribe import ctc
from gatewright.tasks.transcribe.layers import CtcOutput, SpeechInput
from gatewright.tasks.transcribe.speech import Speech
from gatewright.tasks.transcribe.task import PreparedSpeech

_EPOCHS, _BATCH_SIZE, _RATE = 15, 16, 0.003
_REACH = 12
"""Frames before and after a step that its symbol is read from."""
_SEED = 0
# The numbers of frames for which the functions are compiled.
_WIDTHS = 2


def fit_baselines(prepared: PreparedSpeech, splits: Splits[Speech]) -> FittedBaseline:
    """Fit the linear map to the training set. The most frequent training transcript is the other baseline."""
    train, validation = prepared.encode(splits.train, training=True), prepared.encode(splits.validation)
    linear, test = LinearCtc(prepared, train, validation), prepared.encode(splits.test)
    constant, name = prepared.constant(test.targets, train.targets)
    return FittedBaseline(
        "linear CTC",
        f"a linear map of {_REACH} frames before and after each step, with the same loss and decoder",
        linear.outputs(test),
        ((name, constant),),
    )


class LinearCtc:
    """A network without recurrence: the logits of a step are a linear map of its frames and of `_REACH` on each side.

    It is trained with Adam on the CTC loss, and the best epoch on the validation set is kept.

    Args:
        prepared: Encodes utterances and decodes outputs.
        train, validation: The encoded training and validation sets.
    """

    def __init__(self, prepared: PreparedSpeech, train: Batch, validation: Batch) -> None:
        import jax
        import optax

        self._prepared, self._backend = prepared, jax_backend()
        self._steps, self._output = SpeechInput(prepared.stack), CtcOutput(prepared.alphabet.symbols)
        self._reach = -(-_REACH // prepared.stack)
        self._forward = jax.jit(lambda weights, inputs: self._log_probs(weights, inputs)[0])
        adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(_RATE))

        def mean_loss(weights: Any, inputs: Any, ids: Any, live: Any) -> Any:
            losses = ctc.losses(self._backend, *self._log_probs(weights, inputs), ids)
            return (losses * live).sum() / ((ids != 0).sum(axis=1) * live).sum().clip(1)

        @jax.jit
        def update(weights: Any, state: Any, *batch: Any) -> tuple[Any, Any]:
            changes, state = adam.update(jax.grad(mean_loss)(weights, *batch), state)
            return optax.apply_updates(weights, changes), state

        features = (2 * self._reach + 1) * prepared.stack * prepared.features
        weights: Any = {name: np.zeros(shape, np.float32) for name, shape in self._output.shapes(features).items()}
        state, self._weights, best = adam.init(weights), weights, np.inf
        batches, ticker = list(self._batches(train)), Ticker()
        for epoch in range(1, _EPOCHS + 1):
            for place in shuffled(len(batches), _SEED, epoch):
                chunk, live = batches[place][:2]
                weights, state = update(weights, state, chunk.inputs, chunk.targets["ids"], live)
                if ticker.due():
                    print_status(f"Epoch {epoch} of {_EPOCHS} of the baseline is trained.")
            loss = float(ctc.losses_of(self._utterances(weights, validation), validation.targets["ids"]).sum())
            if loss < best:
                best, self._weights = loss, weights

    def outputs(self, batch: Batch) -> Any:
        """Return the outputs for encoded utterances, in the form of the network's outputs."""
        return self._prepared.transcribed(self._utterances(self._weights, batch), batch.targets["ids"])

    def _utterances(self, weights: Any, batch: Batch) -> list[NDArray[np.float32]]:
        """Return the log probabilities of each utterance without padding."""
        found: list[Any] = [None] * batch.size
        for chunk, live, places in self._batches(batch):
            log_probs = np.asarray(self._forward(weights, chunk.inputs))
            for row, place in zip(log_probs, places[live > 0], strict=False):
                found[place] = row[: batch.targets["steps"][place]]
        return found

    def _batches(self, batch: Batch) -> Iterator[tuple[Batch, NDArray[np.float32], NDArray[np.intp]]]:
        """Yield batches of utterances of similar length, the weight of each utterance, and its place."""
        prepared, lengths = self._prepared, self._prepared.lengths(batch)
        unit = -(-int(lengths.max()) // _WIDTHS)
        for places, live in minibatches(np.argsort(lengths, kind="stable"), _BATCH_SIZE):
            width = -(-int(lengths[places].max()) // unit) * unit
            yield prepared.with_steps(batch.take(places), width), live, places

    def _log_probs(self, weights: Mapping[str, Any], inputs: Any) -> tuple[Any, Any]:
        """Return the log probabilities at each step, and which steps are not padding."""
        found, _ = self._steps.forward(self._backend, {}, Activations(inputs), None, None)
        xp, steps, reach = self._backend.xp, found.x.shape[1], self._reach
        padded = xp.pad(found.x, ((0, 0), (reach, reach), (0, 0)))
        around = xp.concatenate([padded[:, first : first + steps] for first in range(2 * reach + 1)], axis=2)
        outputs, _ = self._output.forward(self._backend, weights, found._replace(x=around), None, None)
        return outputs.x["log_probs"], found.mask
