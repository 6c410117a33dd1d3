"""A real browser without a network, for tests of HTML pages. Tests are skipped where there is none."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Start the distribution's Chromium, and yield it as a `Browser` of Playwright. Skip the test if there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    executable = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if executable is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@contextlib.contextmanager
def opened(started: Any, path: Path, width: int = 1400, scheme: str = "light") -> Iterator[Any]:
    """Open a file in a new window, and yield it as a `Page` of Playwright.

    The test fails if the page asks for anything but itself, or if a script fails.

    Args:
        started: The browser.
        path: The HTML file.
        width: Width of the window in CSS pixels.
        scheme: "light" or "dark".
    """
    address = path.resolve().as_uri()
    context = started.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_offline(True)
    page = context.new_page()
    errors: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    context.close()
    assert errors == []
    assert requests == [address]


def accessibility_faults(page: Any) -> list[str]:
    """Return the serious and critical faults that axe-core finds, one line for each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
