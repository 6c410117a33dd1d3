"""Train a model: pure compiled functions of its weights, epochs, and the choice of one on validation rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples, batches
from gatewright.nn import model as models
from gatewright.nn.block import Block, Steps
from gatewright.nn.library import jax_library
from gatewright.support.ids import PADDING
from gatewright.tasks.base.task import EVALUATED_STREAMS, Task
from gatewright.training.optimizer import optimizer
from gatewright.training.recipe import Recipe

# Rows of a batch when nothing is learnt: large enough to fill the kernels, small enough for a laptop.
_ROWS_AT_ONCE = 64


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
        self.library = jax_library()
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
        from gatewright.ops import kernels

        kernels.take_peak_scratch()
        rows = like.take(np.arange(self.batch) % len(like.inputs))
        _, loss = self.learn(self.start([0]), rows, np.ones(self.batch, np.float32), 1.0, (0, 0))
        loss.block_until_ready()
        account: Any = self._step.memory_analysis()
        buffers = account.argument_size_in_bytes + account.output_size_in_bytes + account.temp_size_in_bytes
        return int(buffers - account.alias_size_in_bytes) + kernels.take_peak_scratch()


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
