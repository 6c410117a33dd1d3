"""Damaged files, files that unpack to more than is allowed, and files that are not regular."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import zipfile

import pytest

from gatewright.data import foreign
from gatewright.data.archives import read_archive, read_array
from gatewright.data.files import read_bytes
from gatewright.data.folders import all_files, open_archive, open_folder
from gatewright.data.foreign import one_error, read_in_child
from gatewright.data.limits import limited_input
from gatewright.data.matlab import read_cells
from gatewright.data.tables import column_names, read_table
from gatewright.support.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

SMALL = 0.001
"""A maximum of a megabyte, in GB."""


def npy(header: str, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


def packed(content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for label in ("good", "bad"):
            member = tarfile.TarInfo(f"{label}/a.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def parquet_of(rows: int) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": pyarrow.array(["x" * 100] * rows)}), stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        *(
            (f"a.csv{suffix}", compress(bytes(1_100_000)), read_bytes)
            for suffix, compress in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress))
        ),
        ("a.csv", b"a" * 1_100_000, read_bytes),
        ("a.npz", zipped(X__npy=bytes(1_100_000)), read_archive),
        ("a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (150000,)}", bytes(1_200_000)), read_array),
        ("a.tar.gz", packed(b"a " * 300_000), open_archive),
        ("a.parquet", parquet_of(20_000), read_table),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_unpacks_to_more_than_is_allowed_names_the_option(tmp_path, name, content, read):
    path = tmp_path / name
    path.write_bytes(content)
    with limited_input(SMALL), pytest.raises(InputError, match=r"is larger than 0\.001 GB .* with --max-input\.$"):
        read(path)


def test_the_maximum_must_be_a_positive_number():
    for wrong in (0, -1, float("nan"), float("inf"), True, "4"):
        with (
            pytest.raises(InputError, match=r"^max_input must be a number of gigabytes above 0, not "),
            limited_input(wrong),
        ):
            pass


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000, 3)}", bytes(80)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000, 0)}"),
        npy("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}", b"\xff\xff\xff\x7f"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nabort\n(tR."),
        npy("__import__('os').abort()"),
        npy("(" * 3_000),
        b"",
    ],
)
def test_an_array_that_is_not_there_costs_no_memory(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^\S+a\.npy is not an array of numbers or strings\. Save one"):
        read_array(path)


def test_an_archive_with_a_member_that_is_no_array_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(zipped(X=b"abc"))
    with pytest.raises(InputError, match=r"has the member 'X', which is not an array\. Remove it\.$"):
        read_archive(tmp_path / "a.npz")


@pytest.mark.slow
class TestChild:
    """Files that are read in a child process. Each process takes a while."""

    def test_a_crash_of_a_library_is_one_sentence(self, tmp_path, monkeypatch):
        (tmp_path / "ctypes_crash.py").write_text("import ctypes\nctypes.string_at(0)\n")
        scipy = tmp_path / "scipy"
        scipy.mkdir()
        (scipy / "__init__.py").write_text("import ctypes_crash\n")
        (tmp_path / "a.mat").write_bytes(b"MATLAB")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(InputError, match=r"a\.mat is not a MATLAB file of version 5 to 7, or is damaged\."):
            read_cells(tmp_path / "a.mat", ["traindata"])

    def test_a_file_that_takes_too_long_is_one_sentence(self, tmp_path, monkeypatch):
        scipy = tmp_path / "scipy"
        scipy.mkdir()
        (scipy / "__init__.py").write_text("while True:\n    pass\n")
        (tmp_path / "a.mat").write_bytes(b"MATLAB")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(foreign, "_SECONDS", 1)
        with pytest.raises(InputError, match=r"a\.mat takes more than 1 s to read\. It may be damaged"):
            read_cells(tmp_path / "a.mat", ["traindata"])

    def test_damaged_parquet(self, tmp_path):
        path = tmp_path / "a.parquet"
        path.write_bytes(parquet_of(50)[:-30])
        assert column_names(path) == []
        with pytest.raises(InputError, match=r"a\.parquet is not a complete Parquet file\. Write or download"):
            read_in_child("read_parquet", path, damaged=f"{path} is not a complete Parquet file. Write or download it.")

    def test_compressed_parquet_with_dictionaries(self, tmp_path):
        stream = io.BytesIO()
        table = pyarrow.table({"a": pyarrow.array(["x", "y", None]).dictionary_encode(), "b": [[1], [2, 3], []]})
        parquet.write_table(table, stream)
        (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(stream.getvalue()))
        read = read_table(tmp_path / "a.parquet.gz")
        assert read.column("a").to_pylist() == ["x", "y", None]
        assert read.column("b").to_pylist() == [[1], [2, 3], []]


def test_any_error_of_a_library_becomes_one_sentence():
    for error in (ZeroDivisionError("by zero"), MemoryError(), NotImplementedError(), RecursionError("deep")):
        expected = pytest.raises(InputError, match=r"^a is damaged \(.+\)\. Write it again\.$")
        with expected, one_error("a is damaged (REASON). Write it again."):
            raise error


class TestSpecialFiles:
    def test_a_pipe_is_read_when_a_program_writes_to_it(self, tmp_path):
        path = tmp_path / "pipe.csv"
        os.mkfifo(path)
        writer = threading.Timer(0.2, path.write_bytes, [b"a" * 200_000])
        writer.start()
        assert read_bytes(path) == b"a" * 200_000
        writer.join()

    def test_a_pipe_without_a_writer_and_a_device_are_one_sentence(self, tmp_path, monkeypatch):
        monkeypatch.setattr("gatewright.data.files._PIPE_SECONDS", 0.1)
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match=r"pipe is a named pipe to which no program writes\. Give a regular file"):
            read_bytes(tmp_path / "pipe")
        (tmp_path / "zero.txt").symlink_to("/dev/zero")
        with pytest.raises(InputError, match=r"zero\.txt is a device or a socket\. Give a regular file\."):
            read_bytes(tmp_path / "zero.txt")

    def test_special_files_and_circular_links_in_folders_are_skipped_with_a_note(self, tmp_path, capsys):
        for label in ("good", "bad"):
            (tmp_path / "texts" / label).mkdir(parents=True)
            (tmp_path / "texts" / label / "a.txt").write_text("a text")
        folder = tmp_path / "texts" / "bad"
        os.mkfifo(folder / "fifo")
        (folder / "back").symlink_to(tmp_path / "texts")
        (folder / "self").symlink_to("self")
        (folder / "zero").symlink_to("/dev/zero")
        tree = open_folder(tmp_path / "texts")
        assert tree.splits == {"": [("bad", "a.txt"), ("good", "a.txt")]}
        (note,) = tree.notes
        assert note.startswith("4 of the files in")
        assert [path.name for path in all_files(tmp_path / "texts")] == ["a.txt", "a.txt"]
        assert "3 of the files in" in capsys.readouterr().err
