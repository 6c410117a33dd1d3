"""Read the training set of imdb for the suites that need real texts or real text lengths.

A separate worker process reads the reviews, so that the measured processes do not load the libraries needed for this.
"""

import os
from pathlib import Path
from typing import Any

from gatewright.bench import peers
from gatewright.bench.workers import Unavailable, Worker, WorkerError, print_progress, serve

_SEED = 1


def write_texts(path: Path, count: int) -> str:
    """Write the word ids and labels of `count` reviews to the .npz file `path`. Return a description of their source.

    The file contains two arrays. x [count, peers.LENGTH] has the ids of the last words of each review, padded with 0
    on the left. y [count] has the labels, 0 or 1.

    Raises:
        Unavailable: The reviews cannot be read.
    """
    return _request("texts", path=str(path), count=count)


def write_lengths(path: Path, count: int, max_length: int) -> str:
    """Write the lengths of `count` reviews to the .npz file `path`. Return a description of their source.

    The file contains the array lengths [count], the number of words of each review, but at most `max_length`.

    Raises:
        Unavailable: The reviews cannot be read.
    """
    return _request("lengths", path=str(path), count=count, max_length=max_length)


def _request(command: str, **arguments: Any) -> str:
    print_progress("reading imdb, which takes a minute the first time")
    with Worker("reviews", "reviews") as worker:
        try:
            return str(worker.request(command, **arguments))
        except WorkerError as error:
            raise Unavailable(
                f"imdb cannot be read ({error.reason}). Set GATEWRIGHT_DATA to a folder with imdb/train.parquet and "
                "imdb/test.parquet, or connect to the internet once"
            ) from None


def _write_texts(path: str, count: int) -> str:
    import numpy as np

    reviews, labels, source = _reviews()
    chosen = _choose(len(reviews), count)
    x = np.zeros((count, peers.LENGTH), np.int32)
    for row, index in zip(x, chosen, strict=True):
        last = np.asarray(reviews[index][-peers.LENGTH :], np.int32)
        row[peers.LENGTH - len(last) :] = last
    np.savez(path, x=x, y=labels[chosen].astype(np.float32))
    return f"{source}, {100 * np.mean(x == 0):.0f}% of positions are padding"


def _write_lengths(path: str, count: int, max_length: int) -> str:
    import numpy as np

    reviews, _, source = _reviews()
    lengths = np.array([min(len(reviews[index]), max_length) for index in _choose(len(reviews), count)], np.int32)
    np.savez(path, lengths=lengths)
    return f"{source}, {np.mean(lengths):.0f} words on average if cut at {max_length}"


def _choose(available: int, count: int) -> Any:
    """Return `count` random indices below `available`, [count]. Every call returns the same indices.

    A random choice is needed because the reviews are sorted by label. Indices repeat if `count` exceeds `available`.
    """
    import numpy as np

    return np.resize(np.random.default_rng(_SEED).permutation(available), count)


def _reviews() -> tuple[Any, Any, str]:
    """Return the word ids of each training review, the labels [reviews], and a description of their source.

    The ids and labels are the same as from `keras.datasets.imdb.load_data(num_words=10000)`.
    """
    import numpy as np

    from gatewright.data import public

    try:
        files = public.imdb_for_keras()
    except FileNotFoundError:
        os.environ["KERAS_BACKEND"] = "jax"
        import keras

        return *keras.datasets.imdb.load_data(num_words=peers.VOCABULARY)[0], "imdb as downloaded by Keras"
    arrays = np.load(files.arrays, allow_pickle=True)  # texts of different lengths; the file is our own cache
    # In Keras, 1 starts a review, 2 replaces a rare word, and words start at 4.
    reviews = [[1, *(w + 3 if w + 3 < peers.VOCABULARY else 2 for w in review)] for review in arrays["x_train"]]
    return reviews, arrays["y_train"], "imdb in GATEWRIGHT_DATA"


if __name__ == "__main__":
    serve(texts=_write_texts, lengths=_write_lengths)
