"""Hashes of the training examples, which a model file stores so that an evaluation can recognize them."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.progress import with_progress
from gatewright.support.schema import Size, Text, read_as

ENTRY = "training_examples"
"""The entry of a model file's training record that has the hashes."""

# Bytes of a hash: two of 100,000 training examples and a new example rarely have the same one.
_BYTES = 6
# About so many hashes are stored at most, which take 800 kB.
_MAX_HASHES = 100_000


@dataclass(frozen=True)
class SeenExamples:
    """The hashes of the training examples of a model.

    Attributes:
        every: Only hashes that are divisible by this number are stored, so that about one in so many examples is.
        hashes: The stored hashes, sorted.
    """

    every: int
    hashes: NDArray[np.uint64]

    @classmethod
    def of(cls, examples: Sequence[bytes]) -> Self:
        """Return the hashes of the training examples."""
        hashes, every = np.unique(_hashes(examples)), -(-len(examples) // _MAX_HASHES)
        return cls(every, hashes[hashes % every == 0])

    def note(self, examples: Sequence[bytes], name: str) -> tuple[str, ...]:
        """Return a sentence that says how many of the examples are training examples; no sentence if none are.

        Args:
            examples: The examples of an evaluation.
            name: The word for examples, such as "texts".
        """
        hashes = _hashes(examples)
        stored = hashes[hashes % self.every == 0]
        found = int(np.isin(stored, self.hashes).sum())
        if not found:
            return ()
        count = f"{found:,}" if self.every == 1 else f"about {round(found / len(stored) * len(examples)):,}"
        verb = "was" if count in ("1", "about 1") else "were"
        return (
            f"{count[0].upper()}{count[1:]} of the {len(examples):,} {name} {verb} in the training set of the model, "
            "so the metrics do not show how well it handles new data.",
        )

    def to_json(self) -> dict[str, Any]:
        """Return the hashes as JSON values."""
        packed = self.hashes.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - _BYTES :]
        return {"every": self.every, "hashes": base64.b64encode(packed.tobytes()).decode()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the hashes that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` is something else. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its training_examples")
        try:
            packed = np.frombuffer(base64.b64decode(read.hashes, validate=True), np.uint8)
        except ValueError:
            packed = np.zeros(1, np.uint8)
        if len(packed) % _BYTES:
            raise InputError("its training_examples.hashes are not hashes in base64.")
        return cls(read.every, _as_numbers(packed))


@dataclass(frozen=True)
class _Stored:
    """Hashes as JSON values."""

    every: Size
    hashes: Annotated[str, Text(high=1 << 24)]


def _hashes(examples: Sequence[bytes]) -> NDArray[np.uint64]:
    digests = (
        hashlib.blake2b(example, digest_size=_BYTES).digest() for example in with_progress(examples, "examples hashed")
    )
    return _as_numbers(np.frombuffer(b"".join(digests), np.uint8))


def _as_numbers(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    padded = np.zeros((len(digests) // _BYTES, 8), np.uint8)
    padded[:, 8 - _BYTES :] = digests.reshape(-1, _BYTES)
    return padded.view(">u8")[:, 0].astype(np.uint64)
