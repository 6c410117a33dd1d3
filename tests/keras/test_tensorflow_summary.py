"""TensorBoard's event files without TensorFlow."""

import struct

import numpy as np
import pytest

from gatewright.keras.enable import disable, enable
from gatewright.keras.tensorflow import names


@pytest.fixture(scope="module")
def tf():
    enable()
    yield names.imported("tensorflow", ())
    disable()


def crc32c(content):
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def records(folder):
    """Return the contents of the records of the only event file in a folder, with their checksums checked."""
    (path,) = folder.glob("events.out.tfevents.*")
    content, found = path.read_bytes(), []
    while content:
        (length, checksum), event = struct.unpack("<QI", content[:12]), content[12:]
        assert crc32c(content[:8]) == checksum
        assert struct.pack("<I", crc32c(event[:length])) == event[length : length + 4]
        found.append(event[:length])
        content = event[length + 4 :]
    return found


def fields(message):
    """Return the fields of a protocol buffer as pairs of number and value."""

    def varint():
        nonlocal message
        number, shift = 0, 0
        while True:
            byte, message = message[0], message[1:]
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    found = []
    while message:
        key = varint()
        size = {0: None, 1: 8, 5: 4}[key & 7] if key & 7 != 2 else varint()
        if size is None:
            found.append((key >> 3, varint()))
        else:
            found.append((key >> 3, message[:size]))
            message = message[size:]
    return found


def scalars(folder):
    """Return tag, step and value of the numbers in an event file."""
    found = []
    for record in records(folder):
        event = dict(fields(record))
        for value in [dict(fields(content)) for number, content in fields(event.get(5, b"")) if number == 1]:
            tensor = dict(fields(value[8]))
            if tensor[1] == 1:
                found.append((value[1].decode(), event.get(2, 0), struct.unpack("<f", tensor[5])[0]))
    return found


def test_summaries_are_read_back(tf, tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    assert not tf.summary.scalar("lost", 1.0, step=0)
    with writer.as_default():
        tf.summary.scalar("loss", np.float32(0.5), step=300)
        with writer.as_default(step=7):
            tf.summary.scalar("ä", 2)
        tf.summary.histogram("weights", [1.0, 2.0], step=1)
        with pytest.raises(ValueError, match="needs a step"):
            tf.summary.scalar("loss", 1.0)
    writer.close()
    assert scalars(tmp_path) == [("loss", 300, 0.5), ("ä", 7, 2.0)]
    assert b"brain.Event:2" in records(tmp_path)[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras issues it for a model's JSON
def test_the_callback_writes_train_and_validation_folders(tf, tmp_path):
    keras = tf.keras
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 2)), np.ones(8)
    callback = keras.callbacks.TensorBoard(tmp_path, update_freq="batch", histogram_freq=1)
    history = model.fit(x, y, epochs=2, batch_size=4, validation_data=(x, y), verbose=0, callbacks=[callback]).history
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert [(step, pytest.approx(value)) for tag, step, value in train if tag == "epoch_loss"] == list(
        enumerate(history["loss"])
    )
    assert [step for tag, step, _ in train if tag == "batch_loss"] == [1, 2, 3, 4]
    assert [(step, pytest.approx(value)) for tag, step, value in validation if tag == "epoch_loss"] == list(
        enumerate(history["val_loss"])
    )
