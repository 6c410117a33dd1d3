"""The Markdown pages that people read, and what tests ask of them: code blocks, links, headings."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(path for folder in ("docs", "benchmarks", "examples") for path in (ROOT / folder).rglob("*.md")),
    ]
)
GUIDES = [path for path in PAGES if "results" not in path.parts]
"""The pages that are not records: their commands are those of today."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of code and its language."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [Block(match[1], match[2]) for match in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def commands(block: Block) -> list[list[str]]:
    """Return the arguments of each command of a block of shell commands."""
    return [line for line in (shlex.split(line, comments=True) for line in block.text.splitlines()) if line]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return the targets of the links and pictures of a page that do not lead to the web."""
    return [target for target in _LINK.findall(prose(page)) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found
