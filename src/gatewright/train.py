"""Train a model: pure compiled functions of its weights, epochs, and the choice of one on validation rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.blocks import Block, build
from gatewright.comparison import Epoch, Measure
from gatewright.data.batches import batches, order
from gatewright.tasks.protocol import Examples, Task

# Rows of a batch when nothing is learnt: large enough to fill the kernels, small enough for a laptop.
_ROWS_AT_ONCE = 256


class State(NamedTuple):
    """Everything that a training step changes, as lists of arrays in Keras' order."""

    trainable: list[Any]
    fixed: list[Any]
    optimizer: list[Any]


class Fitted(NamedTuple):
    """A trained model: its epochs, the chosen one counted from 1, and the weights that it had then."""

    epochs: tuple[Epoch, ...]
    chosen: int
    state: State


class Network:
    """A model as pure functions of its weights, compiled once for all seeds and learning rates.

    Keras' layers run with their recurrences on the kernels: `accelerate()` must be on while a network is made.

    Args:
        task: whose losses are minimised.
        blocks: the model.
        like: examples that show the shape and type of inputs and targets.
        batch: rows of a training step.
    """

    def __init__(self, task: Task[Any], blocks: Sequence[Block], like: Examples, batch: int) -> None:
        self.task, self.blocks, self.batch = task, list(blocks), batch
        self._shape, self._dtype = like.inputs.shape[1:], str(like.inputs.dtype)
        self.model = build(self.blocks, self._shape, self._dtype, [0])
        self._optimizer = self._new_optimizer(self.model, 1.0)
        self._compile(like)

    @staticmethod
    def _new_optimizer(model: Any, learning_rate: float) -> Any:
        import keras

        optimizer = keras.optimizers.Adam(learning_rate)
        optimizer.build(model.trainable_variables)
        return optimizer

    def _compile(self, like: Examples) -> None:
        import jax

        state = self.start([0], 1.0)
        one = np.zeros(self.batch, np.intp)
        inputs, targets = like.inputs[one], like.targets[one]
        weights = np.ones(self.batch, np.float32)
        self._step = jax.jit(self._learn, donate_argnums=0).lower(state, inputs, targets, weights).compile()
        many = like.inputs[np.zeros(_ROWS_AT_ONCE, np.intp)]
        self._infer = jax.jit(self._answer).lower(state.trainable, state.fixed, many).compile()

    def start(self, seed: Sequence[int], learning_rate: float) -> State:
        """Initial weights, a function of the seed, and a fresh Adam (Kingma & Ba 2015, algorithm 1)."""
        model = build(self.blocks, self._shape, self._dtype, seed)
        optimizer = self._new_optimizer(model, learning_rate)
        return State(
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
            [variable.value for variable in optimizer.variables],
        )

    def _learn(self, state: State, inputs: Any, targets: Any, weights: Any) -> tuple[State, Any]:
        import jax

        def mean_loss(trainable: list[Any]) -> tuple[Any, list[Any]]:
            outputs, fixed = self.model.stateless_call(trainable, state.fixed, inputs, training=True)
            return (self.task.losses(outputs, targets) * weights).sum() / weights.sum(), fixed

        (loss, fixed), gradients = jax.value_and_grad(mean_loss, has_aux=True)(state.trainable)
        trainable, optimizer = self._optimizer.stateless_apply(state.optimizer, gradients, state.trainable)
        return State(trainable, fixed, optimizer), loss

    def _answer(self, trainable: list[Any], fixed: list[Any], inputs: Any) -> Any:
        outputs, _ = self.model.stateless_call(trainable, fixed, inputs, training=False)
        return outputs

    def learn(self, state: State, rows: Examples, weights: NDArray[np.float32]) -> tuple[State, Any]:
        """One step of the optimizer on one batch; uses the given state up. Returns the new one and the loss."""
        new, loss = self._step(state, rows.inputs, rows.targets, weights)
        return new, loss

    def outputs(self, state: State, inputs: NDArray[Any], tick: Callable[[int], None] = lambda rows: None) -> Any:
        """The model's outputs for any number of rows; `tick` is told the rows as they are done."""
        parts = []
        for batch in batches(np.arange(len(inputs)), _ROWS_AT_ONCE):
            live = int(batch.weights.sum())
            parts.append(np.asarray(self._infer(state.trainable, state.fixed, inputs[batch.rows]))[:live])
            tick(live)
        return np.concatenate(parts)

    def peak_memory(self, like: Examples) -> int:
        """Bytes that a training step holds at once: weights, optimizer, batch, buffers, and the kernels' scratch.

        The compiler's own account of the step, and the largest scratch of the kernels' calls in one step on `like`.
        """
        from gatewright import kernels

        kernels.take_most_scratch()
        rows = like.take(np.arange(self.batch) % len(like.inputs))
        _, loss = self.learn(self.start([0], 1.0), rows, np.ones(self.batch, np.float32))
        loss.block_until_ready()
        account: Any = self._step.memory_analysis()
        buffers = account.argument_size_in_bytes + account.output_size_in_bytes + account.temp_size_in_bytes
        return int(buffers - account.alias_size_in_bytes) + kernels.take_most_scratch()


