"""What the explanation of an imported model's answer needs to know: the steps, the output, and shorter inputs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.explanation import INPUT, PADDED, START, UNKNOWN, Step
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING
from gatewright.tasks.base.explainable import Explainable, Output, items_without, label_output
from gatewright.tasks.imported.heads import ClassHead, NumberHead, WordHead, word_of
from gatewright.tasks.imported.inputs import SeriesInput, TextInput, left_padded
from gatewright.tasks.imported.prepared import PreparedImport


class Question(NamedTuple):
    """The answer to explain; see `TrainedModel.explainable`."""

    label: str | None
    against: str | None
    step: int | None


class _Parts(NamedTuple):
    """The steps of an example; see `Explainable`."""

    steps: tuple[Step, ...]
    removable: tuple[int, ...]
    without: Callable[[Sequence[Collection[int]]], NDArray[Any]]
    notes: tuple[str, ...]


def explained(
    prepared: PreparedImport,
    example: Any,
    row: NDArray[Any],
    outputs: NDArray[Any],
    answer: str,
    question: Question,
    ignores_padding: bool,
) -> Explainable:
    """Return what the explanation of an answer needs.

    Args:
        prepared: The input and the head of the model.
        example: A text or a series.
        row: The example as the network reads it, [time] or [time, features].
        outputs: The network's outputs for the example, [outputs] or [time, outputs].
        answer: The prediction, in words.
        question: The answer to explain.
        ignores_padding: True if padding on the left does not affect the outputs.

    Raises:
        InputError: The model has no such answer.
    """
    if isinstance(prepared.input, TextInput):
        parts = _parts_of_text(prepared.input, example, ignores_padding)
    else:
        parts = _parts_of_series(prepared.input, example)
    step = _step_of(question.step, prepared.head.per_step, parts.steps)
    output, probability = _output(prepared, outputs if step is None else outputs[step], question)
    chosen = Output(output.name, output.index, output.against, output.against_index, output.sign, step)
    return Explainable(row[None], parts.steps, chosen, answer, probability, parts.removable, parts.without, parts.notes)


def text_steps(model_input: TextInput, text: str) -> tuple[tuple[Step, ...], tuple[int | None, ...]]:
    """Return the steps of a text that the network reads, and for each the index of its word in the whole text."""
    encoder = model_input.encoder
    ids, words = encoder.encode(text), encoder.pieces_of(text)
    steps = [
        Step(word, UNKNOWN if number == encoder.unknown_id else INPUT, number)
        for word, number in zip(words, ids, strict=True)
    ]
    places: list[int | None] = list(range(len(steps)))
    if encoder.start_id is not None:
        steps, places = [Step("start of the text", START, encoder.start_id), *steps], [None, *places]
    read = model_input.cut(ids)
    padding = len(model_input.row(read)) - len(read)
    first = len(steps) - len(read) if model_input.truncating == "pre" else 0
    steps, places = steps[first : first + len(read)], places[first : first + len(read)]
    padded, nowhere = [Step("", PADDED, PADDING)] * padding, [None] * padding
    if model_input.padding == "pre":
        return (*padded, *steps), (*nowhere, *places)
    return (*steps, *padded), (*places, *nowhere)


def _parts_of_text(model_input: TextInput, text: str, ignores_padding: bool) -> _Parts:
    steps, places = text_steps(model_input, text)
    ids = model_input.encoder.encode(text)

    def without(sets: Sequence[Collection[int]]) -> NDArray[np.int32]:
        gone = ([place for step in left_out if (place := places[step]) is not None] for left_out in sets)
        texts = (items_without(ids, places_of_one) for places_of_one in gone)
        rows = [model_input.row(model_input.cut(text)) for text in texts]
        longest = max(map(len, rows), default=0)
        if not ignores_padding and any(len(row) != longest for row in rows):
            raise InputError("Texts of different lengths cannot be compared, because the network has no padding.")
        return np.stack([left_padded(row, longest) for row in rows])

    removable = tuple(place for place, step in enumerate(steps) if step.kind in (INPUT, UNKNOWN))
    notes: tuple[str, ...] = ()
    if left := len(ids) - len(removable):
        side = "last" if model_input.truncating == "pre" else "first"
        notes = (f"The model reads the {side} {len(removable):,} words of a text: {left:,} are not read.",)
    return _Parts(steps, removable, without, notes)


def _parts_of_series(model_input: SeriesInput, series: Any) -> _Parts:
    found, length = model_input.checked(series), model_input.length
    first = max(0, len(found) - length) if length is not None and model_input.truncating == "pre" else 0
    kept = range(first, len(found))[:length]
    padding = 0 if length is None else length - len(kept)
    steps = [
        Step(str(place + 1), numbers={str(n): float(value) for n, value in enumerate(found[place], 1)})
        for place in kept
    ]
    padded, shift = [Step("", PADDED)] * padding, padding if model_input.padding == "pre" else 0
    listed = (*padded, *steps) if shift else (*steps, *padded)

    def without(sets: Sequence[Collection[int]]) -> NDArray[np.float32]:
        shorter = [np.delete(found, [kept[step - shift] for step in left_out], axis=0) for left_out in sets]
        rows = [model_input.row(one) for one in shorter]
        if any(len(row) != len(rows[0]) for row in rows):
            raise InputError("Series of different lengths cannot be compared, because the network has no padding.")
        return np.stack(rows)

    if length is not None and model_input.pad_value is None:
        note = f"The model reads series of {length:,} steps, so none of them can be left out."
        return _Parts(listed, (), without, (note,))
    return _Parts(listed, tuple(range(shift, shift + len(kept))) if len(kept) > 1 else (), without, ())


def _step_of(step: int | None, per_step: bool, steps: Sequence[Step]) -> int | None:
    """Return the index in the network's inputs of the step to explain, or None if there is one answer for all."""
    if not per_step:
        if step is not None:
            raise InputError("The model gives one answer for the whole input, so no step can be chosen: leave it out.")
        return None
    if step is None:
        return last_read(steps)
    if not 0 <= step < len(steps):
        raise InputError(f"The step must be from 0 to {len(steps) - 1}, not {step}.")
    return step


