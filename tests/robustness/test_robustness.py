"""Short runs of the scripts in this folder that damage model files and use models for a long time."""

import subprocess
import sys
from pathlib import Path

import pytest
from robustness import fuzz


@pytest.mark.slow
def test_damaged_model_files_are_refused_or_give_finite_answers():
    ends = fuzz.main(400, 0)
    assert ends.total() == 400
    tasks = {
        "classify",
        "classify_series",
        "tag",
        "generate",
        "forecast",
        "rolls",
        "keywords",
        "transcribe",
        "translate",
        "imported",
    }
    assert {name.split()[0] for name in ends} == tasks
    assert sum(count for name, count in ends.items() if name.endswith("used")) > 20


@pytest.mark.slow
def test_loads_streams_threads_and_forks_keep_memory_and_answers():
    script = Path(__file__).parent / "streams.py"
    given = ["360", "20000", "72", "4"]
    done = subprocess.run([sys.executable, str(script), *given], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("\n") == 4
