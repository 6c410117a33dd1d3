"""Names of metrics in the logs and the history of a training.

With `metrics=["accuracy"]`, Keras 1 to 2.2 and TensorFlow 1 called the metric `acc`; Keras 2.3, TensorFlow 2 and
Keras 3 call it `accuracy`. A program that asks for a name that the logs do not have gets the metric under its other
name.
"""

import string
from typing import Any

from gatewright.keras.older import patches

_NAMES = (
    ("acc", "accuracy"),
    ("mse", "mean_squared_error"),
    ("mae", "mean_absolute_error"),
    ("mape", "mean_absolute_percentage_error"),
    ("msle", "mean_squared_logarithmic_error"),
    ("lr", "learning_rate"),
)


def other_name(name: object, available: Any) -> str | None:
    """Return the name in `available` that another release has for the metric `name`, or None."""
    if not isinstance(name, str) or name in available:
        return None
    for pair in _NAMES:
        for old, new in (pair, pair[::-1]):
            if name == old or name.endswith(f"_{old}"):
                other = name.removesuffix(old) + new
                if other in available:
                    return other
    return None


def _note(name: str, other: str) -> None:
    patches.note(f"log {name}", f"The metric {name!r} is {other!r} in Keras 3; it was translated")


class Logs(dict[str, Any]):
    """A dict of metrics that also finds a metric under the name that it has in another release."""

    def __missing__(self, key: str) -> Any:
        other = other_name(key, self)
        if other is None:
            raise KeyError(key)
        _note(key, other)
        return self[other]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)  # a pickled history can be read without this package


class EpochLogs(Logs):
    """The metrics that callbacks get, in which `get` finds other names too."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the metric `key`, or `default` if the logs have it under no name."""
        return self[key] if key in self or other_name(key, self) else default


def install() -> None:
    """Serve old names of metrics in logs, histories, monitors and paths until `patches.undo()` is called."""
    import keras
    from keras.src.callbacks.monitor_callback import MonitorCallback
    from keras.src.utils import python_utils

    patches.wrap(keras.callbacks.History, "__init__", _init_history)
    patches.wrap(python_utils, "pythonify_logs", _pythonify_logs)
    patches.wrap(MonitorCallback, "_set_monitor_op", _set_monitor_op)
    patches.wrap(keras.callbacks.ReduceLROnPlateau, "__init__", _init_reduce_lr)
    patches.wrap(keras.callbacks.TensorBoard, "__init__", _init_tensorboard)
    patches.wrap(keras.callbacks.ModelCheckpoint, "_get_file_path", _get_file_path)


def _init_history(stock: Any, self: Any) -> None:
    stock(self)
    self.history = Logs()


def _pythonify_logs(stock: Any, logs: Any) -> Any:
    return EpochLogs(stock(logs))


def _set_monitor_op(stock: Any, self: Any) -> None:
    """`MonitorCallback._set_monitor_op`, which is called when the metrics of the model are known."""
    __tracebackhide__ = True
    names = {"loss"}
    for metric in getattr(self.model, "metrics", ()):
        names |= {inner.name for inner in getattr(metric, "metrics", None) or (metric,)}
    prefix = "val_" if self.monitor.startswith("val_") else ""
    other = other_name(self.monitor.removeprefix("val_"), names)
    if other is not None:
        _note(self.monitor, prefix + other)
        self.monitor = prefix + other
    stock(self)


def _init_reduce_lr(stock: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    __tracebackhide__ = True
    if "epsilon" in kwargs and "min_delta" not in kwargs:
        patches.note("plateau", "ReduceLROnPlateau(epsilon=) is min_delta= in Keras 3; it was translated")
        kwargs["min_delta"] = kwargs.pop("epsilon")
    stock(self, *args, **kwargs)


def _get_file_path(stock: Any, self: Any, epoch: int, batch: int | None, logs: Any) -> str:
    """`ModelCheckpoint._get_file_path`, whose pattern may have old names of metrics."""
    __tracebackhide__ = True
    logs = dict(logs or {})
    for _, name, _, _ in string.Formatter().parse(self.filepath):
        other = other_name(name, logs) if name not in ("epoch", "batch") else None
        if name is not None and other is not None:
            _note(name, other)
            logs[name] = logs[other]
    path: str = stock(self, epoch, batch, logs)
    return path


def _init_tensorboard(stock: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    __tracebackhide__ = True
    for name in ("batch_size", "write_grads", "embeddings_layer_names", "embeddings_data"):
        if name in kwargs:
            patches.note(f"TensorBoard {name}", f"TensorBoard({name}=) is not an argument in Keras 3; it was left out")
            del kwargs[name]
    stock(self, *args, **kwargs)
