"""The example scripts: the page that one makes is current, and the recipes of records are valid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
