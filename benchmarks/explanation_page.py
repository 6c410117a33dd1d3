"""Time the page of an explanation in Chromium: its first paint, and its redraw after a change of the text.

The network is a bidirectional GRU with 128 units in each direction, as an IMDB classifier has it, with random weights:
times do not depend on them. The text has 200 words. Needs the packages of the extra `test`, and Chromium.
Run it with `python benchmarks/explanation_page.py`.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gatewright.data.encoders import Words
from gatewright.explanation.example import explain_example
from gatewright.explanation.page_network import page_network
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Embedding, Recurrent
from gatewright.report.page import write_page
from gatewright.tasks.base.labels import label_set
from gatewright.tasks.classify.model import Classifier
from gatewright.tasks.classify.task import PreparedTexts

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser.harness import browser, opened  # the one way to open pages

WORDS, VOCABULARY, UNITS, ROUNDS = 200, 20_000, 128, 15

# The time from a change of the text to the next frame after it.
_REDRAW = """text => new Promise(done => {
  const box = document.getElementById('text');
  const start = performance.now();
  box.value = text;
  box.dispatchEvent(new Event('input'));
  const computed = performance.now() - start;
  requestAnimationFrame(() => setTimeout(() => done([computed, performance.now() - start])));
})"""


def classifier() -> Classifier:
    """Return a bidirectional classifier with random weights."""
    encoder = Words(tuple(f"w{number}" for number in range(VOCABULARY - 4)))
    prepared = PreparedTexts(label_set(("negative", "positive"), False), encoder, 2 * WORDS)
    layers = (Embedding(encoder.ids, UNITS), Recurrent("gru", UNITS, bidirectional=True), Dense(1))
    weights = tuple(models.initial_weights(layers, 1, [0]))
    file = ModelFile("classify", layers, weights, prepared.to_json(), {})
    return Classifier(file, prepared)


def redraws(page: Any, words: list[str]) -> tuple[list[float], list[float]]:
    """Return the milliseconds of computing, and until the next frame, for changes of one word."""
    times = []
    for number in range(ROUNDS):
        words[number * WORDS // ROUNDS] = f"w{number + 300}"
        times.append(page.evaluate(_REDRAW, " ".join(words)))
        page.wait_for_timeout(300)
    computed, drawn = zip(*times, strict=True)
    return list(computed), list(drawn)


def main() -> None:
    model = classifier()
    words = [f"w{number}" for number in np.random.default_rng(0).integers(0, 2000, WORDS)]
    explanation = explain_example(model, "a bidirectional GRU with 128 units", " ".join(words))
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        path = Path(folder) / "page.html"
        written = write_page(explanation, page_network(model, explanation.target), path)
        print(f"{written.size:,} bytes, {written.tokens:,} of {written.vocabulary:,} words")
        paints = []
        for _ in range(5):
            with opened(started, path) as page:
                page.wait_for_timeout(500)
                paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        print(f"first paint: median {median(paints):.0f} ms, largest {max(paints):.0f} ms")
        with opened(started, path) as page:
            page.evaluate("document.getElementById('methods').querySelector('input').click()")
            computed, drawn = redraws(page, words)
        print(f"a changed word: computed and redrawn in {median(computed):.0f} ms (largest {max(computed):.0f} ms), ")
        print(f"on the screen after {median(drawn):.0f} ms (largest {max(drawn):.0f} ms)")


if __name__ == "__main__":
    main()
