"""What the explanation of a forecast needs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, LinearForm, Pullback, Rng, States, Weights
from gatewright.nn.layers import Recurrent
from gatewright.results.explanation import Step
from gatewright.support.errors import InputError, nearest
from gatewright.tasks.base.explainable import Explainable, Output
from gatewright.tasks.forecast.decoders import Parallel
from gatewright.tasks.forecast.layers import InstanceNorm, Quantiles, Segments
from gatewright.tasks.forecast.past import Past
from gatewright.tasks.forecast.scales import Observed
from gatewright.tasks.forecast.task import PreparedForecast

_Floats: TypeAlias = NDArray[np.float64]


class _Choice(NamedTuple):
    """The number that is explained: a step ahead, a target and an output (0 for the forecast, then the quantiles)."""

    step: int
    target: int
    output: int


def explain_forecast(
    prepared: PreparedForecast,
    layers: Sequence[Layer],
    weights: Sequence[Weights],
    past: Past,
    inputs: Callable[[Observed], Mapping[str, Any]],
    label: str | None,
    step: int | None,
) -> Explainable:
    """Return what the explanation of one number of a forecast needs; see `TrainedModel.explainable`.

    The number is in the units of the data. The network that is explained is that of the model up to this number. With
    decoding by segments, the recurrent layers read segments of one target, so the steps are segments.

    Args:
        prepared: What the model learned of the training set.
        layers, weights: The network of the model.
        past: The past steps.
        inputs: Function that returns the network's inputs for past steps, [1, look_back, features].
        label: A target, or a target and a quantile, such as "load q0.9". By default the first target.
        step: Index of the step ahead. By default the last.

    Raises:
        InputError: There is no such number, or the network cannot be explained.
    """
    if not any(isinstance(layer, Recurrent) for layer in layers):
        raise InputError("The forecasts of a network whose only recurrent layer is decaying cannot be explained yet.")
    if prepared.quantiles and not any(isinstance(layer, Quantiles) for layer in layers):
        raise InputError("The forecasts of a network without a layer of quantiles cannot be explained.")
    scales, choice = prepared.scales, _chosen(prepared, label, step)
    target = choice.target
    network = _network(layers, weights, choice, past.scale)
    norm = cast(InstanceNorm, layers[0])
    segment = layers[1].segment if isinstance(layers[1], Segments) else 0
    features = slice(None) if not segment else [target, *range(norm.targets, scales.features)]

    def read(seen: Observed) -> dict[str, Any]:
        found = inputs(seen)
        return {**found, "past": found["past"][:, :, features]}

    steps = _spans(prepared.look_back, segment or 1)

    def without(sets: Sequence[Collection[int]]) -> dict[str, Any]:
        every = []
        for left_out in sets:
            missing = [place for number in left_out for place in range(*steps[number])]
            every.append(read(past.seen._replace(values=interpolated(past.seen.values, missing))))
        return {name: np.concatenate([one[name] for one in every]) for name in every[0]}

    name = f"{_names(prepared)[target][choice.output]} at {_time(prepared, past.last, choice.step + 1)}"
    own = read(past.seen)
    with np.errstate(all="ignore"):
        found = Activations(own)
        for layer, w in zip(*network, strict=True):
            found, _ = layer.forward(NUMPY, w, found, None, None)
    return Explainable(
        own,
        tuple(_shown(prepared, past, span) for span in steps),
        Output(name, 0),
        f"{name} = {float(found.x[0, 0]):.6g}",
        None,
        tuple(range(len(steps))) if len(steps) > 1 else (),
        without,
        (*past.notes, *_notes(prepared, norm, segment)),
        network,
    )


def interpolated(values: _Floats, missing: Sequence[int]) -> _Floats:
    """Return the steps of a series in which some steps lie on the line between the steps next to them.

    A single step becomes the mean of its neighbors. At an end of the series there is only one neighbor, which is
    repeated.

    Args:
        values: The steps, [time, variables].
        missing: The indices of the steps to replace.
    """
    kept = np.setdiff1d(np.arange(len(values)), missing)
    if not len(kept):
        return np.zeros_like(values)
    found = values.copy()
    for column in range(values.shape[1]):
        found[missing, column] = np.interp(missing, kept, values[kept, column])
    return found


def _chosen(prepared: PreparedForecast, label: str | None, step: int | None) -> _Choice:
    step = prepared.horizon - 1 if step is None else step
    if not 0 <= step < prepared.horizon:
        raise InputError(
            f"The model forecasts {prepared.horizon:,} steps, so step {step + 1:,} ahead does not exist: give one from "
            f"1 to {prepared.horizon:,}."
        )
    names = _names(prepared)
    places = {name: (target, output) for target, own in enumerate(names) for output, name in enumerate(own)}
    if label is not None and label not in places:
        listed = ", ".join(list(places)[:20])
        raise InputError(f"The model does not forecast {label!r}. It forecasts: {listed}{nearest(label, list(places))}")
    return _Choice(step, *((0, 0) if label is None else places[label]))


def _names(prepared: PreparedForecast) -> list[list[str]]:
    """Return the name of each output of each target."""
    targets = prepared.scales.variables[: prepared.scales.targets]
    return [[name, *(f"{name} q{q:g}" for q in prepared.quantiles)] for name in targets]


def _spans(look_back: int, size: int) -> list[tuple[int, int]]:
    """Return the first place and the place after the last one of each step or segment; the last ends the window."""
    return [(end - size, end) for end in range(look_back % size + size, look_back + 1, size)]


def _time(prepared: PreparedForecast, last: int | None, steps: int) -> str:
    return f"{steps:+d}" if last is None else prepared.scales.grid.time_at(last + steps)


def _shown(prepared: PreparedForecast, past: Past, span: tuple[int, int]) -> Step:
    """Return a step or segment, with the mean of each variable in it."""
    first, end = (place - prepared.look_back for place in span)
    numbers = past.seen.values[slice(*span)].mean(axis=0)
    text = _time(prepared, past.last, first + 1)
    if end - first > 1:
        text += f" to {_time(prepared, past.last, end)}"
    return Step(text, numbers=dict(zip(prepared.scales.variables, map(float, np.nan_to_num(numbers)), strict=True)))


def _notes(prepared: PreparedForecast, norm: InstanceNorm, segment: int) -> list[str]:
    notes = [
        "The effects are in the units of the data. The number of steps that the network reads is fixed, so a step that "
        "is left out is replaced by the line between the steps next to it, which for one step is their mean."
    ]
    if segment:
        notes.append(
            f"The recurrent layers read segments of {segment:,} steps, so each step here is a segment, with the mean "
            "of its numbers."
        )
        if rest := prepared.look_back % segment:
            notes.append(f"The first {rest:,} of {prepared.look_back:,} steps are not read.")
    if norm.method != "none":
        level = "last value" if norm.method == "last" else "mean and standard deviation"
        notes.append(
            f"The network reads each window relative to its {level}. The ledger and integrated gradients take this "
            "level as given; leave-one-out computes it again."
        )
    return notes


def _network(
    layers: Sequence[Layer], weights: Sequence[Weights], choice: _Choice, scale: _Floats
) -> tuple[list[Layer], list[Weights]]:
    """Return the layers and weights of a network whose only output, [batch, 1], is the chosen number in its units.

    With segments, the network reads only the chosen target, which the other targets do not affect.
    """
    found: list[Layer] = []
    own: list[Weights] = []
    place = choice.target
    for layer, w in zip(layers, weights, strict=True):
        if isinstance(layer, Segments):
            norm = replace(cast(InstanceNorm, found.pop()), targets=1)
            layer, place = SegmentedWindow(norm, replace(layer, targets=1)), 0
            own.pop()
        elif isinstance(layer, Parallel):
            layer, w = _for_one_target(layer, w, choice.target)
        elif isinstance(layer, Quantiles) and not choice.output:
            continue  # the forecast itself passes this layer unchanged
        found.append(layer)
        own.append(w)
    mean, deviation = (float(row[choice.target]) for row in scale)
    return [*found, InUnits(choice.step, place, choice.output, mean, deviation)], [*own, {}]


def _for_one_target(layer: Parallel, w: Weights, target: int) -> tuple[Layer, Weights]:
    """Return a decoder that forecasts only one of the targets, and its weights."""
    own = {**w, "targets": w["targets"][target : target + 1]}
    if "ahead" in w:
        own["ahead"] = w["ahead"][:, target * layer.outputs : (target + 1) * layer.outputs]
    return replace(layer, targets=1), own


@dataclass(frozen=True)
class SegmentedWindow(Layer):
    """`InstanceNorm` and `Segments` as one layer, so that its outputs are the vectors that the recurrent layers read.

    Attributes:
        norm, segments: The two layers.
    """

    norm: InstanceNorm
    segments: Segments
    kind: ClassVar[str] = "segmented_window"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        normalized, _ = self.norm.forward(backend, {}, inputs, None, rng)
        return self.segments.forward(backend, w, normalized, None, rng)


@dataclass(frozen=True)
class InUnits(Layer):
    """Select one number of a forecast, [B, H, C, O], and return it in the units of the data, [B, 1].

    Attributes:
        step, target, output: The place of the number along the last three axes.
        mean, deviation: The scale of the target.
    """

    step: int
    target: int
    output: int
    mean: float
    deviation: float
    kind: ClassVar[str] = "in_units"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        y = inputs.x[:, self.step, self.target, self.output, None]
        # In float64, so that a number that is large in comparison with its changes keeps them.
        return inputs._replace(x=y.astype(np.float64) * self.deviation + self.mean), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        shape, dtype = inputs.x.shape, inputs.x.dtype

        def pullback(d: Array) -> Array:
            found = np.zeros(shape, dtype)
            found[:, self.step, self.target, self.output] = d[:, 0] * self.deviation
            return found

        return self.forward(NUMPY, w, inputs, None, None)[0], pullback

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        _, pullback = self.vjp(w, inputs._replace(x=inputs.x.astype(np.float64)))
        return lambda d: (pullback(d), float(d.sum() * self.mean))
