"""Markdown is rewritten to one sentence per line, and everything that is no prose stays as it is."""

from __future__ import annotations

from pathlib import Path

import markdown_lines
import pytest


@pytest.mark.parametrize(
    "text",
    [
        "Compare cells, e.g. an LSTM, i.e. a gated one, vs. a GRU.",
        "Dropout follows Gal et al. 2016, Fig. 3, and A. Graves.",
        "Version 3.15.1 has an error of 0.985 (or less).",
        "It takes masks, dropout, ... and states.",
        "Is it better (would it come again?) and by how much?",
        "Run `a. B` and read [the page. Twice](page. Html).",
        "**Tests.** Each pair is tested.",
        "A list may begin with 1. - or with a dash.",
    ],
)
def test_one_sentence_stays_on_one_line(text: str) -> None:
    assert markdown_lines.sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four.", ["One.", "Two!", "Three?", "Four."]),
        ("`fit` trains. `predict` answers.", ["`fit` trains.", "`predict` answers."]),
        ("Even NaN. (Keras differs.) So be it.", ["Even NaN.", "(Keras differs.)", "So be it."]),
        ('He said "no." Then *yes.* p is small.', ['He said "no."', "Then *yes.*", "p is small."]),
    ],
)
def test_sentences_are_split(text: str, expected: list[str]) -> None:
    assert markdown_lines.sentences(text) == expected


BEFORE = """\
# A title. With a full stop

A paragraph that
wraps. Its second sentence
wraps too.
- An item. It
  goes on.

  A paragraph of the item. It has two sentences.
1. A number. Another
2. The next one.

## After a list
    code. More code

| a. B | c |
|---|---|

```python
x = 1  # One. Two.
```

<p>One. Two.</p>

[link]: https://example.org/ "One. Two."
"""

AFTER = """\
# A title. With a full stop

A paragraph that wraps.
Its second sentence wraps too.
- An item.
  It goes on.

  A paragraph of the item.
  It has two sentences.
1. A number.
   Another
2. The next one.

## After a list
    code. More code

| a. B | c |
|---|---|

```python
x = 1  # One. Two.
```

<p>One. Two.</p>

[link]: https://example.org/ "One. Two."
"""


def test_a_page_is_rewritten_and_then_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(BEFORE)
    assert markdown_lines.main(["--check", str(tmp_path)]) == 1
    named = [int(line.split(":")[1]) for line in capsys.readouterr().err.splitlines()]
    assert named == [3, 6, 9, 10]
    assert page.read_text() == BEFORE

    assert markdown_lines.main([str(page)]) == 0
    assert page.read_text() == AFTER
    assert markdown_lines.main(["--check", str(page)]) == 0


def test_hard_line_breaks_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("One\\\ntwo. Three\n")
    markdown_lines.main([str(page)])
    assert page.read_text() == "One\\\ntwo.\nThree\n"


def test_generated_pages_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown_lines, "ROOT", tmp_path)
    page = tmp_path / "docs/results/page.md"
    page.parent.mkdir(parents=True)
    page.write_text("One. Two.\n")
    assert markdown_lines.main(["--check", str(tmp_path)]) == 0
