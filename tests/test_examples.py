"""The example scripts: the page that one makes is current, the recipes of records are valid, and data is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gatewright.data import public
from gatewright.data.corpora.reading import read_corpus

ROOT = Path(__file__).parents[1]


def run(program: str) -> str:
    """Return what a program prints that can import the examples."""
    begin = f"import sys; sys.path.insert(0, {str(ROOT / 'examples')!r})\n"
    return subprocess.run([sys.executable, "-c", begin + program], capture_output=True, text=True, check=True).stdout


def test_page_of_series_tags_and_rolls_is_made_from_the_records() -> None:
    page = run("import sequences; print(sequences.page(), end='')")
    assert page == (ROOT / "docs" / "results" / "sequences.md").read_text(encoding="utf-8")


def test_settings_of_recipes_are_valid() -> None:
    run(
        "import ett, result\n"
        "from gatewright.tasks import registry\n"
        "def check(task, data, settings):\n"
        "    options, settings = registry.split_options(settings)\n"
        "    registry.find(task, data, options).settings.complete(settings)\n"
        "for recipe in result.RECIPES.values():\n"
        "    check(recipe.task, recipe.data, recipe.settings)\n"
        "    if recipe.language:\n"
        "        check('generate', *recipe.language)\n"
        "for row in ett.rows():\n"
        "    check('forecast', 'ett-h1', row.settings)\n"
    )


def test_settings_of_the_false_alarms_are_valid() -> None:
    run(
        "import false_alarms\n"
        "from gatewright.tasks.classify.settings import ClassifySettings\n"
        "others = ('text', 'label', 'seeds', 'learning_rates')\n"
        "given = {name: value for name, value in false_alarms.SETTINGS.items() if name not in others}\n"
        "ClassifySettings.complete(given, compare=True)\n"
    )


@pytest.mark.skipif(
    not any((root / "fsdd").is_dir() for root in public.roots()), reason="needs fsdd in GATEWRIGHT_DATA"
)
def test_strings_of_digits_have_other_speakers_in_each_split(tmp_path: Path) -> None:
    strings = {"train": 12, "validation": 2, "test": 3}
    for folder in ("a", "b"):
        run(f"import digit_strings as d; d.main(d.Path({str(tmp_path / folder)!r}), 1, {strings})")
    corpus = read_corpus(str(tmp_path / "a"), {})
    splits = dict(zip(strings, (corpus.train, corpus.validation or [], corpus.test or []), strict=True))
    assert {split: len(utterances) for split, utterances in splits.items()} == strings
    speakers = [{one.speaker for one in utterances} for utterances in splits.values()]
    assert sum(map(len, speakers)) == len(set().union(*speakers))
    everything = [one for utterances in splits.values() for one in utterances]
    assert {len(one.text.split()) for one in everything} <= set(range(2, 8))
    for one in everything:
        again = tmp_path / "b" / one.audio.relative_to(tmp_path / "a")
        assert again.read_bytes() == one.audio.read_bytes()
