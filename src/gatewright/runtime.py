"""Load and use trained models. Only NumPy and the compiled kernels are needed, not Keras or JAX.

Examples:

model = gatewright.runtime.load("model.safetensors")
model.predict("a fine film")                  # one text
model.predict(["a fine film", "a dull one"])  # many

model = gatewright.runtime.load("language-model.safetensors")
print(model.generate("ROMEO:", tokens=200))

model = gatewright.runtime.load("tagger.safetensors")
print(model.predict("show me flights from boston"))

model = gatewright.runtime.load("transcriber.safetensors")
print(model.transcribe(samples, 16000))  # an array [samples], and its sample rate in Hz
stream = model.stream()                  # for a model that was trained with --no-bidirectional
print(stream.push(samples))              # the transcript so far

model = gatewright.runtime.load("series.safetensors")
model.predict([row, another])  # two arrays [time, channels]
"""

import os
from typing import Any

from gatewright.nn import file
from gatewright.tasks import registry


def load(path: str | os.PathLike[str]) -> Any:
    """Load a model file.

    Args:
        path: Path of a model file, as written by `gatewright train --out`.

    Returns:
        A model object. Its class depends on the task: for example, a text classifier has a method `predict`, and a
        language model has a method `generate`.

    Raises:
        InputError: The file does not exist, is damaged, or has an unsupported version.
    """
    contents, prepared = file.read(path, registry.model_class)
    return registry.model_class(contents.task)(contents, prepared)
