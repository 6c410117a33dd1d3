"""What statistical tests compare of a model: its metric, and its scores on the test set."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewright.results.bootstrap import resampled
from gatewright.results.verdict import Competitor
from gatewright.support.trees import Tree, tree_map
from gatewright.tasks.base.task import Prepared


def competitor(
    prepared: Prepared[Any], name: str, values: Sequence[float], runs: Sequence[Tree], targets: Tree
) -> Competitor:
    """Return a model as a competitor in statistical tests.

    Its scores are those of its outputs averaged over runs. If the task has a `corpus_score`, they are that score on
    bootstrap samples of the test set, averaged over runs.

    Args:
        prepared: Scores the outputs.
        name: The name of the model in tables and sentences.
        values: The main metric of each run on the test set.
        runs: The outputs of each run for the test set.
        targets: The targets of the test set.
    """
    if prepared.corpus_score is not None:
        statistics = [prepared.scores(outputs, targets) for outputs in runs]
        return Competitor(name, tuple(values), resampled(statistics, prepared.corpus_score), bootstrap=True)
    outputs = tree_map(lambda *arrays: np.mean(arrays, axis=0), *runs) if len(runs) > 1 else runs[0]
    return Competitor(name, tuple(values), prepared.scores(outputs, targets))
