import subprocess
import sys

import pytest

PROGRAM = """
import sys
import gatewright
gatewright.enable()
import keras
model = keras.Sequential([keras.Input((3, 2)), keras.layers.GRU(4), keras.layers.Dense(1)])
model.compile("sgd", "mse")
assert not {"sklearn", "matplotlib.pyplot"} & set(sys.modules), "loaded by Keras"
from keras.wrappers import SKLearnRegressor
from sklearn.base import BaseEstimator
assert issubclass(SKLearnRegressor, BaseEstimator)
assert callable(keras.visualization.plot_image_gallery)
assert "matplotlib.pyplot" in sys.modules
"""


@pytest.mark.slow
def test_keras_loads_large_packages_when_a_program_uses_them():
    ran = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
