"""Summarize the explanation of an answer in one sentence that its numbers imply."""

from collections.abc import Sequence

import numpy as np

from gatewright.results.explanation import (
    INPUT,
    LEDGER,
    OMISSION,
    UNKNOWN,
    Attribution,
    Floats,
    Step,
    Target,
)
from gatewright.results.naming import METHODS, main, probability, quantity, quoted, unit
from gatewright.results.sound import SoundEffects
from gatewright.support.escapes import one_line

# The largest number of steps that are named.
_NAMED = 3
# Steps are named together if the effect of each is at least this fraction of the largest one.
_SIMILAR = 0.5
# If the largest effect for the answer is below this fraction of the largest one against it, it is not worth a name.
_WEAK = 0.1
# The last steps are said to make up the logit if they, and they with any number of the steps before them, add up to it
# within this fraction of it.
_REST = 0.2


def summary(
    answer: str,
    target: Target,
    steps: Sequence[Step],
    attributions: Sequence[Attribution],
    sound: SoundEffects | None = None,
) -> str:
    """Return one sentence that says what speaks for the explained answer most.

    The main attribution (see `results.naming.main`) says which steps these are. Leave-one-out alone says what the
    answer would be without a step. Of recordings, the stretches with the largest effects are named instead.

    Args:
        answer: The prediction, in words. What follows a tab is left out.
        target: The number that is explained.
        steps: The time steps.
        attributions: The attributions, the most exact first.
        sound: Which stretches of a recording decide.
    """
    name = one_line(answer.split("\t")[0])
    says = _says(name, target, steps)
    if not any(step.kind in (INPUT, UNKNOWN) for step in steps):
        return f"{says}, although it read no {unit(steps, 1)}."
    first = main(attributions, steps)
    if first is None:
        return f"{says}, and no method can judge a {unit(steps, 1)}."
    if sound is not None and sound.stretches:
        it = "it" if _is_target(name, target) else one_line(target.name)
        return f"{says}: {_heard(sound, it)}."
    parts = [_most(first, target, steps, "it" if _is_target(name, target) else one_line(target.name))]
    if first.method == OMISSION and name == target.name:
        parts.append(_deciding(first.values, target, steps))
    parts += [_last(found.values, target, steps) for found in attributions if found.method == LEDGER]
    return f"{says}: {'; '.join(filter(None, parts))}."


def strongest(effects: Floats) -> tuple[int, ...]:
    """Return the indices of one to three steps with the largest effects above 0, the largest first.

    The smallest of their effects is larger than the effect of any other step. The result is empty if no effect is above
    0, or if more than three steps have the same largest effect.

    Args:
        effects: The effect of each step, [steps]. NaN is not above 0.
    """
    sizes = np.where(effects > 0, effects, 0.0)
    order = np.argsort(-sizes, kind="stable")[: _NAMED + 1]
    ranked = np.concatenate([sizes[order], np.zeros(_NAMED + 1 - len(order))])
    gaps = ranked[:-1] - ranked[1:]
    if not (gaps > 0).any():
        return ()
    similar = int((ranked >= _SIMILAR * ranked[0]).sum())
    count = similar if 1 <= similar <= _NAMED and gaps[similar - 1] > 0 else 1 + int(np.argmax(gaps))
    return tuple(int(step) for step in order[:count])


def last_steps(effects: Floats, value: float) -> tuple[int, float] | None:
    """Return the smallest number of last steps that make up the value, and the fraction of it that they add up to.

    Any larger number of last steps makes it up too: their sum differs from the value by at most a fifth of it. None if
    these are more than half of all steps.

    Args:
        effects: The effect of each step, [steps]. NaN counts as 0.
        value: The number that the effects add up to, together with what belongs to no step.
    """
    sums = np.cumsum(np.nan_to_num(effects)[::-1])
    if not np.isfinite(value) or value == 0 or not len(sums):
        return None
    near = np.abs(sums - value) <= _REST * abs(value)
    count = len(sums) if near.all() else int(np.argmin(near[::-1]))
    first = 1 if near.all() else len(sums) - count + 1
    return (first, float(sums[first - 1] / value)) if count and first <= len(sums) / 2 else None


