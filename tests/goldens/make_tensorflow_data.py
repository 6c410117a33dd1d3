"""Writes tensorflow_data.json: the results of tensorflow_pipelines.py with TensorFlow. Run with Python that has it:

python -m venv /tmp/tensorflow && /tmp/tensorflow/bin/pip install tensorflow-cpu==2.21.0 keras==3.15
KERAS_BACKEND=tensorflow /tmp/tensorflow/bin/python tests/goldens/make_tensorflow_data.py
"""

import json
import tempfile
from pathlib import Path

import tensorflow
import tensorflow_pipelines as cases


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "pipelines": cases.pipelines(tensorflow),
            "training": cases.training(tensorflow),
            "keras_datasets": cases.keras_datasets(tensorflow, Path(folder)),
            "vectorization": cases.vectorization(tensorflow),
            "text_models": cases.text_models(tensorflow),
        }
    path = Path(__file__).with_name("tensorflow_data.json")
    path.write_text(json.dumps(results, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
