"""Span schemes: which tags mark spans, the spans as seqeval finds them, and tags that belong to no scheme."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.tasks.tag.schemes import NO_SPANS, PREFIX, SUFFIX, Span, notation_of_names, recognize, spans, stray_tags

GOLDENS = json.loads((Path(__file__).parents[2] / "goldens" / "seqeval.json").read_text())


def test_spans_equal_those_of_seqeval():
    assert len(GOLDENS) == 120
    for case in GOLDENS:
        for tags, places, kinds in zip(case["truths"], case["spans"], case["kinds"], strict=True):
            # seqeval calls a span without a kind _.
            wanted = [Span("" if kind == "_" else kind, *place) for kind, place in zip(kinds, places, strict=True)]
            assert spans(tags) == wanted


def test_bilou_bmes_and_bmewo_are_read_as_bioes():
    assert spans(["B-a", "I-a", "L-a", "U-b", "O"]) == spans(["B-a", "I-a", "E-a", "S-b", "O"])
    assert spans(["B-a", "I-a", "L-a", "U-b", "O"]) == [Span("a", 0, 2), Span("b", 3, 3)]
    for letters in ("BIES", "BMES", "BMEW"):
        assert spans([f"{letter}-a" for letter in letters]) == [Span("a", 0, 2), Span("a", 3, 3)]
    assert spans(["B", "M", "E", "S", "B", "E"]) == [Span("", 0, 2), Span("", 3, 3), Span("", 4, 5)]


@given(st.lists(st.tuples(st.sampled_from(["a", "b.c", "d-e"]), st.integers(1, 4), st.integers(0, 2)), max_size=6))
def test_spans_that_are_written_are_read(parts):
    """In IOB2 and in BIOES, for any order of spans, including adjacent ones of one kind."""
    wanted: list[Span] = []
    two: list[str] = []
    bioes: list[str] = []
    for kind, size, gap in parts:
        wanted.append(Span(kind, len(two), len(two) + size - 1))
        two += [f"B-{kind}", *[f"I-{kind}"] * (size - 1), *["O"] * gap]
        bioes += [f"S-{kind}"] if size == 1 else [f"B-{kind}", *[f"I-{kind}"] * (size - 2), f"E-{kind}"]
        bioes += ["O"] * gap
    assert spans(two) == spans(bioes) == wanted


def sentences(*texts):
    return [text.split() for text in texts]


@pytest.mark.parametrize(
    ("tags", "notation"),
    [
        (["O B-a I-a O"], PREFIX),
        (["O I-a I-a O B-a"], PREFIX),  # IOB1
        (["O I-a E-a O"], PREFIX),  # IOE
        (["B-a I-a E-a S-b"], PREFIX),
        (["B-a I-a L-a U-b O"], PREFIX),
        (["B-a M-a E-a S-b O"], PREFIX),
        (["B-a M-a E-a W-b O"], PREFIX),
        (["B_a I_a O"], PREFIX),
        (["b-a i-a o"], PREFIX),
        (["B-a.b-c S-x"], PREFIX),
        (["a-B a-I O b_c-B"], SUFFIX),
        (["_ B-a I-a _ _ - 0"], PREFIX),
        (["O B I O"], PREFIX),
        (["O I I O"], PREFIX),
        (["B M E S S B E"] * 3, PREFIX),
        (["B I E O S", "O S O"], PREFIX),
        (["B B I I B"], PREFIX),
        (["O O"], NO_SPANS),
        (["NOUN VERB"], NO_SPANS),
        (["Ba O"], NO_SPANS),
        (["O B-a X"], NO_SPANS),
        # Parts of speech that are letters of schemes, alone and among others.
        (["S V E R S F", "B V E S I"], NO_SPANS),
        (["S E S B", "E S S I B", "B S S E S"], NO_SPANS),
        (["S V O", "S V O"], NO_SPANS),
        (["S O", "O S"], NO_SPANS),
        (["N-x V-x U-x", "M-y N-y V-y"], NO_SPANS),
    ],
)
def test_schemes_are_recognized(tags, notation):
    assert recognize(sentences(*tags)).notation == notation


@pytest.mark.parametrize(("strays", "notation"), [(1, PREFIX), (10, PREFIX), (12, NO_SPANS), (90, NO_SPANS)])
def test_up_to_a_tenth_of_the_tags_may_be_stray(strays, notation):
    assert recognize(sentences("O B-a I-a O", *["B-a"] * 88, *["X"] * strays)).notation == notation


def test_stray_tags_are_counted_and_outside_of_spans():
    tags = sentences("O B-a X I-a", "B=a S-b X _")
    assert stray_tags(tags, PREFIX) == {"X": 2, "B=a": 1}
    assert spans(tags[0]) == [Span("a", 1, 1), Span("a", 3, 3)]
    assert spans(tags[1]) == [Span("b", 1, 1)]


def test_a_kind_may_stand_before_the_letter():
    assert spans(["n-B", "n-I", "O", "time_B", "n-B"], SUFFIX) == [Span("n", 0, 1), Span("time", 3, 3), Span("n", 4, 4)]


@pytest.mark.parametrize(
    ("tags", "notation"),
    [
        (["O", "B-a", "I-a"], PREFIX),
        (["O", "B", "I"], PREFIX),
        (["O"], NO_SPANS),
        (["NOUN", "VERB"], NO_SPANS),
        (["O", "B-a", "X"], NO_SPANS),
    ],
)
def test_the_notation_of_a_set_of_tags(tags, notation):
    assert notation_of_names(tags) == notation
