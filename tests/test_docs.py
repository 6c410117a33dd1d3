"""The pages of the documentation: their links resolve, and their commands, flags and names exist."""

from __future__ import annotations

import argparse
import ast
import re
from importlib.util import find_spec
from pathlib import Path

import make_settings_page
import pytest
from pages import GUIDES, PAGES, ROOT, anchors, blocks, commands, links

import gatewright
from gatewright.commands.main import parser

_FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]*")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def known_flags(of: argparse.ArgumentParser) -> set[str]:
    """Return the flags of a parser and of the parsers of its commands."""
    found = set(of._option_string_actions)
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*map(known_flags, action.choices.values()))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_resolve(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_commands_of_a_page_parse(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for block in blocks(page):
        for program, *arguments in commands(block) if block.language == "sh" else ():
            if program == "make":
                assert arguments[0] in targets
            if program == "gatewright":
                rest = parser().parse_known_args(arguments)[1]
                assert not [word for word in rest if word.startswith("-")], arguments


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_flags_of_a_page_exist(page: Path) -> None:
    quoted = " ".join(re.findall(r"`([^`]+)`", page.read_text(encoding="utf-8")))
    assert set(_FLAG.findall(quoted)) <= known_flags(parser())


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_python_of_a_page_names_what_exists(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.text)
    for name in set(re.findall(r"`?\bgatewright\.(\w+)", page.read_text(encoding="utf-8"))):
        assert name in gatewright.__all__ or find_spec(f"gatewright.{name}"), name


def test_settings_page_is_current() -> None:
    page = ROOT / "docs" / "reference" / "settings.md"
    assert page.read_text(encoding="utf-8") == make_settings_page.page()
