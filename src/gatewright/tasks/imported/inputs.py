"""The inputs of imported models: how a text or a series becomes the array that the network reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.keras_words import KerasEncoder, keras_encoder_from_json
from gatewright.results.page_network import TextRule
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING
from gatewright.support.schema import Items, Number, Parsed, Size, Text, read_as

SIDES = ("pre", "post")
"""The sides at which sequences are padded or cut, as in Keras' `pad_sequences`."""
Side: TypeAlias = Annotated[str, Text(choices=SIDES)]

# Steps of a text or series that are padded to one length. A file with a larger length would cost memory for padding.
_MAX_LENGTH = 1 << 16


def _cut(values: Any, length: int | None, side: str) -> Any:
    if length is None or len(values) <= length:
        return values
    return values[-length:] if side == "pre" else values[:length]


def _padded(row: NDArray[Any], length: int, side: str, value: float) -> NDArray[Any]:
    padding = np.full((length - len(row), *row.shape[1:]), value, row.dtype)
    return np.concatenate([padding, row] if side == "pre" else [row, padding])


def left_padded(row: NDArray[Any], length: int) -> NDArray[Any]:
    """Return a row of ids, padded on the left."""
    return _padded(row, length, "pre", PADDING)


@dataclass(frozen=True)
class TextInput:
    """Texts, whose ids the network reads.

    Attributes:
        encoder: The encoder.
        max_length: The largest number of ids of a text. None if there is no limit.
        padding: The side at which texts are padded to `max_length`.
        truncating: The side at which longer texts are cut.
        reads_padding: True if the padding affects the network's output, so that each text is padded to `max_length` as
            in the training. False if the network ignores padding, or if texts have none.
    """

    encoder: Annotated[KerasEncoder, Parsed(keras_encoder_from_json)]
    max_length: Size | None
    padding: Side
    truncating: Side
    reads_padding: bool
    kind: ClassVar[str] = "texts"
    unit: ClassVar[str] = "texts"
    features: ClassVar[int] = 1
    pad_value: ClassVar[float] = PADDING

    def __post_init__(self) -> None:
        if self.max_length is not None and self.max_length > _MAX_LENGTH:
            raise InputError(f"max_length must be at most {_MAX_LENGTH:,}.")
        if self.reads_padding and self.max_length is None:
            raise InputError("max_length is needed by a network that reads padding.")

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text that the network reads, without padding."""
        return self.cut(self.encoder.encode(text))

    def cut(self, ids: Sequence[int]) -> list[int]:
        """Return the ids of a text with the id that starts it, cut to the largest length."""
        start = self.encoder.start_id
        whole = list(ids) if start is None else [start, *ids]
        return list(_cut(whole, self.max_length, self.truncating))

    def row(self, ids: Sequence[int]) -> NDArray[np.int32]:
        """Return ids from `cut` as the network reads them, [time]."""
        row = np.array(ids, np.int32)
        if self.reads_padding and self.max_length is not None:
            return _padded(row, self.max_length, self.padding, PADDING)
        return row if len(row) else np.full(1, PADDING, np.int32)

    def rows(self, texts: Iterable[str]) -> list[NDArray[np.int32]]:
        """Return the inputs for each text, [time]."""
        return [self.row(self.ids(text)) for text in texts]

    def text_rule(self) -> TextRule:
        """Return how a text becomes ids, for the page of an explanation."""
        encoder = self.encoder
        ranked = sorted(encoder.index.items(), key=lambda word: word[1])  # small ids belong to frequent words
        return TextRule(
            split=encoder.kind,
            tokens=tuple(word for word, _ in ranked),
            ids=tuple(number for _, number in ranked),
            unknown=encoder.unknown_id,
            start=encoder.start_id,
            max_length=self.max_length,
            truncating=self.truncating,
            padding=self.padding if self.reads_padding else "",
            options=encoder.splitting(),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the input as JSON values."""
        return {
            "kind": self.kind,
            "encoder": self.encoder.to_json(),
            "max_length": self.max_length,
            "padding": self.padding,
            "truncating": self.truncating,
            "reads_padding": self.reads_padding,
        }


