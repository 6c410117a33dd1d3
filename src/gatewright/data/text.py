"""What all encoders share: the ids that are no tokens, and how Keras splits texts into words."""

from collections.abc import Iterator, Sequence

from gatewright.support.data_progress import Progress, say

SPLITS = ("keras", "spaces", "punctuation")
"""How texts are split into words; see `encoders.Words`."""

# What Keras' Tokenizer takes for a gap between words. It is all ASCII, so text can be split as UTF-8 bytes,
# several times as fast.
_GAPS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TO_SPACE = bytes.maketrans(_GAPS, b" " * len(_GAPS))


def keras_words(text: str) -> list[str]:
    """The words of a text, lower-cased, as Keras' Tokenizer splits them."""
    return [word for word in text.lower().encode().translate(_TO_SPACE).decode().split(" ") if word]


def split_words(texts: Sequence[str], done: int, total: int) -> Iterator[list[str]]:
    """The words of each text; says how many are `done` of `total`."""
    progress = Progress()
    for text in texts:
        yield keras_words(text)
        done += 1
        if progress.due():
            say(f"{done:,} of {total:,} texts are split into words.")
