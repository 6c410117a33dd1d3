"""Real texts for the suites that need their words or their lengths: the training part of the data set imdb.

They are read in a worker of their own, so that no library that reading takes stays in the process that measures.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gatewright.bench import peers, workers

_SEED = 1


def write_rows(path: Path, count: int) -> str:
    """Write `count` reviews to the path, their last words, padded on the left; says where they are from.

    Raises:
        Unavailable: there are no reviews.
    """
    return _ask("rows", path, count)


def write_lengths(path: Path, count: int, most: int) -> str:
    """Write the lengths of `count` reviews to the path, cut at `most` words; says where they are from.

    Raises:
        Unavailable: there are no reviews.
    """
    return _ask("lengths", path, count, most=most)


def _ask(do: str, path: Path, count: int, **request: Any) -> str:
    workers.say("reading imdb, which takes a minute the first time")
    with workers.Worker("reviews", "reviews") as worker:
        try:
            return str(worker.ask(do, path=str(path), count=count, **request))
        except workers.WorkerError as error:
            advice = "set GATEWRIGHT_DATA to a folder with imdb/train.parquet and imdb/test.parquet, or connect once"
            raise workers.Unavailable(f"the reviews of imdb can't be read ({error.reason}): {advice}") from None


def _rows(path: str, count: int) -> str:
    import numpy as np

    reviews, labels, source = _reviews()
    chosen = _chosen(len(reviews), count)
    x = np.zeros((count, peers.LENGTH), np.int32)
    for row, index in zip(x, chosen, strict=True):
        last = np.asarray(reviews[index][-peers.LENGTH :], np.int32)
        row[peers.LENGTH - len(last) :] = last
    np.savez(path, x=x, y=labels[chosen].astype(np.float32))
    return f"{source}, {100 * np.mean(x == 0):.0f}% of positions are padding"


def _lengths(path: str, count: int, most: int) -> str:
    import numpy as np

    reviews, _, source = _reviews()
    lengths = np.array([min(len(reviews[index]), most) for index in _chosen(len(reviews), count)], np.int32)
    np.savez(path, lengths=lengths)
    return f"{source}, {np.mean(lengths):.0f} words on average when they are cut at {most}"


def _chosen(available: int, count: int) -> Any:
    """Which reviews, always the same: at random, for they are sorted by label; if they are few, some again."""
    import numpy as np

    return np.resize(np.random.default_rng(_SEED).permutation(available), count)


def _reviews() -> tuple[Any, Any, str]:
    """Training reviews as `keras.datasets.imdb.load_data(num_words=10000)` gives them."""
    import numpy as np

    from gatewright.data import public

    try:
        files = public.imdb_for_keras()
    except FileNotFoundError:
        return *_keras_reviews(), "imdb as Keras has it"
    kept = np.load(files.arrays, allow_pickle=True)  # ragged rows; this cache is our own file
    # Keras' marks: 1 starts a review, 2 stands for a rarer word, and words begin at 4.
    reviews = [[1, *(w + 3 if w + 3 < peers.WORDS else 2 for w in review)] for review in kept["x_train"]]
    return reviews, kept["y_train"], "imdb of GATEWRIGHT_DATA"


def _keras_reviews() -> tuple[Any, Any]:
    os.environ["KERAS_BACKEND"] = "jax"
    import keras

    reviews, labels = keras.datasets.imdb.load_data(num_words=peers.WORDS)[0]
    return reviews, labels


def _work() -> None:
    def answer(do: str, **request: Any) -> Any:
        return (_rows if do == "rows" else _lengths)(**request)

    workers.serve(answer)


if __name__ == "__main__":
    _work()
