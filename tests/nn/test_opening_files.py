"""Paths that are not model files: each is refused with one sentence, at once and without much memory."""

import json
import os
import struct
import threading

from models import classifier

from gatewright import runtime
from gatewright.nn import file as model_file
from gatewright.nn.file import write
from gatewright.support.errors import InputError


def refused(path):
    """Return the sentence with which a path is refused, which must happen at once."""
    found = []

    def load():
        try:
            runtime.load(path)
        except InputError as error:
            found.append(str(error).replace(str(path), "It"))

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(30)
    assert found, "it hangs, or loads"
    assert found[0].endswith(".")
    assert "\n" not in found[0]
    return found[0]


def test_special_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty").touch()
    assert "is not a regular file" in refused(tmp_path / "fifo")
    assert "is not a regular file" in refused("/dev/zero")
    assert "is a folder" in refused(tmp_path)
    assert "cannot be read (Too many levels of symbolic links)" in refused(tmp_path / "loop")
    assert "does not exist" in refused(tmp_path / "link")
    assert "does not exist" in refused(tmp_path / "empty" / "below")
    assert "does not exist" in refused("a\0b")
    assert "cannot be read (File name too long)" in refused("a" * 5000)
    assert "is not a model file" in refused(tmp_path / "empty")


def test_files_of_many_gigabytes_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "large.safetensors"
    for start in (b"", struct.pack("<Q", 90_000_000_000), struct.pack("<Q", 2**64 - 1)):
        path.write_bytes(start)
        os.truncate(path, 100 * 2**30)  # a sparse file
        assert "is not a model file" in refused(path)
    write(classifier(), path)
    os.truncate(path, 100 * 2**30)
    assert "its size does not match its tensors" in refused(path)


def test_a_claim_of_many_gigabytes_is_refused(tmp_path):
    """The layers, the header and the digest agree on a table of 8 TB, but the file has no such table."""
    path = tmp_path / "m.safetensors"
    write(classifier(), path)
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    record = json.loads(header["__metadata__"]["gatewright"])
    record["layers"][0]["units"] = 2**31 - 1
    rows = header["0.table"]["shape"][0]
    header["0.table"] = {**header["0.table"], "shape": [rows, 2**31 - 1]}
    header["__metadata__"]["gatewright"] = json.dumps(record)
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + content[8 + size :])
    assert "is damaged" in refused(path)


def test_a_file_that_is_cut_off_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    write(classifier(), path)
    size = path.stat().st_size
    shapes = model_file._shapes

    def cut(*arguments):
        os.truncate(path, size - 100)
        return shapes(*arguments)

    monkeypatch.setattr(model_file, "_shapes", cut)
    assert "its size does not match its tensors" in refused(path)


def test_the_same_key_twice_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    write(classifier(), path)
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = content[8 : 8 + size].replace(b'{\\"version\\"', b'{\\"task\\": \\"tag\\", \\"version\\"', 1)
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + size :])
    assert "its metadata has the same key twice" in refused(path)
