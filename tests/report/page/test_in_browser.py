"""The page of an explanation in a real browser, without a network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from browser.harness import accessibility_faults, browser, opened
from models import classifier, loaded, loaded_classifier
from page_explanations import explained_text, target_value
from series_models import loaded_series_classifier, series

from gatewright.explanation.example import explain_example
from gatewright.ops.cells import CELLS
from gatewright.report.page import write_page
from gatewright.results.explanation import OMISSION

pytestmark = pytest.mark.slow  # starts a browser

TEXTS = (
    "a dull film",
    "",
    "Fine, fine day! What a film it was: quite good",
    "a " * 30 + "fine film",
    *(
        " ".join(
            np.random.default_rng(seed).choice(["a", "fine", "dull", "film", "day", "what", "it", "was", "good"], 9)
        )
        for seed in range(9)
    ),
)

# The number that is explained, and the answer, after each text is typed.
ANSWERS = """texts => texts.map(text => {
  const box = document.getElementById('text');
  box.value = text;
  box.dispatchEvent(new Event('input'));
  return [Number(document.getElementById('target').dataset.value), document.getElementById('answer').textContent];
})"""


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


def written(model, folder, text="what a fine day it was"):
    """Write the page of a model's answer for a text. Return its path, the explanation and the network."""
    explanation, network = explained_text(model, text)
    write_page(explanation, network, folder / "page.html")
    return folder / "page.html", explanation, network


def value(page):
    return float(page.get_attribute("#target", "data-value"))


def column(page, title):
    """Return the numbers of a column of the table. A missing number is NaN."""
    if not page.evaluate("document.querySelector('details').open"):
        page.click("summary")
        page.wait_for_selector("#table thead th")
    titles = page.locator("#table thead th").all_inner_texts()
    cells = page.evaluate(
        "[...document.querySelectorAll('#table tbody tr')].map(r => [...r.children].map(c => c.innerText))"
    )
    place = titles.index(title)
    return [float(row[place].replace("−", "-")) if row[place] != "–" else np.nan for row in cells]


CASES = [
    (cell, pooling, bidirectional, layers)
    for cell, (pooling, bidirectional, layers) in zip(
        CELLS,
        [
            ("last", False, 2), ("max", True, 1), ("last", True, 2), ("mean", False, 1),
            ("attention", True, 1), ("last", False, 1), ("mean", True, 2), ("attention", False, 1),
        ],
        strict=True,
    )
]  # fmt: skip


@pytest.mark.parametrize(("cell", "pooling", "bidirectional", "layers"), CASES)
def test_the_network_in_the_page_answers_as_python_does(chromium, tmp_path, cell, pooling, bidirectional, layers):
    labels = ("a", "b", "c") if layers == 2 else ("bad", "good")
    model = loaded_classifier(cell=cell, pooling=pooling, bidirectional=bidirectional, layers=layers, labels=labels)
    path, explanation, network = written(model, tmp_path)
    with opened(chromium, path) as page:
        assert page.is_hidden("#warning")
        assert value(page) == pytest.approx(explanation.target.value, abs=1e-3)
        for text, (logit, answer) in zip(TEXTS, page.evaluate(ANSWERS, TEXTS), strict=True):
            assert logit == pytest.approx(target_value(model, text, network.target), abs=1e-3), text
            assert answer.startswith(f"{model.predict(text).label}, probability 0."), text


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_gates_and_effects_of_a_changed_text_are_those_of_python(chromium, tmp_path, cell):
    model = loaded_classifier(cell=cell, bidirectional=True)
    path, explanation, _ = written(model, tmp_path)
    text = "a dull dull film"
    expected, _ = explained_text(model, text, explanation.target.name)
    gate = "z" if cell == "gru" else "f"
    with opened(chromium, path) as page:
        page.fill("#text", text)
        page.wait_for_selector("#step-2 .token[style*=rgba]")
        for reader, trace in enumerate(expected.layers):
            page.select_option("#reader", str(reader))
            found = column(page, f"Mean {gate}")
            np.testing.assert_allclose(found, trace.gates[gate].mean(axis=1), atol=6e-3)
            np.testing.assert_allclose(column(page, "Written"), np.abs(trace.written).sum(axis=1), atol=6e-3)
        left_out = expected.attribution(OMISSION).values
        np.testing.assert_allclose(column(page, "Leave-one-out"), left_out, atol=6e-3)
        assert page.is_disabled("input[value=integrated_gradients]")