def _is_target(name: str, target: Target) -> bool:
    """Return True if the answer is what is explained. A forecast is the name of the number, and then its value."""
    return name == target.name or (target.probability is None and name.startswith(f"{one_line(target.name)} "))


def _says(name: str, target: Target, steps: Sequence[Step]) -> str:
    at = "" if target.step is None else f" at {quoted(steps, target.step)}"
    if target.probability is None:
        other = "" if _is_target(name, target) else f"; this explains {one_line(target.name)}"
        return f"The model says {name}{at}{other}"
    if name == target.name:
        return f"The model says {name} ({probability(target.probability)}){at}"
    p = probability(target.probability)
    return f"The model says {name}{at}, and {one_line(target.name)} has a probability {p if ' ' in p else f'of {p}'}"


def _most(found: Attribution, target: Target, steps: Sequence[Step], it: str) -> str:
    """Return a clause about the strongest steps for the target, or against it if those for it are much weaker."""
    values = np.nan_to_num(found.values)
    strongest_for, strongest_against = max(0.0, values.max()), max(0.0, -values.min())
    method, noun = METHODS[found.method], unit(steps, 1)
    if strongest_for == strongest_against == 0:
        return f"no {noun} has an effect, by {method}"
    is_answer = bool(target.against) or target.probability is not None
    does, opposes = ("raise", f"{it} most"), ("lower", f"{it} most")
    if is_answer:
        does, opposes = ("speak", f"for {it} most"), ("speak", f"against {it} most")
    if strongest_for >= _WEAK * strongest_against:
        return f"{_clause(values, steps, does)}, by {method}"
    against = _clause(-values, steps, opposes)
    speaks = f"speaks for {it}" if is_answer else f"raises {it}"
    if strongest_for == 0:
        return f"no {noun} {speaks}, and {against}, by {method}"
    return f"{against}, and no {noun} {speaks} a tenth as much, by {method}"


def _heard(sound: SoundEffects, it: str) -> str:
    """Return a clause about the stretches of a recording with the largest effects."""
    *first, last = [
        f"{one.start:.2f} s to {one.end:.2f} s" for one in sorted(sound.stretches, key=lambda one: one.start)
    ]
    names, verb = (f"{', '.join(first)} and {last}", "speak") if first else (last, "speaks")
    return f"{names} {verb} for {it} most, by leaving out {sound.window:.2g} s at a time"


def _clause(effects: Floats, steps: Sequence[Step], does: tuple[str, str]) -> str:
    """Return a clause that names the steps with the largest effects, or counts them if too many are equal."""
    verb, rest = does
    chosen = strongest(effects)
    if chosen:
        return f"{_names(steps, chosen)} {verb}{'s' * (len(chosen) == 1)} {rest}"
    count = int((effects == effects.max()).sum())
    return f"{count:,} {unit(steps, count)} {verb} {rest}, all equally"


def _deciding(effects: Floats, target: Target, steps: Sequence[Step]) -> str:
    """Return a clause about the step without which the answer would be another one, if there is one."""
    chosen = strongest(effects)
    if not chosen or not target.against or not effects[chosen[0]] > target.value > 0:
        return ""
    return f"without {quoted(steps, chosen[0])} alone it would not say {one_line(target.name)}"


def _last(effects: Floats, target: Target, steps: Sequence[Step]) -> str:
    found = last_steps(effects, target.value)
    if found is None:
        return ""
    count, share = found
    read = all(step.kind in (INPUT, UNKNOWN) for step in steps[-count:])
    noun = unit(steps, count) if read else "step" if count == 1 else "steps"
    which = f"the last {noun} makes" if count == 1 else f"the last {count:,} {noun} make"
    return f"{which} up {share:.0%} of the {quantity(target)}"


def _names(steps: Sequence[Step], chosen: Sequence[int]) -> str:
    *first, last = (quoted(steps, step) for step in chosen)
    return f"{', '.join(first)} and {last}" if first else last
