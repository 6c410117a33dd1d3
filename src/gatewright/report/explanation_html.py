"""Show an explanation as an HTML fragment for a notebook."""

from collections.abc import Sequence
from html import escape

import numpy as np

from gatewright.report import alignment_html
from gatewright.report import explanation_rows as rows
from gatewright.report import explanation_sentences as sentences
from gatewright.report.explanation_rows import Gap, Memory
from gatewright.report.explanation_table import top_table
from gatewright.report.fragments import fragment, items, paragraph, table
from gatewright.report.sound_svg import effects_svg
from gatewright.report.tables import significant
from gatewright.results.explanation import UNKNOWN, Explanation, Floats, LayerMemory, LayerTrace
from gatewright.results.naming import METHODS, are_tight, shown_text, unit

_KINDS = ("written", "kept", "overwritten")
# Opacity of the background of a step with the largest effect.
_OPAQUE = 0.85


def html(explanation: Explanation) -> str:
    """Return the explanation as an HTML fragment."""
    lines = paragraph(explanation.summary, "summary")
    if explanation.sound is not None:
        lines += effects_svg(explanation.sound, sentences.sound_title(explanation))
        lines += paragraph(sentences.sound(explanation), "soft")
    if explanation.steps:
        lines += (_series if rows.has_numbers(explanation) else _words)(explanation)
        lines += _legend(explanation)
        title = f"{unit(explanation.steps, 2).capitalize()} with the largest effects"
        lines += table(title, *top_table(explanation))
    lines += table(sentences.deletion(explanation), sentences.DELETION_HEADINGS, sentences.deletion_rows(explanation))
    lines += items([*sentences.together(explanation), *sentences.sums(explanation)])
    if explanation.alignment is not None:
        lines += paragraph(f"{sentences.ALIGNMENT}, in percent", "title")
        lines += alignment_html.table(explanation.alignment)
        lines += paragraph(sentences.alignment(explanation.alignment), "soft")
    lines += layers(explanation.layers)
    lines += [line for note in explanation.notes for line in paragraph(f"Note: {note}")]
    return fragment(lines)


def layers(found: Sequence[LayerTrace] | Sequence[LayerMemory]) -> list[str]:
    """Return the memory of each layer, and what its gates mean, as lines of HTML."""
    listed = list(filter(None, map(sentences.layer_memory, found)))
    return [
        *items(listed),
        *(paragraph(sentences.LAYERS, "soft") if listed else []),
        *(line for sentence in sentences.conventions(found) for line in paragraph(sentence)),
    ]


def _words(explanation: Explanation) -> list[str]:
    strengths = _strengths(explanation)
    memory = rows.memory(explanation)
    tight = " tight" if are_tight(explanation.steps) else ""
    lines = [f'<div class="words{tight}" role="group" aria-label="The {unit(explanation.steps, 2)}, in order">']
    for item in rows.fold(explanation):
        if isinstance(item, Gap):
            lines.append(f'<span class="gap">{escape(sentences.gap(explanation, item))}</span>')
        else:
            lines.append(_word(explanation, item, float(strengths[item]), memory))
    return [*lines, "</div>"]


def _word(explanation: Explanation, index: int, strength: float, memory: Memory | None) -> str:
    step = explanation.steps[index]
    label = escape(_label(explanation, index, memory))
    bars = "" if memory is None else "".join(_bars(memory, index))
    kinds = [*_influence(strength), *(["unknown"] if step.kind == UNKNOWN else [])]
    kinds += ["explained"] if explanation.target.step == index else []
    word = f'<b class="{" ".join(kinds)}" style="--a: {_opacity(strength):.2f}">{escape(shown_text(step))}</b>'
    return f'<span class="word" role="img" title="{label}" aria-label="{label}">{word}{bars}</span>'


def _influence(strength: float) -> list[str]:
    level = rows.level(strength)
    if not level:
        return []
    return ["for" if level > 0 else "against", *(["strong"] if abs(level) == 3 else [])]


def _opacity(strength: float) -> float:
    return _OPAQUE * abs(strength) if np.isfinite(strength) else 0.0


def _bars(memory: Memory, index: int) -> list[str]:
    return [
        f'<i class="bar {kind}" style="--h: {100 * row[index] / memory.scale:.0f}%"></i>'
        for kind, row in zip(_KINDS, memory, strict=True)
    ]


def _label(explanation: Explanation, index: int, memory: Memory | None) -> str:
    """Return the numbers of a step as text."""
    step = explanation.steps[index]
    parts = [
        f"{METHODS[found.method]} {significant(float(found.values[index]))}"
        for found in explanation.attributions
        if np.isfinite(found.values[index])
    ]
    if memory is not None:
        parts += [f"{name} {significant(float(row[index]))}" for name, row in zip(rows.MEMORY, memory, strict=True)]
    parts += [f"{name} {significant(number)}" for name, number in step.numbers.items()]
    unknown = "; not in the vocabulary" if step.kind == UNKNOWN else ""
    return f"{shown_text(step)} ({index + 1:,}): {', '.join(parts)}{unknown}" if parts else shown_text(step)


def _strengths(explanation: Explanation) -> Floats:
    main = rows.main_attribution(explanation)
    return np.full(len(explanation.steps), np.nan) if main is None else rows.strengths(main.values)


def _series(explanation: Explanation) -> list[str]:
    strengths, memory = _strengths(explanation), rows.memory(explanation)
    shown = rows.fold(explanation)
    labels = [escape(_label(explanation, index, memory)) for index in range(len(explanation.steps))]
    listed = [("effect +", "up", np.maximum(strengths, 0)), ("effect -", "down", np.maximum(-strengths, 0))]
    if memory is not None:
        listed += [
            (name, kind, row / memory.scale) for name, kind, row in zip(rows.MEMORY, _KINDS, memory, strict=True)
        ]
    listed += [(name, "written", rows.from_lowest(numbers)) for name, numbers in rows.channels(explanation)]
    lines = ['<div class="series">']
    for name, kind, heights in listed:
        cells = "".join(
            '<i class="pause"></i>'
            if isinstance(item, Gap)
            else f'<i class="bar {kind}{" chosen" * (item == explanation.target.step)}" '
            f'style="--h: {100 * np.nan_to_num(heights[item]):.0f}%" title="{labels[item]}"></i>'
            for item in shown
        )
        lines.append(f'<span class="name">{escape(name)}</span><span class="cells" aria-hidden="true">{cells}</span>')
    gaps = [f"{sentences.gap(explanation, item)}" for item in shown if isinstance(item, Gap)]
    ends = sentences.ends(explanation, 0, len(explanation.steps) - 1).capitalize()
    return [*lines, "</div>", *paragraph(f"{ends}. {' '.join(gaps)}".strip(), "soft")]


def _legend(explanation: Explanation) -> list[str]:
    lines = []
    meaning = escape(sentences.meaning(explanation))
    if rows.main_attribution(explanation) is not None:
        positive, negative = map(escape, sentences.sides(explanation))
        meaning += (
            f' <b class="chip for" style="--a: .5">+ {positive}</b>, '
            f'<b class="chip against" style="--a: .5">- {negative}</b>.'
        )
    if any(step.kind == UNKNOWN for step in explanation.steps):
        meaning += f" [Brackets]: a {unit(explanation.steps, 1)} that the vocabulary lacks."
    lines.append(f'<p class="soft">{meaning}</p>')
    if rows.memory(explanation) is not None and not rows.has_numbers(explanation):
        keys = ", ".join(
            f'<span class="key {kind}"></span>{name}' for kind, name in zip(_KINDS, rows.MEMORY, strict=True)
        )
        lines.append(f'<p class="soft">Bars, from the top: {keys}.</p>')
    return [
        *lines,
        *paragraph(sentences.memory(explanation), "soft"),
        *paragraph(sentences.channels(explanation), "soft"),
    ]