def test_the_ledger_of_a_changed_text_adds_up_to_the_logit(chromium, tmp_path):
    model = loaded_classifier(cell="lstm", pooling="mean", bidirectional=True)
    path, _, network = written(model, tmp_path)
    bias = float(model.weights[-1]["bias"] @ np.array(network.target))
    with opened(chromium, path) as page:
        page.fill("#text", "a dull dull film")
        assert sum(column(page, "Ledger")) + bias == pytest.approx(value(page), abs=0.02)


def test_the_reading_head_tells_what_the_gates_do_and_what_is_left(chromium, tmp_path):
    model = loaded_classifier()
    path, explanation, _ = written(model, tmp_path)
    trace = explanation.layers[0]
    with opened(chromium, path) as page:
        page.focus("#words")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert page.get_attribute("#words", "aria-activedescendant") == "step-2"
        assert page.get_attribute("#step-2", "aria-selected") == "true"
        assert "not read yet" in page.get_attribute("#step-3", "aria-label")
        detail = page.inner_text("#detail")
        assert "“a”" in detail
        assert f"keeps {100 * trace.keep[2].mean():.0f}%" in detail
        assert "here z = 1 keeps" in detail
        left = np.abs(trace.written[1]) * trace.keep[2]
        assert f"kept {left.sum():.2f}" in page.get_attribute("#step-1", "aria-label")
        so_far = model.predict("what a").probabilities[explanation.target.name]
        assert f"If the text ended here: probability of {explanation.target.name} {so_far:.2f}" in detail


def test_a_number_of_a_heat_map_is_read_with_the_mouse_and_the_keyboard(chromium, tmp_path):
    path, explanation, _ = written(loaded_classifier(), tmp_path)
    z = explanation.layers[0].gates["z"]
    longest = int(np.argmax(explanation.layers[0].keep.mean(axis=0)))
    with opened(chromium, path) as page:
        canvas = page.locator("#gates canvas").first
        box = canvas.bounding_box()
        canvas.hover(position={"x": 1, "y": 1})
        readout = page.locator("#gates .readout").first
        assert f"unit {longest + 1} (half-life" in readout.inner_text()
        assert readout.inner_text().endswith(f"z = {z[0, longest]:.2f}")
        page.mouse.move(0, box["y"] - 50)
        canvas.focus()
        page.keyboard.press("ArrowLeft")
        assert readout.inner_text().endswith(f"z = {z[-2, longest]:.2f}")


def test_a_word_is_replaced_deleted_and_the_text_restored(chromium, tmp_path):
    model = loaded_classifier()
    path, explanation, network = written(model, tmp_path, "a fine film")

    def expected(text):
        return pytest.approx(target_value(model, text, network.target), abs=1e-3)

    with opened(chromium, path) as page:
        page.click("#step-2")
        page.fill("#word", "dull")
        assert page.input_value("#text") == "a dull film"
        assert value(page) == expected("a dull film")
        page.click("#delete")
        assert page.input_value("#text") == "a film"
        assert value(page) == expected("a film")
        page.click("#restore")
        assert page.input_value("#text") == "a fine film"
        assert value(page) == pytest.approx(explanation.target.value, abs=1e-3)
        assert page.is_enabled("input[value=integrated_gradients]")
        page.click("#step-0")
        assert page.is_disabled("#word")


