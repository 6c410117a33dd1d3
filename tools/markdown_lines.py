"""Check or rewrite Markdown so that each sentence has its own line.

Rewrites paragraphs and list items. Code, tables, headings, HTML, quotes and link references stay as they are.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# Scripts write these pages, and tests compare them with the records that they were made from.
GENERATED = ("docs/results", "docs/reference/settings.md", "benchmarks/results")

_ITEM = re.compile(r"( *)([-*+]|\d{1,9}[.)]) +(?=\S)")
_FENCE = re.compile(r" *(`{3,}|~{3,})")
_VERBATIM = re.compile(r" *(\||#{1,6}(\s|$)|<|>|\[[^\]]+\]:|([-*_] *){3,}$|=+\s*$)")
# Full stops inside inline code, link texts and targets, and a bold phrase that opens a paragraph end no sentence.
_OPAQUE = re.compile(r"\A\*\*.+?\*\*|(`+)(?!`).+?(?<!`)\1(?!`)|\[[^\[\]]*\]\([^()]*\)|\]\([^()]*\)")
# A sentence may begin with a lower-case word, but not right after a bracket or quotation mark: "(is it?) and so on".
# It never begins with something that Markdown would read as a list item or another block at the start of a line.
_END = re.compile(r"(?<![.])[.!?](?:[*_]*|([\"')\]”’*_]+)) (?!(?:[-*+#]|\d+[.)]) |[>|<=])(?(1)(?=[^a-z]))")
_ABBREVIATION = re.compile(r"(?:^|[\s(\[])(?:e\.g|i\.e|al|etc|vs|cf|approx|Figs?|Eqs?|Secs?|Nos?|pp?|Dr|[A-Z])\.$")


class Block(NamedTuple):
    """Consecutive lines of a page: text to rewrite, or lines to leave alone."""

    first: int  # line number, from 1
    lines: list[str]
    indent: int  # of the lines after the first
    is_text: bool

    def rewritten(self) -> list[str]:
        """Return the lines with one sentence on each."""
        if not self.is_text:
            return self.lines
        marker, text = self.lines[0][: self.indent], self.lines[0][self.indent :]
        first, *others = sentences(" ".join(line.strip() for line in (text, *self.lines[1:])))
        return [marker + first, *(" " * self.indent + sentence for sentence in others)]


def sentences(text: str) -> list[str]:
    """Split a paragraph without line breaks into sentences."""
    visible = _OPAQUE.sub(lambda match: "x" * len(match[0]), text)
    found, begin = [], 0
    for match in _END.finditer(visible):
        if not _ABBREVIATION.search(visible[begin : match.start() + 1]):
            found.append(text[begin : match.end()].strip())
            begin = match.end()
    return [*found, text[begin:].strip()]


def blocks(lines: list[str]) -> Iterator[Block]:
    """Split a page into blocks of text and lines to leave alone."""
    text: Block | None = None
    fence = ""
    content = 0  # column at which the content of the current list item begins
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip(" "))
        item, opening = _ITEM.match(line), _FENCE.match(line)
        if item and text and not content and item[2] not in ("-", "*", "+", "1.", "1)"):
            item = None  # a number at the start of a wrapped line
        is_code = text is None and not item and indent >= content + 4
        if fence or opening or not line.strip() or is_code or _VERBATIM.match(line):
            if text:
                yield text
                text = None
            if fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            elif opening and not fence:
                fence = opening[1]
            elif line.strip() and not fence:
                content = min(content, indent)
            yield Block(number, [line], 0, False)
        elif item or text is None:
            if text:
                yield text
            content = item.end() if item else min(content, indent)
            text = Block(number, [line], item.end() if item else indent, True)
        else:
            text.lines.append(line)
        if text and line.endswith(("  ", "\\")):  # a hard line break
            yield text
            text = None
    if text:
        yield text


def main(arguments: list[str] | None = None) -> int:
    """Rewrite the files, or name the lines that `--check` finds, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a file would change")
    parser.add_argument("paths", nargs="+", type=Path, help="Markdown files, or folders of them")
    given = parser.parse_args(arguments)
    files = [file for path in given.paths for file in (sorted(path.rglob("*.md")) if path.is_dir() else [path])]
    status = 0
    for file in files:
        if any(file.resolve().is_relative_to(ROOT / generated) for generated in GENERATED):
            continue
        page = list(blocks(file.read_text(encoding="utf-8").removesuffix("\n").split("\n")))
        if not given.check:
            file.write_text("\n".join(line for block in page for line in block.rewritten()) + "\n", encoding="utf-8")
            continue
        for block in page:
            if block.rewritten() != block.lines:
                print(f"{file}:{block.first}: Put each sentence on a line of its own.", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
