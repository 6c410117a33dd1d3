"""A digest of the kernels' sources, compiled into the extension so that an editable install detects a stale build."""

import hashlib
import sys
from pathlib import Path


def source_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of all C++ files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.[hc]pp")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(f'#define GW_SOURCE_DIGEST "{source_digest(Path(sys.argv[1]))}"\n')
