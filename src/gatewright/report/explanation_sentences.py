"""The sentences of an explanation that all its views share."""

from collections.abc import Sequence

import numpy as np

from gatewright.report import explanation_rows as rows
from gatewright.report.tables import significant
from gatewright.results.explanation import (
    GRADIENTS,
    INPUT,
    LEDGER,
    OMISSION,
    UNKNOWN,
    Alignment,
    Decisive,
    Explanation,
    Faithfulness,
    Group,
    LayerMemory,
    LayerTrace,
    Target,
)
from gatewright.results.naming import METHODS, SHORT_METHODS, piece_names, quantity, quoted, shown_text, unit
from gatewright.results.sound import SoundEffects

# Effects that miss their exact sum by more than this fraction of it are not worth much.
_MAX_GAP = 0.1


def sides(explanation: Explanation) -> tuple[str, str]:
    """Return what effects above zero and below zero do, in words."""
    target = explanation.target
    if target.against and not _is_absence(target):
        return f"speaks for {target.name}", f"speaks for {target.against}"
    if target.against or target.probability is not None:
        return f"speaks for {target.name}", f"speaks against {target.name}"
    return f"raises {target.name}", f"lowers {target.name}"


def _is_absence(target: Target) -> bool:
    """Return True if the alternative is that the answer is not given, as with several labels for one example."""
    return target.against == f"not {target.name}"


def meaning(explanation: Explanation) -> str:
    """Return a sentence that says what the effects of the main attribution measure."""
    target, main = explanation.target, rows.main_attribution(explanation)
    if main is None:
        return f"There is no effect of a {unit(explanation.steps, 1)} to show."
    noun, of = unit(explanation.steps, 1), quantity(explanation.target)
    versus = f" against {target.against}" if target.against and not _is_absence(target) else ""
    effect = {
        LEDGER: f"what a {noun} adds to the {of}",
        OMISSION: f"how far the {of} falls if a {noun} is left out",
        GRADIENTS: f"what a {noun} adds to the {of} on the way from an empty input",
    }[main.method]
    return (
        f"Effect ({METHODS[main.method]}): {effect}. The {of} of {target.name}{versus} is {significant(target.value)}."
    )


def gap(explanation: Explanation, found: rows.Gap) -> str:
    """Return a text in place of steps that are not shown."""
    count = found.end - found.first
    largest = rows.largest_effect(rows.main_attribution(explanation), found)
    effect = f", no effect above {significant(largest, 2)} in size" if np.isfinite(largest) else ""
    what = "steps of padding" if found.padding else unit(explanation.steps, count)
    return f"... {count:,} {what}{effect} ..."


def sound_title(explanation: Explanation) -> str:
    """Return what the effects of leaving out windows of a recording are. Empty for other inputs."""
    found = explanation.sound
    if found is None:
        return ""
    return f"mean fall of the {quantity(explanation.target)} if {found.window:.2g} s around a step are left out"


def sound(explanation: Explanation) -> str:
    """Return a text about the stretches of a recording that decide. Empty for other inputs."""
    found, of = explanation.sound, quantity(explanation.target)
    if found is None:
        return ""
    if not found.stretches:
        return (
            f"No part of the recording speaks for {explanation.target.name}: without any {found.window:.2g} s of it, "
            f"the {of} would not fall."
        )
    falls = [f"without {one.start:.2f} s to {one.end:.2f} s by {significant(one.effect)}" for one in found.stretches]
    return (
        f"The {of} falls {_listed(falls)}. These stretches are where the {sound_title(explanation)} is at least half "
        "of its largest value."
    )


ALIGNMENT = "Where the decoder read: the attention for each piece of the translation"
"""The title of the alignment of a translation."""


def alignment(found: Alignment) -> str:
    """Return a text that says what an alignment shows, and what it does not."""
    shown, count = rows.shown_pieces(found), len(found.target)
    part = f" Of {count:,} pieces, those from {shown[0] + 1:,} to {shown[-1] + 1:,} are shown."
    return (
        "The probability of a piece of the translation is that after the pieces before it; "
        f"piece {found.chosen + 1:,} is explained.{part * (len(shown) < count)} Attention shows where the decoder "
        "read, not what decided: that is what the effects of leaving pieces out say."
    )


