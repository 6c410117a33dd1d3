"""Write the page of the alignment of a transcript to its recording."""

import os

from gatewright.report import sound_svg, spoken_html
from gatewright.report.page import sections
from gatewright.report.page.files import fill, page_file, source_hash
from gatewright.results.spoken import SpokenExplanation
from gatewright.support.escapes import escape_lines
from gatewright.support.files import atomically


def write_spoken_page(explanation: SpokenExplanation, path: str | os.PathLike[str]) -> None:
    """Write an explanation as one HTML page without scripts, which needs no other file and no connection.

    Args:
        explanation: The explanation.
        path: The file. If writing fails, an existing file is unchanged.

    Raises:
        OSError: The file cannot be written.
    """
    style = page_file("page.css") + sound_svg.style()
    heading = f"When was each character written? An explanation of {explanation.model}"
    answer = explanation.transcript.text or "(nothing)"
    content = fill(
        page_file("spoken.html"),
        {
            "style": style,
            "style_hash": source_hash(style),
            "title": f"{sections.html(answer)} – {sections.html(heading)}",
            "heading": sections.html(heading),
            "answer": sections.html(answer),
            "summary": sections.html(explanation.summary),
            "picture": escape_lines("\n".join(sound_svg.spoken_svg(explanation))),
            "legend": sections.html(spoken_html.legend(explanation)),
            "words": sections.table_section("words", "Words", spoken_html.HEADINGS, spoken_html.words(explanation)),
            "notes": sections.list_section("notes", "Notes", explanation.notes),
        },
    )
    with atomically(path) as temporary:
        temporary.write_bytes(content.encode("utf-8"))
