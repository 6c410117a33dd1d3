"""The base class of results, which display themselves. The code for the display is imported only when it is needed."""

import importlib
from typing import Any

from gatewright.results.serialize import to_json_value


def renderer() -> Any:
    """Return the module `gatewright.report.render`, imported when a result is first shown.

    This is the only path from `results` up to `report`. The import is by name because `report` imports `results`.
    """
    return importlib.import_module("gatewright.report.render")


class Result:
    """Base class of results, which can be printed, shown in a notebook and converted to JSON."""

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain JSON values. Numbers that are not finite become None."""
        return dict(to_json_value(self))

    def __str__(self) -> str:
        return str(renderer().text(self))

    def _repr_html_(self) -> str:
        return str(renderer().html(self))
