"""Draw recordings as SVG, for pages and notebooks: the spectrogram, with what it is explained by."""

import base64
import struct
import zlib
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from gatewright.report import sound_rows as layout
from gatewright.results.sound import SoundEffects, Spectrogram, Stretch
from gatewright.results.spoken import SpokenExplanation

# Colours that can be read on white and on black.
_COLOURS = ("#1a7fc4", "#cf5a1e", "#128a63", "#bd5799", "#7d6bd0", "#9c7a12")
_GREY, _YELLOW = "#7b8794", "#e69f00"
# The colours of low, middle and high numbers, as in matplotlib's "magma" and "PuOr".
_LEVELS = ("#000004", "#51127c", "#b73779", "#fc8961", "#fcfdbf")
_DEVIATIONS = ("#7f3b08", "#e08214", "#f7f7f7", "#8073ac", "#2d004b")

# Lengths in a picture that is 1,000 wide, and the width of a letter.
_LEFT, _RIGHT, _LETTER = 64.0, 990.0, 8.4
_TOP, _TALL, _LOW = 34.0, 130.0, 70.0
_GAP, _AXIS = 14.0, 22.0
# Smaller probabilities are not drawn.
_SMALLEST = 0.01


def style(scope: str = "") -> str:
    """Return the styles of the pictures.

    Args:
        scope: Selector of the element in which the styles apply, with a space at the end.
    """
    return f"""{scope}svg.sound {{ display: block; min-width: 40rem; font-size: 12px; color: var(--ink); }}
{scope}svg.sound text:not([fill]) {{ fill: var(--soft); }}
{scope}svg.sound .symbol {{ font: 700 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}"""


def spoken_svg(explanation: SpokenExplanation) -> list[str]:
    """Return a picture of each row of a recording as lines of HTML: spectrogram, symbols and probabilities."""
    widths = [(len(text) + 0.7) * _LETTER for text in layout.labels(explanation)]
    rows = layout.rows(explanation, [width / (_RIGHT - _LEFT) for width in widths])
    return [line for row in rows for line in _spoken_row(explanation, widths, row)]


def effects_svg(found: SoundEffects, title: str) -> list[str]:
    """Return a picture of a recording as lines of HTML: the spectrogram, and the effects of leaving out windows.

    Args:
        found: The effects.
        title: The title of the vertical axis of the effects.
    """
    row = (0.0, found.sound.spectrogram.seconds)
    top, bottom = 8 + _TALL + _GAP, 8 + _TALL + _GAP + _LOW
    shades = [_shade(one, row, top, bottom) for one in found.stretches]
    high, low = max(0.0, float(found.effects.max())), min(0.0, float(found.effects.min()))
    span = (high - low) or 1.0
    zero = top + _LOW * high / span
    bars = [
        f'<rect x="{_x(start, row):.1f}" width="{_x(end, row) - _x(start, row):.1f}" '
        f'y="{zero - max(effect, 0) / span * _LOW:.1f}" height="{abs(effect) / span * _LOW:.1f}" '
        f'fill="{_COLOURS[0] if effect > 0 else _COLOURS[1]}"><title>{start:.2f} s: {effect:.3g}</title></rect>'
        for start, end, effect in zip(
            found.sound.starts.tolist(), found.sound.ends.tolist(), found.effects.tolist(), strict=True
        )
    ]
    line = f'<line x1="{_LEFT}" x2="{_RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="currentColor"/>'
    label = f"{layout.axis(found.sound.spectrogram)}s over {row[1]:.2f} s, and under it the {title}"
    scale = _scale(top, bottom, (f"{high:.2g}", f"{low:.2g}"))
    parts = [*_spectrogram(found.sound.spectrogram, row, 8), *bars, *shades, line, *scale, *_seconds(row, bottom)]
    return _picture(bottom + _AXIS, label, parts)


def _shade(found: Stretch, row: tuple[float, float], top: float, bottom: float) -> str:
    """Return a frame around a stretch, which is filled under the spectrogram."""
    x, width = _x(found.start, row), _x(found.end, row) - _x(found.start, row)
    return (
        f'<rect x="{x:.1f}" y="8" width="{width:.1f}" height="{bottom - 8:.1f}" fill="none" stroke="{_YELLOW}"/>'
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" fill="{_YELLOW}" '
        f'fill-opacity=".22"><title>{found.start:.2f} s to {found.end:.2f} s: {found.effect:.3g}</title></rect>'
    )


def _spoken_row(explanation: SpokenExplanation, widths: Sequence[float], row: tuple[float, float]) -> list[str]:
    top = _TOP + _TALL + _GAP
    bottom = top + _LOW
    parts = [
        *_spectrogram(explanation.spectrogram, row, _TOP),
        *_probabilities(explanation, row, top),
        *_symbols(explanation, widths, row),
        *_scale(top, bottom, ("1", "0")),
        *_seconds(row, bottom),
    ]
    written = "".join(symbol.text for symbol in explanation.symbols if row[0] <= symbol.start < row[1])
    axis = layout.axis(explanation.spectrogram)
    label = f"{axis}s from {row[0]:.2f} s to {row[1]:.2f} s, with the symbols: {written}"
    return _picture(bottom + _AXIS, label, parts)


def _picture(height: float, label: str, parts: Sequence[str]) -> list[str]:
    # The tab index lets the keyboard scroll a picture that does not fit on a narrow screen.
    return [
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">',
        f'<svg class="sound" viewBox="0 0 1000 {height:.0f}" width="100%" role="img" aria-label="{escape(label)}">',
        *parts,
        "</svg></div>",
    ]


