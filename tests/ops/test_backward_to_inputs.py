"""The gradients of the inputs alone, of each example or added up, equal those of the whole backward pass."""

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.ops import _kernels
from gatewright.ops import numpy as ops
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence, Tokens, no_recurrent_kernel

MASK = np.array([[0, 0, 1, 1, 0, 1], [0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], bool)


def operands(rec, features=5, units=9, dtype=np.float32):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(features, rec.gates * units)).astype(dtype)
    U = no_recurrent_kernel(rec, W) if not rec.recurrent_gates else None
    U = rng.normal(size=rec.recurrent_kernel_shape(units)).astype(dtype) / 3 if U is None else U
    return W, U, rng.normal(size=rec.bias_shape(units)).astype(dtype)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_steps_equal_the_sum_of_those_of_the_examples(cell, reverse, dtype):
    rng = np.random.default_rng(1)
    for mask, rec in (
        (None, Recurrence(cell, reverse=reverse)),
        (MASK, Recurrence(cell, reverse=reverse, zoneout=0.2)),
        (MASK, Recurrence(cell, reverse=reverse, zero_output_for_mask=True)),
    ):
        x = rng.normal(size=(3, 6, 5)).astype(dtype)
        run = ops.forward(rec, x, *operands(rec, dtype=dtype), mask=mask, keep=True)
        d_sequence = rng.normal(size=run.sequence.shape).astype(dtype)
        d_states = tuple(rng.normal(size=state.shape).astype(dtype) for state in run.states)
        for given in ((d_sequence, None), (None, d_states), (d_sequence, d_states)):
            expected = run.backward(*given).x
            assert_close(run.backward_to_steps(*given)[0], expected.sum(axis=0), "gradient", dtype)
            assert_close(run.backward_to_steps(*given, groups=3), expected, "gradient", dtype)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("units", [1, 9, 129])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_gradients_of_inputs_have_the_bits_of_the_whole_backward_pass(cell, units, threads):
    rng = np.random.default_rng(1)
    ids, table = rng.integers(0, 7, size=(17, 129)), rng.normal(size=(7, 5)).astype(np.float32)
    lengths = rng.integers(0, 130, size=17)
    before = _kernels.num_threads()
    _kernels.set_num_threads(threads)
    try:
        for x in (Tokens(ids, table), table[ids]):
            rec = Recurrence(cell)
            run = ops.forward(rec, x, *operands(rec, units=units), lengths=lengths, keep=True)
            d_sequence = rng.normal(size=run.sequence.shape).astype(np.float32)
            whole, inputs = run.backward(d_sequence), run.backward_to_inputs(d_sequence)
            np.testing.assert_array_equal(inputs.x, whole.x)
            for one, other in zip(inputs.states, whole.states, strict=True):
                np.testing.assert_array_equal(one, other)
    finally:
        _kernels.set_num_threads(before)


def test_gradients_of_steps_of_tokens_are_those_of_their_vectors():
    rec = Recurrence("gru")
    ids, table = np.array([[1, 2, 2], [2, 0, 1]]), np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    d = np.random.default_rng(2).normal(size=(2, 3, 9)).astype(np.float32)
    runs = [ops.forward(rec, x, *operands(rec), keep=True) for x in (Tokens(ids, table), table[ids])]
    one, other = (run.backward_to_steps(d) for run in runs)
    assert one.shape == (1, 3, 5)
    assert_close(one, other, "gradient", np.float32)


def test_gradients_of_steps_need_saved_values_and_no_dropout_of_inputs():
    rec, x = Recurrence("gru"), np.zeros((2, 3, 5), np.float32)
    with pytest.raises(ValueError, match="keep=True"):
        ops.forward(rec, x, *operands(rec)).backward_to_steps()
    run = ops.forward(rec, x, *operands(rec), dropout_mask=np.ones((1, 2, 5), np.float32), keep=True)
    with pytest.raises(ValueError, match="cannot be added up with a dropout mask"):
        run.backward_to_steps()
    with pytest.raises(ValueError, match="2 examples cannot be divided into 3 groups"):
        ops.forward(rec, x, *operands(rec), keep=True).backward_to_steps(groups=3)
