"""Files that are written completely or not at all, and what is checked before a long computation."""

import errno
import os
import stat

import pytest

from gatewright.support.errors import InputError
from gatewright.support.files import (
    atomically,
    remove_leftovers,
    require_other_file,
    require_outside,
    require_writable,
)


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def write(path, text):
    with atomically(path) as temporary:
        temporary.write_text(text)


def test_a_new_file_has_the_mode_of_the_umask_and_a_replaced_one_keeps_its_own(tmp_path, umask):
    path = tmp_path / "m"
    write(path, "first")
    assert mode(path) == 0o640
    for kept in (0o600, 0o644, 0o400):
        path.chmod(kept)
        write(path, str(kept))
        assert mode(path) == kept
        assert path.read_text() == str(kept)


def test_nobody_else_can_read_the_temporary_file_of_a_private_file(tmp_path):
    path = tmp_path / "m"
    write(path, "secret")
    path.chmod(0o600)
    with atomically(path) as temporary:
        temporary.write_text("secret")
        assert mode(temporary) == 0o600


def test_the_time_of_a_replaced_file_is_new(tmp_path):
    path = tmp_path / "m"
    write(path, "first")
    os.utime(path, (1, 1))
    write(path, "second")
    assert path.stat().st_mtime > 1e9


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes")
def test_extended_attributes_are_kept(tmp_path):
    path = tmp_path / "m"
    write(path, "first")
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("the file system has no extended attributes")
    write(path, "second")
    assert os.getxattr(path, "user.note") == b"kept"


def test_the_file_and_then_its_folder_are_synced(tmp_path, monkeypatch):
    synced, replaced = [], []
    real, replace = os.fsync, os.replace

    def fsync(file):
        synced.append(stat.S_ISDIR(os.fstat(file).st_mode))
        real(file)

    def renamed(*paths):
        replaced.append(list(synced))
        replace(*paths)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", renamed)
    write(tmp_path / "m", "text")
    assert replaced == [[False]]
    assert synced == [False, True]


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / "m"
    write(path, "old")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space left") as failed:
            write(path, "new")
    assert failed.value.filename == str(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["m"]


def test_a_link_with_the_name_of_the_temporary_file_is_not_followed(tmp_path):
    other = tmp_path / "other"
    other.write_text("of the user")
    (tmp_path / f".gatewright-{os.getpid()}-m").symlink_to(other)
    write(tmp_path / "m", "new")
    assert other.read_text() == "of the user"
    assert not (tmp_path / "m").is_symlink()


def test_only_temporary_files_of_the_same_name_are_leftovers(tmp_path):
    names = [".gatewright-12-m", ".gatewright-12-other-m", ".gatewright-x-m", ".12-m", ".gatewright-12-n"]
    for name in names:
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path / "m")
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "is a folder: give the path of a file"),
        ("no/m", "is in a folder that does not exist"),
        ("m" * 250, "cannot be written (File name too long)"),
        ("m\0", "is not the name of a file (embedded null byte)"),
    ],
)
def test_a_place_for_no_file_is_refused_in_one_sentence(tmp_path, name, sentence):
    with pytest.raises(InputError) as refused:
        require_writable(tmp_path / name, "--out")
    assert sentence in str(refused.value)
    assert os.listdir(tmp_path) == []


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", denied)  # an administrator may write everywhere
    with pytest.raises(InputError, match=r"^--out .*m cannot be written \(Permission denied\): choose another path\.$"):
        require_writable(tmp_path / "m", "--out")


def test_an_input_is_recognized_however_it_is_spelled(tmp_path, monkeypatch):
    data, other = tmp_path / "d.csv", tmp_path / "e.csv"
    data.write_text("a")
    other.write_text("a")
    (tmp_path / "link.csv").symlink_to(data)
    os.link(data, tmp_path / "hard.csv")
    monkeypatch.chdir(tmp_path)
    for spelled in ("d.csv", "./d.csv", f"../{tmp_path.name}/d.csv", "link.csv", "hard.csv", data):
        with pytest.raises(InputError, match="is also given as DATA, and would be lost: choose another --out"):
            require_other_file(tmp_path / "d.csv", "--out", {"--test": None, "DATA": spelled})
    require_other_file(other, "--out", {"DATA": "d.csv", "--text": "d\0", "--label": "x" * 5000})


def test_an_input_in_a_folder_of_results_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    data = tmp_path / "out" / "compare.json"
    data.write_text("[]")
    (tmp_path / "link").symlink_to(data)
    for spelled in (data, str(data), tmp_path / "link", tmp_path / "out"):
        with pytest.raises(InputError, match=r"is in the folder --out .*out, where files are replaced"):
            require_outside(tmp_path / "out", "--out", {"DATA": spelled})
    require_outside(tmp_path / "out", "--out", {"DATA": tmp_path, "--text": "compare.json"})
