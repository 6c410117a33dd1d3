"""Pack arrays and networks as JSON values for a page."""

import base64
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.page_network import EMBEDDING, PageNetwork
from gatewright.results.serialize import to_json_value
from gatewright.support.ids import PADDING

_LARGEST_HALF = 65504
_LEVELS = 65535
# Bytes for the names of the parts that are added when it is known which tokens fit.
_MARGIN = 1000
# Characters that could end the script element, or that control the direction of a line.
_UNSAFE = re.compile("[<>&\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def script_json(value: Any) -> str:
    """Return JSON that can stand in a script element: no text of the user can end the element."""
    text = json.dumps(to_json_value(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def pack(array: NDArray[Any], kind: str = "float32") -> dict[str, Any]:
    """Return an array as a JSON value that `unpack` in arrays.js reads.

    Args:
        array: The array.
        kind: "float32"; "float16"; or "levels", which are 65,536 equal steps from the lowest to the highest number.
    """
    packed: dict[str, Any] = {"shape": list(array.shape), "type": kind}
    if kind == "levels":
        low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
        packed |= {"low": low, "high": high}
        array = np.rint((np.asarray(array, np.float64) - low) * (_LEVELS / ((high - low) or 1)))
    dtype = {"float32": "<f4", "float16": "<f2", "levels": "<u2"}[kind]
    packed["data"] = base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode("ascii")
    return packed


def packed_network(network: PageNetwork, needed: Iterable[int], bytes_free: int | None) -> dict[str, Any] | None:
    """Return a network as JSON values, with the most frequent tokens of its vocabulary that fit.

    The tables of embeddings are rounded to 16 bits, other weights are not.

    Args:
        network: The network.
        needed: The ids of the text, which are always included.
        bytes_free: Largest number of bytes of the result as JSON. None for no limit.

    Returns:
        The JSON values, or None if the weights and the needed ids alone are larger.
    """
    rule, table = network.reading.rule, network.layers[0].weights["table"]
    kind = "float16" if np.abs(table).max(initial=0) <= _LARGEST_HALF else "float32"
    always = {*needed, PADDING, *(number for number in (rule.unknown, rule.start) if number is not None)}
    layers = [
        {
            "kind": layer.kind,
            "options": layer.options,
            "weights": {name: pack(array) for name, array in layer.weights.items() if layer.kind != EMBEDDING},
        }
        for layer in network.layers
    ]
    packed: dict[str, Any] = {
        "layers": layers,
        "target": list(network.target),
        "reading": {"outputs": network.reading.outputs, "labels": list(network.reading.labels)},
        "vocabulary": len(rule.tokens),
    }
    room = None if bytes_free is None else bytes_free - len(script_json(packed)) - _MARGIN
    rows, tokens = _that_fit(network, always, room, table.shape[1] * (2 if kind == "float16" else 4))
    if rows is None:
        return None
    layers[0]["weights"] = {"table": pack(table[rows], kind)}
    packed["rows"] = rows
    packed["reading"]["rule"] = {
        "split": rule.split,
        "tokens": [rule.tokens[place] for place in tokens],
        "ids": [rule.ids[place] for place in tokens],
        "unknown": rule.unknown,
        "start": rule.start,
        "maxLength": rule.max_length,
        "truncating": rule.truncating,
        "padding": rule.padding,
        "options": rule.options,
    }
    return packed


def _that_fit(
    network: PageNetwork, always: set[int], room: int | None, row_bytes: int
) -> tuple[list[int] | None, list[int]]:
    """Return the ids to include, and the places of their tokens in the vocabulary. The ids are None if too many.

    Args:
        network: The network.
        always: The ids that are included in any case.
        room: Number of bytes for them as JSON. None for no limit.
        row_bytes: Number of bytes of an embedding.
    """
    rule = network.reading.rule
    places = {number: place for place, number in enumerate(rule.ids)}
    chosen = dict.fromkeys(sorted(always))
    used: float = sum(_cost(rule.tokens[places[n]] if n in places else "", n, row_bytes) for n in chosen)
    if room is not None and used > room:
        return None, []
    for token, number in zip(rule.tokens, rule.ids, strict=True):
        if number not in chosen:
            used += _cost(token, number, row_bytes)
            if room is not None and used > room:
                break
            chosen[number] = None
    return list(chosen), [places[number] for number in chosen if number in places]


def _cost(token: str, number: int, row_bytes: int) -> float:
    """Return the number of bytes of a token, its id in two lists and its embedding, as JSON and base64."""
    return len(script_json(token).encode("utf-8")) + 1 + 2 * (len(str(number)) + 1) + 4 * row_bytes / 3
