"""Recordings in the views of explanations: the layout of labels, transcripts, and the stretches that decide."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest
from explanations import explained
from hypothesis import given
from hypothesis import strategies as st

from gatewright.report import sound_rows as layout
from gatewright.report.page.spoken import write_spoken_page
from gatewright.results.explanation import Step
from gatewright.results.sound import Sound, SoundEffects, Spectrogram, Stretch
from gatewright.results.spoken import SpokenExplanation, SpokenSymbol
from gatewright.results.transcript import Transcript, Word

HERTZ = (100.0, 400.0, 1200.0, 3000.0)


def spoken(seconds=1.2, text="no </b>"):
    """Return the explanation of a transcript whose symbols are at equal distances."""
    frames, steps = round(seconds * 100), round(seconds * 100 / 3)
    times = 0.03 * np.linspace(1, steps - 2, len(text)).round()
    words = [word for word, letters in enumerate(text.split()) for _ in (*letters, " ")]
    symbols = tuple(
        SpokenSymbol(letter, time, time + 0.03, 0.4 if letter == "o" else 0.9, None if letter == " " else words[place])
        for place, (letter, time) in enumerate(zip(text, times.tolist(), strict=True))
    )
    outputs = ("", *dict.fromkeys(text))
    rng = np.random.default_rng(0)
    spans = [[one for one in symbols if one.word == word] for word in range(len(text.split()))]
    found = tuple(Word(text, own[0].start, own[-1].end, 0.5) for text, own in zip(text.split(), spans, strict=True))
    return SpokenExplanation(
        *("m.safetensors", Transcript(text, found, -1.0, seconds, "a.wav"), symbols),
        *(Spectrogram(rng.uniform(-60, 0, (frames, 4)), HERTZ, 0.01), 0.03, outputs),
        *(rng.dirichlet(np.ones(len(outputs)), steps), f"The model writes {text}.", ("Times are early or late.",)),
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 0.05)), max_size=15))
def test_labels_never_overlap_and_stay_where_there_is_room(labels):
    places, widths = sorted(place for place, _ in labels), [width for _, width in labels]
    found = layout.spread(places, widths, 0.0, 1.0)
    ends = [(at - width / 2, at + width / 2) for at, width in zip(found, widths, strict=True)]
    assert all(after[0] >= before[1] - 1e-9 for before, after in pairwise(ends))
    assert all(low >= -1e-9 and high <= 1 + 1e-9 for low, high in ends)  # all labels together fit
    wanted = [(at - width / 2, at + width / 2) for at, width in zip(places, widths, strict=True)]
    borders = [0.0, *(end for pair in wanted for end in pair), 1.0]
    if borders == sorted(borders):
        assert found == pytest.approx(places)


def test_long_and_dense_recordings_have_more_rows():
    def rows(seconds, width):
        found = spoken(seconds, "o" * 20)
        return layout.rows(found, [width] * 20)

    assert rows(4.8, 0.01) == [(0.0, 4.8)]
    assert rows(9.6, 0.01) == [(0.0, 4.8), (4.8, 9.6)]
    assert len(rows(4.8, 0.08)) == 2
    assert rows(600, 0.01)[-1][1] == layout.MAX_SECONDS


def test_the_axes_have_round_frequencies_and_times():
    picture = Spectrogram(np.zeros((3, 4)), HERTZ, 0.01)
    assert [text for _, text in layout.ticks(picture)] == ["100 Hz", "250 Hz", "500 Hz", "1 kHz", "2 kHz"]
    assert layout.ticks(picture)[1][0] == pytest.approx(0.5)
    cepstra = dataclasses.replace(picture, values=np.zeros((3, 13)), hertz=())
    assert [text for _, text in layout.ticks(cepstra)] == ["0", "3", "6", "9", "12"]
    assert layout.seconds((0.0, 0.41)) == pytest.approx(np.arange(0, 0.41, 0.05))
    assert layout.seconds((4.7, 9.4)) == pytest.approx(np.arange(5, 9.5, 0.5))


def test_the_terminal_shows_each_word_with_the_times_of_its_symbols():
    lines = str(spoken()).splitlines()
    assert lines[0] == "The model writes no </b>."
    (row,) = [line for line in lines if line.startswith("no")]
    assert row.split("│")[1].split() == ["0.03", "0.24", "0.50", "n", "0.03", "o", "0.21?"]
    assert "Note: Times are early or late." in lines


def test_a_notebook_and_a_page_show_the_symbols_over_the_spectrogram(tmp_path):
    explanation = spoken()
    write_spoken_page(explanation, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    for content in (explanation._repr_html_(), page[page.index("<main>") : page.index("</body>")]):
        root = ElementTree.fromstring(f"<root>{content}</root>")
        (picture,) = root.iter("svg")
        symbols = [one for one in picture.iter("text") if one.get("class") == "symbol"]
        assert [one.text for one in symbols] == ["n", "o", layout.SPACE, "<", "/", "b", ">"]
        (image,) = picture.iter("image")
        assert image.get("href").startswith("data:image/png;base64,iVBOR")
        assert ["".join(cell.itertext()) for cell in root.find(".//tbody/tr")][:4] == ["no", "0.03", "0.24", "0.50"]


def test_figures_have_the_symbols_over_the_spectrogram_and_a_row_for_each_five_seconds():
    figure = spoken(8.0).plot()
    panels = [axes for axes in figure.axes if axes.get_ylabel() == "mel band"]
    assert len(panels) == 2
    texts = [text for axes in panels for text in axes.texts]
    assert [text.get_text() for text in texts] == ["n", "o", layout.SPACE, "<", "/", "b", ">"]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in panels[0].texts]
    assert all(one.x1 <= other.x0 for one, other in pairwise(boxes))
    assert spoken(0.02, "").plot().axes


def test_the_stretches_that_decide_are_named_and_drawn():
    steps = [Step(f"{place / 10:.2f} s", numbers={"mean level in dB": -1.0 * place}) for place in range(4)]
    borders = np.arange(5) / 10
    sound = Sound(Spectrogram(np.zeros((40, 4)) - 30, HERTZ, 0.01), borders[:-1], borders[1:])
    effects = SoundEffects(sound, 0.1, np.array([0.1, 2.0, 3.0, -1.0]), (Stretch(0.1, 0.3, 4.0),))
    explanation = dataclasses.replace(explained(steps), sound=effects)
    says = "falls without 0.10 s to 0.30 s by 4.00."
    assert says in " ".join(str(explanation).split())
    root = ElementTree.fromstring(f"<root>{explanation._repr_html_()}</root>")
    assert says in "".join(root.itertext())
    assert len([one for one in root.iter("rect") if one.get("fill") == "none"]) == 1
    figure = explanation.plot()
    assert [axes.get_ylabel() for axes in figure.axes][:2] == ["mel band", "fall of the logit"]
    assert json.loads(json.dumps(explanation.to_json()))["sound"]["stretches"][0]["end"] == 0.3
