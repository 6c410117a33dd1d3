"""Split texts into words as Keras does."""

SPLITS = ("keras", "spaces", "punctuation")
"""The names of the methods that split texts into words; see `encoders.Words`."""

# The characters at which Keras' Tokenizer splits. All of them are ASCII, so that texts can be split as UTF-8 bytes,
# which is several times as fast.
_GAPS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TO_SPACE = bytes.maketrans(_GAPS, b" " * len(_GAPS))


def keras_words(text: str) -> list[str]:
    """Lower-case a text, split it into words as Keras' Tokenizer does, and return the words."""
    return [word for word in text.lower().encode().translate(_TO_SPACE).decode().split(" ") if word]
