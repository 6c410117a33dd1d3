"""The training settings that all tasks have in common."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Recipe:
    """The training settings that do not depend on the task.

    Attributes:
        epochs: Maximum number of passes over the training set.
        batch_size: Number of examples per training step.
        learning_rate: Learning rate of Adam (Kingma & Ba 2015, algorithm 1), before it decays and after the warmup.
        schedule: "constant", "linear" or "cosine". With "linear" and "cosine" it decays to 0 over all epochs
            (Loshchilov & Hutter 2017, equation 5, without restarts).
        warmup: Fraction of all training steps during which the learning rate rises linearly from 0.
        clip_norm, weight_decay, embedding_moments: See `gatewright.training.optimizer.optimizer`.
        ema_decay: Decay of the exponential moving average of the weights (Polyak & Juditsky 1992). The
            average is evaluated and saved instead of the weights. 0 means no average.
        patience: Number of epochs without improvement on the validation set after which training stops early. 0 means
            that it never stops early.
        layer_lr_decay: Ratio of the learning rate of a layer to that of the previous layer with weights
            (Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", section 3.2,
            discriminative fine-tuning).
        gradual_unfreezing: Train only the last layer in the first epoch, and one more layer in each following epoch
            (Howard & Ruder 2018, section 3.3).
        adversarial_epsilon: Norm of the adversarial perturbation that is added to the embedded words of a text, as a
            multiple of the root mean square norm of a word's vector in the batch. The network is trained on the texts
            and on the perturbed texts (Miyato, Dai & Goodfellow 2017, "Adversarial Training Methods for Semi-Supervised
            Text Classification", section 3; they normalize the embeddings instead). 0 means no perturbation.
        precision: Of the products of recurrent layers in training steps; see `gatewright.ops.recurrence.Recurrence`.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str = "constant"
    warmup: float = 0.0
    clip_norm: float = 0.0
    weight_decay: float = 0.0
    embedding_moments: str = "own"
    ema_decay: float = 0.0
    patience: int = 0
    layer_lr_decay: float = 1.0
    gradual_unfreezing: bool = False
    adversarial_epsilon: float = 0.0
    precision: str = "float32"

    @classmethod
    def of(cls, settings: Any) -> Self:
        """Return the training settings from the settings of a task.

        A field has its default value if the task has no setting with its name.
        """
        given = settings.to_json()
        return cls(**{field.name: given[field.name] for field in dataclasses.fields(cls) if field.name in given})

    def layer_rates(self, epoch: int, depths: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the factors that the learning rate is multiplied by, one for each layer, [layers].

        Args:
            epoch: Number of the epoch. The first epoch is 1.
            depths: Number of layers with weights after each layer, [layers].
        """
        rates = self.layer_lr_decay ** -depths.astype(np.float64)
        return np.where(self.gradual_unfreezing & (depths >= epoch), 0, rates).astype(np.float32)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a training step.

        Args:
            step: Number of the step. The first step is 0.
            steps: Number of steps in all epochs.
        """
        if step < (warmup := self.warmup * steps):
            return self.learning_rate * (step + 1) / (warmup + 1)
        done = (step - warmup) / max(steps - warmup, 1)
        factors = {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}
        return self.learning_rate * factors[self.schedule]
