"""The stretches of a recording that decide an answer."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.target import values_without
from gatewright.nn.layer import Layer, Weights
from gatewright.results.sound import Sound, SoundEffects, Stretch
from gatewright.tasks.base.explainable import Explainable

SECONDS = 0.1
"""Length of the windows that are left out: about that of a sound of speech."""
# Steps belong to a stretch if their effect is at least this fraction of the largest one.
_SIMILAR = 0.5
_NAMED = 3


def sound_effects(
    layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable, sound: Sound
) -> SoundEffects:
    """Return the effects of leaving out windows of a recording, and the stretches with the largest effects.

    Leave-one-out says little about a single step of 10 or 20 ms, because those next to it say the same. So each window
    of 0.1 s is left out in turn, as Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks",
    section 4.2, occlude the patches of an image. The effect of a step is the mean over all windows with it.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example, of which each step can be left out.
        sound: Its recording.

    Raises:
        InputError: A result is not finite.
    """
    steps = len(explainable.steps)
    # The first step can be shorter than the others.
    width = min(max(1, round(SECONDS / float((sound.ends - sound.starts).max()))), steps)
    windows = [tuple(range(first, first + width)) for first in range(steps - width + 1)]
    whole, *values = values_without(layers, weights, explainable, [(), *windows])
    falls = whole - np.array(values)
    effects = np.array([falls[max(0, step - width + 1) : step + 1].mean() for step in range(steps)])
    runs = list(_runs(effects))
    left = values_without(layers, weights, explainable, [(), *(range(*run) for run in runs)])
    stretches = [
        Stretch(float(sound.starts[first]), float(sound.ends[after - 1]), float(left[0] - value))
        for (first, after), value in zip(runs, left[1:], strict=True)
    ]
    strongest = sorted(stretches, key=lambda stretch: -stretch.effect)[:_NAMED]
    return SoundEffects(sound, width * float((sound.ends - sound.starts).max()), effects, tuple(strongest))


def _runs(effects: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Yield the first step of each run of large effects above 0, and the step after it."""
    large = np.concatenate([[False], (effects > 0) & (effects >= _SIMILAR * effects.max()), [False]])
    borders = np.flatnonzero(large[1:] != large[:-1])
    yield from zip(borders[::2].tolist(), borders[1::2].tolist(), strict=True)
