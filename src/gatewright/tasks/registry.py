"""The tasks that can be trained, by name; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.data.series import is_series


def task_class(name: str, data: str, options: Mapping[str, Any]) -> Any:
    """The class of a task of `settings.JOBS` on this data, which is read with these options."""
    if name == "generate":
        from gatewright.tasks.generate import Generate

        return Generate
    if name == "forecast":
        from gatewright.tasks.forecast import Forecast

        return Forecast
    if name == "tag":
        from gatewright.tasks.tag import Tag

        return Tag
    if is_series(data, options):
        from gatewright.tasks.classify_series import ClassifySeries

        return ClassifySeries
    from gatewright.tasks.classify import Classify

    return Classify
