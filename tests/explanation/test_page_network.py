"""Networks for the page of an explanation: what the page can run, and what it cannot, in a sentence."""

from __future__ import annotations

import dataclasses

import pytest
from models import classifier, loaded, loaded_classifier

from gatewright.explanation.page_network import page_network
from gatewright.nn.layers import Recurrent
from gatewright.results.explanation import Target
from gatewright.support.errors import InputError

NAMES = ("a", "b", "c")


def network_of(model):
    return page_network(model, Target("good", "bad", 0.0))


def changed(**options):
    """Return a classifier whose recurrent layer has other options."""
    file = classifier(bidirectional="merge" in options, pooling="mean")
    layers = tuple(
        dataclasses.replace(layer, **options) if isinstance(layer, Recurrent) else layer for layer in file.layers
    )
    weights = file.weights
    if "merge" in options:
        dense = {**weights[-1], "kernel": weights[-1]["kernel"][: layers[1].units]}
        weights = (*weights[:-1], dense)
    return loaded(dataclasses.replace(file, layers=layers, weights=weights))


def test_the_target_is_the_logit_of_the_answer_against_its_alternative():
    two, three, many = (
        loaded_classifier(),
        loaded_classifier(labels=NAMES),
        loaded_classifier(labels=NAMES, multi_label=True),
    )
    assert page_network(two, Target("bad", "good", 0.0)).target == (-1.0,)
    assert page_network(three, Target("c", "a", 0.0)).target == (-1.0, 0.0, 1.0)
    assert page_network(many, Target("b", "not b", 0.0)).target == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (loaded_classifier(tokens="bytes"), "byte pairs"),
        (changed(merge="sum"), "both directions"),
        (changed(go_backwards=True), "order of the steps"),
    ],
)
def test_a_network_that_the_page_cannot_run_is_refused_in_a_sentence(model, reason):
    with pytest.raises(InputError, match=reason):
        network_of(model)
