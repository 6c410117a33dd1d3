"""Tagged sentences for the tests of taggers."""

import numpy as np
import pytest

CITIES = ("boston", "new york", "dallas", "san francisco")


@pytest.fixture
def folder(tmp_path):
    """Return a folder of requests with slots and intents, in three splits."""
    rng = np.random.default_rng(0)
    for split, sentences in (("train", 60), ("dev", 20), ("test", 20)):
        lines = {"seq.in": [], "seq.out": [], "label": []}
        for _ in range(sentences):
            one, other = (CITIES[number].split() for number in rng.permutation(4)[:2])
            intent, begin = [("flight", ["show", "flights"]), ("fare", ["how", "much", "is", "it"])][rng.integers(2)]
            words = [*begin, "from", *one, "to", *other]
            tags = ["O"] * (len(begin) + 1)
            tags += [*["B-from", "I-from"][: len(one)], "O", *["B-to", "I-to"][: len(other)]]
            for name, value in zip(lines, (" ".join(words), " ".join(tags), intent), strict=True):
                lines[name].append(value)
        (tmp_path / "data" / split).mkdir(parents=True)
        for name, values in lines.items():
            (tmp_path / "data" / split / name).write_text("".join(f"{value}\n" for value in values))
    return tmp_path / "data"
