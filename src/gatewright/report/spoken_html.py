"""Show the alignment of a transcript to its recording as an HTML fragment for a notebook."""

from gatewright.report import sound_rows as layout
from gatewright.report.fragments import fragment, paragraph, table
from gatewright.report.sound_svg import spoken_svg
from gatewright.results.spoken import SpokenExplanation
from gatewright.support.escapes import escape_control

HEADINGS = ("word", "start", "end", "confidence", "symbols, each with its start")
"""The headings of the table of words."""


def html(explanation: SpokenExplanation) -> str:
    """Return the explanation as an HTML fragment."""
    lines = [
        *paragraph(explanation.summary, "summary"),
        *spoken_svg(explanation),
        *paragraph(legend(explanation), "soft"),
        *table("Words, with times in seconds", HEADINGS, words(explanation)),
    ]
    return fragment([*lines, *(line for note in explanation.notes for line in paragraph(f"Note: {note}"))])


def words(explanation: SpokenExplanation) -> list[tuple[str, ...]]:
    """Return a row for each word, with the cells of `HEADINGS`."""
    return [
        (
            escape_control(word.text),
            f"{word.start:.2f}",
            f"{word.end:.2f}",
            f"{word.confidence:.2f}",
            ", ".join(
                f"{layout.shown_symbol(symbol.text)} {symbol.start:.2f}" for symbol in explanation.symbols_of(place)
            ),
        )
        for place, word in enumerate(explanation.transcript.words)
    ]


def legend(explanation: SpokenExplanation) -> str:
    """Return a text that says what the picture shows."""
    found = explanation.spectrogram
    low, high = layout.scale(found)
    if found.hertz:
        what = (
            f"The level of each mel band over time in seconds, from {-low:.0f} dB or more below the loudest band up to "
            "it"
        )
    else:
        what = (
            "The cepstral coefficients that the network reads over time in seconds, from "
            f"{-low:.0f} deviations below the mean to {high:.0f} above it"
        )
    return (
        f"{what}, with each symbol of the transcript at its time. "
        "Curves: the probability of each symbol of the transcript at each step, and of the blank (dashed). "
        f"{layout.SPACE} is a space between words. {layout.cut(explanation)}"
    ).strip()
