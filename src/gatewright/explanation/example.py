"""Explain the answer of a trained model to one example."""

from collections.abc import Iterable
from typing import Any

from gatewright.explanation.decisive import decisive_steps
from gatewright.explanation.faithfulness import faithfulness
from gatewright.explanation.integrated_gradients import integrated_gradients
from gatewright.explanation.ledger import ledger, pooling
from gatewright.explanation.omission import groups, omission
from gatewright.explanation.recording import Recording, record
from gatewright.explanation.stretches import sound_effects
from gatewright.explanation.summary import summary
from gatewright.explanation.target import inputs_at_target, target_gradient, target_values, up_to_target
from gatewright.explanation.through_time import state_gradients
from gatewright.explanation.traces import top_layers, traces
from gatewright.results.explanation import Attribution, Explanation, LayerTrace, Step, Target
from gatewright.support.errors import InputError
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.base.model import TrainedModel


def explain_example(
    model: TrainedModel,
    name: str,
    example: Any,
    *,
    label: str | None = None,
    against: str | None = None,
    step: int | None = None,
    together: Iterable[str] = (),
) -> Explanation:
    """Return the explanation of a model's answer to one example.

    Args:
        model: The model.
        name: Its name, for people.
        example, label, against, step: See `TrainedModel.explainable`.
        together: Phrases whose words are also left out together.

    Raises:
        InputError: The example cannot be used, the answer cannot be explained, or a phrase does not occur.
    """
    explainable = model.explainable(example, label=label, against=against, step=step)
    sets = [found for phrase in together for found in _occurrences(phrase, explainable)]
    layers, weights = explainable.network or (model.layers, model.weights)
    output = explainable.output
    recording = record(*up_to_target(layers, weights, output), inputs_at_target(explainable.inputs, output))
    d_outputs = target_gradient(output, recording.outputs)
    value = float(target_values(output, recording.outputs)[0])
    target = Target(output.name, output.against, value, explainable.probability, output.step)

    attributions: list[Attribution] = []
    exact, notes = ledger(recording, d_outputs)
    if exact is not None:
        attributions.append(exact)
    omitted = omission(layers, weights, explainable)
    attributions.append(omitted)
    shown, without_gradients = _with_gradients(recording, d_outputs)
    if not without_gradients:
        attributions.append(integrated_gradients(layers, weights, explainable))
    heard = explainable.sound
    sound = None if heard is None else sound_effects(layers, weights, explainable, heard)
    return Explanation(
        model=name,
        answer=explainable.answer,
        target=target,
        steps=explainable.steps,
        attributions=tuple(attributions),
        layers=shown,
        top_layers=top_layers(recording),
        pooling=pooling(recording) if explainable.alignment is None else "attention",
        faithfulness=faithfulness(layers, weights, explainable, attributions),
        decisive=decisive_steps(layers, weights, explainable),
        groups=groups(layers, weights, explainable, omitted, sets) if sets else (),
        summary=summary(explainable.answer, target, explainable.steps, attributions, sound),
        notes=(*explainable.notes, *notes, *without_gradients),
        alignment=explainable.alignment,
        sound=sound,
    )


def _with_gradients(recording: Recording, d_outputs: Any) -> tuple[tuple[LayerTrace, ...], tuple[str, ...]]:
    """Return the traces of all recurrent layers; and a note if a layer has no gradients, which are then left out."""
    try:
        return traces(recording, state_gradients(recording, d_outputs)), ()
    except InputError as error:
        return traces(recording, [{} for _ in recording.directions]), (str(error),)


def _occurrences(phrase: str, explainable: Explainable) -> list[tuple[int, ...]]:
    """Return the steps of each occurrence of a phrase, whose words are compared without regard to case.

    Raises:
        InputError: The phrase does not occur, or has a step that cannot be left out.
    """
    wanted = phrase.casefold().split()
    words = [_word(step) for step in explainable.steps]
    starts = range(len(words) - len(wanted) + 1) if wanted else ()
    found = [
        tuple(range(first, first + len(wanted)))
        for first in starts
        if words[first : first + len(wanted)] == wanted
        and all(place in explainable.removable for place in range(first, first + len(wanted)))
    ]
    if not found:
        raise InputError(f"The phrase {phrase!r} does not occur in what the model reads: give words that do.")
    return found


def _word(step: Step) -> str:
    return step.text.strip().casefold()
