"""The folder for files that can be made again, such as downloads and compiled programs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for cached files. Create it if it does not exist.

    Raises:
        OSError: The folder cannot be created.
    """
    try:
        path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatewright"
    except RuntimeError:
        raise OSError("There is no home folder. Set XDG_CACHE_HOME to a folder that you can write to.") from None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{path} cannot be written ({error.strerror}). Set XDG_CACHE_HOME to a folder that you can write to."
        ) from None
    return path
