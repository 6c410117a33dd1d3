"""The functions of TensorFlow that Keras uses where it makes or reads a `tf.data.Dataset`, on NumPy arrays.

`substitutes.install` puts this module in the place of TensorFlow into those modules of Keras, so that Keras' own code
decides about orders, splits and labels.
"""

import io as _io
import os
import wave
from types import SimpleNamespace
from typing import Any

import numpy as np

from gatewright.keras.tensorflow import data
from gatewright.keras.tensorflow.data import shuffling
from gatewright.keras.tensorflow.data.elements import Element, element, numpy_dtype, tensor
from gatewright.support.errors import InputError

available = True
int64 = "int64"
random = SimpleNamespace(set_seed=shuffling.set_seed)


def is_tensor(value: Any) -> bool:
    """Return True for an element of a dataset."""
    return isinstance(value, Element)


def cast(value: Any, dtype: Any) -> Element:
    """Convert a value to a data type."""
    return element(np.asarray(value).astype(numpy_dtype(dtype)))


def range(start: Any, limit: Any, delta: Any) -> Element:
    """Return numbers at equal distances."""
    return element(np.arange(start, limit, delta))


def gather(params: Any, indices: Any) -> Element:
    """Return the rows of an array with the given indices."""
    return element(np.asarray(params)[np.asarray(indices)])


def expand_dims(value: Any, axis: int) -> Element:
    """Add an axis of size 1."""
    return element(np.expand_dims(np.asarray(value), axis))


def one_hot(indices: Any, depth: int) -> Element:
    """Return rows with 1 at an index and 0 elsewhere."""
    return element((np.asarray(indices)[..., None] == np.arange(depth)).astype(np.float32))


def read_file(filename: Any) -> Element:
    """Return the contents of a file as `bytes`, as `tf.io.read_file` does."""
    path = os.fsdecode(tensor(filename).numpy())
    try:
        with open(path, "rb") as file:
            return element(file.read())
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check the path.") from None


def _substr(text: Any, position: int, length: int) -> Element:
    return element(tensor(text).numpy()[position : position + length])


def _decode_wav(contents: Any, desired_samples: int = -1) -> tuple[Element, Element]:
    try:
        with wave.open(_io.BytesIO(contents.numpy())) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InputError(f"A sound file is not a WAV file ({error}). Convert it to WAV with 16 bits.") from None
    if width != 2:
        raise InputError(f"A WAV file has samples of {8 * width} bits. Convert it to 16 bits.")
    samples = np.frombuffer(frames, "<i2").reshape(-1, channels).astype(np.float32) / 32768
    if desired_samples >= 0:
        samples = samples[:desired_samples]
        samples = np.pad(samples, ((0, desired_samples - len(samples)), (0, 0)))
    return element(samples), tensor(rate)


def load_image(
    path: Any,
    image_size: tuple[int, int],
    num_channels: int,
    interpolation: str,
    data_format: str,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
) -> Element:
    """Return the image in a file as float32 numbers from 0 to 255, resized to `image_size`.

    Args:
        path: Path of the file.
        image_size: Height and width.
        num_channels: 1, 3 or 4.
        interpolation: The method of `keras.ops.image.resize`.
        data_format: "channels_last" or "channels_first".
        crop_to_aspect_ratio: Whether the image is cropped to keep its aspect ratio.
        pad_to_aspect_ratio: Whether the image is padded to keep its aspect ratio.
    """
    import keras
    from PIL import Image, UnidentifiedImageError

    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    try:
        with Image.open(_io.BytesIO(read_file(path).numpy())) as image:
            pixels = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[num_channels]))
    except (UnidentifiedImageError, OSError):
        raise InputError(f"{os.fsdecode(tensor(path).numpy())} is not an image that Pillow can read.") from None
    pixels = pixels.reshape(*pixels.shape[:2], num_channels).astype(np.float32)
    resized = keras.ops.image.resize(
        pixels,
        image_size,
        interpolation=interpolation,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio,
        data_format="channels_last",
    )
    array = np.asarray(resized)
    return element(array.transpose(2, 0, 1) if data_format == "channels_first" else array)


strings = SimpleNamespace(substr=_substr)
io = SimpleNamespace(read_file=read_file)
audio = SimpleNamespace(decode_wav=_decode_wav)

__all__ = ["data"]
