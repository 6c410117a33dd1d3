"""A network with compiled functions: the training step, and the computation of the outputs."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch, concatenate, minibatches
from gatewright.nn import model as models
from gatewright.nn.backend import jax_backend
from gatewright.nn.layer import EMBEDDING_SHIFT, Activations, Layer
from gatewright.ops import kernels
from gatewright.ops.ids import on_cpu_only
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING
from gatewright.support.trees import tree_map
from gatewright.tasks.base.task import EVALUATED_STREAMS, Prepared
from gatewright.training import by_width
from gatewright.training.by_width import ByWidth
from gatewright.training.lazy_table import lazy_table
from gatewright.training.optimizer import apply_moves, optimizer
from gatewright.training.recipe import Recipe

# Examples per call in evaluation: enough to fill the kernels, few enough for the memory of a laptop.
_EXAMPLES_PER_CALL = 64


class State(NamedTuple):
    """The values that change in a training step.

    Attributes:
        weights: One dict for each layer, from the name of a weight to its array.
        optimizer: The state of the optimizer, such as the moments of Adam.
        states: The states of each recurrent layer after the last batch. If the task is stateful, they are the initial
            states for the next batch. Otherwise empty.
    """

    weights: list[dict[str, Any]]
    optimizer: Any
    states: Any = ()


class _Rng:
    """The random number generator of one training step; see `gatewright.nn.layer.Rng`."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def keep(self, rate: float, shape: tuple[int, ...]) -> Any:
        self._key, own = jax.random.split(self._key)
        return jax.random.bernoulli(own, 1 - rate, shape)

    def uniform(self, shape: tuple[int, ...]) -> Any:
        self._key, own = jax.random.split(self._key)
        return jax.random.uniform(own, shape)


