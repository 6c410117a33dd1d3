"""Bytes and characters of files: compression and encodings."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from gatewright.data import files
from gatewright.support.errors import InputError

COMPRESS = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_files_are_decompressed(tmp_path, suffix):
    path = tmp_path / f"A.CSV{suffix.upper()}"
    path.write_bytes(COMPRESS[suffix](b"one"))
    assert files.read_bytes(path) == b"one"
    assert files.inner_name(path) == "a.csv"
    assert files.is_table(path)
    assert not files.is_table(Path("a.txt" + suffix))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2"])
@pytest.mark.parametrize("damage", ["cut short", "other bytes"])
def test_damaged_compressed_files_are_refused(tmp_path, suffix, damage):
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(COMPRESS[suffix](b"one two three")[:-9] if damage == "cut short" else b"hello hello hello")
    with pytest.raises(InputError, match=r"a\.csv\.\w+ cannot be decompressed \(.+\)\. It may be incomplete"):
        files.read_bytes(path)


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "a was read as UTF-16."),
        ("utf-32", "a was read as UTF-32."),
        ("latin-1", "a was read as Windows-1252 (Latin-1), because it is not UTF-8."),
    ],
)
def test_encodings_are_recognized_and_noted(encoding, note):
    assert files.decode("na\u00efve\r\n".encode(encoding), "a") == ("na\u00efve\r\n", note)


def test_windows_1252_has_typographic_characters_and_no_undefined_bytes():
    assert files.decode(b"\x93a\x94 \x80\x81", "a").text == "\u201ca\u201d \u20ac\x81"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("很快,好吃\n", "gb18030"),
        ("Это хороший фильм, и я рад", "cp1251"),
        ("Αυτή είναι μια καλή ταινία", "iso8859-7"),
        ("이 영화는 재미있다", "euc-kr"),
        ("日本語の文章です。これ", "shift_jis"),
        ("我 O\n在 O\n北 B\n京 I\n" * 6, "gb18030"),
    ],
)
def test_texts_that_are_not_western_european_are_refused(text, encoding):
    with pytest.raises(InputError, match=r"a, line [23] has bytes that are not UTF-8, and .* Save it as UTF-8\.$"):
        files.decode(f"one\n{text}".encode(encoding), "a")


def test_utf_8_with_wrong_bytes_is_refused():
    with pytest.raises(InputError, match="a, line 2 has bytes that are not UTF-8"):
        files.decode("caf\u00e9, \u00e9lan\n".encode() + b"caf\xe9", "a")


@pytest.mark.parametrize(
    "text",
    ["¡Qué película más añeja, señor!", "Über Öl, süß", "a ação é não, são três lições " * 20, "£££", "‘a’ – “b”… €5"],
)
def test_western_european_texts_stay(text):
    assert files.decode(text.encode("cp1252"), "a").text == text


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfea", b"\xe9\0", b"\xfe\xff\xd8\x00"])
def test_bytes_that_are_not_text_are_refused(content):
    with pytest.raises(InputError, match=r"^a (is not text|has bytes that are not text)"):
        files.decode(content, "a")