def _x(second: float, row: tuple[float, float]) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (second - row[0]) / (row[1] - row[0])


def _symbols(explanation: SpokenExplanation, widths: Sequence[float], row: tuple[float, float]) -> Iterator[str]:
    """Yield the symbols above the spectrogram, each with a line to its time."""
    times, texts, colours = (
        layout.times(explanation),
        layout.labels(explanation),
        layout.colours(explanation, _COLOURS, _GREY),
    )
    shown = layout.inside(times, row)
    wanted = [_x(times[index], row) for index in shown]
    places = layout.spread(wanted, [widths[index] for index in shown], _LEFT, _RIGHT)
    for index, x, place in zip(shown, wanted, places, strict=True):
        symbol = explanation.symbols[index]
        yield (
            f'<path d="M{place:.1f} 18L{x:.1f} {_TOP}" stroke="{_GREY}" fill="none"/>'
            f'<path d="M{x:.1f} {_TOP}V{_TOP + _TALL}" stroke="#fff" stroke-opacity=".5" fill="none"/>'
        )
        yield (
            f'<text x="{place:.1f}" y="14" class="symbol" text-anchor="middle" fill="{colours[symbol.text]}">'
            f"{escape(texts[index])}<title>{escape(texts[index])}: {symbol.start:.2f} s to {symbol.end:.2f} s, "
            f"probability {symbol.confidence:.2f}</title></text>"
        )


def _probabilities(explanation: SpokenExplanation, row: tuple[float, float], top: float) -> Iterator[str]:
    """Yield a curve for each symbol of the transcript, and a dashed one for the blank."""
    seconds, bottom = explanation.step_seconds, top + _LOW
    middles = (np.arange(len(explanation.probabilities)) + 0.5) * seconds
    near = np.flatnonzero((middles >= row[0]) & (middles < row[1]))
    colours = layout.colours(explanation, _COLOURS, _GREY)
    for output, (text, values) in enumerate(zip(explanation.outputs, explanation.probabilities.T, strict=True)):
        for run in np.split(near, 1 + np.flatnonzero(np.diff(near) > 1)) if not output else _runs(near, values):
            if not len(run):
                continue
            curve = "L".join(f"{_x(middles[step], row):.1f} {bottom - _LOW * values[step]:.1f}" for step in run)
            if not output:
                yield f'<path d="M{curve}" fill="none" stroke="{_GREY}" stroke-dasharray="5 3"/>'
                continue
            ends = [_x(middles[step], row) for step in (run[0], run[-1])]
            area = f"M{ends[0]:.1f} {bottom}L{curve}L{ends[1]:.1f} {bottom}Z"
            yield f'<path d="{area}" fill="{colours[text]}" fill-opacity=".25"/>'
            yield f'<path d="M{curve}" fill="none" stroke="{colours[text]}"/>'


def _runs(steps: NDArray[np.intp], values: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Return the runs of steps with probabilities that are drawn, with a step before and after each."""
    large = values[steps] >= _SMALLEST
    wide = np.pad(large, 1)
    kept = steps[wide[:-2] | large | wide[2:]]
    return np.split(kept, 1 + np.flatnonzero(np.diff(kept) > 1))


def _scale(top: float, bottom: float, numbers: tuple[str, str]) -> Iterator[str]:
    """Yield the largest and the smallest number of a vertical axis, and its line."""
    yield f'<path d="M{_LEFT} {top}V{bottom}H{_RIGHT}" stroke="{_GREY}" fill="none"/>'
    for y, number in zip((top + 9, bottom), numbers, strict=True):
        yield f'<text x="{_LEFT - 6}" y="{y:.1f}" text-anchor="end">{number}</text>'


def _seconds(row: tuple[float, float], y: float) -> Iterator[str]:
    """Yield the labels of the axis of time."""
    for second in layout.seconds(row):
        x = _x(second, row)
        yield f'<path d="M{x:.1f} {y:.1f}v4" stroke="{_GREY}"/>'
        yield f'<text x="{x:.1f}" y="{y + 17:.1f}" text-anchor="middle">{second:g} s</text>'


def _spectrogram(found: Spectrogram, row: tuple[float, float], top: float) -> Iterator[str]:
    """Yield the picture of a spectrogram, and the labels of its frequencies."""
    first = int(row[0] / found.frame_seconds + 1e-6)
    after = min(len(found.values), int(np.ceil(row[1] / found.frame_seconds - 1e-6)))
    low, high = layout.scale(found)
    values = np.clip((found.values[first:after].T[::-1] - low) / (high - low), 0, 1)
    left, right = _x(first * found.frame_seconds, row), _x(after * found.frame_seconds, row)
    data = base64.b64encode(_png(np.round(values * 255).astype(np.uint8), _LEVELS if found.hertz else _DEVIATIONS))
    yield (
        f'<image x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{_TALL}" preserveAspectRatio="none" '
        f'image-rendering="pixelated" href="data:image/png;base64,{data.decode()}"/>'
    )
    count = found.values.shape[1]
    for place, text in layout.ticks(found):
        y = top + _TALL * (1 - (place + 0.5) / count)
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def _png(values: NDArray[np.uint8], colours: Sequence[str]) -> bytes:
    """Return a PNG file of numbers from 0 to 255, [rows, columns], in a scale of colours at equal distances."""
    rgb = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours])
    places = np.linspace(0, len(colours) - 1, 256)
    palette = np.stack([np.interp(places, np.arange(len(colours)), channel) for channel in rgb.T], axis=1)
    height, width = values.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), values], axis=1)  # a filter type before each row
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", np.round(palette).astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
