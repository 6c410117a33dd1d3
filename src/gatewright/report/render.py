"""Show a result of any type as text, as HTML or as a plot."""

import html as html_escapes
from functools import singledispatch
from typing import Any, TextIO

from gatewright.report import (
    attention_text,
    explanation_html,
    explanation_text,
    model_html,
    model_text,
    spoken_html,
    spoken_text,
    summary,
    terminal,
)
from gatewright.results.explanation import Explanation, ModelExplanation
from gatewright.results.records import Comparison, Evaluated, Trained
from gatewright.results.spoken import SpokenExplanation
from gatewright.results.translation import Translation


@singledispatch
def text(result: object) -> str:
    """Return the result as plain text with at most 100 columns."""
    raise TypeError(f"A {type(result).__name__} is not a result. Only results can be shown.")


text.register(Comparison, terminal.text)
text.register(Trained, summary.trained)
text.register(Evaluated, summary.evaluated)
text.register(Explanation, explanation_text.text)
text.register(ModelExplanation, model_text.text)
text.register(SpokenExplanation, spoken_text.text)


@singledispatch
def show(result: object, file: TextIO) -> None:
    """Print the result to `file`, as wide as the terminal, and in colour if `file` is a terminal with colours."""
    raise TypeError(f"A {type(result).__name__} has no view for terminals.")


show.register(Explanation, explanation_text.show)
show.register(ModelExplanation, model_text.show)
show.register(SpokenExplanation, spoken_text.show)
show.register(Translation, attention_text.show)


@singledispatch
def html(result: object) -> str:
    """Return the result as an HTML fragment for a notebook."""
    return f"<pre>{html_escapes.escape(text(result))}</pre>"


@html.register
def _(result: Comparison) -> str:
    from gatewright.report.html import fragment  # imports matplotlib

    return fragment(result)


html.register(Explanation, explanation_html.html)
html.register(ModelExplanation, model_html.html)
html.register(SpokenExplanation, spoken_html.html)


def plot(comparison: Comparison) -> Any:
    """Return a matplotlib figure of the comparison: its learning curves, and its gradients through time."""
    from gatewright.report.plots import overview

    return overview(comparison)


@singledispatch
def plot_explanation(explanation: object) -> Any:
    """Return a matplotlib figure of an explanation."""
    raise TypeError(f"A {type(explanation).__name__} is not an explanation.")


@plot_explanation.register
def _(explanation: Explanation) -> Any:
    from gatewright.report import explanation_plots

    return explanation_plots.plot(explanation)


@plot_explanation.register
def _(explanation: ModelExplanation) -> Any:
    from gatewright.report import explanation_plots

    return explanation_plots.plot_model(explanation)


@plot_explanation.register
def _(explanation: SpokenExplanation) -> Any:
    from gatewright.report import sound_plots

    return sound_plots.plot_spoken(explanation)


def plot_attention(translation: Translation) -> Any:
    """Return a matplotlib figure of the attention of a translation."""
    from gatewright.report import attention_plots

    return attention_plots.plot(translation)
