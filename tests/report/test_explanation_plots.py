"""The figures of explanations: they draw the explanation's own numbers, whatever it holds."""

from __future__ import annotations

import numpy as np
import pytest
from explanations import explained

from gatewright.report.plots import svg
from gatewright.results.explanation import OMISSION, LayerMemory, ModelExplanation, Step, Target

WORDS = ["the", "acting", "is", "superb", "but", "the", "end", "is", "predictable"]


def test_the_bars_and_heat_maps_are_the_numbers():
    explanation = explained(WORDS)
    figure = explanation.plot()
    effects, memory, gradients, *maps = [axes for axes in figure.axes if not hasattr(axes, "_colorbar")]
    drawn = [bar.get_height() for bar in effects.containers[1]]
    assert drawn == pytest.approx(explanation.attribution(OMISSION).values.tolist())
    trace = explanation.layers[0]
    written = np.abs(trace.written).sum(axis=1)
    assert [bar.get_height() for bar in memory.containers[0]] == pytest.approx(written.tolist())
    assert [bar.get_height() for bar in memory.containers[1]] == pytest.approx((written * trace.kept_at_end).tolist())
    assert gradients.lines[0].get_ydata().tolist() == trace.gradients["h"].tolist()
    order = np.argsort(-trace.half_life)
    for axes, letter in zip(maps, "zr", strict=True):
        assert np.array_equal(axes.images[0].get_array(), trace.gates[letter].T[order])
        assert f"gate {letter}" in axes.get_title(loc="left")
    assert [label.get_text() for label in maps[-1].get_xticklabels()] == WORDS


@pytest.mark.slow
def test_any_explanation_can_be_drawn():
    numbers = [Step(f"day {day}", numbers={"load": float(day)}) for day in range(120)]
    for explanation in (
        explained([]),
        explained(["$a$", "映画", "\x1b[31m", "</text>"], "simple_rnn", bidirectional=True),
        explained(["one"], bidirectional=True, pooling="mean"),
        explained(numbers, target=Target("load", "", 1.0)),
    ):
        assert svg(explanation.plot()).startswith("<svg")


def test_a_model_without_a_text_is_drawn():
    half_life = np.array([0.0, 3.0, np.inf])
    layers = (
        LayerMemory("GRU 1", "gru", {}, half_life, {"z": np.array([[0.1, 0.3], [0.3, 0.1], [0, 0]])}),
        LayerMemory("SimpleRNN 2", "simple_rnn", {}, None, {}),
    )
    figure = ModelExplanation("m", "texts", 5, 20, layers, "", (), ()).plot()
    half_lives, saturation = figure.axes
    assert half_lives.lines[0].get_ydata().tolist() == [0.1, 3.0, 1000.0]  # no zero and no infinity on this axis
    assert saturation.collections[0].get_offsets().tolist() == [[0.1, 0.3], [0.3, 0.1], [0.0, 0.0]]
    assert svg(figure).startswith("<svg")
