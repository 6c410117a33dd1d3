"""A small adding problem and its networks."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from gatewright.data.batches import Batch
from gatewright.tasks.adding.settings import AddingSettings
from gatewright.tasks.adding.task import Adding, PreparedSums
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

PREPARED = PreparedSums()


class Sets(NamedTuple):
    """Encoded examples."""

    train: Batch
    validation: Batch


def settings(**given) -> AddingSettings:
    return AddingSettings.complete({"max_length": 12, "units": 5, **given})


@functools.cache
def sets() -> Sets:
    """Return 70 training examples and 20 validation examples of 12 steps."""
    splits = Adding("adding", settings(), limit=70).read()
    return Sets(splits.train, splits.validation.take(np.arange(20)))


def network_of(
    cell: str = "gru", units: int = 5, batch_size: int = 8, like: Batch | None = None, precision: str = "float32"
) -> Network:
    own = settings(cell=cell, units=units, output_dropout=0.0)
    layers = Adding("adding", own).network(PREPARED, own)
    recipe = Recipe(1, batch_size, 0.01, precision=precision)
    return Network(PREPARED, layers, sets().train if like is None else like, recipe)
