"""The explanation of one answer of a trained network, as dataclasses.

Arrays have one row for each time step that the network reads, in the order of the input.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.display import Result, renderer
from gatewright.results.sound import SoundEffects
from gatewright.results.statistics import Interval

Floats = NDArray[np.float64]

LEDGER, OMISSION, GRADIENTS = "ledger", "omission", "integrated_gradients"
"""The names of the methods that attribute an answer to time steps."""

INPUT, UNKNOWN, START, ENDING, PADDED = "input", "unknown", "start", "end", "padding"
"""The kinds of time steps: a token or numbers; a token that the vocabulary lacks; the start and the end of a text;
padding."""


@dataclass(frozen=True)
class Step:
    """One time step that the network reads.

    Attributes:
        text: The token, the time, or the number of the step, as people know it.
        kind: INPUT, UNKNOWN, START, ENDING or PADDED.
        id: The token's id. None for numbers.
        numbers: The numbers of the step in the user's units, by the name of the channel. Empty for tokens.
    """

    text: str
    kind: str = INPUT
    id: int | None = None
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """The number that is explained: an output of the network before its last activation, or a difference of two.

    Attributes:
        name: The answer for which the number speaks, such as a label.
        against: The named alternative. Empty for an output that is a number by itself, such as a forecast.
        value: The logit of `name` minus that of `against`.
        probability: The probability of `name`. None if the network gives no probabilities.
        step: Index of the time step whose output it is, for a network with an output at each step; None otherwise.
    """

    name: str
    against: str
    value: float
    probability: float | None = None
    step: int | None = None


@dataclass(frozen=True)
class Attribution:
    """The effect of each time step on the target by one method.

    Attributes:
        method: LEDGER, OMISSION or GRADIENTS.
        values: The effect of each step, [steps], in units of the logit. Positive values speak for `Target.name`. NaN
            for a step that the method cannot judge, such as padding that is not read.
        others: What belongs to no step, such as the bias of the read-out, by name.
        difference: For methods whose effects add up: the sum of all effects and `others`, minus what it should be. NaN
            for the others.
    """

    method: str
    values: Floats
    others: dict[str, float] = field(default_factory=dict)
    difference: float = float("nan")


@dataclass(frozen=True)
class LayerTrace:
    """The values that one direction of a recurrent layer computed at each step.

    Attributes:
        title: Name for people, such as "GRU 1, backward".
        layer: Number of the recurrent layer, counted from 1 at the input.
        cell: Name of the cell.
        backward: True if the direction reads the steps from the last to the first.
        gates: The gates and the candidate, each [steps, units], by the letter in the cell's equations. 0 at steps that
            are not read, such as padding.
        states: Names of the states, and their values after each step, each [steps, units].
        keep: The factor k_t by which each unit multiplies its previous state, [steps, units]. None for a cell without
            a ledger, such as SimpleRNN.
        written: The number w_t that each unit adds: state_t = k_t * state_{t-1} + w_t, [steps, units]. Like `keep`.
        ledger_state: Name of the state that k_t and w_t describe: "h", or "c" for an LSTM.
        conventions: For the letter of each gate, a phrase that says what values near 1 and 0 mean, such as "z = 1 keeps
            the state; z = 0 replaces it by the candidate".
        half_life: Steps after which half of what a unit held is left, at its mean keep factor, [units]; None like
            `keep`.
        saturation: For each gate, the fraction of steps at which it is below 0.1 and above 0.9, [units, 2] (Karpathy,
            Johnson & Fei-Fei 2015, section 4.2).
        kept_at_end: Fraction of what was written at each step that is still there after the last step, [steps]; see
            `explanation.memory`. NaN for a step that wrote nothing. None like `keep`.
        overwritten_at: Index of the step after which less than half of it is left, or -1, [steps]. None like `keep`.
        gradients: Norm of the gradient of the target with respect to each state after each step, [steps], by name.
    """

    title: str
    layer: int
    cell: str
    backward: bool
    gates: dict[str, Floats]
    states: dict[str, Floats]
    keep: Floats | None
    written: Floats | None
    ledger_state: str
    conventions: dict[str, str]
    half_life: Floats | None
    saturation: dict[str, Floats]
    kept_at_end: Floats | None
    overwritten_at: NDArray[np.int64] | None
    gradients: dict[str, Floats]


@dataclass(frozen=True)
class Faithfulness:
    """A test of one attribution on this very network and text: the deletion of its top steps.

    Attributes:
        method: The attribution's method.
        deleted: Number of steps that are left out.
        top: The fall of the target when the steps with the largest effect are left out.
        random: The mean fall when as many random steps are left out, with its 95% interval over the draws.
    """

    method: str
    deleted: int
    top: float
    random: Interval


@dataclass(frozen=True)
class Group:
    """The effect of leaving out several steps together, such as a phrase.

    Attributes:
        steps: Indices of the steps.
        effect: The fall of the target when all of them are left out.
        separate: The sum of the effects of leaving out each of them alone.
    """

    steps: tuple[int, ...]
    effect: float
    separate: float


@dataclass(frozen=True)
class Decisive:
    """Steps that decide the answer together, as far as a search found them; see `explanation.decisive`.

    Attributes:
        steps: Indices of the steps, those that decide most first.
        left: The target if all of them are left out. If it is not above 0, the alternative is at least as probable as
            the answer without them. Otherwise they are the tenth of the steps that decides most.
    """

    steps: tuple[int, ...]
    left: float


@dataclass(frozen=True)
class Alignment:
    """The soft alignment of a translation: where the decoder read while it wrote each piece.

    Bahdanau, Cho & Bengio 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", figure 3.

    Attributes:
        source: The pieces of the sentence, with its end.
        target: The pieces of the translation, with its end if it has one.
        weights: The attention that each piece of the translation pays to each piece of the sentence, [target pieces,
            source pieces]. Each row sums to 1.
        probabilities: The probability of each piece of the translation after those before it, [target pieces].
        chosen: Index of the piece of the translation that is explained.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: Floats
    probabilities: Floats
    chosen: int


