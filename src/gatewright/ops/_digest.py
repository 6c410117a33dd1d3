"""A hash of the C++ sources. It is compiled into the kernels, so that an editable install detects an outdated build."""

import hashlib
import sys
from pathlib import Path


def source_digest(folder: Path) -> str:
    """Return a SHA-256 hash over the names and contents of all C++ files in a folder and its subfolders."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.[hc]pp")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(f'#define GW_SOURCE_DIGEST "{source_digest(Path(sys.argv[1]))}"\n')
