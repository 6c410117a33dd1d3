"""The same network in PyTorch, for comparisons with libraries that explain PyTorch models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gatewright.nn.layer import Layer, Weights
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.ops.convert import keras_to_pytorch

_MODULES = {"simple_rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


class PyTorchNetwork(torch.nn.Module):
    """A classifier of texts whose weights are those of a trained network. It reads vectors of words, without padding.

    Args:
        layers, weights: The network: an embedding, recurrent layers, mean or maximum pooling or none, a dense layer.

    Raises:
        ValueError: PyTorch has no such layer.
    """

    def __init__(self, layers: Sequence[Layer], weights: Sequence[Weights]) -> None:
        super().__init__()
        self._pool = ""
        recurrent = []
        for layer, w in zip(layers, weights, strict=True):
            match layer:
                case Embedding():
                    self._table = _tensor(w["table"])
                case Recurrent(merge="concat", go_backwards=False, zoneout=0.0):
                    recurrent.append(_recurrent(layer, w))
                case Pool(method="mean" | "max"):
                    self._pool = layer.method
                case Dense(activation="linear"):
                    self._dense = torch.nn.Linear(*w["kernel"].shape)
                    self._dense.weight.data, self._dense.bias.data = _tensor(w["kernel"].T), _tensor(w["bias"])
                case Dropout():
                    continue
                case _:
                    raise ValueError(f"PyTorch has no layer like {layer}.")
        self._recurrent = torch.nn.ModuleList(recurrent)
        self.eval()

    def vectors(self, ids: Sequence[int]) -> torch.Tensor:
        """Return the vectors of words, [1, words, features]."""
        return self._table[torch.tensor(ids)][None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits, [batch, outputs], for vectors of words, [batch, words, features]."""
        for module in self._recurrent:
            x, last = module(x)
        if self._pool:
            return self._dense(x.mean(dim=1) if self._pool == "mean" else x.max(dim=1).values)
        h = last[0] if isinstance(last, tuple) else last
        return self._dense(torch.cat(list(h), dim=-1))


def _recurrent(layer: Recurrent, w: Weights) -> torch.nn.Module:
    module = _MODULES[layer.cell](len(w["kernel"]), layer.units, batch_first=True, bidirectional=layer.bidirectional)
    for prefix, rec in layer.directions():
        suffix = "_l0_reverse" if prefix else "_l0"
        for name, array in keras_to_pytorch(rec, *layer.operands(w, prefix))._asdict().items():
            getattr(module, name + suffix).data = _tensor(array)
    return module


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array, np.float32))
