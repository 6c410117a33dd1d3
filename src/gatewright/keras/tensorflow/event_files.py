"""Event files, which TensorBoard displays: records with checksums that hold protocol buffers.

The format is described in `tensorflow/core/lib/io/record_writer.h` and in the files `event.proto`, `summary.proto` and
`tensor.proto` of TensorFlow.
"""

import itertools
import os
import socket
import struct
import threading
import time
from pathlib import Path

import numpy as np

_FLOAT, _DOUBLE, _STRING = 1, 2, 7  # data types of tensor.proto
_counter = itertools.count()


class EventFile:
    """A file of events in a folder, which is made when the first event is written.

    Args:
        folder: The folder.
        suffix: The end of the name of the file.
    """

    def __init__(self, folder: str | os.PathLike[str], suffix: str = ".v2") -> None:
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_counter)}{suffix}"
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = open(self._folder / name, "wb")  # noqa: SIM115
        self._lock = threading.Lock()
        self._write(_double(1, time.time()) + _bytes(3, b"brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write a number."""
        tensor = _integer(1, _FLOAT) + _bytes(2, b"") + _bytes(5, struct.pack("<f", value))
        self._value(tag, "scalars", tensor, step, data_class=1)

    def histogram(self, tag: str, values: np.ndarray, step: int, buckets: int = 30) -> None:
        """Write the distribution of an array."""
        rows = _histogram(np.asarray(values, np.float64).ravel(), buckets)
        shape = b"".join(_bytes(2, _integer(1, size)) for size in rows.shape)
        tensor = _integer(1, _DOUBLE) + _bytes(2, shape) + _bytes(4, rows.astype("<f8").tobytes())
        self._value(tag, "histograms", tensor, step, data_class=2)

    def text(self, tag: str, text: str, step: int, plugin: str = "text", content: bytes = b"") -> None:
        """Write a text."""
        tensor = _integer(1, _STRING) + _bytes(2, b"") + _bytes(8, text.encode())
        self._value(tag, plugin, tensor, step, data_class=2 if plugin == "text" else 3, content=content)

    def flush(self) -> None:
        """Write what is in memory to the file."""
        with self._lock:
            if not self._file.closed:
                self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _value(self, tag: str, plugin: str, tensor: bytes, step: int, data_class: int, content: bytes = b"") -> None:
        plugin_data = _bytes(1, plugin.encode()) + (_bytes(2, content) if content else b"")
        metadata = _bytes(1, plugin_data) + _integer(4, data_class)
        value = _bytes(1, tag.encode()) + _bytes(8, tensor) + _bytes(9, metadata)
        self._write(_double(1, time.time()) + _integer(2, step) + _bytes(5, _bytes(1, value)))

    def _write(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        record = length + struct.pack("<I", _masked_crc(length)) + event + struct.pack("<I", _masked_crc(event))
        with self._lock:
            if self._file.closed:
                raise ValueError("The summary writer is closed. Make a new one with tf.summary.create_file_writer.")
            self._file.write(record)


def _histogram(values: np.ndarray, buckets: int) -> np.ndarray:
    """Return rows of the left edge, the right edge and the count of each bucket, as TensorBoard counts them."""
    values = values[np.isfinite(values)]
    if not values.size or buckets < 1:
        return np.zeros((0 if buckets < 1 else buckets, 3))
    low, high = values.min(), values.max()
    if low == high:
        counts = np.zeros(buckets)
        counts[-1] = values.size
        return np.stack([np.full(buckets, low), np.full(buckets, high), counts], axis=1)
    width = (high - low) / buckets
    indices = np.minimum(np.floor((values - low) / width).astype(np.int64), buckets - 1)
    edges = np.linspace(low, high, buckets + 1)
    return np.stack([edges[:-1], edges[1:], np.bincount(indices, minlength=buckets)], axis=1)


def _varint(number: int) -> bytes:
    number &= 2**64 - 1
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _integer(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", number)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def _masked_crc(content: bytes) -> int:
    """Return the CRC-32C of the content, rotated and offset as the records have it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF
