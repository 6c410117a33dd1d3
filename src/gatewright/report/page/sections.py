"""The parts of the page that need no script."""

from collections.abc import Sequence
from html import escape

from gatewright.report import alignment_html
from gatewright.report import explanation_sentences as sentences
from gatewright.report.sound_svg import effects_svg
from gatewright.results.explanation import Explanation
from gatewright.results.naming import probability, quantity, unit
from gatewright.support.escapes import escape_control


def sections(explanation: Explanation) -> dict[str, str]:
    """Return the HTML of each part, by its name in page.html."""
    heading = f"Why this answer? An explanation of {explanation.model}"
    return {
        "title": f"{html(_answer(explanation))} – {html(heading)}",
        "heading": html(heading),
        "answer": html(_answer(explanation)),
        "target": html(_target(explanation)),
        "summary": html(explanation.summary),
        "bars": html(_bars(explanation)),
        "sound": _sound(explanation),
        "alignment": _alignment(explanation),
        "faithfulness": _faithfulness(explanation),
        "groups": list_section("groups", "Left out together", sentences.together(explanation)),
        "notes": list_section("notes", "Notes", explanation.notes),
    }


def html(text: str) -> str:
    """Return a text of the user for the page, with control characters visible."""
    return escape(escape_control(text))


def _answer(explanation: Explanation) -> str:
    """Return the answer without what follows a tab, and with its probability if that is known."""
    name, target = explanation.answer.split("\t")[0], explanation.target
    known = target.probability if target.name == name else None
    return name if known is None else f"{name}, probability {probability(known)}"


def _target(explanation: Explanation) -> str:
    target = explanation.target
    odds = f"the {quantity(target)} of {target.name}" + (f" against {target.against}" if target.against else "")
    known = target.probability
    chance = "" if known is None else f" The probability of {target.name} is {probability(known)}."
    value = f"{target.value:+.2f}".replace("-", "−")
    return f"Explained: {odds}, {value}.{chance}"


def _bars(explanation: Explanation) -> str:
    noun = unit(explanation.steps, 1)
    pooled = "" if explanation.pooling == "last" else f" The answer is read from all steps ({explanation.pooling})."
    return (
        f"Bars, on one scale: written, how much a {noun} adds to the state of the layer; kept, how much of it is left "
        f"at the reading head; overwritten here, how much of the earlier state the {noun} removes.{pooled}"
    )


def _sound(explanation: Explanation) -> str:
    """Return the section about the stretches of a recording that decide, or nothing for other inputs."""
    found = explanation.sound
    if found is None:
        return ""
    sentence = sentences.sound(explanation)
    content = [*effects_svg(found, sentences.sound_title(explanation)), f'<p class="soft">{html(sentence)}</p>']
    return _section("sound", "Which part of the recording decided", "\n".join(content))


def _alignment(explanation: Explanation) -> str:
    """Return the section about the attention of a translation, or nothing for other models."""
    found = explanation.alignment
    if found is None:
        return ""
    content = [
        "<p>The attention that each piece of the translation (rows) pays to each piece of the sentence (columns), in "
        "percent. Arrow keys move from cell to cell.</p>",
        *alignment_html.table(found),
        '<p id="cell" role="status"></p>',
        f'<p class="soft">{html(sentences.alignment(found))}</p>',
    ]
    return _section("alignment", "Where the decoder read", "\n".join(content))


def _faithfulness(explanation: Explanation) -> str:
    """Return the section about what happens when the strongest steps are left out, or nothing if it was not tested."""
    rows = sentences.deletion_rows(explanation)
    sums = "".join(f"<p>{html(sentence)}</p>" for sentence in sentences.sums(explanation))
    if not rows:
        return _section("faithful", "Does the explanation hold?", sums) if sums else ""
    headings = "".join(f'<th scope="col">{heading}</th>' for heading in sentences.DELETION_HEADINGS[1:])
    body = "".join(
        f'<tr><th scope="row" class="left">{name.capitalize()}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    return _section(
        "faithful",
        "Does the explanation hold?",
        f"<p>{html(sentences.deletion(explanation))}. These numbers are about the original input.</p>"
        '<div class="wide" tabindex="0" role="region" aria-labelledby="faithful-title"><table><thead><tr>'
        f'<th scope="col" class="left">Method</th>{headings}</tr></thead><tbody>{body}</tbody></table></div>{sums}',
    )


def list_section(name: str, title: str, texts: Sequence[str]) -> str:
    """Return a section with a list of sentences, or nothing if there are none."""
    items = "".join(f"<li>{html(text)}</li>" for text in texts)
    return _section(name, title, f"<ul>{items}</ul>") if items else ""


def table_section(name: str, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a section with a table, or nothing if there are no rows."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{html(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row" class="left">{html(first)}</th>{"".join(f"<td>{html(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return _section(
        name,
        title,
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="{name}-title"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>",
    )


def _section(name: str, title: str, content: str) -> str:
    return f'<section aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{content}</section>'
