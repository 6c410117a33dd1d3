"""The tasks that can be trained, by name; each is imported when it is asked for."""

from __future__ import annotations

from typing import Any


def task_class(name: str) -> Any:
    """The class of a task of `settings.JOBS`."""
    if name == "generate":
        from gatewright.tasks.generate import Generate

        return Generate
    if name == "forecast":
        from gatewright.tasks.forecast import Forecast

        return Forecast
    if name == "tag":
        from gatewright.tasks.tag import Tag

        return Tag
    from gatewright.tasks.classify import Classify

    return Classify