def alignment_names(found: Alignment) -> tuple[list[str], list[str]]:
    """Return the names of the pieces of the sentence, and those of the translation with their numbers, from 1."""
    target = [f"{number} {name}" for number, name in enumerate(piece_names(found.target), 1)]
    return piece_names(found.source), target


def ends(explanation: Explanation, first: int, last: int) -> str:
    """Return the first and the last of several steps."""
    names = [shown_text(explanation.steps[index]) for index in dict.fromkeys((first, last))]
    return f"{unit(explanation.steps, len(names))} {' ... '.join(names)}"


def memory(explanation: Explanation) -> str:
    """Return a text that explains the rows "written", "kept at the end" and "overwritten here"."""
    noun = unit(explanation.steps, 1)
    traces = [explanation.layers[place] for place in explanation.top_layers]
    if rows.memory(explanation) is None:
        cells = " and ".join(dict.fromkeys(trace.cell for trace in traces))
        if not explanation.steps or not traces:
            return ""
        return (
            f"There is no ledger for {cells}: it has no gate that keeps a part of the state, so what a {noun} wrote "
            "cannot be told apart from what the next one makes of it."
        )
    state = f"state {traces[0].ledger_state} of {traces[0].title}"
    if len(traces) > 1:
        state = f"states {traces[0].ledger_state} of {' and '.join(trace.title for trace in traces)} together"
    if explanation.target.step is not None:
        pooled = f" The answer is read at the explained {noun}."
    elif explanation.pooling != "last":
        pooled = f" The answer is read from all steps ({explanation.pooling})."
    else:
        pooled = ""
    return (
        f"Written: how much a {noun} adds to the {state}. Kept at the end: how much of it is left after the last "
        f"{noun} read. Overwritten here: how much of the earlier state the {noun} removes. The three have the same "
        f"scale.{pooled}"
    )


def channels(explanation: Explanation) -> str:
    """Return the range of the numbers of each channel. Empty if the network reads tokens."""
    found = rows.channels(explanation)
    if not found:
        return ""
    ranges = [
        f"{name} {significant(float(np.nanmin(numbers)))} to {significant(float(np.nanmax(numbers)))}"
        for name, numbers in found
        if np.isfinite(numbers).any()
    ]
    more = rows.count_of_channels(explanation) - len(found)
    others = f", and {more:,} more that are not shown" if more else ""
    return f"Channels, from the lowest to the highest number: {', '.join(ranges)}{others}."


def sums(explanation: Explanation) -> list[str]:
    """Return a sentence for each attribution whose effects add up, with the difference from what they should be."""
    of = quantity(explanation.target)
    sentences = []
    for found in explanation.attributions:
        others = "".join(f" and {name}" for name in found.others)
        if found.method == LEDGER and np.isfinite(found.difference):
            sentences.append(
                f"Ledger: the effects{others} add up to the {of}, with a difference of {found.difference:.1g}."
            )
        if found.method == GRADIENTS and np.isfinite(found.difference):
            exact = explanation.target.value - sum(found.others.values())
            share = abs(found.difference / exact) if exact else np.inf
            relative = f", {share:.1%} of the exact sum" if np.isfinite(share) else ""
            warning = ": do not rely on these effects" if share > _MAX_GAP else ""
            sentences.append(
                f"Integrated gradients: the completeness gap is {significant(found.difference)}{relative}{warning}."
            )
    return sentences


def deletion(explanation: Explanation) -> str:
    """Return the title of the table of `deletion_rows`. Empty if there are none."""
    counts = sorted({found.deleted for found in explanation.faithfulness})
    if not counts:
        return ""
    of, noun = quantity(explanation.target), unit(explanation.steps, counts[-1])
    if counts == [1]:
        top, random = f"the {noun} with the largest effect is left out", f"a random {noun} is"
    else:
        count = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        top, random = f"the {count} {noun} with the largest effects are left out", "as many random ones are"
    return f"Faithfulness: fall of the {of} if {top}, and if {random}"


DELETION_HEADINGS = ("", "top", "random", "95% interval")


