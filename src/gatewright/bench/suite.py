"""The list of benchmark suites, and the interface of their modules."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from gatewright.bench.workers import OURS, TITLES

PEERS = tuple(name for name in TITLES if name != OURS)
"""The names of the libraries that the suites compare Gatewright with."""


class SuiteModule(Protocol):
    """The interface of a module in the package `suites`.

    At its top level, such a module imports nothing outside Gatewright and the standard library. Worker processes do the
    measurements and import the libraries that they need.

    Attributes:
        Settings: The settings of the suite, a frozen dataclass with a default for every field.
    """

    Settings: type[Any]

    def measure(self, settings: Any) -> dict[str, Any]:
        """Run the suite. Return a dict with facts about the machine and the run, and the list "rows" of measurements.

        Raises:
            Unavailable: The suite cannot run on this machine.
            WorkerError: A worker process failed.
        """

    def markdown(self, result: dict[str, Any]) -> str:
        """Format the result of `measure` as a Markdown page. The result may come from a saved JSON file."""


@dataclass(frozen=True)
class Suite:
    """The description of a suite.

    Attributes:
        about: A description of the measurements, for progress lines and help texts.
        minutes: The approximate duration of the suite in minutes, on two processor cores with AVX-512.
        default: True if the suite runs when the user chooses no suites.
        plot: True if a module in the package `plots` draws the result.
    """

    about: str
    minutes: float
    default: bool = True
    plot: bool = False


SUITES = {
    "training": Suite(
        "training step of a text classifier, compared with Keras on JAX, Keras on TensorFlow and PyTorch",
        9,
        plot=True,
    ),
    "operation": Suite("speed of the forward and backward pass, as a fraction of the processor's peak speed", 4),
    "forward": Suite("inference, compared with ONNX Runtime", 1),
    "step": Suite("one time step at batch size 1, compared with ONNX Runtime", 1),
    "lengths": Suite("time spent on padding in texts of real lengths, compared with PyTorch's packed sequences", 3),
    "proportion": Suite("speed as length, units and batch size grow, on one thread and on all threads", 2, plot=True),
    "memory": Suite("peak memory during training, compared with Keras on JAX, Keras on TensorFlow and PyTorch", 2),
    "cases": Suite("about a hundred kinds of recurrent layers, compared with Keras on JAX", 20, default=False),
}


def load(name: str) -> SuiteModule:
    """Import and return the module of the suite `name`, a key of SUITES."""
    return cast(SuiteModule, import_module(f"gatewright.bench.suites.{name}"))
