"""What examples write of records is what the records hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_page_of_series_tags_and_rolls_is_that_of_its_records() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'examples')!r}); import sequences; print(sequences.page(), end='')"
    )
    page = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert page == (ROOT / "docs" / "sequences.md").read_text(encoding="utf-8")
