"""Locks: one holder at a time, no lock of a dead process, and a message that names the holder."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from gatewright.support import lock as locks
from gatewright.support.lock import Lock, Locked

HOLD = """
import sys, time
from pathlib import Path
from gatewright.support.lock import Lock
lock = Lock(Path(sys.argv[1]), Path("m.safetensors"), "training")
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def made(path, work="training"):
    return Lock(path, path.parent / "m", work)


def test_a_lock_has_one_holder_and_the_message_names_it(tmp_path):
    first, second = made(tmp_path / "l", "comparison"), made(tmp_path / "l")
    first.acquire()
    with pytest.raises(Locked) as refused:
        second.acquire()
    said = str(refused.value)
    assert f"m is in use by another comparison (process {os.getpid()}, since 20" in said
    assert said.endswith("): wait until it has finished, or choose another --out.")
    first.release(remove=False)
    second.acquire()
    second.release(remove=True)
    assert os.listdir(tmp_path) == []
    second.release(remove=True)


def test_a_lock_ends_with_its_process_even_if_it_is_killed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "l")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(Locked, match=f"process {process.pid}, since"):
        made(tmp_path / "l").acquire()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / "l").exists()
    made(tmp_path / "l").acquire()


def test_a_lock_file_removed_by_its_last_holder_is_no_lock(tmp_path, monkeypatch):
    """The second process has opened the file when the first one removes it."""
    path, first = tmp_path / "l", made(tmp_path / "l")
    first.acquire()
    real, calls = locks._lock_file, []

    def removed(file):
        calls.append(file)
        if len(calls) == 1:
            first.release(remove=True)
        real(file)

    monkeypatch.setattr(locks, "_lock_file", removed)
    second = made(path)
    second.acquire()
    assert len(calls) == 2
    assert path.exists()
    with pytest.raises(Locked):
        made(path).acquire()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b"[1]", b'{"host": 1, "since": "x", "work": 2}'])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path, content):
    first = made(tmp_path / "l")
    first.acquire()
    (tmp_path / "l").write_bytes(content)
    with pytest.raises(Locked, match="is in use by another process: wait"):
        made(tmp_path / "l").acquire()


def test_a_file_system_without_locks_is_reported(tmp_path, monkeypatch, capsys):
    def none(_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "_lock_file", none)
    made(tmp_path / "l").acquire()
    said = capsys.readouterr().err
    assert "does not support locks (No locks available). Do not start a second training or comparison with" in said


def test_a_link_is_not_taken_for_a_lock_file(tmp_path):
    other = tmp_path / "other"
    other.write_text("of the user")
    (tmp_path / "l").symlink_to(other)
    with pytest.raises(OSError, match="symbolic link"):
        made(tmp_path / "l").acquire()
    assert other.read_text() == "of the user"
