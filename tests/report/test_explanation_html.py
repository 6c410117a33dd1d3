"""The view of an explanation in a notebook: whole, harmless, and with all numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from browser.harness import accessibility_faults, browser, opened
from explanations import explained

from gatewright.results.explanation import (
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

WORDS = ["the", "acting", "is", "superb", "but", "the", "end", "is", "predictable"]
HOSTILE = ["</span><script>alert(1)</script>", '" onmouseover="x', "<img src=x onerror=y>", "\x1b[31m", "&amp;", "'"]


def elements(explanation):
    """Return all elements of a fragment, which must be well-formed."""
    return list(ElementTree.fromstring(f"<root>{explanation._repr_html_()}</root>").iter())


def with_class(explanation, name):
    return [element for element in elements(explanation) if name in element.get("class", "").split()]


def model(**changes):
    gates = {"z": np.array([[0.1, 0.3], [0.3, 0.1]])}
    values = {
        "model": "m.safetensors",
        "unit": "texts",
        "examples": 500,
        "steps": 20_000,
        "layers": (
            LayerMemory("GRU 1", "gru", {"z": "z = 1 keeps the state"}, np.array([0.0, 3.0, np.inf]), gates),
            LayerMemory("SimpleRNN 2", "simple_rnn", {}, None, {}),
        ),
        "method": OMISSION,
        "words": (WordEffect("superb", "positive", 1.5, 12),),
        "notes": ("A note.",),
    }
    return ModelExplanation(**{**values, **changes})


def test_each_word_has_its_numbers_its_colour_and_its_bars():
    explanation = explained(WORDS)
    words = with_class(explanation, "word")
    assert [word.find("b").text for word in words] == WORDS
    effects = explanation.attribution(OMISSION).values
    for step, (word, effect) in enumerate(zip(words, effects, strict=True)):
        assert word.get("title") == word.get("aria-label")
        assert word.get("role") == "img"
        number = re.search(r"leave-one-out (-?[\d.e-]+)", word.get("title"))[1]
        assert float(number) == pytest.approx(effect, rel=0.01)
        classes = word.find("b").get("class").split()
        if abs(effect) >= 0.1 * np.abs(effects).max():
            assert ("for" if effect > 0 else "against") in classes
        else:
            assert not {"for", "against"} & set(classes)
        heights = [float(re.search(r"--h: (\d+)%", bar.get("style"))[1]) for bar in word.findall("i")]
        written, kept, _ = heights
        share = explanation.layers[0].kept_at_end[step]
        assert kept == pytest.approx(share * written, abs=1)
    text = " ".join("".join(ElementTree.fromstring(f"<r>{explanation._repr_html_()}</r>").itertext()).split())
    for words in ("bias", "Faithfulness", "z = 1 keeps the state", "half-life", "Note: The model reads", "kept at the"):
        assert words in text


@pytest.mark.parametrize("make", [lambda: explained(HOSTILE, answer="<i>", notes=("<u>",)), lambda: hostile_series()])
def test_hostile_texts_are_shown_and_not_run(make):
    explanation = make()
    fragment = explanation._repr_html_()
    found = elements(explanation)
    assert {element.tag for element in found}.isdisjoint({"script", "img", "u"})
    assert not any(name.startswith("on") for element in found for name in element.attrib)
    assert fragment.replace("\n", "").isprintable()
    titles = " ".join(element.get("title", "") for element in found)
    assert "</span><script>" in titles


def hostile_series():
    return explained(
        [Step(text, numbers={HOSTILE[0]: 1.0, "b": np.nan}) for text in HOSTILE], target=Target(HOSTILE[2], "", 1.0)
    )


def test_styles_apply_inside_the_fragment_alone_and_follow_the_notebook():
    style = next(element.text for element in elements(explained(WORDS)) if element.tag == "style")
    flat = re.sub(r"@media [^{]+{((?:[^{}]*{[^{}]*})*)\s*}", r"\1", style)
    selectors = [one.strip() for rule in re.findall(r"([^{}]+){", flat) for one in rule.split(",")]
    assert selectors
    assert all(".gw-explain" in selector for selector in selectors)
    for theme in ("prefers-color-scheme: dark", 'data-jp-theme-light="false"', ".vscode-dark", "@media print"):
        assert theme in style
    assert "url(" not in style


def test_special_steps_are_marked():
    words = [*([Step("", PADDED)] * 30), Step("flurb", UNKNOWN), Step("good")]
    explanation = explained(words, target=Target("a", "", 1.0, 0.5, 31))
    assert "30 steps of padding" in with_class(explanation, "gap")[0].text
    assert [word.text for word in with_class(explanation, "unknown")] == ["[flurb]"]
    assert [word.text for word in with_class(explanation, "explained")] == ["good"]


def test_a_series_has_a_bar_for_each_step_in_each_row():
    steps = [Step(f"day {day}", numbers={"load": float(day % 5)}) for day in range(20)]
    explanation = explained(steps, target=Target("load", "", 1.0))
    cells = with_class(explanation, "cells")
    names = [element.text for element in with_class(explanation, "name")]
    assert names == ["effect +", "effect -", "written", "kept at the end", "overwritten here", "load"]
    assert all(len(list(one)) == 20 for one in cells)
    loads = [float(re.search(r"--h: (\d+)%", bar.get("style"))[1]) for bar in cells[-1]]
    assert loads == [25.0 * (day % 5) for day in range(20)]
    assert "load 3.00" in cells[-1][3].get("title")


def test_fragments_without_some_parts():
    assert not with_class(explained([]), "word")
    simple = explained(WORDS, "simple_rnn")
    assert "There is no ledger for simple_rnn" in simple._repr_html_()
    assert not with_class(simple, "bar")
    unjudged = explained(["a"], attributions=(Attribution(OMISSION, np.array([np.nan])),), faithfulness=())
    assert "nan" not in re.sub("<style>.*?</style>", "", unjudged._repr_html_(), flags=re.DOTALL)


def test_a_model_without_a_text():
    text = "".join(ElementTree.fromstring(f"<r>{model()._repr_html_()}</r>").itertext())
    flat = " ".join(text.split())
    for words in ("500 texts with 20,000 steps", "from 128 steps", "SimpleRNN 2: simple_rnn has no gate", "A note."):
        assert words in flat
    assert "superb" in flat
    assert "<script>" not in model(words=(WordEffect("<script>", "<script>", 1.0, 1),))._repr_html_()


@pytest.mark.slow
def test_a_fragment_needs_no_matplotlib():
    program = """
