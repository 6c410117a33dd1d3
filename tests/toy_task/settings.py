"""The settings of the toy task."""

from __future__ import annotations

from dataclasses import dataclass

from gatewright.tasks.base.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class CountSettings(Settings):
    """The settings of a network that counts ones."""

    embedding_dim: int = setting(4, "Size of the embeddings of the two bits.", "model", minimum=1)
