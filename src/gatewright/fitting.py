"""Train a model: pure compiled functions of its weights, epochs, and the choice of one on validation rows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright import _heap
from gatewright import blocks as models
from gatewright.blocks import Block, Steps
from gatewright.checkpoint import Checkpoint, Progressed
from gatewright.comparison import Epoch, Measure
from gatewright.data.batches import Examples, batches, order
from gatewright.data.text import PADDING
from gatewright.optimizer import optimizer
from gatewright.tasks.protocol import EVALUATED_STREAMS, Task

# Rows of a batch when nothing is learnt: large enough to fill the kernels, small enough for a laptop.
_ROWS_AT_ONCE = 64
# The average of the weights takes them in once in so many steps: as good, and next to free.
_AVERAGED_EVERY = 8


@dataclass(frozen=True)
class Recipe:
    """How weights are learnt.

    Attributes:
        epochs: passes over the training rows, at most.
        batch: rows of a training step.
        learning_rate: of Adam (Kingma & Ba 2015, algorithm 1), at its highest.
        schedule: "constant"; "linear" and "cosine" fall to 0 over all epochs (Loshchilov & Hutter 2017, equation 5,
            without restarts).
        warmup: share of all steps in which the learning rate rises from 0.
        clip, weight_decay, embedding_moments: see `optimizer.optimizer`; of the decay, the share of each weight that a
            step of learning rate 1 takes away.
        averaging: of the exponential average of the weights, how much of it stays at a step (Polyak & Juditsky 1992 in
            its exponential form); that average is what is measured and kept. 0 is none.
        patience: epochs without a better figure on the validation rows after which training ends; 0 is never.
        discriminative: how many times as fast a layer learns as that below it (Howard & Ruder 2018, "Universal Language
            Model Fine-tuning for Text Classification", section 3.2); 1 is alike.
        unfreezing: in the first epoch only the topmost layer learns, and in each next one that below it too (section
            3.3).
        adversarial: how far a text is moved, at each step of training, to where the loss is larger, and then learnt
            from there too: in lengths of a word's vector (root mean square over the batch), all words of the text
            taken together. Miyato, Dai & Goodfellow 2017, "Adversarial Training Methods for Semi-Supervised Text
            Classification", section 3, whose embeddings are scaled to one length instead. 0 is not at all.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: str = "constant"
    warmup: float = 0.0
    clip: float = 0.0
    weight_decay: float = 0.0
    embedding_moments: str = "own"
    averaging: float = 0.0
    patience: int = 0
    discriminative: float = 1.0
    unfreezing: bool = False
    adversarial: float = 0.0

    def shares(self, epoch: int, depths: NDArray[np.intp]) -> NDArray[np.float32]:
        """How much of the learning rate each block has in an epoch, counted from 1.

        Args:
            epoch: which.
            depths: how many blocks with weights stand above each.
        """
        shares = self.discriminative ** -depths.astype(np.float64)
        return np.where(self.unfreezing & (depths >= epoch), 0, shares).astype(np.float32)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of all `steps`."""
        if step < (rising := self.warmup * steps):
            return self.learning_rate * (step + 1) / (rising + 1)
        done = (step - rising) / max(steps - rising, 1)
        falls = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
        return self.learning_rate * falls[self.schedule]


class State(NamedTuple):
    """Everything that a training step changes.

    Attributes:
        weights: of each block, by name.
        optimizer: what it keeps.
        carried: the states of each block after the batch, where the next one goes on from there; else empty.
    """

    weights: list[dict[str, Any]]
    optimizer: Any
    carried: Any = ()


class Fitted(NamedTuple):
    """A trained model: its epochs, the chosen one counted from 1, and the weights that it had then."""

    epochs: tuple[Epoch, ...]
    chosen: int
    weights: list[dict[str, Any]]


class _Noise:
    """Random numbers of one training step."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def keep(self, rate: float, shape: tuple[int, ...]) -> Any:
        import jax

        self._key, own = jax.random.split(self._key)
        return jax.random.bernoulli(own, 1 - rate, shape)

    def uniform(self, shape: tuple[int, ...]) -> Any:
        import jax

        self._key, own = jax.random.split(self._key)
        return jax.random.uniform(own, shape)


class Network:
    """A model as pure functions of its weights, compiled once for all seeds and learning rates.

    Args:
        task: whose losses are minimised.
        blocks: the model.
        like: examples that show the shape and type of inputs and targets.
        recipe: its batch, and what its optimizer needs.
    """

    def __init__(self, task: Task[Any], blocks: Sequence[Block], like: Examples, recipe: Recipe) -> None:
        self.task, self.blocks, self.batch, self._adversarial = task, list(blocks), recipe.batch, recipe.adversarial
        self.features = like.inputs.shape[2] if like.inputs.ndim > 2 else 1
        self.library = models.jax_library()
        self._optimizer = optimizer(recipe.clip, recipe.weight_decay, recipe.embedding_moments)
        self._compile(like)

    def _compile(self, like: Examples) -> None:
        import jax

        state = self.start([0])
        one = np.zeros(self.batch, np.intp)
        inputs, targets = like.inputs[one], like.targets[one]
        weights = np.ones(self.batch, np.float32)
        rate, noise = np.zeros(len(self.blocks), np.float32), np.zeros(2, np.uint32)
        learn = jax.jit(self._learn, donate_argnums=0)
        self._step = learn.lower(state, inputs, targets, weights, rate, noise).compile()
        self._together = EVALUATED_STREAMS if self.task.carried else _ROWS_AT_ONCE
        many = like.take(np.zeros(self._together, np.intp))
        infer = jax.jit(self.forward, static_argnames="noise")
        self._infer = infer.lower(state.weights, *many, self._silence(self._together)).compile()
        self._average = jax.jit(self._averaged, donate_argnums=0)

    @property
    def depths(self) -> NDArray[np.intp]:
        """How many blocks with weights stand above each."""
        has = np.array([bool(block) for block in models.shapes(self.blocks, self.features)])
        depths: NDArray[np.intp] = np.cumsum(has[::-1])[::-1] - has
        return depths

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return models.parameters(self.blocks, self.features)

    def start(self, seed: Sequence[int], weights: Sequence[Any] | None = None) -> State:
        """Initial weights, a function of the seed unless they are given, and a fresh optimizer."""
        import jax.numpy as jnp

        drawn = models.start(self.blocks, self.features, seed) if weights is None else weights
        own = [{name: jnp.array(array) for name, array in block.items()} for block in drawn]
        return State(own, self._optimizer.init(own), self._silence(self.batch))

    def _silence(self, rows: int) -> Any:
        """The states before a sequence's first step, where states are carried from batch to batch; else none."""
        if not self.task.carried:
            return ()
        import jax

        def after(weights: Any, ids: Any) -> Any:
            return models.forward(self.blocks[:-1], self.library, weights, Steps(ids))[1]

        shapes = models.shapes(self.blocks, self.features)[:-1]
        weights = [{name: np.zeros(shape, np.float32) for name, shape in block.items()} for block in shapes]
        found = jax.eval_shape(after, weights, np.zeros((rows, 1), np.int32))
        return [*jax.tree.map(lambda state: jax.numpy.zeros(state.shape, state.dtype), found), ()]

    def forward(
        self, weights: Any, inputs: Any, targets: Any, carried: Any = (), noise: Any = None, shift: Any = None
    ) -> tuple[Any, Any]:
        """The model's outputs, and the states to carry on; JAX arrays in and out. `shift`: see `blocks.Steps`."""
        ready = models.with_ties(self.blocks, weights)
        steps = Steps(inputs, targets=targets, shift=shift)
        out, after = models.forward(self.blocks, self.library, ready, steps, carried or None, noise)
        return out.x, after if self.task.carried else ()

    def _learn(self, state: State, inputs: Any, targets: Any, counts: Any, rate: Any, noise: Any) -> tuple[State, Any]:
        import jax
        import optax

        def mean_loss(weights: Any, shift: Any) -> tuple[Any, Any]:
            outputs, after = self.forward(weights, inputs, targets, state.carried, _Noise(noise), shift)
            return (self.task.losses(outputs, targets) * counts).sum() / counts.sum(), after

        if self._adversarial:
            (loss, after), gradients = self._gradients_of_both(mean_loss, state.weights, inputs)
        else:
            (loss, after), gradients = jax.value_and_grad(mean_loss, has_aux=True)(state.weights, None)
        moves, optimizer = self._optimizer.update(gradients, state.optimizer, state.weights)
        moves = [jax.tree.map(lambda move, own=own: -own * move, block) for own, block in zip(rate, moves, strict=True)]
        return State(optax.apply_updates(state.weights, moves), optimizer, after), loss

    def _gradients_of_both(self, mean_loss: Any, weights: Any, inputs: Any) -> tuple[Any, Any]:
        """Loss, states and gradients; these are the mean over the texts and the same ones moved against the network."""
        import jax
        import jax.numpy as jnp

        table = weights[0]["table"]
        still = jnp.zeros((*inputs.shape, table.shape[1]), table.dtype)
        told, (gradients, g) = jax.value_and_grad(mean_loss, argnums=(0, 1), has_aux=True)(weights, still)
        harder, _ = jax.grad(mean_loss, has_aux=True)(weights, self._adversarial * against(g, table, inputs))
        return told, jax.tree.map(lambda one, other: (one + other) / 2, gradients, harder)

    @staticmethod
    def _averaged(average: Any, weights: Any, kept: Any) -> Any:
        import jax

        return jax.tree.map(lambda a, w: kept * a + (1 - kept) * w, average, weights)

    def average(self, average: Any, weights: Any, kept: float) -> Any:
        """The average of weights with new ones taken in; uses the given average up."""
        return self._average(average, weights, np.float32(kept))

    def learn(
        self,
        state: State,
        rows: Examples,
        counts: NDArray[np.float32],
        rate: float | NDArray[np.float32],
        noise: Sequence[int],
    ) -> tuple[State, Any]:
        """One step of the optimizer on one batch; uses the given state up. Returns the new one and the loss.

        Args:
            state: weights and optimizer.
            rows: a batch.
            counts: what each row counts, [batch].
            rate: the learning rate, or that of each block.
            noise: two whole numbers, from which dropout is drawn.
        """
        key = np.array(noise, np.uint32)
        rates = np.broadcast_to(np.float32(rate), len(self.blocks))
        new, loss = self._step(state, rows.inputs, rows.targets, counts, rates, key)
        return new, loss

    def outputs(self, weights: Any, examples: Examples, tick: Callable[[int], None] = lambda rows: None) -> Any:
        """The model's outputs for any number of rows; `tick` is told the rows as they are done."""
        parts, carried = [], self._silence(self._together)
        for batch in batches(np.arange(len(examples.inputs)), self._together):
            live = int((batch.weights > 0).sum())
            out, carried = self._infer(weights, *examples.take(batch.rows), carried)
            parts.append(np.asarray(out)[:live])
            tick(live)
        return np.concatenate(parts)

    def anew(self, state: State) -> State:
        """The state at the beginning of an epoch: what is carried begins from nothing."""
        return state._replace(carried=self._silence(self.batch))

    def peak_memory(self, like: Examples) -> int:
        """Bytes that a training step holds at once: weights, optimizer, batch, buffers, and the kernels' scratch.

        The compiler's own account of the step, and the largest scratch of the kernels' calls in one step on `like`.
        """
        from gatewright import kernels

        kernels.take_most_scratch()
        rows = like.take(np.arange(self.batch) % len(like.inputs))
        _, loss = self.learn(self.start([0]), rows, np.ones(self.batch, np.float32), 1.0, (0, 0))
        loss.block_until_ready()
        account: Any = self._step.memory_analysis()
        buffers = account.argument_size_in_bytes + account.output_size_in_bytes + account.temp_size_in_bytes
        return int(buffers - account.alias_size_in_bytes) + kernels.take_most_scratch()


def _ranks_above(task: Task[Any], new: dict[str, float], old: dict[str, float]) -> bool:
    """Whether validation figures are better: by the task's `choosing`, in turn where they are equal, or its first."""
    for measure in getattr(task, "choosing", task.measures[:1]):
        if new[measure.name] != old[measure.name]:
            return better(measure, new[measure.name], old[measure.name])
    return False


def better(measure: Measure, new: float, old: float) -> bool:
    """Whether `new` is better than `old`; a figure that is not a number is worse than any."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new > old if measure.better == "higher" else new < old


def against(g: Any, table: Any, inputs: Any) -> Any:
    """How embedded texts are moved against the network: r = v * g / |g|, [rows, time, units].

    Miyato et al. 2017, equation 2; v takes the place of the one length of their embeddings.

    Args:
        g: the gradient of the loss in each row's embedded words, [rows, time, units]; |g| is its norm over a row.
        table: of the embedding, [ids, units].
        inputs: ids [rows, time]; v is the root mean square of the norms of their vectors.
    """
    import jax.numpy as jnp

    live = inputs != PADDING
    v = jnp.sqrt(jnp.where(live, jnp.square(table).sum(axis=1)[inputs], 0).sum() / live.sum().clip(1))
    norm = jnp.sqrt(jnp.square(g).sum(axis=(1, 2), keepdims=True))
    return v * g / jnp.where(norm > 0, norm, 1)  # a row that counts nothing has no gradient, and stays


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
