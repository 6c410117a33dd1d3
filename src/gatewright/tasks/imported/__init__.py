"""Use models that were trained with Keras."""

from gatewright.tasks.base.spec import LABELLED_TEXTS, TEXTS_TO_PREDICT, ModelSpec

SPEC = ModelSpec(
    name="imported",
    examples="texts or series of a Keras model",
    options=LABELLED_TEXTS,
    predict_options=TEXTS_TO_PREDICT,
    model="gatewright.tasks.imported.model:ImportedModel",
)
