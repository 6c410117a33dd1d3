"""How weights are learned: the settings of one training run."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
