"""The training loop, which also chooses the epoch that is best on the validation set."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch, minibatches
from gatewright.results.records import Epoch
from gatewright.support import memory
from gatewright.support.trees import tree_arrays
from gatewright.training.by_width import training_batches
from gatewright.training.checkpoint import Checkpoint, Progressed
from gatewright.training.network import Network, copied
from gatewright.training.recipe import Recipe

# The moving average is updated only once in this number of steps. This is as good as every step and costs little.
_AVERAGED_EVERY = 8
# The gradients of a larger loss have squares that are too large for float32, so that Adam, or clipping, stops them.
_MAX_LOSS = 1e18


class Fitted(NamedTuple):
    """A trained network.

    Attributes:
        epochs: The results of the finished epochs, in order.
        chosen: Number of the best epoch on the validation set. The first epoch is 1. 0 if no epoch is finished.
        weights: The weights after the best epoch, or their moving average if the recipe has an `ema_decay`.
        divergence: A clause that says what became infinite or not a number, and at which step, if this ended training.
            The epoch in which it happened is not among `epochs`. Otherwise empty.
    """

    epochs: tuple[Epoch, ...]
    chosen: int
    weights: list[dict[str, Any]]
    divergence: str = ""


class _Diverged(Exception):
    """Raised if a number that training depends on is infinite or not a number. The message is a clause."""


@memory.keep_freed_memory()
def fit(
    network: Network,
    recipe: Recipe,
    train: Batch,
    validation: Batch,
    *,
    seed: int,
    weights: Sequence[Any],
    sample_weight: NDArray[np.float32] | None = None,
    checkpoint: Checkpoint | None = None,
    tick: Callable[[int, int, int], None] = lambda epoch, done, total: None,
    epoch_end: Callable[[int, Epoch], None] = lambda number, epoch: None,
) -> Fitted:
    """Train a network and return the weights of the epoch that is best on the validation set; see `Prepared.selection`.

    Training ends early if it diverges: if a loss, a weight, a moment of Adam, or an output or metric for the validation
    set is not a finite number, or is too large to train with.

    Args:
        network: The network. It must have been compiled with the settings in `recipe`. Only the learning rate may
            differ.
        recipe: The training settings.
        train, validation: The encoded examples of the training set and the validation set.
        seed: Seed for the order of the examples and for dropout.
        weights: The initial weights, one dict for each layer.
        sample_weight: Weight of each training example in the loss, [examples]. None gives all examples the weight 1.
        checkpoint: File in which the progress is stored, and from which an interrupted training is resumed. None stores
            nothing.
        tick: Function that is called after each batch with the number of the epoch, the number of examples processed in
            this epoch, and the number of all training examples.
        epoch_end: Function that is called after each epoch with the number of the epoch and its results.
    """
    importance = np.ones(train.size, np.float32) if sample_weight is None else sample_weight
    selection, at = network.prepared.selection(validation.size), _begin(network, recipe, weights)
    if checkpoint is not None:
        at = checkpoint.read(at)
    # Patience 0 means that training never stops early.
    while len(at.epochs) < recipe.epochs and (not recipe.patience or len(at.epochs) - at.chosen < recipe.patience):
        number = len(at.epochs) + 1
        try:
            at = _epoch(network, recipe, at, train, importance, seed, checkpoint, tick)
            at = at._replace(state=network.up_to_date(at.state))
            evaluated = at.average if recipe.ema_decay else at.state.weights
            measured = _evaluate(network, at, evaluated, validation)
        except _Diverged as diverged:
            return Fitted(at.epochs, at.chosen, at.best, str(diverged))
        epoch = Epoch(at.loss / at.total_weight, measured, at.seconds)
        at = at._replace(epochs=(*at.epochs, epoch), done=0, loss=0.0, total_weight=0.0, seconds=0.0)
        if not at.chosen or selection.is_better(measured, at.epochs[at.chosen - 1].validation):
            # A copy, because the next training step consumes the state.
            at = at._replace(chosen=number, best=copied(evaluated))
        if checkpoint is not None:
            checkpoint.write(at)
        epoch_end(number, epoch)
    return Fitted(at.epochs, at.chosen, at.best)


def _begin(network: Network, recipe: Recipe, weights: Sequence[Any]) -> Progressed:
    state = network.init(weights)
    average = copied(state.weights) if recipe.ema_decay else None
    return Progressed((), 0, copied(state.weights), state, average, 0, 0.0, 0.0, 0.0)


def _epoch(
    network: Network,
    recipe: Recipe,
    at: Progressed,
    train: Batch,
    importance: NDArray[np.float32],
    seed: int,
    checkpoint: Checkpoint | None,
    tick: Callable[[int, int, int], None],
) -> Progressed:
    """Train until the end of the current epoch, and return the progress."""
    number = len(at.epochs) + 1
    if network.prepared.stateful:
        selections = list(minibatches(np.arange(train.size), network.batch_size))
        at = at if at.done else at._replace(state=network.reset_states(at.state))
    else:
        selections = training_batches(network.prepared, train, network.batch_size, seed, number)
    first, steps = (number - 1) * len(selections), recipe.epochs * len(selections)
    layer_rates = recipe.layer_rates(number, network.depths)
    began = time.perf_counter()
    pending: list[tuple[int, Any, float]] = []

    def add_pending(at: Progressed) -> Progressed:
        """Wait for the steps that have been started, and return the progress `at` with their losses added."""
        loss, total_weight = at.loss, at.total_weight
        for step, batch_loss, weight in pending:
            loss, total_weight = loss + _finite_loss(float(batch_loss), number, step) * weight, total_weight + weight
        pending.clear()
        return at._replace(loss=loss, total_weight=total_weight)

    def add_time(at: Progressed) -> Progressed:
        """Return the progress `at` with the time since the last call added."""
        nonlocal began
        now, before = time.perf_counter(), began
        began = now
        return at._replace(seconds=at.seconds + now - before)

    for index, selection in enumerate(selections[at.done :], at.done):
        step = first + index
        weight = selection.weights * importance[selection.examples]
        batch, rates = train.take(selection.examples), recipe.rate(step, steps) * layer_rates
        state, loss = network.train_step(at.state, batch, weight, rates, (seed % 2**32, step))
        averaged = recipe.ema_decay and step % _AVERAGED_EVERY == 0
        at = at._replace(state=network.up_to_date(state) if averaged else state, done=index + 1)
        if averaged:
            # The decay is smaller at first, because the initial weights would dominate the average.
            decay = min(recipe.ema_decay**_AVERAGED_EVERY, step / (step + 10 * _AVERAGED_EVERY))
            at = at._replace(average=network.average(at.average, at.state.weights, decay))
        at = add_pending(at)  # one step ahead keeps the processor busy; more would only use memory
        pending.append((step + 1, loss, float(weight.sum())))
        if checkpoint is not None and checkpoint.due():
            at = add_time(add_pending(at))
            checkpoint.write(at)
        tick(number, min((index + 1) * network.batch_size, train.size), train.size)
    return add_time(add_pending(at))


def _finite_loss(loss: float, epoch: int, step: int) -> float:
    if fault := _fault(loss):
        raise _Diverged(f"the loss is {fault} at step {step:,}, in epoch {epoch}")
    return loss


def _fault(value: float) -> str:
    """Return what is wrong with a number that training depends on; empty if nothing is."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite"
    return f"{value:.2g}, which is too large to train with," if abs(value) > _MAX_LOSS else ""


def _evaluate(network: Network, at: Progressed, weights: Any, validation: Batch) -> dict[str, float]:
    """Return the metrics on the validation set after an epoch, if the weights and the outputs are finite numbers."""
    epoch = len(at.epochs) + 1
    when = f"after step {epoch * at.done:,}, the end of epoch {epoch}"
    if not all(np.isfinite(array).all() for array in jax.tree.leaves((at.state.weights, weights))):
        raise _Diverged(f"a weight of the network is not a finite number {when}")
    if not all(np.isfinite(array).all() for array in jax.tree.leaves(at.state.optimizer)):
        raise _Diverged(f"the square of a gradient is too large for float32 {when}")
    outputs = network.outputs(weights, validation, completed_by=network.prepared.for_epochs())
    if not all(np.isfinite(array).all() for array in tree_arrays(outputs, "").values()):
        raise _Diverged(f"an output of the network is not a finite number {when}")
    measured = network.prepared.measure(outputs, validation.targets)
    for measure in network.prepared.selection(validation.size).measures:
        value = measured[measure.name]
        if not math.isnan(value) and (fault := _fault(value)):  # some metrics are not defined for some sets
            raise _Diverged(f"{measure.title} on the validation set is {fault} {when}")
    return measured
