"""Run one recurrence in ONNX Runtime. Shared by the goldens and the live comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from gatewright.ops.convert import OnnxWeights, onnx_attributes
from gatewright.ops.recurrence import Recurrence

OPERATORS = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}


def run(rec: Recurrence, x: Any, weights: OnnxWeights, states: Any, lengths: Any | None) -> list[Any]:
    """The sequence [batch, time, units], then each last state [batch, units], in float32.

    The model is one node. ONNX has time before batch, and an axis of directions.
    """
    feeds = {"X": np.moveaxis(x, 0, 1), **weights._asdict()}
    feeds |= {f"initial_{n}": s[None] for n, s in zip(rec.state_names, states, strict=True)}
    feeds = {name: value.astype(np.float32) for name, value in feeds.items() if value is not None}
    if lengths is not None:
        feeds["sequence_lens"] = lengths.astype(np.int32)
    wanted = ("X", "W", "R", "B", "sequence_lens", *(f"initial_{n}" for n in rec.state_names))
    inputs = [name if name in feeds else "" for name in wanted]
    outputs = ["Y", *(f"Y_{n}" for n in rec.state_names)]
    node = helper.make_node(OPERATORS[rec.cell], inputs, outputs, **onnx_attributes(rec, states[0].shape[1]))
    graph = helper.make_graph(
        [node],
        "one_node",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in feeds.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    Y, *last = session.run(outputs, feeds)
    return [np.moveaxis(Y[:, 0], 0, 1), *(s[0] for s in last)]
