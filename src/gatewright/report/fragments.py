"""What the HTML fragments of explanations share: their styles, paragraphs and tables.

A fragment has no scripts, and its styles apply inside it alone. It is light or dark as the notebook says, or as the
browser prefers if the notebook does not say.
"""

from collections.abc import Iterable, Sequence
from html import escape

from gatewright.report import alignment_html, sound_svg
from gatewright.support.escapes import escape_lines

_LIGHT = (
    "--ink: #1f2933; --soft: #56616d; --rule: #d5dae0; --paper: #ffffff; --for: 86, 180, 233; --against: 240, 160, 40; "
    "--line-for: #0072b2; --line-against: #b34700; --written: #4b5563; --kept: #00805d; --overwritten: #b3588c;"
)
_DARK = (
    "--ink: #e8ebee; --soft: #a9b3bd; --rule: #3a434d; --paper: #15191e; --for: 0, 105, 180; --against: 178, 84, 0; "
    "--line-for: #56b4e9; --line-against: #f0a028; --written: #aeb7c1; --kept: #2fc79a; --overwritten: #dd8fba;"
)

_STYLE = f"""
.gw-explain {{ {_LIGHT} }}
@media (prefers-color-scheme: dark) {{ .gw-explain {{ {_DARK} }} }}
[data-jp-theme-light="true"] .gw-explain, .vscode-light .gw-explain {{ {_LIGHT} }}
[data-jp-theme-light="false"] .gw-explain, .vscode-dark .gw-explain, .vscode-high-contrast .gw-explain {{ {_DARK} }}
@media print {{ .gw-explain {{ {_LIGHT} print-color-adjust: exact; -webkit-print-color-adjust: exact; }} }}
.gw-explain {{
  color: var(--ink); background: var(--paper); padding: 1rem; font-size: 15px; line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}}
.gw-explain p, .gw-explain ul {{ margin: .6rem 0; max-width: 52rem; color: inherit; }}
.gw-explain ul {{ padding-left: 1.2rem; }}
.gw-explain .summary {{ font-size: 1.15rem; font-weight: 600; }}
.gw-explain .soft {{ color: var(--soft); font-size: .88rem; }}
.gw-explain .words {{ display: flex; flex-wrap: wrap; gap: .55rem .3rem; max-width: 60rem; margin: .9rem 0; }}
.gw-explain .words.tight {{ gap: .55rem 0; }}
.gw-explain .word {{ display: inline-flex; flex-direction: column; cursor: default; min-width: .5rem; }}
.gw-explain .word b {{
  font-weight: 400; padding: 0 .2rem; border-radius: 3px; white-space: pre-wrap; border-bottom: 2px solid transparent;
}}
.gw-explain .tight .word b {{ padding: 0 1px; }}
.gw-explain b.for {{ background: rgba(var(--for), var(--a)); border-bottom: 2px solid var(--line-for); }}
.gw-explain b.against {{
  background: rgba(var(--against), var(--a)); border-bottom: 2px dashed var(--line-against);
}}
.gw-explain b.strong {{ font-weight: 700; }}
.gw-explain b.unknown {{ font-style: italic; }}
.gw-explain b.explained {{ outline: 2px solid var(--ink); }}
.gw-explain i.bar {{
  display: block; height: 12px; margin: 2px 1px 0; border-bottom: 1px solid var(--rule);
  background: linear-gradient(var(--c), var(--c)) bottom / 100% var(--h) no-repeat;
}}
.gw-explain .written {{ --c: var(--written); }}
.gw-explain .kept {{ --c: var(--kept); }}
.gw-explain .overwritten {{ --c: var(--overwritten); }}
.gw-explain .up {{ --c: var(--line-for); }}
.gw-explain .down {{ --c: var(--line-against); }}
.gw-explain .gap {{ color: var(--soft); font-style: italic; flex-basis: 100%; }}
.gw-explain .key {{ display: inline-block; width: .8em; height: .8em; background: var(--c); margin: 0 .3em 0 .1em; }}
.gw-explain .chip {{ padding: 0 .35em; border-radius: 3px; font-weight: 400; white-space: nowrap; color: var(--ink); }}
.gw-explain .series {{ display: grid; grid-template-columns: max-content 1fr; gap: 3px .8rem; margin: .9rem 0; }}
.gw-explain .series .name {{ color: var(--soft); font-size: .88rem; }}
.gw-explain .series .cells {{ display: flex; min-width: 0; }}
.gw-explain .series .cells i.bar {{ flex: 1 1 0; margin: 0; height: 22px; min-width: 1px; }}
.gw-explain .series .cells i.pause {{ flex: 0 0 10px; height: 22px; border-bottom: 2px dotted var(--soft); }}
.gw-explain .series .cells i.chosen {{ outline: 1px solid var(--ink); }}
.gw-explain .wide {{ overflow-x: auto; margin: .2rem 0 .9rem; }}
.gw-explain table {{ border-collapse: collapse; margin: 0; font-size: .92rem; color: inherit; background: none; }}
.gw-explain .title {{ font-weight: 600; margin: 1rem 0 0; }}
.gw-explain th, .gw-explain td {{
  padding: .25rem 1.2rem .25rem 0; text-align: right; white-space: nowrap; background: none; color: inherit;
  border: none; border-bottom: 1px solid var(--rule); font-weight: 400;
}}
.gw-explain thead th, .gw-explain thead td {{ color: var(--soft); border-bottom: 1px solid var(--soft); }}
.gw-explain th:first-child, .gw-explain td:first-child {{ text-align: left; }}
.gw-explain th:last-child, .gw-explain td:last-child {{ padding-right: 0; }}
.gw-explain tr, .gw-explain tr:hover {{ background: none; }}
.gw-explain tr.sum th, .gw-explain tr.sum td {{ color: var(--soft); }}
.gw-explain .alignment thead {{ vertical-align: bottom; }}
.gw-explain .alignment th, .gw-explain .alignment td, .gw-explain .alignment td.p {{ padding: .15rem .3rem; }}
.gw-explain .alignment tbody th {{ text-align: left; }}
.gw-explain .alignment thead span {{ writing-mode: vertical-rl; transform: rotate(180deg); }}
.gw-explain .alignment td {{ min-width: 1.9rem; background: rgba(var(--for), var(--a, 0)); }}
.gw-explain .alignment td, .gw-explain .alignment thead th {{ text-align: center; }}
.gw-explain .alignment tr.chosen th, .gw-explain .alignment tr.chosen td {{
  border-top: 2px solid var(--ink); border-bottom: 2px solid var(--ink); font-weight: 700;
}}
{alignment_html.style(".gw-explain ")}
{sound_svg.style(".gw-explain ")}
.gw-explain .meter {{ display: inline-block; height: .7em; background: var(--written); vertical-align: baseline; }}
"""


