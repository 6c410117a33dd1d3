"""Compiled programs are kept in a folder of the user, and are never loaded if they are not what was stored."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from gatewright.ops import program_cache

PROGRAM = """
import sys, warnings
warnings.simplefilter("error")
from gatewright.ops import program_cache
program_cache.use(lambda note: print(note))
import jax, numpy as np
from jax import monitoring
hits = []
monitoring.register_event_listener(lambda name, **about: hits.append(name) if name.endswith("cache_hits") else None)
x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 4, 3)
print(jax.jit(lambda x: jax.numpy.tanh(x @ x.swapaxes(1, 2)).sum((1, 2)))(x).tolist())
print(len(hits))
"""


def run(folder, **environment):
    """Run the program with the cache below a folder, and return the lines that it prints."""
    removed = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**kept, "XDG_CACHE_HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_programs_are_kept_and_damaged_or_exchanged_ones_are_compiled_again(tmp_path):
    first = run(tmp_path)
    (folder,) = (tmp_path / "gatewright" / "compiled").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    entries = sorted(folder.iterdir())
    assert first[-1] == "0"
    assert entries
    assert run(tmp_path) == [first[0], str(len(entries))]  # all of them were loaded
    whole = [entry.read_bytes() for entry in entries]
    for damaged in (
        [contents[: len(contents) // 2] for contents in whole],
        [b"garbage"] * len(whole),
        [contents[:-1] + bytes([contents[-1] ^ 1]) for contents in whole],
        [b""] * len(whole),
    ):
        for entry, contents in zip(entries, damaged, strict=True):
            entry.write_bytes(contents)
        assert run(tmp_path) == first
        assert sorted(folder.iterdir()) == entries  # made again, and nothing else


def test_an_entry_of_another_program_is_not_loaded(tmp_path):
    programs = program_cache._Programs(tmp_path, tmp_path, pytest.fail)
    programs.put("one", b"1")
    programs.put("two", b"2")
    assert (programs.get("one"), programs.get("two"), programs.get("three")) == (b"1", b"2", None)
    programs._file("two").write_bytes(programs._file("one").read_bytes())
    assert (programs.get("one"), programs.get("two")) == (b"1", None)


def test_the_entries_that_were_not_used_for_the_longest_time_are_removed(tmp_path, monkeypatch):
    folder = tmp_path / "versions"
    folder.mkdir()
    monkeypatch.setattr(program_cache, "MAX_SIZE", 3000)
    programs = program_cache._Programs(tmp_path, folder, pytest.fail)
    for age, key in enumerate(("new", "middle", "old")):
        programs.put(key, bytes(900))
        os.utime(programs._file(key), (1e9 - age, 1e9 - age))
    assert programs.get("old") is not None  # and is now the one that was used last
    programs.put("another", bytes(900))
    assert [key for key in ("new", "middle", "old", "another") if programs.get(key) is None] == ["middle"]


def test_nothing_is_kept_once_xla_has_refused_what_it_stored(tmp_path):
    run(tmp_path, GATEWRIGHT_NUM_THREADS="1")
    (folder,) = (tmp_path / "gatewright" / "compiled").iterdir()
    programs = program_cache._Programs(folder.parent, folder, pytest.fail)
    programs.put("key", b"program")
    programs.get("key")
    programs.put("key", b"program")  # JAX stores a program again only if the stored one was of no use
    assert run(tmp_path)[-1] == "0"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners and permissions of files")
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path, monkeypatch, request):
    import jax

    before = jax.config.jax_enable_compilation_cache  # off in tests
    request.addfinalizer(lambda: jax.config.update("jax_enable_compilation_cache", before))
    jax.config.update("jax_enable_compilation_cache", True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.delenv("JAX_ENABLE_COMPILATION_CACHE", raising=False)
    folder = tmp_path / "gatewright" / "compiled"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    notes: list[str] = []
    program_cache.use(notes.append)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.rmdir()
    folder.symlink_to(tmp_path / "elsewhere")
    program_cache.use(notes.append)
    assert (
        notes
        == [
            f"Compiled programs are not kept: {folder} is not a folder that only you can write to. Remove it, or give "
            "--no-cache."
        ]
        * 2
    )
    assert jax.config.jax_compilation_cache_dir is None


def test_the_settings_of_the_user_win(tmp_path):
    other = tmp_path / "theirs"
    run(tmp_path, JAX_COMPILATION_CACHE_DIR=str(other))
    run(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false")
    assert not (tmp_path / "gatewright").exists()
