"""Devices, threads and settings, `tf.config` and `tf.test`. There is one CPU, and no GPU."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from gatewright.keras.notes import note_once


class PhysicalDevice(NamedTuple):
    """A device of this machine."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device as programs see it."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """Return the devices: one CPU."""
    return [PhysicalDevice("/physical_device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """Return the devices: one CPU."""
    return [LogicalDevice("/device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


get_visible_devices = list_physical_devices


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Do nothing: there is one device."""


def set_logical_device_configuration(device: Any, logical_devices: Any) -> None:
    """Do nothing: there is one device."""


def get_device_details(device: Any) -> dict[str, Any]:
    """Return nothing: details are known of GPUs only."""
    return {}


def set_soft_device_placement(enabled: bool) -> None:
    """Do nothing: there is one device."""


def get_soft_device_placement() -> bool:
    """Return True."""
    return True


def set_memory_growth(device: Any, enable: bool) -> None:
    """Do nothing: memory of a CPU is taken when it is needed."""


def get_memory_growth(device: Any) -> bool:
    """Return True."""
    return True


def get_memory_info(device: Any) -> dict[str, int]:
    """Refuse: the memory of a CPU is not counted."""
    raise ValueError(
        "tf.config.experimental.get_memory_info is for GPUs, and there is none. Use Python's resource module."
    )


def set_virtual_device_configuration(device: Any, logical_devices: Any) -> None:
    """Do nothing: there is one device."""


class LogicalDeviceConfiguration:
    """Limits for a device. They are for GPUs and have no effect."""

    def __init__(self, memory_limit: Any = None, **options: Any) -> None:
        self.memory_limit = memory_limit


VirtualDeviceConfiguration = LogicalDeviceConfiguration


def enable_op_determinism() -> None:
    """Do nothing: results on a CPU depend on data, seed and number of threads alone."""


def set_synchronous_execution(enable: bool) -> None:
    """Do nothing: JAX waits whenever a result is used."""


def enable_tensor_float_32_execution(enabled: bool) -> None:
    """Do nothing: a CPU has no TensorFloat-32."""


_eager = [False]


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Record the choice. Functions always run in Python; models compile their steps unless `compile` says otherwise."""
    _eager[0] = bool(run_eagerly)
    if run_eagerly:
        note_once(
            "tf.config.run_functions_eagerly has no effect on Model.fit, which compiles its steps; "
            "model.compile(run_eagerly=True) runs them in Python."
        )


def functions_run_eagerly() -> bool:
    """Return True after `run_functions_eagerly(True)`."""
    return _eager[0]


def set_jit(enabled: Any) -> None:
    """Do nothing: XLA always compiles."""


def get_jit() -> str:
    """Return "autoclustering"."""
    return "autoclustering"


def set_experimental_options(options: Any) -> None:
    """Do nothing: there is no graph to optimize."""


_threads = {"intra": 0, "inter": 0}


def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """Record a number of threads. The environment variable GATEWRIGHT_NUM_THREADS sets those of the kernels."""
    _threads["intra"] = int(num_threads)


def get_intra_op_parallelism_threads() -> int:
    """Return the recorded number of threads."""
    return _threads["intra"]


def set_inter_op_parallelism_threads(num_threads: int) -> None:
    """Record a number of threads. The environment variable GATEWRIGHT_NUM_THREADS sets those of the kernels."""
    _threads["inter"] = int(num_threads)


def get_inter_op_parallelism_threads() -> int:
    """Return the recorded number of threads."""
    return _threads["inter"]


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Return False."""
    return False


def gpu_device_name() -> str:
    """Return an empty text: there is no GPU."""
    return ""


def is_built_with_cuda() -> bool:
    """Return False."""
    return False


is_built_with_gpu_support = is_built_with_rocm = is_built_with_xla = is_built_with_cuda


@contextlib.contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Do nothing: there is one device."""
    yield


@contextlib.contextmanager
def name_scope(name: Any, *args: Any, **options: Any) -> Iterator[str]:
    """Give a name to what is created in the block. It has no effect on results."""
    yield f"{name}/"


@contextlib.contextmanager
def plain_scope(*args: Any, **options: Any) -> Iterator[None]:
    """Do nothing in a `with` block."""
    yield


control_dependencies = init_scope = plain_scope


class Strategy:
    """A strategy of one device: programs run as without it."""

    num_replicas_in_sync = 1

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def scope(self) -> Any:
        """Return a context manager that does nothing."""
        return plain_scope()

    def run(self, fn: Any, args: Any = (), kwargs: Any = None, options: Any = None) -> Any:
        """Call a function."""
        return fn(*args, **(kwargs or {}))

    def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
        """Return the value: there is one replica."""
        return value

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """Return the data set."""
        return dataset


MirroredStrategy = OneDeviceStrategy = Strategy


class ReduceOp:
    """Ways to combine the values of replicas."""

    SUM, MEAN = "SUM", "MEAN"


def get_strategy() -> Strategy:
    """Return a strategy of one device."""
    return Strategy()


def has_strategy() -> bool:
    """Return False."""
    return False


class TPUClusterResolver:
    """Refuses: there is no TPU. Programs expect a `ValueError` then, and use another strategy."""

    def __init__(self, *args: Any, **options: Any) -> None:
        raise ValueError("There is no TPU. Use tf.distribute.get_strategy().")

    @staticmethod
    def connect(*args: Any, **options: Any) -> None:
        """Refuse, as the constructor does."""
        raise ValueError("There is no TPU. Use tf.distribute.get_strategy().")


def list_local_devices(session_config: Any = None) -> list[Any]:
    """Return the devices as `tensorflow.python.client.device_lib` does."""
    return [LocalDevice("/device:CPU:0", "CPU", 0, "", os.cpu_count() or 1)]


class LocalDevice(NamedTuple):
    """A device in the list of `list_local_devices`."""

    name: str
    device_type: str
    memory_limit: int
    physical_device_desc: str
    incarnation: int
