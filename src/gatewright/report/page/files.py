"""The files of pages: read, filled and hashed."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib import resources

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page_file(name: str) -> str:
    """Return the text of a file of the package."""
    return resources.files("gatewright.report.page").joinpath(name).read_text(encoding="utf-8")


def fill(template: str, filled: Mapping[str, str]) -> str:
    """Return a template with texts in the places with their names, such as {{title}}."""
    # One pass, so that braces in texts of the user mean nothing.
    return _PLACE.sub(lambda found: filled[found[1]], template)


def source_hash(content: str) -> str:
    """Return the hash by which the content security policy allows a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode('ascii')}"
