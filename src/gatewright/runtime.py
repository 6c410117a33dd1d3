"""Use a trained model: NumPy and the kernels, without Keras or JAX.

model = gatewright.runtime.load("model.safetensors")
model.predict("a fine film")                  # one text
model.predict(["a fine film", "a dull one"])  # many

model = gatewright.runtime.load("language-model.safetensors")
print(model.generate("ROMEO:", tokens=200))

model = gatewright.runtime.load("tagger.safetensors")
print(model.predict("show me flights from boston"))

model = gatewright.runtime.load("series.safetensors")
model.predict([row, another])  # numbers [time, channels] each
"""

from __future__ import annotations

import os

from gatewright.nn.block import Block
from gatewright.nn.file import read
from gatewright.nn.layers import Embedding
from gatewright.support.errors import InputError
from gatewright.tasks.classify.model import Classifier
from gatewright.tasks.classify_series.blocks import Measurements
from gatewright.tasks.classify_series.model import SeriesClassifier
from gatewright.tasks.forecast.blocks import Level
from gatewright.tasks.forecast.model import Forecaster
from gatewright.tasks.generate.model import LanguageModel
from gatewright.tasks.rolls.blocks import Frames
from gatewright.tasks.rolls.model import RollModel
from gatewright.tasks.tag.blocks import WordVectors
from gatewright.tasks.tag.model import Tagger

AnyModel = Classifier | SeriesClassifier | LanguageModel | RollModel | Forecaster | Tagger
_MODELS: dict[tuple[str, type[Block]], type[AnyModel]] = {
    ("classify", Embedding): Classifier,
    ("classify", Measurements): SeriesClassifier,
    ("generate", Embedding): LanguageModel,
    ("generate", Frames): RollModel,
    ("forecast", Level): Forecaster,
    ("tag", WordVectors): Tagger,
}
"""What answers with a model, by its task and its first block."""


def load(path: str | os.PathLike[str]) -> AnyModel:
    """The model of a model file.

    Raises:
        InputError: the file is not there, damaged, or of another version.
    """
    model = read(path)
    try:
        return _MODELS[model.task, type(model.blocks[0])](model)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from None


def language_model(path: str | os.PathLike[str]) -> LanguageModel:
    """The language model of a model file.

    Raises:
        InputError: as `load`; or it is another model.
    """
    model = load(path)
    if isinstance(model, RollModel):
        raise InputError(
            f"{path} is a model of piano rolls, which writes no text: draw frames with "
            "gatewright.runtime.load(MODEL).generate(frames, seed)."
        )
    if not isinstance(model, LanguageModel):
        raise InputError(f"{path} is a model of train {model.task}, not a language model: use `gatewright predict`.")
    return model
