"""A pytest plugin that calls `accelerate()` before the tests of Keras are collected."""

import gatewright

gatewright.accelerate()
