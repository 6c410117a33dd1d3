"""The output layer of a language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, LinearForm, Pullback, Rng, States, Step, Weights
from gatewright.nn.layers.random import glorot
from gatewright.support.ids import PADDING
from gatewright.support.schema import Count, Size


@dataclass(frozen=True)
class Softmax(Layer):
    """The output layer of a language model.

    Without `Activations.targets` the output is the logits of all ids. With targets it is the loss of each target,
    -log p in nats, which is 0 for padding targets.

    Attributes:
        vocabulary: Number of ids, including padding.
        tied: Use the table of the embedding as the kernel. The embedding must be the first layer of the network (Press
            & Wolf 2017, "Using the Output Embedding to Improve Language Models"; Inan, Khosravi & Socher 2017).
        samples: Number of random ids that the softmax is computed over during training, in addition to the target
            (sampled softmax; Jean et al. 2015, "On Using Very Large Target Vocabulary for NMT", section 3).
            0 means that the softmax is computed over all ids.
    """

    vocabulary: Size
    tied: bool = False
    samples: Count = 0
    kind: ClassVar[str] = "softmax"
    stepwise: ClassVar[bool] = True

    def width(self, features: int) -> int:
        return self.vocabulary

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {} if self.tied else {"kernel": (features, self.vocabulary)}
        return {**own, "bias": (self.vocabulary,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        own = {} if self.tied else {"kernel": glorot((features, self.vocabulary), rng)}
        return {**own, "bias": np.zeros(self.vocabulary, np.float32)}

    def bind(self, w: Weights, layers: Sequence[Layer], weights: Sequence[Weights]) -> Weights:
        return {**w, "table": weights[0]["table"]} if self.tied else w

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        targets = inputs.targets
        if targets is not None and self.samples and rng is not None:
            return inputs._replace(x=self._sampled_losses(backend, w, inputs.x, targets, rng)), ()
        kernel = w["table" if self.tied else "kernel"]
        if targets is None:
            return inputs._replace(x=inputs.x @ (kernel.T if self.tied else kernel) + w["bias"]), ()
        rows, flat = inputs.x.reshape(-1, inputs.x.shape[-1]), targets.reshape(-1)
        losses = backend.losses(rows, kernel, w["bias"], flat, flat != PADDING, self.tied)
        return inputs._replace(x=losses.reshape(targets.shape)), ()

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        kernel = w["table"].T if self.tied else w["kernel"]

        def form(d: Array) -> tuple[Array, float]:
            used = np.flatnonzero(d.reshape(-1, d.shape[-1]).any(axis=0))  # few of many ids
            d = d[..., used]
            return d @ kernel[:, used].T, float((d * w["bias"][used]).sum())

        return form

    def _sampled_losses(self, backend: Backend, w: Weights, x: Array, targets: Array, rng: Rng) -> Array:
        """Return the loss of each target, with the softmax computed over the target and randomly sampled ids.

        Small ids belong to frequent tokens, so the samples follow Zipf's law. Id k, from 1 to R, is sampled with
        probability Q(k) = log((k + 1) / k) / log(R + 1). In the denominator of the softmax, a sampled id has the weight
        exp(logit) / (samples * Q(k)). The expected value of these terms is the sum over all ids except the target
        (importance sampling, Bengio & Senecal 2008, section III).
        """
        xp, ids = backend.xp, self.vocabulary - 1
        sampled = xp.exp(rng.uniform((self.samples,)) * np.log(ids + 1.0)).astype(targets.dtype).clip(1, ids)
        kernel = w["table"] if self.tied else w["kernel"].T
        log_counts = xp.log(self.samples * xp.log1p(1 / sampled.astype(x.dtype)) / np.log(ids + 1.0))
        own = (x * kernel[targets]).sum(axis=-1) + w["bias"][targets]
        others = x @ kernel[sampled].T + w["bias"][sampled] - log_counts
        others = xp.where(sampled == targets[..., None], -xp.inf, others)
        logits = xp.concatenate([own[..., None], others], axis=-1)
        top = backend.stop_gradient(logits.max(axis=-1))  # it cancels out, and so does its gradient
        return xp.where(targets == PADDING, 0, top + xp.log(xp.exp(logits - top[..., None]).sum(axis=-1)) - own)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        # The rows of a transposed table are not contiguous. A copy makes each step several times as fast.
        kernel, bias = np.ascontiguousarray(w["table"].T) if self.tied else w["kernel"], w["bias"]
        return (), lambda x, states: (x @ kernel + bias, states)

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return the logits, and their pullback; see `Layer.vjp`. Targets are ignored."""
        outputs, _ = self.forward(NUMPY, w, inputs._replace(targets=None), None, None)
        return outputs, lambda d: d @ (w["table"] if self.tied else w["kernel"].T)
