"""Labelled texts on which a classifier of texts is evaluated."""

from gatewright.data.labelled_texts import AnyLabelled, SeveralLabelled, distinct_labels
from gatewright.support.errors import InputError
from gatewright.tasks.base.classes import require_known_labels
from gatewright.tasks.base.labels import LabelSet


def require_labels_of(labels: LabelSet, name: str, examples: AnyLabelled) -> None:
    """Raise an error unless a model can predict all labels of the texts to evaluate.

    Args:
        labels: The labels of the model.
        name: The name of the data set, for error messages.
        examples: The texts to evaluate, with their labels.

    Raises:
        InputError: A text has a label that the model does not predict; the table has a column for each label, but
            none for a label that the model predicts; or the model predicts several labels for each text and
            the texts have one each, or the reverse.
    """
    several = isinstance(examples, SeveralLabelled)
    if several != labels.multi_label:
        has, predicts = ("any number of labels", "one label") if several else ("one label", "any number of labels")
        raise InputError(
            f"{name} has {has} for each text, but the model predicts {predicts}. Choose the columns with --label, "
            "and the separator of the labels in a field with --label-separator."
        )
    columns = examples.columns if isinstance(examples, SeveralLabelled) else ()
    what = "that column" if columns else "those texts"
    require_known_labels(labels.names, name, columns or sorted(distinct_labels(examples)), what)
    if columns and (missing := [label for label in labels.names if label not in columns]):
        raise InputError(
            f"The model predicts the label {missing[0]!r}, but --label names no column of {name} for it. Name one "
            "column for each label."
        )
