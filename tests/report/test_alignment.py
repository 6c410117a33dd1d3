"""The alignment of a translation in the terminal, in a notebook and on the page: the same numbers, and none hidden."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from browser.harness import accessibility_faults, browser, opened
from explanations import explained

from gatewright.report.page import write_page
from gatewright.results.explanation import ENDING, Alignment, Step

WEIGHTS = np.array([[0.9, 0.06, 0.04, 0.0], [0.1, 0.612, 0.288, 0.0], [0.0, 0.0, 0.25, 0.75]])
FOUND = Alignment(
    ("▁two", "▁do", "<gs>", "[END]"), ("▁zwei", "▁Hunde", "[END]"), WEIGHTS, np.array([0.87, 0.34, 0.99]), 1
)
SAYS = "Attention shows where the decoder read, not what decided"


@pytest.fixture(scope="module")
def explanation():
    steps = [Step(" two"), Step(" do"), Step("<gs>"), Step("end of the sentence", ENDING)]
    return dataclasses.replace(explained(steps, bidirectional=True), alignment=FOUND)


def test_the_terminal_shows_the_attention_of_each_piece_and_marks_the_explained_one(explanation):
    text = str(explanation)
    assert SAYS in " ".join(text.split())
    (row,) = [line for line in text.splitlines() if line.startswith(">")]
    assert row.split()[:3] == [">2", "Hunde", "0.34"]
    assert re.search(r"│ two do <gs> \[END\]$", text, re.MULTILINE)
    (first,) = [line for line in text.splitlines() if line.startswith(" 1 zwei")]
    assert first.endswith("│ ███ ▁▁")  # less than 5% is not shown
    assert "<gs> <end>" in text
    assert SAYS not in str(explained(["a", "film"]))


def test_a_notebook_has_a_table_with_all_numbers(explanation):
    root = ElementTree.fromstring(f"<root>{explanation._repr_html_()}</root>")
    (table,) = [one for one in root.iter("table") if one.get("class") == "alignment"]
    assert ["".join(head.itertext()) for head in table.find("thead").iter("th")] == [
        *("two", "do", "<gs>", "[END]", "probability")
    ]
    rows = list(table.find("tbody"))
    assert [row.find("th").text for row in rows] == ["1 zwei", "2 Hunde", "3 [END]"]
    assert [row.get("class") for row in rows] == [None, "chosen", None]
    for row, weights, probability in zip(rows, WEIGHTS, FOUND.probabilities, strict=True):
        *cells, last = row.findall("td")
        assert [float(cell.get("title").split(": ")[-1]) for cell in cells] == pytest.approx(weights.tolist())
        assert [cell.text or "" for cell in cells] == [f"{100 * x:.0f}" if x >= 0.05 else "" for x in weights]
        assert [int(cell.get("class")[1:]) for cell in cells] == pytest.approx(10 * weights, abs=0.51)
        assert float(last.text) == probability
    assert SAYS in " ".join("".join(root.itertext()).split())


def test_of_a_long_translation_the_pieces_around_the_explained_one_are_shown(explanation):
    pieces = tuple(f"▁p{number}" for number in range(200))
    found = Alignment(pieces, pieces, np.full((200, 200), 1 / 200), np.full(200, 0.5), 190)
    long = dataclasses.replace(explanation, alignment=found)
    root = ElementTree.fromstring(f"<root>{long._repr_html_()}</root>")
    (table,) = [one for one in root.iter("table") if one.get("class") == "alignment"]
    names = [row.find("th").text for row in table.find("tbody")]
    assert names == [f"{number + 1} p{number}" for number in range(150, 200)]
    for text in (str(long), "".join(root.itertext())):
        assert "Of 200 pieces, those from 151 to 200 are shown." in " ".join(text.split())


def test_the_page_tells_the_numbers_by_pointer_and_keyboard(explanation, tmp_path):
    path = tmp_path / "page.html"
    write_page(explanation, "The page does not run networks of this kind.", path)
    with browser() as chromium:
        with opened(chromium, path) as page:
            assert SAYS in page.inner_text("main")
            cells = page.locator(".alignment td[title]")
            assert cells.count() == WEIGHTS.size
            cells.nth(0).hover()
            assert page.inner_text("#cell") == "1 zwei reads two: 0.900"
            page.locator('.alignment td[tabindex="0"]').focus()
            assert page.inner_text("#cell") == "2 Hunde reads two: 0.100"
            for key in ("ArrowRight", "ArrowDown", "ArrowDown", "End"):
                page.keyboard.press(key)
            assert page.inner_text("#cell") == "3 [END] reads [END]: 0.750"
            assert page.locator('.alignment [tabindex="0"]').count() == 1
            colours = [
                cells.nth(place).evaluate("cell => getComputedStyle(cell).backgroundColor") for place in range(4)
            ]
            opacities = [float(colour.rstrip(")").split(",")[3]) for colour in colours]
            assert opacities == sorted(opacities, reverse=True)
            assert opacities[0] > 0.5 > opacities[1]
            assert opacities[3] == 0
        for width in (400, 1400):
            with opened(chromium, path, width) as page:
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    assert accessibility_faults(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
