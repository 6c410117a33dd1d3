"""Explanations of small models with the networks for their pages."""

from __future__ import annotations

import numpy as np

from gatewright.explanation.example import explain_example
from gatewright.explanation.page_network import page_network
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations


def explained_text(model, text, label=None):
    """Return the explanation of a classifier's answer for a text, or of a label, and its network for the page."""
    explanation = explain_example(model, "model.safetensors", text, label=label)
    return explanation, page_network(model, explanation.target)


def target_value(model, text, weights):
    """Return the number that is explained, for any text: a sum of the network's outputs with these weights."""
    inputs = Activations(model.explainable(text).inputs)
    return float(models.forward(model.layers, NUMPY, model.weights, inputs)[0].x[0] @ np.asarray(weights))
