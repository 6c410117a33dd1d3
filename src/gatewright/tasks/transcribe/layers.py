"""The first and the last layer of a transcriber; recurrent layers are between them."""

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Activations, Array, Backend, Layer, Rng, States, Step, Weights
from gatewright.nn.layers import glorot
from gatewright.support.schema import Fraction, Size, Whole
from gatewright.tasks.base.augmented_input import AugmentedInput, interpolated
from gatewright.tasks.transcribe import ctc

MAX_STACK = 16
TIME_SPAN, BAND_SPAN = 10, 4
"""The lengths of masks in training: in frames, and in neighboring features."""


@dataclass(frozen=True, kw_only=True)
class SpeechInput(AugmentedInput):
    """Change frames in training, and join each few of them to one step.

    Inputs are padded on the right. Outputs are [batch, steps, stack * features]. A last step that lacks frames is
    filled up with zeros, the mean of a scaled feature.

    In training, in this order:

        warp    the utterance is stretched or compressed in time by linear interpolation, to a length that its
                transcript fits (after Jaitly & Hinton 2013, "Vocal Tract Length Perturbation", for time)
        noise   uniform noise is added to each number
        masks   spans of frames, and spans of features for the whole utterance, become 0 (SpecAugment, Park et al.
                2019). Spans begin at random places with a fixed probability for each place, as in wav2vec 2.0 (Baevski
                et al. 2020, section 3.1), so that a long utterance has more of them

    Attributes:
        stack: Number of frames in a step.
        time_mask, band_mask: Expected fractions of the frames and of the features that become 0.
    """

    stack: Annotated[int, Whole(1, MAX_STACK)] = 1
    time_mask: Fraction = 0.0
    band_mask: Fraction = 0.0
    kind: ClassVar[str] = "speech_input"
    stepwise: ClassVar[bool] = True

    def width(self, features: int) -> int:
        return self.stack * features

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp = backend.xp
        after, _ = super().forward(backend, w, inputs, states, rng)
        x, live = after.x, after.mask
        missing = -x.shape[1] % self.stack
        x, live = xp.pad(x, ((0, 0), (0, missing), (0, 0))), xp.pad(live, ((0, 0), (0, missing)))
        steps = x.reshape(len(x), -1, self.stack * x.shape[2])
        return after._replace(x=steps, mask=live[:, :: self.stack]), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        # The caller stacks frames; see `stacked`.
        return (), lambda x, states: (x, states)

    def _augmented(self, xp: ModuleType, x: Array, live: Array, targets: Any, rng: Rng) -> tuple[Array, Array]:
        if self.warp:
            x, live = self._warped(xp, x, live, targets["ids"], rng)
        if self.noise:
            x = self._noisy(x, rng)
        batch, frames, width = x.shape
        if self.time_mask:
            x = xp.where(_spans(xp, self.time_mask, TIME_SPAN, (batch, frames), rng)[:, :, None], 0, x)
        if self.band_mask:
            x = xp.where(_spans(xp, self.band_mask, BAND_SPAN, (batch, width), rng)[:, None, :], 0, x)
        return x, live

    def _warped(self, xp: ModuleType, x: Array, live: Array, ids: Array, rng: Rng) -> tuple[Array, Array]:
        """Return utterances of other lengths, [batch, more frames, width], and which frames are not padding."""
        length = live.sum(axis=1)
        wanted = xp.round(length * (1 + self.warp * (2 * rng.uniform(length.shape) - 1)))
        # A transcript that fits the frames before also fits them afterwards.
        least = xp.minimum(length, self.stack * ctc.needed_steps(ids))
        new = xp.maximum(wanted, xp.maximum(least, 1)).astype(np.int32)
        frames = np.arange(int(np.ceil(x.shape[1] * (1 + self.warp))))
        scale = (length / new).astype(x.dtype)[:, None]
        places = ((frames + np.float32(0.5)) * scale - np.float32(0.5)).clip(0, length[:, None] - 1)
        return interpolated(xp, x, places), frames < new[:, None]


def _spans(xp: ModuleType, rate: float, span: int, shape: tuple[int, int], rng: Rng) -> Array:
    """Return booleans of a shape [rows, places] that are True in random spans along the second axis.

    Args:
        xp: `numpy` or `jax.numpy`.
        rate: The expected fraction that is True.
        span: The length of a span. Spans may overlap, and run beyond the ends.
        shape: The shape.
        rng: Random numbers.
    """
    rows, places = shape
    begins = ~rng.keep(1 - (1 - rate) ** (1 / span), (rows, places + span - 1))
    before = xp.pad(xp.cumsum(begins, axis=1), ((0, 0), (1, 0)))
    return before[:, span:] > before[:, :places]


def stacked(frames: NDArray[np.float32], stack: int) -> NDArray[np.float32]:
    """Return scaled frames [frames, width] as steps [steps, stack * width], as `SpeechInput` joins them."""
    padded = np.pad(frames, ((0, -len(frames) % stack), (0, 0)))
    return padded.reshape(-1, stack * frames.shape[1])


@dataclass(frozen=True)
class CtcOutput(Layer):
    """The output layer of a transcriber: a softmax over the blank and all symbols at each step.

    Outputs are a dict with `log_probs`, the logarithms of the probabilities, [batch, steps, 1 + symbols], which are all
    0 at padding and only there.

    Attributes:
        symbols: Number of symbols without the blank.
    """

    symbols: Size
    kind: ClassVar[str] = "ctc_output"
    stepwise: ClassVar[bool] = True

    def width(self, features: int) -> int:
        return 1 + self.symbols

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (features, 1 + self.symbols), "bias": (1 + self.symbols,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        shape = (features, 1 + self.symbols)
        return {"kernel": glorot(shape, rng), "bias": np.zeros(shape[1], np.float32)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        log_probs = log_softmax(backend, inputs.x @ w["kernel"] + w["bias"])
        if inputs.mask is not None:
            log_probs = backend.xp.where(inputs.mask[:, :, None], log_probs, 0)
        return inputs._replace(x={"log_probs": log_probs}), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        from gatewright.nn.backend import NUMPY

        kernel, bias = w["kernel"], w["bias"]
        return (), lambda x, states: (log_softmax(NUMPY, x @ kernel + bias), states)


def log_softmax(backend: Backend, logits: Array) -> Array:
    """Return the logarithms of the softmax of logits over the last axis."""
    xp = backend.xp
    shifted = logits - backend.stop_gradient(logits.max(axis=-1, keepdims=True))
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
