"""The view of an explanation in a terminal: aligned, complete, and legible without colours."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pytest
from explanations import explained
from rich.cells import cell_len

from gatewright.report import render
from gatewright.results.explanation import (
    GRADIENTS,
    OMISSION,
    PADDED,
    UNKNOWN,
    Attribution,
    LayerMemory,
    ModelExplanation,
    Step,
    Target,
    WordEffect,
)

WORDS = [
    "the",
    "acting",
    "is",
    "superb",
    "but",
    "the",
    "end",
    "is",
    "a",
    "bit",
    "predictable",
    "and",
    "I",
    "loved",
    "it",
]
WIDE = ["映画", "は", "👍🏽", "cafe\u0301", "नमस्ते", "good", "\u0301"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(explanation, monkeypatch, columns=100, stream=None, **environment):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"COLUMNS": str(columns), "TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    stream = stream or io.StringIO()
    render.show(explanation, stream)
    stream.seek(0)
    return stream.read()


def flat(explanation):
    """Return the plain text without line breaks."""
    return " ".join(str(explanation).split())


def row(text, name):
    """Return what follows the bar in all rows of this name, joined."""
    return " ".join(line.split("│", 1)[1] for line in text.split("\n") if line.startswith(name) and "│" in line)


def test_the_text_says_everything():
    explanation = explained(WORDS)
    text = str(explanation)
    assert text.startswith(explanation.summary[:60])
    for word in WORDS:
        assert word in text
    for found in explanation.attributions:
        largest = found.values[np.argmax(np.abs(found.values))]
        assert f"{largest:+.2f}" in text
    for words in ("kept at the end", "overwritten here", "bias", "z = 1 keeps the state", "half-life", "Faithfulness"):
        assert words in text
    assert "Note: The model reads the last 200 words of a text." in text
    assert max(map(cell_len, text.split("\n"))) <= 100


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("words", [WORDS, WIDE, ["x" * 300, "short"]])
def test_rows_are_aligned_with_the_words_and_fit(words, columns, monkeypatch):
    text = shown(explained(words), monkeypatch, columns)
    lines = text.split("\n")
    assert max(map(cell_len, lines)) <= columns
    rows = [line for line in lines if line.startswith(("written", "kept", "overwritten")) and "│" in line]
    assert rows
    for place, line in enumerate(lines):
        if not line.startswith("written"):
            continue
        above = next(other for other in reversed(lines[:place]) if other.startswith(" ") and "│" in other)
        starts = [match.start() for match in re.finditer(r"[▁▂▃▄▅▆▇█]+", line)]
        columns_of_words = [
            cell_len(above[: match.start()]) for match in re.finditer(r"\S+", above) if match[0] not in "│"
        ]
        assert starts == columns_of_words


def test_blocks_are_as_high_as_the_numbers(monkeypatch):
    explanation = explained(WORDS)
    trace = explanation.layers[0]
    written = np.abs(trace.written).sum(axis=1)
    blocks = [cell[0] for cell in row(shown(explanation, monkeypatch), "written").split()]
    assert len(blocks) == len(WORDS)
    heights = ["▁▂▃▄▅▆▇█".index(block) for block in blocks]
    assert all(
        heights[first] <= heights[second]
        for first in range(len(WORDS))
        for second in range(len(WORDS))
        if written[first] < written[second]
    )
    kept = [cell[0] for cell in row(shown(explanation, monkeypatch), "kept at the end").split()]
    assert kept[-1] == blocks[-1]  # nothing comes after the last word
    assert row(shown(explanation, monkeypatch), "overwritten here").split()[0][0] == "▁"  # there is nothing before it


def test_colours_are_for_terminals_only(monkeypatch):
    explanation = explained(WORDS)
    plain = shown(explanation, monkeypatch, 80)  # rich takes a dumb terminal to be so wide
    assert "\x1b" not in plain
    for other in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        text = shown(explanation, monkeypatch, 80, Terminal(), **other)
        assert not re.search(r"\x1b\[[0-9;]*[34]8;", text)
        assert COLOUR.sub("", text) == plain
    coloured = shown(explanation, monkeypatch, 80, Terminal())
    assert re.search(r"\x1b\[[0-9;]*48;5;\d+m", coloured)  # one of 256 colours behind a word
    assert COLOUR.sub("", coloured) == plain


def test_an_output_without_block_characters_gets_ascii(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    shown(explained([*WORDS, "café"]), monkeypatch, stream=stream)
    stream.seek(0)
    text = stream.read()
    assert "caf\\xe9" in text
    assert "#####" in text


def test_hostile_words_cannot_control_the_terminal(monkeypatch):
    hostile = ["\x1b[2J", "a\nb", "[red]", "\u202e", "\r", "\x9b31m"]
    explanation = explained(hostile, answer="\x1b]0;x\x07", target=Target("\x1b[1m", "\x07", 1.0, 0.7), notes=("\x1b",))
    for stream in (None, Terminal()):
        text = COLOUR.sub("", shown(explanation, monkeypatch, stream=stream))
        assert text.replace("\n", "").isprintable()
        assert "[red]" in text
        assert "\\x1b[2J" in text


def test_nothing_but_the_answer_is_shown_of_an_empty_text():
    text = str(explained([], groups=()))
    assert "although it read no word" in text
    assert "written" not in text


def test_a_simple_rnn_says_that_it_has_no_ledger():
    text = str(explained(WORDS, "simple_rnn"))
    assert "There is no ledger for simple_rnn" in text
    assert "leave-one-out" in text
    assert not re.search("^written", text, re.MULTILINE)


def test_a_long_text_shows_its_strongest_words_with_their_neighbours():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=2000) * 0.01
    effects[[700, 1500]] = 3, -2
    steps = tuple(Step(f"w{place}") for place in range(2000))
    explanation = dataclasses.replace(
        explained(WORDS), steps=steps, attributions=(Attribution(OMISSION, effects),), layers=(), top_layers=()
    )
    text = str(explanation)
    assert len(text.split("\n")) < 120
    for place in (0, 690, 700, 710, 1500, 1999):
        assert f"w{place} " in f"{text} ".replace("\n", " ")
    gaps = re.findall(r"\.\.\. ([\d,]+) words, no effect above ([\d.]+)", text)
    shown_words = len(set(re.findall(r"\bw\d+\b", text.split("Effect (")[0].split("│", 1)[1])))
    assert sum(int(count.replace(",", "")) for count, _ in gaps) + shown_words == 2000
    assert max(float(largest) for _, largest in gaps) < 0.05


def test_padding_is_folded_and_unknown_words_are_marked():
    steps = [Step("", PADDED)] * 50 + [Step("good"), Step("flurb", UNKNOWN)]
    text = flat(explained(steps))
    assert "50 steps of padding" in text
    assert "[flurb]" in text
    assert "a word that the vocabulary lacks" in text


def test_steps_that_a_method_cannot_judge_are_marked():
    effects = np.array([1.0, np.nan, -0.5])
    text = str(explained(["a", "b", "c"], attributions=(Attribution(OMISSION, effects),), faithfulness=(), groups=()))
    assert row(text, "effect").split() == ["+1.0", "?", "-0.5"]
    nothing = str(explained(["a"], attributions=(Attribution(OMISSION, np.array([np.nan])),), faithfulness=()))
    assert "nan" not in nothing
    assert "There is no effect of a word to show" in nothing


def test_characters_follow_each_other_without_spaces():
    text = str(explained(list("to be or not"), target=Target("t", "", 1.0, 0.5, 11)))
    assert "│ to be or not\n" in text
    assert row(text, "explained").index("^") == row(text, " ").index("not") + 2


def test_a_series_has_a_column_for_each_step_and_a_row_for_each_channel(monkeypatch):
    steps = [Step(f"day {day}", numbers={"load": float(day % 5), "wind": 1.0}) for day in range(100)]
    explanation = explained(steps, target=Target("load", "", 1.0))
    assert max(map(cell_len, shown(explanation, monkeypatch, 30).split("\n"))) <= 30
    text = shown(explanation, monkeypatch, 80)
    assert len(row(text, "load").replace(" ", "")) == 100
    assert row(text, "load").replace(" ", "")[:5] == "▁▃▅▇█"
    assert "steps day 0 ... day " in text
    assert "load 0 to 4.00, wind 1.00 to 1.00" in flat(explanation)
    values = explanation.attribution(OMISSION).values
    positive = row(text, "effect +").replace(" ", "")
    assert positive.index("█" if "█" in positive else positive[values.argmax()]) == values.argmax()


def test_two_directions_are_added_up():
    explanation = explained(WORDS, bidirectional=True, pooling="mean")
    text = flat(explanation)
    assert "states h of GRU 1, forward and GRU 1, backward together" in text
    assert "read from all steps (mean)" in text
    assert "half gone at" not in text  # each direction has its own


def test_a_model_without_a_text_shows_its_half_lives(monkeypatch):
    gates = {"z": np.array([[0.1, 0.3], [0.3, 0.1]])}
    layers = (
        LayerMemory("GRU 1", "gru", {"z": "z = 1 keeps the state"}, np.array([0.5, 1.0, 3.0, 3.5, 900, np.inf]), gates),
        LayerMemory("SimpleRNN 2", "simple_rnn", {}, None, {}),
    )
    words = (WordEffect("superb", "positive", 1.5, 12),)
    explanation = ModelExplanation("m.safetensors", "texts", 500, 20_000, layers, OMISSION, words, ("A note.",))
    text = shown(explanation, monkeypatch)
    assert text == shown(explanation, monkeypatch, stream=io.StringIO())
    assert "500 texts with 20,000 steps" in text
    counts = re.findall(r"^(\S.*?) *│[ █]* (\d+)$", text, re.MULTILINE)
    assert counts[:4] == [("below 1 step", "1"), ("1 to 2 steps", "1"), ("2 to 4 steps", "2"), ("4 to 8 steps", "0")]
    assert counts[-1] == ("from 128 steps", "2")
    assert re.search(r"GRU 1 +z +20% +60% +20%", text)
    assert "SimpleRNN 2: simple_rnn has no gate" in text
    assert re.search(r"superb +\+1.50 +positive +12", text)
    assert "Note: A note." in text


def test_a_large_completeness_gap_is_a_warning():
    found = Attribution(GRADIENTS, np.array([1.0, 2.0]), {}, 0.5)
    explanation = explained(["a", "b"], attributions=(found,), target=Target("a", "b", 2.0, 0.9))
    assert "gap is 0.500, 25.0% of the exact sum: do not rely on these effects." in flat(explanation)
    small = dataclasses.replace(explanation, attributions=(dataclasses.replace(found, difference=0.01),))
    assert "gap is 0.0100, 0.5% of the exact sum." in flat(small)


def test_the_alternative_is_named_unless_it_is_the_absence_of_the_answer():
    assert "The logit of a against b is 2.00. + speaks for a, - speaks for b." in flat(
        explained(["x", "y"], target=Target("a", "b", 2.0, 0.9))
    )
    assert "The logit of a is 2.00. + speaks for a, - speaks against a." in flat(
        explained(["x", "y"], target=Target("a", "not a", 2.0, 0.9))
    )
