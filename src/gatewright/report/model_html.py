"""Show what a trained network keeps in general as an HTML fragment for a notebook."""

from html import escape

from gatewright.report import explanation_sentences as sentences
from gatewright.report import model_rows as rows
from gatewright.report.fragments import fragment, paragraph, table
from gatewright.results.explanation import LayerMemory, ModelExplanation

# Width of the bar for the largest number of units, in the units of CSS.
_BAR = 16


def html(explanation: ModelExplanation) -> str:
    """Return the explanation as an HTML fragment."""
    lines = paragraph(rows.title(explanation), "summary")
    for layer in explanation.layers:
        lines += _half_lives(layer)
    lines += table("Saturation of the gates", rows.SATURATION, rows.saturation(explanation))
    lines += paragraph(sentences.LAYERS, "soft")
    lines += [line for sentence in sentences.conventions(explanation.layers) for line in paragraph(sentence)]
    if explanation.words:
        lines += table(rows.words_title(explanation), rows.WORDS, rows.words(explanation))
    lines += [line for note in explanation.notes for line in paragraph(f"Note: {note}")]
    return fragment(lines)


def _half_lives(layer: LayerMemory) -> list[str]:
    if layer.half_life is None:
        return paragraph(rows.no_half_lives(layer))
    bins = rows.half_lives(layer.half_life)
    most = max((count for _, count in bins), default=1)
    title = f"{layer.title}: half-lives of its {len(layer.half_life):,} units"
    return [
        *paragraph(title, "title"),
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(title)}"><table>',
        '<thead><tr><th scope="col">half-life</th><th scope="col">units</th><td></td></tr></thead><tbody>',
        *(
            f'<tr><th scope="row">{name}</th><td>{count:,}</td><td style="text-align: left">'
            f'<span class="meter" style="width: {_BAR * count / most:.1f}rem"></span></td></tr>'
            for name, count in bins
        ),
        "</tbody></table></div>",
    ]
