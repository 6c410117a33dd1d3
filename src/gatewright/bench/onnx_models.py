"""Create ONNX models that consist of one recurrent node, and ONNX Runtime sessions that run them."""

from collections.abc import Sequence
from typing import Any

from gatewright.bench.shape import Shape
from gatewright.ops import convert
from gatewright.ops.recurrence import Recurrence

_NODES = {"gru": "GRU", "lstm": "LSTM", "simple_rnn": "RNN"}


def session(
    rec: Recurrence, weights: Sequence[Any], shape: Shape, *, states: bool, sequence: bool, threads: int
) -> Any:
    """Return an ONNX Runtime session that runs one recurrence. The model's input is X, [time, batch, features].

    Args:
        rec: The recurrence to run.
        weights: The kernel, recurrent kernel and bias in Keras' layout.
        shape: The sizes of the input and the number of units.
        states: True if the initial states (h, c) are inputs of the model. If False, they are zeros.
        sequence: True if the model returns the outputs of all time steps (Y) before the final states (new_h, new_c).
            If False, it returns only the final states.
        threads: The number of threads that the session uses.

    Raises:
        ModuleNotFoundError: onnx or onnxruntime is not installed.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    model = _model(rec, weights, shape, states, sequence).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _model(rec: Recurrence, weights: Sequence[Any], shape: Shape, states: bool, sequence: bool) -> Any:
    from onnx import TensorProto, helper, numpy_helper

    batch, time, features, units = shape
    arrays = zip(("W", "R", "B"), convert.keras_to_onnx(rec, *weights), strict=True)
    constants = {name: numpy_helper.from_array(array, name) for name, array in arrays if array is not None}
    names = ["h", "c"][: len(rec.state_names)]
    initial = names if states else []
    node = helper.make_node(
        _NODES[rec.cell],
        ["X", "W", "R", "B" if "B" in constants else "", "", *initial],
        ["Y" if sequence else "", *(f"new_{name}" for name in names)],
        **convert.onnx_attributes(rec, units),
    )

    def value(name: str, *sizes: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    inputs = [value("X", time, batch, features), *(value(name, 1, batch, units) for name in initial)]
    outputs = [value("Y", time, 1, batch, units)] if sequence else []
    outputs += [value(f"new_{name}", 1, batch, units) for name in names]
    graph = helper.make_graph([node], rec.cell, inputs, outputs, list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9  # readable by the oldest supported ONNX Runtime
    return model
