"""Tokenizers that were pickled with earlier releases of Keras."""

import collections
from typing import Any

from gatewright.keras.older import patches


def install() -> None:
    """Let pickled tokenizers of earlier releases have the attributes of the `Tokenizer` of Keras 3."""
    from keras.src.legacy.preprocessing.text import Tokenizer

    patches.replace(Tokenizer, "__setstate__", _set_state)


def _set_state(self: Any, state: dict[str, Any]) -> None:
    state = dict(state)
    if "nb_words" in state:
        state["num_words"] = state.pop("nb_words")
    indices = {index: word for word, index in state.get("word_index", {}).items()}
    defaults: dict[str, Any] = {
        "analyzer": None,
        "char_level": False,
        "document_count": 0,
        "index_docs": collections.defaultdict(int),
        "index_word": indices,
        "num_words": None,
        "oov_token": None,
        "word_docs": collections.defaultdict(int),
    }
    vars(self).update(defaults | state)
