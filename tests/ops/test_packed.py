"""Packed weights: steps equal the walk over a sequence, in place or not, and whole sequences equal the others."""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.ops import kernels
from gatewright.ops import numpy as ops
from gatewright.ops import packed as packed_module
from gatewright.ops.cells import CELLS
from gatewright.ops.packed import packed_once
from gatewright.ops.recurrence import Recurrence, Tokens

RECURRENCES = [
    Recurrence("simple_rnn"),
    Recurrence("simple_rnn", activation="relu"),
    Recurrence("lstm"),
    Recurrence("lstm", recurrent_activation="hard_sigmoid"),
    Recurrence("gru"),
    Recurrence("gru", reset_after=False),
    Recurrence("min_gru"),
    Recurrence("min_gru", recurrent_activation="hard_sigmoid"),
    Recurrence("min_lstm"),
    Recurrence("layer_norm_lstm"),
    Recurrence("layer_norm_gru", recurrent_activation="hard_sigmoid"),
    *(Recurrence(name, zoneout=0.3) for name in CELLS),
]
SIZES = [0, 1, 7, 8, 9, 17, 129]


def pack(rec, kernel, recurrent, bias):
    options = (
        "activation",
        "recurrent_activation",
        "reset_after",
        "reverse",
        "zero_output_for_mask",
        "zoneout",
    )
    chosen = {name: getattr(rec, name) for name in options}
    return getattr(ops, f"pack_{rec.cell}")(kernel, recurrent if rec.recurrent_gates else None, bias, **chosen)


def problem(rec, batch, features, units, time=3, seed=0):
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    kernel, recurrent = normal(features, rec.gates * units), normal(*rec.recurrent_kernel_shape(units))
    kernel, recurrent = kernel / max(1, features) ** 0.5, recurrent / max(1, units) ** 0.5
    states = [normal(batch, units) for _ in rec.state_names]
    return normal(batch, time, features), kernel, recurrent, normal(*rec.bias_shape(units)), states


def one_or_pair(states):
    return states[0] if len(states) == 1 else tuple(states)


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.parametrize(
    ("batch", "features", "units"),
    [*((1, n, 9) for n in SIZES), *((1, 5, n) for n in SIZES), *((n, 5, 9) for n in SIZES), (3, 129, 64)],
)
def test_steps_are_the_walk(rec, batch, features, units):
    x, kernel, recurrent, bias, states = problem(rec, batch, features, units)
    packed = pack(rec, kernel, recurrent, bias)
    assert (packed.features, packed.units) == (features, units)
    expected = ops.forward(rec, x, kernel, recurrent, bias, initial_state=states)
    state = one_or_pair(states)
    for t in range(x.shape[1]):
        state = packed.step(np.ascontiguousarray(x[:, t]), state)
        assert_close(as_tuple(state)[0], expected.sequence[:, t], "forward", np.float32)
    for found, last in zip(as_tuple(state), expected.states, strict=True):
        assert_close(found, last, "forward", np.float32)