def test_a_word_that_the_page_does_not_have_is_named(chromium, tmp_path):
    model = loaded_classifier()
    explanation, network = explained_text(model, "a film")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gatewright.report.page.packing._cost", lambda token, number, size: 1e7 if token == "dull" else 0)
        write_page(explanation, network, tmp_path / "page.html")
    with opened(chromium, tmp_path / "page.html") as page:
        page.fill("#text", "a film")
        assert page.is_hidden("#absent")
        page.fill("#text", "a dull film")
        assert "Not in this page: “dull”" in page.inner_text("#absent")
        assert "answer can differ" in page.inner_text("#absent")


def test_texts_of_the_user_and_the_model_run_nothing(chromium, tmp_path):
    hostile = "</script><script>window.bad=1</script><img src=x onerror='window.bad=1'>"
    file = classifier(labels=(hostile, "good"))
    file.prepared["encoder"] |= {
        "split": "spaces",
        "tokens": [hostile.replace(" ", ""), *file.prepared["encoder"]["tokens"][1:]],
    }
    model = loaded(file)
    path, _, _ = written(model, tmp_path, f"a film {hostile} \u202e")
    with opened(chromium, path) as page:
        page.fill("#text", f"{hostile} {hostile.replace(' ', '')}")
        assert page.evaluate("window.bad") is None
        assert page.locator("#words img").count() == 0
        assert "<img" in page.inner_text("#words")


def test_a_page_whose_network_computes_something_else_warns(chromium, tmp_path):
    explanation, network = explained_text(loaded_classifier(), "a fine film")
    target = dataclasses.replace(explanation.target, value=explanation.target.value + 0.5)
    write_page(dataclasses.replace(explanation, target=target), network, tmp_path / "page.html")
    with opened(chromium, tmp_path / "page.html") as page:
        assert "Do not rely on" in page.inner_text("#warning")


def series_page(folder):
    """Write the page of an answer for a series of numbers, and return its path and its explanation."""
    model = loaded_series_classifier(cell="simple_rnn", pooling="last")
    explanation = explain_example(model, "series.safetensors", series((9,))[0])
    write_page(explanation, "The page cannot run this network.", folder / "page.html")
    return folder / "page.html", explanation


def test_a_series_is_shown_without_an_editor(chromium, tmp_path):
    path, explanation = series_page(tmp_path)
    step = explanation.steps[3]
    with opened(chromium, path) as page:
        assert "cannot run this network" in page.inner_text("#no-editor")
        assert page.is_hidden("#editor")
        assert page.is_visible("#numbers canvas")
        assert step.text in page.inner_text("#words")
        assert "no gates" in page.inner_text("#detail")
        page.click("#step-3")
        assert f"c1 = {step.numbers['c1']:.2f}" in page.inner_text("#detail")
        effect = explanation.attribution(OMISSION).values[3]
        assert f"{effect:+.3f}"[:5].replace("-", "−") in page.inner_text("#detail")
        page.locator("#gates canvas").first.hover(position={"x": 1, "y": 1})
        h = explanation.layers[0].states["h"][0, 0]
        readout = page.locator("#gates .readout").first.inner_text()
        assert float(readout.split("h = ")[1].replace("−", "-")) == pytest.approx(h, abs=6e-3)


def test_the_page_has_no_serious_faults_of_accessibility(chromium, tmp_path):
    text, series = tmp_path / "text", tmp_path / "series"
    text.mkdir()
    series.mkdir()
    path, _, _ = written(loaded_classifier(bidirectional=True), text)
    for page_path, width in [(path, 1400), (path, 400), (series_page(series)[0], 1400)]:
        with opened(chromium, page_path, width) as page:
            page.click("summary")
            page.wait_for_selector("#table thead th")
            if page.is_visible("#text"):
                page.fill("#text", "a strange film")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert accessibility_faults(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