class Network:
    """A network whose functions are compiled once, and can then be used with any seed and learning rate.

    The object does not contain the weights. Its methods take and return the weights.

    Args:
        prepared: The task's `Prepared`. It defines the loss.
        layers: The layers, from the input to the output.
        train: The training examples.
        recipe: The training settings. The learning rate and its schedule have no effect here.
        evaluated: Sets of examples for which outputs will be computed, each with how often they will be.

    Attributes:
        prepared, layers: The arguments.
        backend: The JAX backend, for everything but training steps.
        batch_size: Number of examples per training step.
    """

    def __init__(
        self,
        prepared: Prepared[Any],
        layers: Sequence[Layer],
        train: Batch,
        recipe: Recipe,
        evaluated: Sequence[tuple[Batch, int]] = (),
    ) -> None:
        self.prepared, self.layers, self.batch_size = prepared, list(layers), recipe.batch_size
        if recipe.precision != "float32" and not on_cpu_only():
            raise InputError(
                f"precision {recipe.precision} needs JAX on the CPU: set JAX_PLATFORMS=cpu, or use precision float32."
            )
        self.backend, self._training_backend = jax_backend(), jax_backend(recipe.precision)
        self._adversarial_epsilon = recipe.adversarial_epsilon
        self._lazy = lazy_table(self.layers, prepared.features, train.inputs, recipe)
        if self._lazy is None:
            self._optimizer = optimizer(recipe.clip_norm, recipe.weight_decay, recipe.embedding_moments)
        initial = self._optimizer.init if self._lazy is None else self._lazy.init
        self._init_optimizer = jax.jit(initial)  # compiled as a whole, not an array at a time
        self._examples_per_call = EVALUATED_STREAMS if self.prepared.stateful else _EXAMPLES_PER_CALL
        self._compile(train, by_width.of_training(prepared, train, recipe), evaluated or [(train, 1)])

    def _compile(self, train: Batch, training_widths: Sequence[int], evaluated: Sequence[tuple[Batch, int]]) -> None:
        shapes = models.shapes(self.layers, self.prepared.features)  # the numbers themselves take long to draw
        zeros = [{name: np.zeros(shape, np.float32) for name, shape in layer.items()} for layer in shapes]
        state = jax.eval_shape(lambda: self.init(zeros))  # only shapes, because `ByWidth` keeps the functions below
        sample_weight, rates = np.ones(self.batch_size, np.float32), np.zeros(len(self.layers), np.float32)
        train_step = jax.jit(self._train_step, donate_argnums=0)

        def compile_step(like: Batch) -> Any:
            return train_step.lower(state, *like, sample_weight, rates, np.zeros(2, np.uint32)).compile()

        like = train.take(np.zeros(self.batch_size, np.intp))
        self._step = ByWidth(self.prepared, compile_step, like, training_widths)
        size, infer = self._examples_per_call, jax.jit(self.forward, static_argnames="rng")
        states = self._zero_states(size)

        def compile_infer(like: Batch) -> Any:
            return infer.lower(state.weights, *like, states).compile()

        like = train.take(np.zeros(size, np.intp))
        self._infer = ByWidth(
            self.prepared, compile_infer, like, by_width.of_evaluation(self.prepared, evaluated, size)
        )
        self._average = jax.jit(self._averaged, donate_argnums=0)
        self._catch_up = None if self._lazy is None else jax.jit(self._lazy.caught_up, donate_argnums=(0, 1))

    @property
    def depths(self) -> NDArray[np.intp]:
        """For each layer, how many of the layers that follow it have weights, [layers]. The last layer has 0."""
        has_weights = np.array([bool(layer) for layer in models.shapes(self.layers, self.prepared.features)])
        return np.asarray(np.cumsum(has_weights[::-1])[::-1] - has_weights)

    @property
    def parameters(self) -> int:
        """The number of trainable parameters."""
        return models.count_parameters(self.layers, self.prepared.features)

    def initial_weights(self, seed: Sequence[int]) -> list[Any]:
        """Return random initial weights, one dict for each layer. The same seed gives the same weights."""
        return list(models.initial_weights(self.layers, self.prepared.features, seed))

    def init(self, weights: Sequence[Any]) -> State:
        """Return the state before the first training step, with the given initial weights."""
        own = copied(list(weights))
        return State(own, self._init_optimizer(own), self._zero_states(self.batch_size))

    def _zero_states(self, examples: int) -> Any:
        """Return zeros as the states of all layers for a number of examples; empty if the task is not stateful."""
        if not self.prepared.stateful:
            return ()

        def after(weights: Any, ids: Any) -> Any:
            return models.forward(self.layers[:-1], self.backend, weights, Activations(ids))[1]

        shapes = models.shapes(self.layers, self.prepared.features)[:-1]
        weights = [{name: np.zeros(shape, np.float32) for name, shape in layer.items()} for layer in shapes]
        found = jax.eval_shape(after, weights, np.zeros((examples, 1), np.int32))
        return [*jax.tree.map(lambda state: np.zeros(state.shape, state.dtype), found), ()]

    def forward(
        self, weights: Any, inputs: Any, targets: Any, states: Any = (), rng: Any = None, shift: Any = None
    ) -> tuple[Any, Any]:
        """Return the outputs and the final states of the network, all as JAX arrays.

        Args:
            weights: The weights of each layer.
            inputs, targets: The inputs and targets of a batch.
            states: The states after the previous batch, if the task is stateful.
            rng: Random numbers for dropout during training. None outside training.
            shift: Array that is added to the embedded inputs, or None; see `EMBEDDING_SHIFT`.
        """
        context = {} if shift is None else {EMBEDDING_SHIFT: shift}
        activations, bound = Activations(inputs, targets=targets, context=context), models.bind(self.layers, weights)
        # Evaluation computes what a trained model will compute.
        backend = self.backend if rng is None else self._training_backend
        out, after = models.forward(self.layers, backend, bound, activations, states or None, rng)
        return out.x, after if self.prepared.stateful else ()

    def _train_step(
        self, state: State, inputs: Any, targets: Any, sample_weight: Any, rates: Any, seed: Any
    ) -> tuple[State, Any]:
        weights, used = state.weights, None
        if self._lazy is not None:
            weights, inputs, used = self._lazy.use(weights, state.optimizer, inputs)

        def mean_loss(weights: Any, shift: Any) -> tuple[Any, Any]:
            outputs, after = self.forward(weights, inputs, targets, state.states, _Rng(seed), shift)
            return (self.prepared.losses(outputs, targets) * sample_weight).sum() / sample_weight.sum(), after

        if self._adversarial_epsilon:
            (loss, after), gradients = self._adversarial_gradients(mean_loss, weights, inputs)
        else:
            (loss, after), gradients = jax.value_and_grad(mean_loss, has_aux=True)(weights, None)
        if self._lazy is not None:
            return State(*self._lazy.update(state.weights, state.optimizer, used, gradients, rates), after), loss
        moves, optimizer = self._optimizer.update(gradients, state.optimizer, state.weights)
        return State(apply_moves(state.weights, moves, rates), optimizer, after), loss

    def up_to_date(self, state: State) -> State:
        """Return `state` with the weights after its last step.

        During training, a large embedding table is up to date only where it is used. The argument `state` must not be
        used afterwards, because its memory is reused.
        """
        if self._catch_up is None:
            return state
        weights, optimizer = self._catch_up(state.weights, state.optimizer)
        return state._replace(weights=weights, optimizer=optimizer)

    def _adversarial_gradients(self, mean_loss: Any, weights: Any, inputs: Any) -> tuple[Any, Any]:
        """Return (loss, states) for the texts, and the mean of the gradients for the texts and the perturbed texts."""
        table = weights[0]["table"]
        zero = jnp.zeros((*inputs.shape, table.shape[1]), table.dtype)
        loss_and_states, (gradients, g) = jax.value_and_grad(mean_loss, argnums=(0, 1), has_aux=True)(weights, zero)
        shift = self._adversarial_epsilon * perturbation(g, table, inputs)
        perturbed, _ = jax.grad(mean_loss, has_aux=True)(weights, shift)
        return loss_and_states, jax.tree.map(lambda a, b: (a + b) / 2, gradients, perturbed)

    @staticmethod
    def _averaged(average: Any, weights: Any, decay: Any) -> Any:
        return jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, average, weights)

    def average(self, average: Any, weights: Any, decay: float) -> Any:
        """Return the updated moving average of the weights, decay * average + (1 - decay) * weights.

        The weights must be `up_to_date`.

        The argument `average` must not be used afterwards, because its memory is reused.
        """
        return self._average(average, weights, np.float32(decay))

    def train_step(
        self,
        state: State,
        batch: Batch,
        sample_weight: NDArray[np.float32],
        rate: float | NDArray[np.float32],
        seed: Sequence[int],
    ) -> tuple[State, Any]:
        """Run one training step and return the new state and the loss. For the new weights see `up_to_date`.

        The argument `state` must not be used afterwards, because its memory is reused.

        Args:
            state: The state before the step.
            batch: `batch_size` examples.
            sample_weight: Weight of each example in the loss, [batch_size].
            rate: The learning rate, or an array with the learning rate of each layer, [layers].
            seed: Two whole numbers, the seed for dropout.
        """
        rates = np.broadcast_to(np.float32(rate), len(self.layers))
        step, batch = self._step.fitting(batch)
        new, loss = step(state, *batch, sample_weight, rates, np.array(seed, np.uint32))
        return new, loss

    def outputs(
        self,
        weights: Any,
        batch: Batch,
        tick: Callable[[int], None] = lambda examples: None,
        completed_by: Prepared[Any] | None = None,
    ) -> Any:
        """Return the outputs of the network for any number of examples, as NumPy arrays.

        Args:
            weights: The weights of each layer.
            batch: The examples.
            tick: Function that is called after each batch with the number of examples in this batch.
            completed_by: The object whose `complete` adds what is not one forward pass. By default `prepared`.
        """
        arrays = models.bind(self.layers, [tree_map(np.asarray, layer) for layer in weights])
        passed = self.forward_outputs(weights, batch, tick)
        return (completed_by or self.prepared).complete(passed, self.layers, arrays, batch)

    def forward_outputs(self, weights: Any, batch: Batch, tick: Callable[[int], None] = lambda examples: None) -> Any:
        """Return the outputs of the forward pass alone, for the arguments of `outputs`."""
        outputs, states = [], self._zero_states(self._examples_per_call)
        # Examples of similar length share a call, which is then as short as they are.
        order = by_width.by_length(self.prepared, batch)
        for selection in minibatches(order, self._examples_per_call):
            live = int((selection.weights > 0).sum())
            infer, chunk = self._infer.fitting(batch.take(selection.examples))
            out, states = infer(weights, *chunk, states)
            kept = tree_map(lambda array, live=live: np.asarray(array)[:live], out)
            outputs.append(self.prepared.outputs_like(kept, batch))
            tick(live)
        return tree_map(lambda array: array[np.argsort(order)], concatenate(outputs))

    def reset_states(self, state: State) -> State:
        """Return `state` for the beginning of an epoch: with zeros as the states of all recurrent layers."""
        return state._replace(states=self._zero_states(self.batch_size))

    def peak_memory(self, like: Batch) -> int:
        """Return the memory that a training step needs, in bytes.

        The result is the memory that XLA reports for the compiled step (weights, optimizer, batch, buffers) plus the
        peak scratch memory of the kernels.

        Args:
            like: Examples for a training step. If there are fewer than `batch_size`, the examples are repeated.
        """
        kernels.take_peak_scratch()
        # The longest examples need the most memory.
        longest = by_width.by_length(self.prepared, like)[::-1]
        batch = like.take(longest[np.arange(self.batch_size) % like.size])
        state = self.init(self.initial_weights([0]))
        _, loss = self.train_step(state, batch, np.ones(self.batch_size, np.float32), 1.0, (0, 0))
        loss.block_until_ready()
        analysis: Any = self._step.fitting(batch)[0].memory_analysis()
        buffers = analysis.argument_size_in_bytes + analysis.output_size_in_bytes + analysis.temp_size_in_bytes
        return int(buffers - analysis.alias_size_in_bytes) + kernels.take_peak_scratch()


def copied(tree: Any) -> Any:
    """Return a copy of a tree of arrays as JAX arrays. NumPy copies them, since JAX would compile each shape."""
    return jax.tree.map(lambda array: jax.device_put(np.array(array)), tree)


def perturbation(g: Any, table: Any, inputs: Any) -> Any:
    """Return the adversarial perturbation of embedded texts for epsilon = 1, r = v * g / |g|, [examples, time, units].

    Miyato et al. 2017, equation 2. They normalize the embeddings. Here the factor v adapts the perturbation to the norm
    of the embeddings instead.

    Args:
        g: Gradient of the loss with respect to the embedded words, [examples, time, units]. |g| is its norm over all
            words of a text.
        table: The table of the embedding, [ids, units].
        inputs: Ids [examples, time]. v is the root mean square norm of the vectors of these ids, without padding.
    """
    live = inputs != PADDING
    v = jnp.sqrt(jnp.where(live, jnp.square(table).sum(axis=1)[inputs], 0).sum() / live.sum().clip(1))
    norm = jnp.sqrt(jnp.square(g).sum(axis=(1, 2), keepdims=True))
    return v * g / jnp.where(norm > 0, norm, 1)  # an example of weight 0 has no gradient, and is not moved
