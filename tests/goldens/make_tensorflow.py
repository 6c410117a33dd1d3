"""Make the goldens of TensorFlow: the results of the expressions in tensorflow_expressions.py.

Run `python tests/goldens/make_tensorflow.py` with tensorflow installed. Tests read the results and do not need it.
"""

import json
import os
import warnings
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tensorflow_expressions

warnings.simplefilter("ignore")
names = tensorflow_expressions.arguments(tf, np)
results = {}
for line in tensorflow_expressions.expressions():
    results[line] = tensorflow_expressions.evaluate(line, names)
rows = ",\n".join(f"{json.dumps(line)}: {json.dumps(result)}" for line, result in results.items())
Path(__file__).with_name("tensorflow.json").write_text(
    f'{{"version": "{tf.__version__}", "results": {{\n{rows}\n}}}}\n', encoding="utf-8"
)
