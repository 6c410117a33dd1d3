"""The parts of the page that need no script."""

from collections.abc import Sequence
from html import escape

from gatewright.results.explanation import Explanation, Step
from gatewright.results.naming import METHODS, probability, quantity, unit
from gatewright.support.escapes import escape_control


def sections(explanation: Explanation) -> dict[str, str]:
    """Return the HTML of each part, by its name in page.html."""
    heading = f"Why this answer? An explanation of {explanation.model}"
    answer = _html(" ".join(explanation.answer.split()))
    return {
        "title": f"{answer} – {_html(heading)}",
        "heading": _html(heading),
        "answer": answer,
        "target": _html(_target(explanation)),
        "summary": _html(explanation.summary),
        "faithfulness": _faithfulness(explanation),
        "groups": _groups(explanation),
        "notes": _notes(explanation.notes),
    }


def _html(text: str) -> str:
    """Return a text of the user for the page, with control characters visible."""
    return escape(escape_control(text))


def _target(explanation: Explanation) -> str:
    target = explanation.target
    odds = f"the {quantity(target)} of {target.name}" + (f" against {target.against}" if target.against else "")
    known = target.probability
    chance = "" if known is None else f" The probability of {target.name} is {probability(known)}."
    return f"Explained: {odds}, {_signed(target.value)}.{chance}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _faithfulness(explanation: Explanation) -> str:
    """Return the section about what happens when the strongest steps are left out, or nothing if it was not tested."""
    if not explanation.faithfulness:
        return ""
    noun, number = unit(explanation.steps, 1), quantity(explanation.target)
    rows = []
    for test in explanation.faithfulness:
        low, high = test.random.low, test.random.high
        between = "" if low is None or high is None else f" ({_signed(low)} to {_signed(high)})"
        rows.append(
            f'<tr><th scope="row" class="left">{METHODS[test.method].capitalize()}</th><td>{test.deleted}</td>'
            f"<td>{_signed(test.top)}</td><td>{_signed(test.random.mean)}{between}</td></tr>"
        )
    return _section(
        "faithful",
        "Does the explanation hold?",
        f"<p>If a method finds the {noun}s that decided, the {number} falls far when they are left out, and hardly "
        f"when random {noun}s are left out. Measured on the original input:</p>"
        '<div class="wide" tabindex="0" role="region" aria-labelledby="faithful-title"><table><thead><tr>'
        f'<th scope="col" class="left">Method</th><th scope="col">{noun.capitalize()}s left out</th>'
        '<th scope="col">Fall: the strongest</th><th scope="col">Fall: random (95% interval)</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>",
    )


def _groups(explanation: Explanation) -> str:
    """Return the section about steps that were left out together, or nothing if none were asked for."""
    rows = [
        f'<tr><th scope="row" class="left">{_html(_phrase(explanation.steps, group.steps))}</th>'
        f"<td>{_signed(group.effect)}</td><td>{_signed(group.separate)}</td></tr>"
        for group in explanation.groups
    ]
    if not rows:
        return ""
    return _section(
        "groups",
        "Left out together",
        '<div class="wide" tabindex="0" role="region" aria-labelledby="groups-title"><table><thead><tr>'
        '<th scope="col" class="left">Steps</th><th scope="col">Effect together</th>'
        f'<th scope="col">Sum of single effects</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div>',
    )


def _phrase(steps: Sequence[Step], places: Sequence[int]) -> str:
    return " ".join(steps[place].text for place in places)


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return _section("notes", "Notes", f"<ul>{''.join(f'<li>{_html(note)}</li>' for note in notes)}</ul>")


def _section(name: str, title: str, content: str) -> str:
    return f'<section aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>{content}</section>'