import sys
sys.modules["matplotlib"] = None
from explanations import explained
assert "superb" in explained(["superb"])._repr_html_()
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=__file__.rpartition("/report/")[0])


def test_json_has_all_numbers_and_no_others():
    effects = np.array([np.nan, 0.1, 1 / 3, 0, 0, 0, 0, 0, 1e-300])
    explanation = explained(WORDS, attributions=(Attribution(OMISSION, effects),))
    values = json.loads(json.dumps(explanation.to_json(), allow_nan=False))
    assert values["attributions"][0]["values"] == [None, *effects[1:]]
    assert values["steps"][1]["text"] == "acting"
    assert values["target"]["value"] == explanation.target.value
    trace = explanation.layers[0]
    stored = values["layers"][0]
    for name, gate in trace.gates.items():
        assert np.array_equal(stored["gates"][name], gate)
    assert np.array_equal(stored["keep"], trace.keep)
    assert np.array_equal(stored["overwritten_at"], trace.overwritten_at)
    assert json.loads(json.dumps(model().to_json(), allow_nan=False))["layers"][0]["half_life"] == [0.0, 3.0, None]


@pytest.mark.slow
def test_fragments_are_accessible_in_a_browser(tmp_path):
    steps = [Step(f"day {day}", numbers={"load": float(day % 5)}) for day in range(40)]
    shown = (explained([*WORDS, Step("flurb", UNKNOWN)]), explained(steps, target=Target("load", "", 1.0)), model())
    fragments = "".join(f"<section>{one._repr_html_()}</section>" for one in shown)
    page_path = tmp_path / "notebook.html"
    page_path.write_text(
        f'<!DOCTYPE html><html lang="en"><title>Notebook</title><main><h1>Notebook</h1>{fragments}</main></html>',
        encoding="utf-8",
    )
    with browser() as started, opened(started, page_path, 400) as page:
        colours = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert accessibility_faults(page) == []
            colours.append(page.evaluate("getComputedStyle(document.querySelector('.gw-explain')).backgroundColor"))
        assert colours == ["rgb(255, 255, 255)", "rgb(21, 25, 30)"]
        page.evaluate("document.body.setAttribute('data-jp-theme-light', 'true')")  # JupyterLab says light
        colour = page.evaluate("getComputedStyle(document.querySelector('.gw-explain')).backgroundColor")
        assert colour == "rgb(255, 255, 255)"
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
