"""Train a network: epochs, and the choice of the best one on the validation set."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples, batches, order
from gatewright.results.measure import better
from gatewright.results.records import Epoch
from gatewright.support import memory as _heap
from gatewright.tasks.base.task import Task
from gatewright.training.checkpoint import Checkpoint, Progressed
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

# The average of the weights takes them in once in so many steps: as good, and next to free.
_AVERAGED_EVERY = 8


class Fitted(NamedTuple):
    """A trained model: its epochs, the chosen one counted from 1, and the weights that it had then."""

    epochs: tuple[Epoch, ...]
    chosen: int
    weights: list[dict[str, Any]]


def _ranks_above(task: Task[Any], new: dict[str, float], old: dict[str, float]) -> bool:
    """Whether validation figures are better: by the task's `choosing`, in turn where they are equal, or its first."""
    for measure in getattr(task, "choosing", task.measures[:1]):
        if new[measure.name] != old[measure.name]:
            return better(measure, new[measure.name], old[measure.name])
    return False


def fit(
    network: Network,
    recipe: Recipe,
    train: Examples,
    validation: Examples,
    *,
    seed: int,
    start: Sequence[int],
    weights: Sequence[Any] | None = None,
    counts: NDArray[np.float32] | None = None,
    checkpoint: Checkpoint | None = None,
    tick: Callable[[int, int, int], None] = lambda epoch, done, total: None,
    told: Callable[[int, Epoch], None] = lambda number, epoch: None,
) -> Fitted:
    """Train and keep the weights of the epoch that is best on the validation rows.

    Args:
        network: the model, made for this recipe.
        recipe: how.
        train, validation: rows.
        seed: of the order of rows, and of dropout.
        start: seed of the initial weights.
        weights: those to begin with, in the place of drawn ones.
        counts: what each training row counts, [rows]; None is 1.
        checkpoint: where the work is kept meanwhile, and found again; None is nowhere.
        tick: called with epoch, rows done and rows in all, after each batch.
        told: called after each epoch.
    """
    importance = np.ones(len(train.inputs), np.float32) if counts is None else counts
    at = _begin(network, recipe, start, weights)
    at = at if checkpoint is None else checkpoint.read(at)
    while len(at.epochs) < recipe.epochs and not _is_over(at, recipe):
        number = len(at.epochs) + 1
        with _heap.kept():
            at = _epoch(network, recipe, at, train, importance, seed, checkpoint, tick)
        shown = at.average if recipe.averaging else at.state.weights
        measured = network.task.measure(network.outputs(shown, validation), validation.targets)
        epoch = Epoch(at.loss / at.counted, measured, at.seconds)
        at = at._replace(epochs=(*at.epochs, epoch), done=0, loss=0.0, counted=0.0, seconds=0.0)
        if not at.chosen or _ranks_above(network.task, measured, at.epochs[at.chosen - 1].validation):
            # A step uses its state up, so what is kept is a copy.
            at = at._replace(chosen=number, kept=_copy(shown))
        if checkpoint is not None:
            checkpoint.write(at)
        told(number, epoch)
    return Fitted(at.epochs, at.chosen, at.kept)


def _begin(network: Network, recipe: Recipe, start: Sequence[int], weights: Sequence[Any] | None) -> Progressed:
    state = network.start(start, weights)
    average = _copy(state.weights) if recipe.averaging else None
    return Progressed((), 0, _copy(state.weights), state, average, 0, 0.0, 0.0, 0.0)


def _is_over(at: Progressed, recipe: Recipe) -> bool:
    return bool(recipe.patience) and len(at.epochs) - at.chosen >= recipe.patience


def _copy(tree: Any) -> Any:
    import jax

    return jax.tree.map(lambda array: array.copy(), tree)


def _epoch(
    network: Network,
    recipe: Recipe,
    at: Progressed,
    train: Examples,
    importance: NDArray[np.float32],
    seed: int,
    checkpoint: Checkpoint | None,
    tick: Callable[[int, int, int], None],
) -> Progressed:
    """The rest of one pass over the training rows."""
    rows, number = len(train.inputs), len(at.epochs) + 1
    if network.task.carried:
        listed = list(batches(np.arange(rows), network.batch))
        at = at if at.done else at._replace(state=network.anew(at.state))
    else:
        listed = list(batches(order(rows, seed, number), network.batch))
    first, steps = (number - 1) * len(listed), recipe.epochs * len(listed)
    shares = recipe.shares(number, network.depths)
    began = time.perf_counter()
    waiting: list[tuple[Any, float]] = []

    def settled(at: Progressed) -> Progressed:
        """With the losses that are waiting added up, and the time taken."""
        nonlocal began
        now = time.perf_counter()
        loss, counted = at.loss, at.counted
        for one, counts in waiting:  # one by one: the sum must not depend on when it was settled
            loss, counted = loss + float(one) * counts, counted + counts
        at = at._replace(loss=loss, counted=counted, seconds=at.seconds + now - began)
        waiting.clear()
        began = now
        return at

    for place in range(at.done, len(listed)):
        batch, step = listed[place], first + place
        counts = batch.weights * importance[batch.rows]
        rates = recipe.rate(step, steps) * shares
        state, loss = network.learn(at.state, train.take(batch.rows), counts, rates, (seed % 2**32, step))
        at = at._replace(state=state, done=place + 1)
        if recipe.averaging and step % _AVERAGED_EVERY == 0:
            # Early on, the average of all so far: else the initial weights would weigh on it.
            kept = min(recipe.averaging**_AVERAGED_EVERY, step / (step + 10 * _AVERAGED_EVERY))
            at = at._replace(average=network.average(at.average, state.weights, kept))
        if waiting:
            waiting[-1][0].block_until_ready()  # one step ahead keeps the processor busy; more would only hold memory
        waiting.append((loss, float(counts.sum())))
        if checkpoint is not None and checkpoint.due():
            at = settled(at)
            checkpoint.write(at)
        tick(number, min((place + 1) * network.batch, rows), rows)
    return settled(at)
