"""A console of the package rich that escapes control characters in the texts that it prints."""

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gatewright.support.escapes import escape_lines, raw_stream


class EscapingConsole(Console):
    """A console that prints colors and moves the cursor itself, while control characters in texts are escaped."""

    def __init__(self, file: TextIO, **options: Any) -> None:
        super().__init__(file=raw_stream(file), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of a renderable. Those that control the terminal come from rich, not from texts."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=escape_lines(segment.text))
