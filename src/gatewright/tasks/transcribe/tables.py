"""Tables about the errors of transcripts, for reports."""

from collections.abc import Mapping, Sequence

from gatewright.results.records import DetailTable
from gatewright.tasks.transcribe.measures import Errors, character_errors, total, word_errors

_WORST, _MAX_SHOWN = 10, 120


def error_tables(
    names: Sequence[str], references: Sequence[str], transcripts: Mapping[str, Sequence[str]]
) -> tuple[DetailTable, ...]:
    """Return a table with the kinds of errors, and one with the worst utterances of the first model.

    Args:
        names: The names of the utterances.
        references: The correct transcripts.
        transcripts: The transcripts of each model and baseline, with their names as keys; the first one is the model.
    """
    rows = []
    for model, texts in transcripts.items():
        for unit, found in (("words", word_errors), ("characters", character_errors)):
            one = total(found(references, texts))
            rows.append((f"{unit}, {model}", one.substitutions, one.deletions, one.insertions, one.errors, one.length))
    kinds = DetailTable("Errors", ("", "substitutions", "deletions", "insertions", "errors", "of"), tuple(rows))
    model = next(iter(transcripts))
    worst = _worst(names, references, transcripts[model])
    if not worst:
        return (kinds,)
    return kinds, DetailTable(f"Utterances with the most errors, {model}", ("", "errors", "of words"), worst)


def _worst(
    names: Sequence[str], references: Sequence[str], transcripts: Sequence[str]
) -> tuple[tuple[str, int, int], ...]:
    """Return rows for the utterances with the most errors in words, of which there is one at least."""
    found = word_errors(references, transcripts)

    def badness(place: int) -> tuple[int, float]:
        one: Errors = found[place]
        return -one.errors, -one.errors / max(1, one.length)

    places = [place for place in sorted(range(len(found)), key=badness) if found[place].errors][:_WORST]
    return tuple(
        (
            f"{names[place]}: {_short(references[place])} → {_short(transcripts[place])}",
            found[place].errors,
            found[place].length,
        )
        for place in places
    )


def _short(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
