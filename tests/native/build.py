"""Builds the driver, each kind in a folder of its own that the next build continues."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gatewright.ops._digest import source_digest

HERE = Path(__file__).parent
BUILDS = HERE.parents[1] / "build"


class Unavailable(Exception):
    """A kind of build that this machine cannot make or run; one sentence says what is missing."""


@dataclass(frozen=True)
class Kind:
    """The settings with which a driver is built, and the emulator that runs it."""

    compiler: str = os.environ.get("CXX", "c++")
    sanitize: str = ""
    settings: tuple[str, ...] = ()
    emulator: str = ""


KINDS = {
    "plain": Kind(),
    "aarch64": Kind(
        compiler="aarch64-linux-gnu-g++",
        settings=(
            "-DCMAKE_SYSTEM_NAME=Linux",
            "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
            "-DCMAKE_EXE_LINKER_FLAGS=-static",
        ),
        emulator="qemu-aarch64",
    ),
    "address+undefined": Kind(sanitize="address,undefined"),
    "thread": Kind(sanitize="thread"),
}


@cache
def build(name: str) -> tuple[str, ...]:
    """The command that runs the driver of this kind, built from the sources as they stand.

    Raises:
        Unavailable: a tool is missing, or the compiler lacks the sanitizer.
        RuntimeError: the build failed; the message holds its output.
    """
    kind, folder = KINDS[name], BUILDS / f"native-{name}"
    for tool in filter(None, ("cmake", kind.compiler.split()[0], kind.emulator)):
        if shutil.which(tool) is None:
            raise Unavailable(f"The {name} driver needs {tool}, which is not installed.")
    folder.mkdir(parents=True, exist_ok=True)
    prefix = _prefix(name, kind, folder)
    generator = ("-G", "Ninja") if shutil.which("ninja") else ()
    compiler = f"-DCMAKE_CXX_COMPILER={kind.compiler}"
    sanitize = f"-DGW_SANITIZE={kind.sanitize}"
    built = f"-DGW_BUILT={';'.join(map(str, _built_kernels()))}" if kind == Kind() else "-DGW_BUILT="
    _make("cmake", "-S", HERE, "-B", folder, *generator, compiler, sanitize, built, *kind.settings)
    _make("cmake", "--build", folder, "--parallel", "2")
    return (*prefix, str(folder / "driver"))


def _built_kernels() -> list[Path]:
    """Return the compiled kernels of an extension that was built from the sources as they stand, or nothing."""
    for digest in sorted(BUILDS.glob("cp*/digest.hpp")):
        if source_digest(HERE.parents[1] / "csrc") in digest.read_text():
            objects = sorted(digest.parent.glob("CMakeFiles/kernels_*.dir/**/*.o"))
            return [*objects, digest.parent / "libgatewright_kernels.a"]
    return []


def _prefix(name: str, kind: Kind, folder: Path) -> tuple[str, ...]:
    """What stands before the driver on the command line."""
    if kind.emulator:
        return (kind.emulator,)
    if not kind.sanitize:
        return ()
    # Some runtimes of ThreadSanitizer give up where the kernel spreads addresses widely; setarch -R ends that.
    probe = folder / "probe"
    (folder / "probe.cpp").write_text("int main() { return 0; }\n")
    flags = (f"-fsanitize={kind.sanitize}", "-o", probe)
    if subprocess.run([*kind.compiler.split(), folder / "probe.cpp", *flags], capture_output=True).returncode:
        raise Unavailable(f"The compiler {kind.compiler} has no -fsanitize={kind.sanitize} here.")
    for prefix in ((), ("setarch", platform.machine(), "-R")):
        if shutil.which(prefix[0] if prefix else probe) is None:
            continue
        if subprocess.run([*prefix, probe], capture_output=True).returncode == 0:
            return prefix
    raise Unavailable(f"Programs that {kind.compiler} builds with -fsanitize={kind.sanitize} do not start here.")


def _make(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")


def drive(driver: tuple[str, ...], *words: str | Path, **environment: str) -> str:
    """Run the driver; what it printed.

    Raises:
        RuntimeError: it found something wrong, or ended badly; the message holds what it said.
    """
    done = subprocess.run(
        [*driver, *map(str, words)], capture_output=True, text=True, env={**os.environ, **environment}, timeout=1200
    )
    if done.returncode:
        said = (done.stderr or done.stdout)[:6000]  # a sanitizer says what is wrong first
        raise RuntimeError(f"driver {words[0]} ended with {done.returncode}: {said}")
    return done.stdout
