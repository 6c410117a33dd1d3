"""A file from the network, whole or not at all."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.support.files import atomically

_SECONDS = 30.0  # of silence on the line
_CHUNK = 1 << 18
_MEGABYTE = 1e6


def download(url: str, path: Path, sha256: str, size: int, otherwise: str) -> None:
    """Fetch `url` into `path`, which is there only if all `size` bytes came and have the checksum `sha256`.

    Raises:
        InputError: it can't be fetched, or is not the file that was expected; ends with `otherwise`, what to do then.
    """
    try:
        with atomically(path) as temporary:
            _fetch(url, temporary, sha256, size)
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"{url} can't be downloaded ({_reason(error)}): {otherwise}.") from None


def _fetch(url: str, path: Path, sha256: str, size: int) -> None:
    digest, done, progress = hashlib.sha256(), 0, Progress()
    with urllib.request.urlopen(url, timeout=_SECONDS) as response, path.open("wb") as file:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if done > size:
                break
            if progress.due():
                say(f"{done / _MEGABYTE:.0f} of {size / _MEGABYTE:.0f} MB are downloaded.")
    if done > size:
        raise OSError(f"it is longer than the {size:,} bytes that were expected")
    if done < size:
        raise OSError(f"it ended after {done:,} of {size:,} bytes")
    if digest.hexdigest() != sha256:
        raise OSError("its checksum is not the one that was expected")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"HTTP status {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
