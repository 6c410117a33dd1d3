"""The base class of results. The code that displays a result is imported only when a result is displayed."""

import importlib
from typing import Any

from gatewright.results.serialize import to_json_value


def renderer() -> Any:
    """Import and return the module `gatewright.report.render`.

    The import is inside the function because `report` imports `results`. Nothing else in `results` uses `report`.
    """
    return importlib.import_module("gatewright.report.render")


class Result:
    """Base class of results, which can be printed, shown in a notebook and converted to JSON."""

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of all fields as plain JSON values. Numbers that are not finite become None."""
        return dict(to_json_value(self))

    def __str__(self) -> str:
        return str(renderer().text(self))

    def _repr_html_(self) -> str:
        return str(renderer().html(self))
