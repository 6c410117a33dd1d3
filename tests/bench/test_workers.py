"""Worker processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gatewright.bench import workers
from gatewright.bench.suite import SUITES
from gatewright.ops import kernels


def test_a_worker_continues_after_a_failed_request() -> None:
    with workers.Worker("suites.operation", "gatewright") as worker:
        sizes = {"shape": [1, 1, 1, 1], "threads": 1, "calls": 1}
        with pytest.raises(workers.WorkerError, match="cell must be one of"):
            worker.request("turn", cell="none", **sizes, instruction_set=kernels.instruction_set())
        assert worker.request("start")["instruction_set"] in kernels.instruction_sets()


def test_another_interpreter_sees_only_this_package() -> None:
    with workers.package_alone() as folder:
        assert [path.name for path in Path(folder).iterdir()] == ["gatewright"]
        assert Path(folder, "gatewright", "bench", "suites", "training.py").is_file()


def test_suites_import_no_heavy_package() -> None:
    heavy = ("keras", "jax", "torch", "tensorflow", "onnx", "onnxruntime", "matplotlib", "gatewright.ops._kernels")
    imports = "; ".join(f"import gatewright.bench.suites.{name}" for name in SUITES)
    program = f"import sys; {imports}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
