"""The layers of forecasters against their equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.nn.layers import Recurrent
from gatewright.ops import reference as cells
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.decoders import Direct, Parallel, Recursive
from gatewright.tasks.forecast.layers import NORMALIZATION, Decaying, Denormalize, InstanceNorm, Segments

B, L, H, C = 3, 8, 5, 2


def network(
    decoding, cell="gru", units=4, layers=1, method="last", known=0, outputs=2, segment=3, horizon=H, zoneout=0.0
):
    below = [Recurrent(cell, units, return_sequences=layer < layers - 1, zoneout=zoneout) for layer in range(layers)]
    sizes = {"horizon": horizon, "targets": C, "outputs": outputs, "future_features": known}
    norm = InstanceNorm(method, L, C, known, bool(known) and decoding == "recursive")
    if decoding == "segments":
        decoder = Parallel(cell=cell, units=units, segment=segment, zoneout=zoneout, **sizes)
        return [norm, Segments(segment, units, C), *below, decoder, Denormalize()]
    if decoding == "direct":
        return [norm, *below, Direct(**sizes), Denormalize()]
    return [norm, *below, Recursive(cell=cell, layers=layers, zoneout=zoneout, **sizes), Denormalize()]


def drawn(layers, features, seed=0):
    """Return weights of which none is 0, as float64."""
    rng = np.random.default_rng(seed)
    return [
        {name: rng.normal(size=shape) / 2 for name, shape in layer.items()} for layer in models.shapes(layers, features)
    ]


def recurrence(cell, x, w, states=None, zoneout=0.0):
    """Return the outputs and last states of a recurrent layer by the specification."""
    rec = Recurrence(cell, zoneout=zoneout)
    W, U, b = w["kernel"], w["recurrent_kernel"], w["bias"]
    zeros = tuple(np.zeros((len(x), U.shape[0])) for _ in rec.state_names)
    found = cells.forward(rec, x, W, U, b, zeros if states is None else states)
    return found.sequence, found.states


def as_float32(weights):
    return [{name: array.astype(np.float32) for name, array in layer.items()} for layer in weights]


def windows(x, known):
    """Return windows [B, L + H, F] as the network reads them: what lies ahead apart from what is known is not there."""
    x = x.astype(np.float32)
    return {"past": x[:, :L], **({"future": x[:, L:, -known:]} if known else {})}


def outputs_of(layers, weights, x, known, backend=NUMPY):
    bound = models.bind(layers, as_float32(weights))
    return np.asarray(models.forward(layers, backend, bound, Activations(windows(x, known)))[0].x)


def normalization(x, method):
    y = x[:, :L, :C]
    if method == "last":
        return y[:, -1:], np.ones_like(y[:, :1])
    if method == "standard":
        return y.mean(axis=1, keepdims=True), np.sqrt(y.var(axis=1, keepdims=True) + 1e-5)
    return np.zeros_like(y[:, :1]), np.ones_like(y[:, :1])


def expected(decoding, layers, weights, x, cell, method, known, outputs, segment, horizon, zoneout):
    """Return the same forecast from the equations, a target and a segment at a time."""
    m, s = normalization(x, method)
    inside = x[:, :L].copy()
    inside[..., :C] = (inside[..., :C] - m) / s
    ahead = x[:, L:, x.shape[2] - known :]
    recurrent = [w for layer, w in zip(layers, weights, strict=True) if isinstance(layer, Recurrent)]
    out = weights[-2]
    y = np.empty((len(x), horizon, C, outputs))
    if decoding == "segments":
        W, b = weights[1]["kernel"], weights[1]["bias"]
        n = L // segment
        for c in range(C):
            steps = []
            for place in range(n):
                at = slice(L - n * segment + place * segment, L - n * segment + (place + 1) * segment)
                read = np.concatenate([inside[:, at, c], inside[:, at, C:].reshape(len(x), -1)], axis=1)
                steps.append(np.maximum(read @ W + b, 0))
            sequence = np.stack(steps, axis=1)
            for w in recurrent:
                sequence, last = recurrence(cell, sequence, w, zoneout=zoneout)
            for k in range(-(-horizon // segment)):
                e = np.concatenate([out["positions"][k], out["targets"][c]])
                _, (g, *_) = recurrence(cell, np.tile(e, (len(x), 1, 1)), recurrent[-1], last, zoneout)
                piece = (g @ out["kernel"] + out["bias"]).reshape(len(x), segment, outputs)
                room = min(segment, horizon - k * segment)
                y[:, k * segment : k * segment + room, c] = piece[:, :room]
    else:
        if known and decoding == "recursive":
            inside[..., -known:] = x[:, 1 : L + 1, -known:]
        sequence, states = inside, []
        for w in recurrent:
            sequence, last = recurrence(cell, sequence, w, zoneout=zoneout)
            states.append(last)
        top = last[0]
        if decoding == "direct":
            y = (top @ out["kernel"] + out["bias"]).reshape(y.shape)
        for k in range(horizon if decoding == "recursive" else 0):
            y[:, k] = (top @ out["kernel"] + out["bias"]).reshape(len(x), C, outputs)
            held = x[:, L - 1, C : x.shape[2] - known]
            step = np.concatenate(
                [y[:, k, :, 0], held, *([ahead[:, min(k + 1, horizon - 1)]] if known else [])], axis=1
            )
            for place, w in enumerate(recurrent):
                _, states[place] = recurrence(cell, step[:, None], w, states[place], zoneout)
                step = states[place][0]
            top = step
    if known and decoding != "recursive":
        y = y + (ahead @ out["ahead"]).reshape(y.shape)
    return s[..., None] * y + m[..., None]


@pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
@pytest.mark.parametrize(("cell", "zoneout"), [("simple_rnn", 0.0), ("lstm", 0.0), ("gru", 0.0), ("lstm", 0.1)])
@pytest.mark.parametrize(
    ("method", "known", "layers", "segment", "horizon"),
    [("last", 0, 1, 3, 5), ("standard", 2, 2, 4, 4), ("none", 1, 1, 8, 1), ("last", 0, 2, 1, 9)],
)
class TestNetwork:
    def drawn(self, decoding, cell, zoneout, method, known, layers, segment, horizon):
        features = C + known + (1 if known else 0)
        made = network(decoding, cell, 4, layers, method, known, 2, segment, horizon, zoneout)
        x = np.random.default_rng(1).normal(size=(B, L + (horizon if known else 0), features))
        return made, drawn(made, features), x

    def test_the_forward_pass_equals_the_equations(
        self, decoding, cell, zoneout, method, known, layers, segment, horizon
    ):
        made, weights, x = self.drawn(decoding, cell, zoneout, method, known, layers, segment, horizon)
        wanted = expected(decoding, made, weights, x, cell, method, known, 2, segment, horizon, zoneout)
        assert wanted.shape == (B, horizon, C, 2)
        assert_close(outputs_of(made, weights, x, known), wanted, "gradient", np.float32)
        assert_close(outputs_of(made, weights, x, known, jax_backend()), wanted, "gradient", np.float32)

    def test_the_forecast_of_a_window_does_not_depend_on_the_others(
        self, decoding, cell, zoneout, method, known, layers, segment, horizon
    ):
        made, weights, x = self.drawn(decoding, cell, zoneout, method, known, layers, segment, horizon)
        alone = np.concatenate([outputs_of(made, weights, row[None], known) for row in x])
        assert_close(outputs_of(made, weights, x, known), alone, "same_order", np.float32)


def test_an_unknown_normalization_is_refused():
    with pytest.raises(InputError, match="The normalization must be one of last, standard, none, not 'first'"):
        InstanceNorm("first", L, C)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_decaying_layer_equals_the_equations(cell, return_sequences):
    V, units, known = 3, 5, 1
    layer = Decaying(cell, units, V, C, return_sequences)
    rng = np.random.default_rng(3)
    weights = [{name: rng.normal(size=shape) / 2 for name, shape in layer.shapes(2 * V + known).items()}]
    delta = rng.integers(0, 4, (B, L, V)).astype(float)
    x = rng.normal(size=(B, L, V))
    ahead = rng.normal(size=(B, L, known))
    m, s = rng.normal(size=(B, 1, C)), rng.uniform(1, 2, (B, 1, C))
    w, rec = weights[0], Recurrence(cell)
    states = tuple(np.zeros((B, units)) for _ in rec.state_names)
    outputs = []
    for t in range(L):
        gamma_x = np.exp(-np.maximum(0, w["input_decay"] * delta[:, t] + w["input_decay_bias"]))
        mean = np.concatenate([(0 - m[:, 0]) / s[:, 0], np.zeros((B, V - C))], axis=1)
        present = delta[:, t] == 0
        read = np.where(present, x[:, t], gamma_x * x[:, t] + (1 - gamma_x) * mean)
        gamma_h = np.exp(-np.maximum(0, delta[:, t] @ w["state_decay"] + w["state_decay_bias"]))
        read = np.concatenate([read, present, ahead[:, t]], axis=1)
        _, states = recurrence(cell, read[:, None], w, tuple(gamma_h * state for state in states))
        outputs.append(states[0])
    wanted = np.stack(outputs, axis=1) if return_sequences else outputs[-1]
    given = np.concatenate([x, delta, ahead], axis=2).astype(np.float32)
    context = {NORMALIZATION: (m.astype(np.float32), s.astype(np.float32))}
    for backend in (NUMPY, jax_backend()):
        inputs = Activations(given, context=context)
        found, _ = layer.forward(backend, as_float32(weights)[0], inputs, None, None)
        assert_close(np.asarray(found.x), wanted, "gradient", np.float32)


def test_a_decaying_layer_has_a_known_cell():
    assert Decaying("gru", 5, 3, C).cells() == ("gru",)
    with pytest.raises(InputError, match="cell must be one of"):
        Decaying("gro", 5, 3, C)


@pytest.mark.parametrize("decoding", ["segments", "direct", "recursive"])
def test_gradients_reach_every_weight(decoding):
    """Also those of weights that two layers share: the gradient by each weight is the slope along it."""
    layers = network(decoding, units=4, layers=2, known=1)
    weights = as_float32(drawn(layers, C + 1))
    x = windows(np.random.default_rng(1).normal(size=(B, L + H, C + 1)), 1)
    backend = jax_backend()

    def loss(weights):
        return jnp.square(models.forward(layers, backend, models.bind(layers, weights), Activations(x))[0].x).mean()

    gradients = jax.grad(loss)(weights)
    rng = np.random.default_rng(2)
    for place, layer in enumerate(weights):
        for name, array in layer.items():
            direction = rng.normal(size=array.shape).astype(np.float32)
            h = 1e-2
            moved = [
                [{**w, name: array + sign * h * direction} if at == place else w for at, w in enumerate(weights)]
                for sign in (1, -1)
            ]
            slope = (float(loss(moved[0])) - float(loss(moved[1]))) / (2 * h)
            found = float((np.asarray(gradients[place][name]) * direction).sum())
            assert found == pytest.approx(slope, rel=0.05, abs=0.02), (place, name)
            assert np.abs(np.asarray(gradients[place][name])).max() > 0, (place, name)