@dataclass(frozen=True)
class Explanation(Result):
    """The explanation of one answer.

    Attributes:
        model: Name of the model, such as its file.
        answer: The prediction, in words.
        target: The number that is explained.
        steps: The time steps, in the order of the input.
        attributions: One for each method, the most exact first.
        layers: One trace for each direction of each recurrent layer, from the input to the output.
        top_layers: Indices in `layers` of the traces that the ledger adds up.
        pooling: How the outputs of the top layer become one vector: "last", "mean", "max", "attention" or "flatten". If
            the network has an output at each step, "last" is the output at the step that is explained.
        faithfulness: One for each attribution.
        decisive: The steps that decide together. None if no step can be left out, or the target is not that of an
            answer that is more probable than its alternative.
        groups: Pairs and phrases that were asked for.
        summary: One sentence that says what decided.
        notes: Sentences about the limits of the explanation.
        alignment: Where the decoder read, for a translator with attention. None for other models.
        sound: Which stretches of a recording decide. None if the example is none.
    """

    model: str
    answer: str
    target: Target
    steps: tuple[Step, ...]
    attributions: tuple[Attribution, ...]
    layers: tuple[LayerTrace, ...]
    top_layers: tuple[int, ...]
    pooling: str
    faithfulness: tuple[Faithfulness, ...]
    decisive: Decisive | None
    groups: tuple[Group, ...]
    summary: str
    notes: tuple[str, ...]
    alignment: Alignment | None = None
    sound: SoundEffects | None = None

    def attribution(self, method: str) -> Attribution | None:
        """Return the attribution by this method, or None if the network does not have it."""
        return next((found for found in self.attributions if found.method == method), None)

    def plot(self) -> Any:
        """Return a matplotlib figure of the effects and the gates."""
        return renderer().plot_explanation(self)


@dataclass(frozen=True)
class LayerMemory:
    """The memory of one direction of a recurrent layer, averaged over examples.

    Attributes:
        title, cell, conventions: As in `LayerTrace`.
        half_life: Steps after which half of what a unit held is left, at its mean keep factor over all steps of all
            examples, [units]. None for a cell without a ledger, such as SimpleRNN.
        saturation: For each gate, the fraction of these steps at which it is below 0.1 and above 0.9, [units, 2].
    """

    title: str
    cell: str
    conventions: dict[str, str]
    half_life: Floats | None
    saturation: dict[str, Floats]


@dataclass(frozen=True)
class WordEffect:
    """The mean effect of a word over its occurrences in examples.

    Attributes:
        text: The word.
        target: The answer for which a positive effect speaks.
        effect: The mean effect, in units of the logit.
        count: Number of occurrences.
    """

    text: str
    target: str
    effect: float
    count: int


@dataclass(frozen=True)
class ModelExplanation(Result):
    """What a trained network keeps in general, without the answer to one example.

    Attributes:
        model: Name of the model, such as its file.
        unit: What the examples are, in the plural, such as "texts".
        examples: Number of examples from which the numbers come.
        steps: Number of time steps of all these examples.
        layers: One for each direction of each recurrent layer, from the input to the output.
        method: The method of the effects in `words`. Empty without words.
        words: The words with the strongest mean effect, the strongest first.
        notes: Sentences about the limits of these numbers.
    """

    model: str
    unit: str
    examples: int
    steps: int
    layers: tuple[LayerMemory, ...]
    method: str
    words: tuple[WordEffect, ...]
    notes: tuple[str, ...]

    def plot(self) -> Any:
        """Return a matplotlib figure of the half-lives and the saturation of the gates."""
        return renderer().plot_explanation(self)
