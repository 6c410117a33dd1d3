"""Pages of models that were trained with Keras: texts are split, padded and masked as the network needs them."""

from __future__ import annotations

import numpy as np
import pytest
from browser.harness import browser, opened
from models import loaded
from page_explanations import explained_text, target_value

from gatewright.data.keras_words import KerasVocabulary, KerasWords
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.report.page import write_page
from gatewright.tasks.imported.heads import class_head
from gatewright.tasks.imported.inputs import TextInput
from gatewright.tasks.imported.prepared import PreparedImport

pytestmark = pytest.mark.slow  # starts a browser

WORDS = {"a": 4, "fine": 5, "film": 6, "don't": 7, "naïve": 8, "ÉTÉ": 9, "été": 10}
TEXTS = (
    "a fine film",
    "",
    "A FINE, fine film... don't! (naïve) ÉTÉ été",
    "a strange\tfilm\u00a0fine\nfilm <br /> a a a fine film a fine film",
    "\u3000a\u2003fine \ud83d\ude00 film",
)
CASES = {
    "padding before that is read": (
        KerasWords(WORDS, 12, unknown_id=2, start_id=1), "pre", "pre", False, [Recurrent("gru", 5)],
    ),
    "masked padding that is pooled": (
        KerasWords(WORDS, 12), "post", "post", True,
        [
            Recurrent("lstm", 5, bidirectional=True, return_sequences=True, zero_output_for_mask=True),
            Pool("max", padding=True),
        ],
    ),
    "masked padding after the last step": (
        KerasWords(WORDS, 12, lower=False, filters=".,"), "post", "pre", True,
        [
            Recurrent("gru", 4, return_sequences=True, reset_after=False),
            Recurrent("lstm", 5, zero_output_for_mask=True),
        ],
    ),
    "a text vectorization": (
        KerasVocabulary(tuple(WORDS), 12), "post", "post", False,
        [Recurrent("simple_rnn", 5, use_bias=False, activation="relu", go_backwards=True), Dense(3, "relu")],
    ),
    "characters": (
        KerasWords({letter: place for place, letter in enumerate("abcdefilmn '", 3)}, 20, 2, characters=True),
        "pre", "pre", True,
        [Recurrent("gru", 5, return_sequences=True, recurrent_activation="hard_sigmoid"), Pool("mean")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


def imported(encoder, padding, truncating, mask, layers):
    """Return an imported classifier that reads padding up to six ids, with random weights."""
    network = (Embedding(encoder.ids, 4, mask=mask), *layers, Dense(1))
    weights = tuple(models.initial_weights(network, 1, [0]))
    weights[0]["table"][:] *= 20
    prepared = PreparedImport(
        TextInput(encoder, 6, padding, truncating, reads_padding=True),
        class_head(("bad", "good"), multi_label=False, softmax=False, per_step=False),
    )
    return loaded(ModelFile("imported", network, weights, prepared.to_json(), {}))


@pytest.mark.parametrize("name", CASES)
def test_a_page_reads_texts_as_an_imported_model_does(chromium, tmp_path, name):
    model = imported(*CASES[name])
    explanation, network = explained_text(model, "a fine film")
    write_page(explanation, network, tmp_path / "page.html")
    with opened(chromium, tmp_path / "page.html") as page:
        assert page.is_hidden("#warning")
        for text in TEXTS:
            page.fill("#text", text)
            steps = model.explainable(text, label=explanation.target.name).steps
            assert page.locator(".word").count() == len(steps)
            padding = sum(step.kind == "padding" for step in steps)
            assert page.locator(".word:visible").count() == len(steps) - max(0, padding - 1)
            found = float(page.get_attribute("#target", "data-value"))
            assert found == pytest.approx(target_value(model, text, network.target), abs=1e-3), text
        page.fill("#text", "a fine film a film")
        page.wait_for_selector(".token[style*=rgba]")
        page.click("summary")
        page.wait_for_selector("#table thead th")
        titles = page.locator("#table thead th").all_inner_texts()
        rows = page.locator("#table tbody tr").all()
        column = titles.index("Leave-one-out")
        shown = [row.locator("td, th").nth(column).inner_text().replace("−", "-").replace("–", "nan") for row in rows]
        expected, _ = explained_text(model, "a fine film a film", explanation.target.name)
        values = expected.attribution("omission").values
        np.testing.assert_allclose([float(value) for value in shown], values, atol=6e-3)


def test_the_reading_head_reads_a_run_of_padding_as_one_word(chromium, tmp_path):
    explanation, network = explained_text(imported(*CASES["padding before that is read"]), "a film")
    write_page(explanation, network, tmp_path / "page.html")
    with opened(chromium, tmp_path / "page.html") as page:
        assert page.inner_text("#step-0") == "padding × 3"
        page.focus("#words")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#place") == "position 4 of 6"
        page.click("#play")
        page.wait_for_selector("#step-5.at")
        page.wait_for_selector("text=Read step by step")