def better(measure: Measure, new: float, old: float) -> bool:
    """Whether `new` is better than `old`; a figure that is not a number is worse than any."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new > old if measure.better == "higher" else new < old


def fit(
    network: Network,
    train: Examples,
    validation: Examples,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    start: Sequence[int],
    tick: Callable[[int, int, int], None] = lambda epoch, done, total: None,
    told: Callable[[int, Epoch], None] = lambda number, epoch: None,
) -> Fitted:
    """Train from scratch and keep the weights of the epoch that is best on the validation rows.

    Args:
        network: the model.
        train, validation: rows.
        epochs: passes over the training rows.
        learning_rate: of Adam.
        seed: of the order of rows.
        start: seed of the initial weights.
        tick: called with epoch, rows done and rows in all, after each batch.
        told: called after each epoch.
    """
    state = network.start(start, learning_rate)
    history: list[Epoch] = []
    deciding = network.task.measures[0]
    chosen, kept = 0, state
    for number in range(1, epochs + 1):
        began = time.perf_counter()
        state, loss = _epoch(network, state, train, seed, number, tick)
        seconds = time.perf_counter() - began
        measured = network.task.measure(network.outputs(state, validation.inputs), validation.targets)
        history.append(Epoch(loss, measured, seconds))
        told(number, history[-1])
        best = history[chosen - 1].validation[deciding.name] if chosen else math.nan
        if not chosen or better(deciding, measured[deciding.name], best):
            # A step uses its state up, so what is kept is a copy; the optimizer's part is not needed again.
            chosen, kept = number, State(_copy(state.trainable), _copy(state.fixed), [])
    return Fitted(tuple(history), chosen, kept)


def _copy(arrays: list[Any]) -> list[Any]:
    return [array.copy() for array in arrays]


def _epoch(
    network: Network,
    state: State,
    train: Examples,
    seed: int,
    number: int,
    tick: Callable[[int, int, int], None],
) -> tuple[State, float]:
    """One pass over the training rows; returns the state and the mean loss of the rows."""
    rows = len(train.inputs)
    done = 0
    losses: list[Any] = []
    counts: list[float] = []
    for batch in batches(order(rows, seed, number), network.batch):
        state, loss = network.learn(state, train.take(batch.rows), batch.weights)
        if losses:
            losses[-1].block_until_ready()  # one step ahead keeps the processor busy; more would only hold memory
        losses.append(loss)
        counts.append(float(batch.weights.sum()))
        done += int(counts[-1])
        tick(number, done, rows)
    return state, float(np.average([float(loss) for loss in losses], weights=counts))
