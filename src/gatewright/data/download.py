"""Download files. A file appears only if its download is complete and its checksum is correct."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from gatewright.support.errors import InputError
from gatewright.support.files import atomically
from gatewright.support.progress import Ticker, print_status

_TIMEOUT_SECONDS = 30.0  # without any data
_CHUNK = 1 << 18
_MEGABYTE = 1e6


def download(url: str, path: Path, sha256: str, size: int, remedy: str) -> None:
    """Download `url` to `path`. The file appears only if it has `size` bytes and the hexadecimal checksum `sha256`.

    Raises:
        InputError: The file cannot be downloaded, or its size or checksum is wrong. The message ends with `remedy`, a
            sentence that says what to do.
    """
    try:
        with atomically(path) as temporary:
            _fetch(url, temporary, sha256, size)
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"{url} cannot be downloaded ({_reason(error)}). {remedy}") from None


def _fetch(url: str, path: Path, sha256: str, size: int) -> None:
    digest, done, ticker = hashlib.sha256(), 0, Ticker()
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response, path.open("wb") as file:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if done > size:
                raise OSError(f"it is longer than the expected {size:,} bytes")
            if ticker.due():
                print_status(f"{done / _MEGABYTE:.0f} of {size / _MEGABYTE:.0f} MB downloaded.")
    if done < size:
        raise OSError(f"it ended after {done:,} of {size:,} bytes")
    if digest.hexdigest() != sha256:
        raise OSError("its checksum is wrong")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"HTTP status {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__