def last_read(steps: Sequence[Step]) -> int:
    """Return the index of the last step that is not padding, or of the last step if all are padding."""
    return next((place for place in reversed(range(len(steps))) if steps[place].kind != PADDED), len(steps) - 1)


def _output(prepared: PreparedImport, values: NDArray[Any], question: Question) -> tuple[Output, float | None]:
    """Return the output to explain and its probability, given the outputs of a step or of the example, [outputs]."""
    head, label, against = prepared.head, question.label, question.against
    if isinstance(head, NumberHead):
        return _number_output(head, label, against), None
    probabilities = head.probabilities(values[None])[0]
    if isinstance(head, ClassHead):
        found = label_output(head.labels, probabilities, label, against)
        return found, float(probabilities[head.labels.names.index(found.name)])
    found = _word_output(prepared, head, probabilities, label, against)
    return found, float(probabilities[found.index])


def _number_output(head: NumberHead, label: str | None, against: str | None) -> Output:
    if against is not None:
        raise InputError("The model predicts numbers, which have no alternative: leave it out.")
    names = [str(place) for place in range(1, head.outputs + 1)]
    if label is not None and label not in names:
        raise InputError(f"The model has the outputs 1 to {head.outputs}, not {label!r}.")
    return Output(f"output {label or 1}", names.index(label or "1"))


def _word_output(
    prepared: PreparedImport, head: WordHead, probabilities: NDArray[np.float64], label: str | None, against: str | None
) -> Output:
    encoder = prepared.text_input.encoder

    def id_of(word: str) -> int:
        number = encoder.index.get(word)
        if number is None or number >= head.outputs:
            raise InputError(f"The model does not know the word {word!r}: give one of its vocabulary.")
        return number

    order = np.argsort(-probabilities, kind="stable").tolist()
    own = order[0] if label is None else id_of(label)
    other = next(number for number in order if number != own) if against is None else id_of(against)
    if own == other:
        raise InputError(f"{label!r} cannot be compared with itself: give another word of the model.")
    return Output(word_of(encoder, own), own, word_of(encoder, other), other)
