"""The file of an explanation's page: whole, small, safe, and with what a reader without scripts needs."""

from __future__ import annotations

import dataclasses
import html
import json
import re

import numpy as np
import pytest
from models import loaded_classifier
from page_explanations import explained_text

from gatewright.report.page import write_page
from gatewright.results.explanation import OMISSION, Group


@pytest.fixture(scope="module")
def explained():
    return explained_text(loaded_classifier(), "a fine film")


def data_of(path):
    """Return what the page hands to its scripts."""
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"))[1])


def large(network, tokens):
    """Return the network with a vocabulary of so many more tokens."""
    rule = network.reading.rule
    names = tuple(f"word{number}" for number in range(tokens))
    ids = tuple(range(max(rule.ids) + 1, max(rule.ids) + 1 + tokens))
    rule = dataclasses.replace(rule, tokens=(*rule.tokens, *names), ids=(*rule.ids, *ids))
    embedding = network.layers[0]
    table = np.zeros((max(ids) + 1, 4), np.float32)
    table[: len(embedding.weights["table"])] = embedding.weights["table"]
    embedding = dataclasses.replace(embedding, weights={"table": table})
    reading = dataclasses.replace(network.reading, rule=rule)
    return dataclasses.replace(network, reading=reading, layers=(embedding, *network.layers[1:]))


def test_a_page_has_the_most_frequent_words_that_fit_in_2_mb(explained, tmp_path):
    explanation, network = explained
    network = large(network, 120_000)
    written = write_page(explanation, network, tmp_path / "page.html")
    assert 1_800_000 < written.size == (tmp_path / "page.html").stat().st_size < 2_000_000
    assert written.tokens < written.vocabulary == len(network.reading.rule.tokens)
    tokens = data_of(tmp_path / "page.html")["network"]["reading"]["rule"]["tokens"]
    assert {"a", "fine", "film"} <= set(tokens)
    assert set(tokens) <= set(network.reading.rule.tokens[: written.tokens + 3])


def test_a_page_has_the_full_vocabulary_if_that_is_asked_for(explained, tmp_path):
    explanation, network = explained
    network = large(network, 120_000)
    written = write_page(explanation, network, tmp_path / "page.html", full_vocabulary=True)
    assert written.tokens == written.vocabulary
    assert written.size > 2_000_000


def test_a_page_without_room_for_the_weights_shows_the_gates_and_says_so(explained, tmp_path, monkeypatch):
    monkeypatch.setattr("gatewright.report.page.write._BUDGET", 1000)
    written = write_page(*explained, tmp_path / "page.html")
    data = data_of(tmp_path / "page.html")
    assert (written.tokens, data["network"]) == (0, None)
    assert "do not fit" in data["noNetwork"]
    assert set(data["layers"][0]["values"]) >= {"z", "r", "c", "h", "keep", "written"}


def test_a_page_refers_to_nothing_outside_itself(explained, tmp_path):
    write_page(*explained, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=|<link|@import|url\(", page)
    assert "default-src 'none'" in page


def test_texts_of_the_user_and_the_model_are_never_html(explained, tmp_path):
    hostile = "</script><img src=x onerror=alert(1)>{{script}}\u202e&amp;\ud800"
    explanation, network = explained
    target = dataclasses.replace(explanation.target, name=hostile, against=hostile)
    steps = (dataclasses.replace(explanation.steps[0], text=hostile), *explanation.steps[1:])
    explanation = dataclasses.replace(
        explanation, model=hostile, answer=hostile, target=target, steps=steps, summary=hostile, notes=(hostile,),
        groups=(Group((0, 1), 0.5, 0.25),),
    )  # fmt: skip
    write_page(explanation, network, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert page.count("</script>") == 2
    assert "\u202e" not in page
    assert data_of(tmp_path / "page.html")["target"]["name"] == hostile


def test_a_page_without_scripts_has_the_answer_the_summary_the_test_and_the_notes(explained, tmp_path):
    write_page(dataclasses.replace(explained[0], notes=("A note <here>.",)), explained[1], tmp_path / "page.html")
    body = (tmp_path / "page.html").read_text(encoding="utf-8").split("<body>")[1].split("<script")[0]
    assert explained[0].answer.split()[0] in body
    assert html.escape(explained[0].summary, quote=True) in body
    assert "Does the explanation hold?" in body
    assert "A note &lt;here&gt;." in body


def test_a_page_without_tests_notes_and_groups_has_no_empty_parts(explained, tmp_path):
    only = (explained[0].attribution(OMISSION),)
    explanation = dataclasses.replace(explained[0], attributions=only, faithfulness=(), decisive=None, notes=())
    write_page(explanation, explained[1], tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Does the explanation hold?" not in page
    assert "Notes</h2>" not in page
    assert "Left out together" not in page


def test_the_network_of_another_model_is_refused(explained, tmp_path):
    _, other = explained_text(loaded_classifier(cell="lstm"), "a fine film")
    with pytest.raises(ValueError, match="lstm"):
        write_page(explained[0], other, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
