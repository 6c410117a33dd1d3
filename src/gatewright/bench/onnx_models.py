"""A recurrence as an ONNX model of one node, in a session of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewright.ops import convert
from gatewright.ops.recurrence import Recurrence

_NODES = {"gru": "GRU", "lstm": "LSTM", "simple_rnn": "RNN"}


def session(
    rec: Recurrence, weights: Sequence[Any], shape: Sequence[int], *, states: bool, sequence: bool, threads: int
) -> Any:
    """A session that takes X [time, batch, features].

    Args:
        weights: kernel, recurrent kernel and bias in Keras' layout.
        shape: batch, time, features, units.
        states: whether the first states are inputs (h, c), as in a stream; else they are 0.
        sequence: whether the output of every step (Y) is an output, before the last states (new_h, new_c).

    Raises:
        ModuleNotFoundError: onnx or onnxruntime is not installed.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    model = _model(rec, weights, shape, states, sequence).SerializeToString()
    return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])


def _model(rec: Recurrence, weights: Sequence[Any], shape: Sequence[int], states: bool, sequence: bool) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    batch, time, features, units = shape
    W, R, B = convert.keras_to_onnx(rec, *weights)
    assert B is not None
    names = ["h", "c"][: len(rec.state_names)]
    new = [f"new_{name}" for name in names]
    first = names if states else []
    node = helper.make_node(
        _NODES[rec.cell],
        ["X", "W", "R", "B", "", *first] if states else ["X", "W", "R", "B"],
        ["Y" if sequence else "", *new],
        **convert.onnx_attributes(rec, units),
    )

    def value(name: str, *sizes: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    inputs = [value("X", time, batch, features), *(value(name, 1, batch, units) for name in first)]
    outputs = [value("Y", time, 1, batch, units)] if sequence else []
    outputs += [value(name, 1, batch, units) for name in new]
    constants = [numpy_helper.from_array(array, name) for name, array in (("W", W), ("R", R), ("B", B))]
    graph = helper.make_graph([node], rec.cell, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9  # what the oldest ONNX Runtime that is served reads
    return model
