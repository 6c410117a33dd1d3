"""The same results, to the bit, at any number of threads: forward and backward, whatever the sizes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from ops.test_numpy import assert_is_reference, assert_same_bits, cast, everything
from ops.test_reference import Problem, make_problem

from gatewright.ops import kernels
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence

SIZES = (0, 1, 7, 8, 9, 17, 129)
SECONDS = 120


def in_time(check: Callable[[], None]) -> None:
    """Run a check in a thread, and fail if it hangs."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            check()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive(), f"not done after {SECONDS} seconds"
    for failure in failures:
        raise failure


def with_features_for(threads: int, rec: Recurrence, batch: int, time: int, units: int) -> int:
    """The number of features with which a call is large enough for so many threads: a million operations for each."""
    each = 2 * max(1, batch * time) * max(1, units) * rec.gates
    return min(3000, threads * 1_000_000 // each + 1)


def of_lengths(rec: Recurrence, batch: int, time: int, units: int, threads: int) -> tuple[Problem, np.ndarray]:
    """A problem, and lengths that differ: some rows are empty, some whole."""
    features = with_features_for(threads, rec, batch, time // 2, units)
    problem = make_problem(rec, batch=batch, time=time, features=features, units=units, dropout_masks=1)
    return cast(problem, np.float32), np.arange(batch) * 7 % (time + 1)


def check_same_bits(rec: Recurrence, batch: int, time: int, units: int, counts: tuple[int, ...]) -> None:
    problem, lengths = of_lengths(rec, batch, time, units, max(counts))
    kernels.set_num_threads(1)
    alone = everything(problem, lengths=lengths)
    for threads in counts:
        kernels.set_num_threads(threads)
        assert_same_bits(everything(problem, lengths=lengths), alone)


@pytest.mark.parametrize("cell", CELLS)
def test_numbers_of_units(cell: str) -> None:
    """With many positions, of which two sets of rows are summed apart, and with few."""

    def check() -> None:
        for units in SIZES:
            check_same_bits(Recurrence(cell), 25, 17, units, (2, 3, 8, 24))
        for units in (7, 17):
            check_same_bits(Recurrence(cell), 33, 80, units, (2, 3, 8, 24))

    in_time(check)


@pytest.mark.parametrize("cell", CELLS)
def test_numbers_of_rows_and_steps(cell: str) -> None:
    def check() -> None:
        for batch in SIZES:
            for time in (0, 1, 9, 129):
                check_same_bits(Recurrence(cell), batch, time, 8, (2, 3, 24))

    in_time(check)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("time", [13, 40], ids=["one set", "two sets"])
def test_one_to_thirty_two_threads(time: int, dtype: type) -> None:
    """Right at 1, and the same at 2 to 32."""
    rec = Recurrence("lstm")
    problem = cast(make_problem(rec, batch=35, time=time, features=280, units=31, masked=True), dtype)

    def check() -> None:
        kernels.set_num_threads(1)
        assert_is_reference(problem, dtype)
        alone = everything(problem)
        for threads in range(2, 33):
            kernels.set_num_threads(threads)
            assert_same_bits(everything(problem), alone)

    in_time(check)
