"""Write the page of an explanation."""

import os
from typing import Any, NamedTuple

from gatewright.report import alignment_html, sound_svg
from gatewright.report.page import sections
from gatewright.report.page.files import fill, page_file, source_hash
from gatewright.report.page.packing import pack, packed_network, script_json
from gatewright.results.explanation import Explanation, LayerTrace
from gatewright.results.naming import METHODS, main, quantity, unit
from gatewright.results.page_network import RECURRENT, PageNetwork
from gatewright.support.files import atomically

_BUDGET = 1_999_000
_SCRIPTS = (
    *("arrays.js", "tokens.js", "cells.js", "network.js"),
    *("measures.js", "wording.js", "drawing.js", "view.js", "head.js", "alignment.js", "main.js"),
)
_TOO_LARGE = (
    "The weights of this network do not fit in a page of 2 MB. A page with the full vocabulary has them, and its text "
    "can be changed."
)


class WrittenPage(NamedTuple):
    """The contents of a page.

    Attributes:
        size: Number of bytes.
        tokens: Number of tokens of the vocabulary in the page. 0 if the network does not run in it.
        vocabulary: Number of tokens of the model's vocabulary. 0 likewise.
    """

    size: int
    tokens: int
    vocabulary: int


def write_page(
    explanation: Explanation,
    network: PageNetwork | str,
    path: str | os.PathLike[str],
    full_vocabulary: bool = False,
) -> WrittenPage:
    """Write an explanation as one HTML page, which needs no other file and no connection.

    If the page has the network, readers can change the text. By default the page is smaller than 2 MB: of the
    vocabulary, it has the tokens of the text and the most frequent ones that fit.

    Args:
        explanation: The explanation.
        network: The network, or a sentence that says why the page cannot run it.
        path: The file. If writing fails, an existing file is unchanged.
        full_vocabulary: Include the whole vocabulary, whatever the size.

    Raises:
        OSError: The file cannot be written.
        ValueError: The recurrent layers of the network are not those of the explanation.
    """
    content, packed = _page(explanation, network, full_vocabulary)
    encoded = content.encode("utf-8")
    with atomically(path) as temporary:
        temporary.write_bytes(encoded)
    if packed is None:
        return WrittenPage(len(encoded), 0, 0)
    return WrittenPage(len(encoded), len(packed["reading"]["rule"]["tokens"]), packed["vocabulary"])


def _page(
    explanation: Explanation, network: PageNetwork | str, full_vocabulary: bool
) -> tuple[str, dict[str, Any] | None]:
    """Return the page, and the packed network in it, if it has one."""
    if isinstance(network, str):
        return _without_network(explanation, network), None
    _require_same_layers(explanation, network)
    free = None if full_vocabulary else _BUDGET - len(_filled(explanation, {}, with_arrays=False).encode())
    needed = [step.id for step in explanation.steps if step.id is not None]
    packed = packed_network(network, needed, free)
    if packed is None:
        return _without_network(explanation, _TOO_LARGE), None
    return _filled(explanation, {"network": packed}, with_arrays=False), packed


def _without_network(explanation: Explanation, reason: str) -> str:
    return _filled(explanation, {"noNetwork": reason}, with_arrays=True)


def _require_same_layers(explanation: Explanation, network: PageNetwork) -> None:
    """Raise a ValueError if the directions of the recurrent layers are not those that the explanation describes."""
    found = [
        (layer.options["cell"], layer.options["reverse"], layer.options["units"])
        for layer in network.layers
        if layer.kind == RECURRENT
    ]
    needed = [(trace.cell, trace.backward, _units(trace)) for trace in explanation.layers]
    if found != needed:
        raise ValueError(f"The network has the recurrent layers {found}, but the explanation describes {needed}.")


def _units(trace: LayerTrace) -> int:
    return int(next(iter(trace.states.values())).shape[1])


def _trace(trace: LayerTrace, with_arrays: bool) -> dict[str, Any]:
    """Return a trace for the scripts. Its arrays are left out if the page computes them."""
    shown: dict[str, Any] = {
        "title": trace.title,
        "cell": trace.cell,
        "backward": trace.backward,
        "units": _units(trace),
        "ledgerState": trace.ledger_state,
        "conventions": trace.conventions,
        "gradients": trace.gradients,
        "gates": list(trace.gates),
        "states": list(trace.states),
    }
    if with_arrays:
        arrays = {**trace.gates, **trace.states}
        if trace.keep is not None and trace.written is not None:
            arrays |= {"keep": trace.keep, "written": trace.written}
        shown["values"] = {name: pack(array, "levels") for name, array in arrays.items()}
    return shown


def _filled(explanation: Explanation, network: dict[str, Any], with_arrays: bool) -> str:
    """Return the page.

    Args:
        explanation: The explanation.
        network: The packed network, or a sentence that says why there is none.
        with_arrays: Include the arrays of the traces.
    """
    first = main(explanation.attributions, explanation.steps)
    data = {
        "network": None,
        "target": explanation.target,
        "quantity": quantity(explanation.target),
        "noun": unit(explanation.steps, 1),
        "steps": explanation.steps,
        "attributions": explanation.attributions,
        "methodTitles": METHODS,
        "method": first.method if first else "",
        "reader": explanation.top_layers[0] if explanation.top_layers else 0,
        "layers": [_trace(trace, with_arrays) for trace in explanation.layers],
        **network,
    }
    script, style = _script(), page_file("page.css")
    style += alignment_html.style() if explanation.alignment else ""
    style += sound_svg.style() if explanation.sound else ""
    filled = {
        **sections.sections(explanation),
        "style": style,
        "style_hash": source_hash(style),
        "script": script,
        "script_hash": source_hash(script),
        "data": script_json(data),
    }
    return fill(page_file("page.html"), filled)


def _script() -> str:
    """Return all scripts as one, whose names no other script sees."""
    joined = "\n".join(page_file(name) for name in _SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{joined}\n}})();\n'
