"""A pytest plugin: stock Keras on the kernels before its tests are collected."""

import gatewright

gatewright.accelerate()