def deletion_rows(explanation: Explanation, short: bool = False) -> list[tuple[str, ...]]:
    """Return a row for each test of an attribution by deletion, with the cells of `DELETION_HEADINGS`.

    `short` gives short names of the methods.
    """
    titles = SHORT_METHODS if short else METHODS
    return [_deletion_row(titles[found.method], found) for found in explanation.faithfulness]


def _deletion_row(title: str, found: Faithfulness) -> tuple[str, ...]:
    random = found.random
    spread = ""
    if random.low is not None and random.high is not None:
        spread = f"{significant(random.low)} to {significant(random.high)}"
    return title, significant(found.top), significant(random.mean), spread


def together(explanation: Explanation) -> list[str]:
    """Return a sentence about the steps that decide together, and one for each group of steps that was left out."""
    groups = [_group(explanation, found) for found in explanation.groups]
    return groups if explanation.decisive is None else [_decisive(explanation, explanation.decisive), *groups]


def _decisive(explanation: Explanation, found: Decisive) -> str:
    """Return a sentence about the steps that decide together. In it, the steps stand in the order of the input."""
    target, steps = explanation.target, explanation.steps
    read = sum(step.kind in (INPUT, UNKNOWN) for step in steps)
    names = _listed(_heard(explanation.sound, found.steps) or [quoted(steps, step) for step in sorted(found.steps)])
    without = f"Without {names} ({len(found.steps):,} of {read:,} {unit(steps, read)})"
    if found.left <= 0:
        return f"{without}, {target.against} would be more probable than {target.name}."
    return (
        f"{without}, {target.name} would still be more probable than {target.against}: the {quantity(target)} would "
        f"fall from {significant(target.value)} to {significant(found.left)}."
    )


def _heard(found: SoundEffects | None, steps: Sequence[int]) -> list[str]:
    """Return the stretches of a recording that consist of some steps. Empty for other inputs."""
    if found is None:
        return []
    chosen = np.array(sorted(steps), np.intp)
    runs = np.split(chosen, 1 + np.flatnonzero(np.diff(chosen) > 1))
    return [f"{found.sound.starts[run[0]]:.2f} s to {found.sound.ends[run[-1]]:.2f} s" for run in runs]


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _group(explanation: Explanation, found: Group) -> str:
    names = " and ".join(quoted(explanation.steps, step) for step in found.steps)
    return (
        f"Left out together, {names} have an effect of {significant(found.effect)}; the effects of each alone add up "
        f"to {significant(found.separate)}."
    )


def conventions(layers: Sequence[LayerTrace] | Sequence[LayerMemory]) -> list[str]:
    """Return a sentence for each different list of gates, which says what their values mean."""
    lists: dict[tuple[str, ...], str] = {}
    for layer in layers:
        lists.setdefault(tuple(layer.conventions.values()), layer.title)
    several = len(lists) > 1
    return [
        f"Gates{f' of {title}' if several else ''}: {'. '.join(sentence.rstrip('.') for sentence in sentences)}."
        for sentences, title in lists.items()
        if sentences
    ]


LAYERS = (
    "Half-life: steps after which half of what a unit held is left. Saturation: fraction of all steps and units at "
    "which a gate is below 0.1 or above 0.9."
)
"""A text that explains `layer_memory`."""


def layer_memory(layer: LayerTrace | LayerMemory) -> str:
    """Return the half-lives of a layer's units and the saturation of its gates. Empty if it has neither."""
    parts = []
    if layer.half_life is not None and len(layer.half_life):
        low, middle, high = np.quantile(layer.half_life, (0, 0.5, 1), method="nearest")
        parts.append(f"half-life {_steps(low)} to {_steps(high)}, median {_steps(middle)}")
    for letter, fractions in layer.saturation.items():
        low, high = np.mean(fractions, axis=0) if len(fractions) else (np.nan, np.nan)
        if np.isfinite(low) and np.isfinite(high):
            parts.append(f"{letter} {low:.0%} below 0.1 and {high:.0%} above 0.9")
    return f"{layer.title}: {'; '.join(parts)}" if parts else ""


def _steps(value: float) -> str:
    return "infinity" if np.isinf(value) else significant(float(value), 2)