def fragment(lines: Iterable[str]) -> str:
    """Return an HTML fragment with these lines inside. Control characters are escaped."""
    return escape_lines("\n".join([f"<style>{_STYLE}</style>", '<div class="gw-explain">', *lines, "</div>\n"]))


def paragraph(text: str, kind: str = "") -> list[str]:
    """Return a paragraph with the class `kind`, or nothing if the text is empty."""
    opening = f'<p class="{kind}">' if kind else "<p>"
    return [f"{opening}{escape(text)}</p>"] if text else []


def items(texts: Sequence[str]) -> list[str]:
    """Return a list, or nothing if there are no texts."""
    return ["<ul>", *(f"<li>{escape(text)}</li>" for text in texts), "</ul>"] if texts else []


def table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], sums: Sequence[Sequence[str]] = ()
) -> list[str]:
    """Return a table whose first column has the names of the rows, or nothing if there are no rows."""
    if not rows:
        return []
    cells = "".join(f'<th scope="col">{escape(heading)}</th>' if heading else "<td></td>" for heading in headings)
    # The tab index lets the keyboard scroll a table that does not fit on a narrow screen.
    return [
        *paragraph(title, "title"),
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(title)}"><table>',
        f"<thead><tr>{cells}</tr></thead>",
        "<tbody>",
        *(_row(row, "") for row in rows),
        *(_row(row, ' class="sum"') for row in sums),
        "</tbody></table></div>",
    ]


def _row(row: Sequence[str], kind: str) -> str:
    name, *cells = row
    return f'<tr{kind}><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