@dataclass(frozen=True)
class Scaler:
    """The scaling of series: (x - shift) / scale, for each feature.

    Attributes:
        shift: The number that is subtracted.
        scale: The number by which the difference is divided.
    """

    shift: tuple[float, ...]
    scale: Annotated[tuple[Annotated[float, Number(low=-1e30, high=1e30)], ...], Items(1)]

    def __post_init__(self) -> None:
        if len(self.shift) != len(self.scale) or 0 in self.scale:
            raise InputError("a scale of the series is 0 or missing.")

    def apply(self, series: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a series, [time, features], scaled."""
        return np.asarray((series - np.array(self.shift)) / np.array(self.scale))


@dataclass(frozen=True)
class SeriesInput:
    """Series of numbers.

    Attributes:
        features: Number of features at each time step.
        length: The number of time steps that the network reads. None for any number.
        padding, truncating: The sides at which shorter series are padded and longer ones are cut.
        pad_value: The number with which series are padded. None if series of another length are refused.
        scaler: The scaling of the numbers before the network reads them.
    """

    features: Size
    length: Size | None
    padding: Side
    truncating: Side
    pad_value: float | None
    scaler: Scaler | None
    kind: ClassVar[str] = "series"
    unit: ClassVar[str] = "series"

    def __post_init__(self) -> None:
        if self.length is not None and self.length > _MAX_LENGTH:
            raise InputError(f"the number of time steps must be at most {_MAX_LENGTH:,}.")
        if self.scaler is not None and len(self.scaler.shift) not in (1, self.features):
            raise InputError("the scaler has another number of features.")

    def row(self, series: Any) -> NDArray[np.float32]:
        """Return one series as the network reads it, [time, features].

        Raises:
            InputError: It has the wrong shape or length, or a number that is not finite.
        """
        found = self.checked(series)
        scaled = found if self.scaler is None else self.scaler.apply(found)
        row = scaled.astype(np.float32)
        if self.length is None or len(row) == self.length:
            return row
        if self.pad_value is None:
            raise InputError(
                f"The model reads series of {self.length:,} steps, not of {len(row):,}: cut or pad the series, or "
                "import the model with --max-length."
            )
        row = _cut(row, self.length, self.truncating)
        return _padded(row, self.length, self.padding, self.pad_value).astype(np.float32)

    def checked(self, series: Any) -> NDArray[np.float64]:
        """Return one series as an array [time, features].

        Raises:
            InputError: It is something else, has no steps, or a number that is not finite.
        """
        try:
            found = np.asarray(series, np.float64)
        except (TypeError, ValueError):
            raise InputError(f"A series must be an array of numbers [time, {self.features}].") from None
        if found.ndim == 1 and self.features == 1:
            found = found[:, None]
        if found.ndim != 2 or found.shape[1] != self.features or not len(found):
            raise InputError(
                f"A series must be an array of numbers [time, {self.features}], not of shape {list(found.shape)}."
            )
        if not np.isfinite(found).all():
            raise InputError("A series has a number that is missing or infinite: replace it, as in the training.")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the input as JSON values."""
        scaler = self.scaler and {"shift": list(self.scaler.shift), "scale": list(self.scaler.scale)}
        return {
            "kind": self.kind,
            "features": self.features,
            "length": self.length,
            "padding": self.padding,
            "truncating": self.truncating,
            "pad_value": self.pad_value,
            "scaler": scaler,
        }


ModelInput: TypeAlias = TextInput | SeriesInput


def input_from_json(stored: Any) -> ModelInput:
    """Restore an input from `stored`, the result of `to_json`.

    Raises:
        InputError: `stored` does not describe an input. The message begins with "its".
    """
    kinds: Mapping[str, type[ModelInput]] = {kind.kind: kind for kind in (TextInput, SeriesInput)}
    kind = stored.get("kind") if isinstance(stored, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError("its input is neither texts nor series.")
    values = {name: value for name, value in stored.items() if name != "kind"}
    return read_as(kinds[kind], values, "its input")
