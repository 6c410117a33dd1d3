"""The alignment of a translation as a table in HTML: a heat map whose cells have numbers."""

from collections.abc import Sequence
from html import escape

from gatewright.report import explanation_rows as rows
from gatewright.report import explanation_sentences as sentences
from gatewright.results.explanation import Alignment
from gatewright.support.escapes import escape_control

# Cells with less attention than this are empty; their numbers are shown by a pointer or the keyboard alone.
_LEAST = 0.05
_LEVELS = 10


def style(scope: str = "") -> str:
    """Return the styles that set the opacity of the colour of each cell, as `--a`.

    The strongest colour is not opaque, so that numbers on it can be read.

    Args:
        scope: Selector of the element in which the styles apply, with a space at the end.
    """
    opacities = ((level, 0.8 * level / _LEVELS) for level in range(1, _LEVELS + 1))
    return "\n".join(f"{scope}.alignment .a{level} {{ --a: {opacity:.2f}; }}" for level, opacity in opacities)


def table(found: Alignment) -> list[str]:
    """Return the table as lines of HTML, without scripts and without styles of its own."""
    source, target = (list(map(escape_control, names)) for names in sentences.alignment_names(found))
    columns = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in source)
    return [
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(sentences.ALIGNMENT)}">',
        '<table class="alignment">',
        f'<thead><tr><td></td>{columns}<th scope="col"><span>probability</span></th></tr></thead>',
        "<tbody>",
        *(_row(found, row, source, target[row]) for row in rows.shown_pieces(found)),
        "</tbody></table></div>",
    ]


def _row(found: Alignment, row: int, source: Sequence[str], name: str) -> str:
    shares = zip(source, found.weights[row].tolist(), strict=True)
    cells = "".join(_cell(f"{name} reads {piece}: {share:.3f}", share) for piece, share in shares)
    kind, current = (' class="chosen"', ' aria-current="true"') if row == found.chosen else ("", "")
    probability = f"{found.probabilities[row]:.2f}"
    return f'<tr{kind}><th scope="row"{current}>{escape(name)}</th>{cells}<td class="p">{probability}</td></tr>'


def _cell(label: str, share: float) -> str:
    shown = f"{100 * share:.0f}" if share >= _LEAST else ""
    return f'<td class="a{round(_LEVELS * share)}" title="{escape(label)}">{shown}</td>'
