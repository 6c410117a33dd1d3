"""One step at a time: equal to the walk over a sequence, in place or not, for any batch."""

from __future__ import annotations

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.ops import kernels
from gatewright.ops import numpy as ops
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence

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
    options = ("activation", "recurrent_activation", "reset_after", "zoneout")
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