@pytest.mark.parametrize("rec", RECURRENCES)
@pytest.mark.parametrize("batch", [1, 5, 100])
def test_in_place_is_the_same(rec, batch):
    x, kernel, recurrent, bias, states = problem(rec, batch, 5, 17)
    packed, step = pack(rec, kernel, recurrent, bias), np.ascontiguousarray(x[:, 0])
    given = one_or_pair([state.copy() for state in states])
    apart = packed.step(step, one_or_pair(states))
    out = one_or_pair([np.full_like(state, np.nan) for state in states])
    assert all(a is b for a, b in zip(as_tuple(packed.step(step, given, out=out)), as_tuple(out), strict=True))
    packed.step(step, given, out=given)
    for a, b, c in zip(as_tuple(apart), as_tuple(out), as_tuple(given), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("name", kernels.instruction_sets())
@pytest.mark.parametrize("rec", RECURRENCES)
def test_instruction_sets(rec, name):
    x, kernel, recurrent, bias, states = problem(rec, 1, 128, 129)
    expected = pack(rec, kernel, recurrent, bias).step(np.ascontiguousarray(x[:, 0]), one_or_pair(states))
    kernels.choose_instruction_set(name)
    packed = pack(rec, kernel, recurrent, bias)
    kernels.choose_instruction_set(kernels.instruction_sets()[-1])  # what packed the weights stays with them
    found = packed.step(np.ascontiguousarray(x[:, 0]), one_or_pair(states))
    for one, other in zip(as_tuple(found), as_tuple(expected), strict=True):
        assert_close(one, other, "gradient", np.float32)


def test_batches_of_any_size_in_turn():
    rec = Recurrence("gru")
    *_, kernel, recurrent, bias, _ = problem(rec, 1, 5, 9)
    packed = pack(rec, kernel, recurrent, bias)
    for batch in (1, 60, 0, 2, 1):
        x, *_, states = problem(rec, batch, 5, 9, time=1, seed=batch)
        expected = ops.forward(rec, x, kernel, recurrent, bias, initial_state=states).states[0]
        assert_close(packed.step(x[:, 0].copy(), states[0]), expected, "forward", np.float32)


def test_weights_are_copied():
    rec = Recurrence("gru")
    x, kernel, recurrent, bias, states = problem(rec, 1, 5, 9)
    packed, step = pack(rec, kernel, recurrent, bias), np.ascontiguousarray(x[:, 0])
    before = packed.step(step, states[0])
    for array in (kernel, recurrent, bias):
        array[:] = np.nan
    np.testing.assert_array_equal(packed.step(step, states[0]), before)


class TestSequences:
    """`Packed.sequence` has the bits of `forward`."""

    @staticmethod
    def check(rec, x, weights, **options):
        packed = pack(rec, *weights)
        expected = ops.forward(rec, x, *weights, **options)
        sequence, states = packed.sequence(x, **options)
        np.testing.assert_array_equal(sequence, expected.sequence)
        nothing, again = packed.sequence(x, **options, return_sequence=False)
        assert nothing is None
        for one, other, last in zip(states, again, expected.states, strict=True):
            np.testing.assert_array_equal(one, last)
            np.testing.assert_array_equal(other, last)

    @pytest.mark.parametrize("rec", RECURRENCES)
    @pytest.mark.parametrize(("batch", "features", "units"), [(1, 5, 16), (3, 0, 9), (0, 4, 5), (40, 33, 17)])
    def test_dense(self, rec, batch, features, units):
        x, *weights, states = problem(rec, batch, features, units, time=6)
        self.check(rec, x, weights)
        self.check(rec, x, weights, initial_state=states)

    @pytest.mark.parametrize("rec", RECURRENCES[:8])
    @pytest.mark.parametrize("options", [{}, {"reverse": True}, {"reverse": True, "zero_output_for_mask": True}])
    def test_masks_lengths_and_ids(self, rec, options):
        rec = dataclasses.replace(rec, **options)
        x, *weights, _ = problem(rec, 5, 7, 17, time=9)
        rng = np.random.default_rng(3)
        self.check(rec, x, weights, mask=rng.random((5, 9)) < 0.6)
        self.check(rec, x, weights, lengths=[9, 0, 3, 1, 8])
        tokens = Tokens(rng.integers(-4, 4, (5, 9)), rng.normal(size=(4, 7)).astype(np.float32))
        self.check(rec, tokens, weights)
        self.check(rec, Tokens(np.sort(tokens.ids % 4, axis=1), tokens.table), weights)  # with a shared prefix
        outside = Tokens(np.where(np.arange(9) < 8, tokens.ids, 99), tokens.table)
        self.check(rec, outside, weights, lengths=[8] * 5)

    @pytest.mark.parametrize("name", kernels.instruction_sets())
    def test_the_instruction_set_of_the_packing_stays(self, name):
        rec = Recurrence("lstm")
        x, *weights, _ = problem(rec, 4, 20, 33, time=5)
        default = kernels.instruction_set()
        try:
            kernels.choose_instruction_set(name)
            packed, expected = pack(rec, *weights), ops.forward(rec, x, *weights)
        finally:
            kernels.choose_instruction_set(default)
        np.testing.assert_array_equal(packed.sequence(x)[0], expected.sequence)

    def test_wrong_arrays_are_refused(self):
        rec = Recurrence("gru")
        x, *weights, states = problem(rec, 2, 5, 9)
        packed = pack(rec, *weights)
        for error, match, call in (
            (ValueError, r"x must have shape \[batch, time, 5\], not \[2, 3, 4\]", lambda: packed.sequence(x[..., 1:])),
            (TypeError, "x must be float32", lambda: packed.sequence(x.astype(np.float64))),
            (ValueError, r"state h must have shape \[2, 9\]", lambda: packed.sequence(x, [states[0][:1]])),
            (ValueError, "one array for each of h", lambda: packed.sequence(x, states * 2)),
            (TypeError, "must be a list of 1 arrays", lambda: packed.sequence(x, states[0])),
            (ValueError, "mask must have shape", lambda: packed.sequence(x, mask=np.ones((2, 2), bool))),
            (ValueError, "lengths must lie between", lambda: packed.sequence(x, lengths=[1, 4])),
            (ValueError, "both given", lambda: packed.sequence(x, lengths=[1, 1], mask=np.ones((2, 3), bool))),
            (ValueError, "ids must lie", lambda: packed.sequence(Tokens(np.full((2, 3), 7), x[0]))),
        ):
            with pytest.raises(error, match=match):
                call()


def test_threads_share_packed_weights():
    """Steps and sequences of several threads do not disturb each other, also without a global lock."""
    rec = Recurrence("lstm")
    x, *weights, _ = problem(rec, 2, 40, 65, time=30)
    packed = pack(rec, *weights)
    expected = packed.sequence(x)[0]

    def steps(rows):
        state = tuple(np.zeros((rows, 65), np.float32) for _ in range(2))
        for t in range(30):
            state = packed.step(np.ascontiguousarray(x[:rows, t]), state)
        return state[0]

    with ThreadPoolExecutor(4) as threads:
        by_steps = [threads.submit(steps, 1 + number % 2) for number in range(40)]
        whole = [threads.submit(packed.sequence, x) for _ in range(40)]
        for number, result in enumerate(by_steps):
            alone = steps(1 + number % 2) if number < 2 else by_steps[number % 2].result()
            np.testing.assert_array_equal(result.result(), alone)
        for result in whole:
            np.testing.assert_array_equal(result.result()[0], expected)


def test_packed_weights_are_copied_as_themselves_and_not_pickled():
    rec = Recurrence("gru")
    packed = pack(rec, *problem(rec, 1, 5, 9)[1:4])
    assert copy.copy(packed) is packed
    assert copy.deepcopy(packed) is packed
    with pytest.raises(TypeError, match="pickle the weights, and pack them again"):
        pickle.dumps(packed)


def test_constant_weights_are_packed_once_and_forgotten_with_their_kernel():
    rec = Recurrence("gru")
    weights = problem(rec, 1, 5, 9)[1:4]
    assert packed_once(rec, *weights) is None  # they could change
    for array in weights:
        array.flags.writeable = False
    packed = packed_once(rec, *weights)
    assert packed_once(rec, *weights) is packed
    kept = len(packed_module._packed)
    del weights, array
    gc.collect()
    assert len(packed_module._packed) == kept - 1


class TestWrong:
    @pytest.fixture
    def gru(self):
        _, kernel, recurrent, bias, _ = problem(Recurrence("gru"), 1, 5, 9)
        return ops.pack_gru(kernel, recurrent, bias)

    @pytest.fixture
    def lstm(self):
        _, kernel, recurrent, bias, _ = problem(Recurrence("lstm"), 1, 5, 9)
        return ops.pack_lstm(kernel, recurrent, bias)

    X, H = np.zeros((2, 5), np.float32), np.zeros((2, 9), np.float32)

    def test_shapes(self, gru, lstm):
        with pytest.raises(ValueError, match=r"x must have shape \[2, 5\], not \[2, 9\]\."):
            gru.step(self.H, self.H)
        with pytest.raises(ValueError, match=r"h must have shape \[2, 9\], not \[1, 9\]\."):
            gru.step(self.X, self.H[:1])
        with pytest.raises(ValueError, match=r"out must have shape \[2, 9\], not \[2, 5\]\."):
            gru.step(self.X, self.H, out=self.X.copy())
        with pytest.raises(ValueError, match=r"c must have shape \[2, 9\], not \[2, 5\]\."):
            lstm.step(self.X, (self.H, self.X))

    def test_types(self, gru, lstm):
        for call in (
            lambda: gru.step(self.X.astype(np.float64), self.H),
            lambda: gru.step(self.X[0], self.H[0]),
            lambda: gru.step(self.X, np.zeros((9, 2), np.float32).T),
            lambda: gru.step(self.X, (self.H, self.H)),
            lambda: gru.step(self.X, self.H, out=[1]),
            lambda: gru.step(self.X),
            lambda: lstm.step(self.X, self.H),
        ):
            with pytest.raises(TypeError, match=r"^step takes float32 arrays in C order: x"):
                call()

    def test_weights(self):
        _, kernel, recurrent, bias, _ = problem(Recurrence("gru"), 1, 5, 9)
        with pytest.raises(ValueError, match="kernel must have shape"):
            ops.pack_gru(kernel[:, 1:], recurrent, bias)
        with pytest.raises(ValueError, match="bias must have shape"):
            ops.pack_gru(kernel, recurrent, bias, reset_after=False)
        with pytest.raises(TypeError, match="float32"):
            ops.pack_gru(kernel.astype(np.float64), recurrent, bias)
        with pytest.raises(ValueError, match="kernel and recurrent_kernel must have shapes"):
            ops.pack_gru(kernel[0], recurrent, bias)
