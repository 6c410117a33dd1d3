"""The n-gram baseline against its definition, written with dictionaries."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from gatewright.tasks.generate.baseline import NGrams, best_order

VOCABULARY = 400


def some(length, seed):
    """Return ids, some far more frequent than others, which partly follow from those before."""
    draw = np.random.default_rng(seed)
    ids = [1]
    while len(ids) < length:
        ids.append((ids[-1] * 3 + 1) % VOCABULARY if draw.random() < 0.6 else int(draw.zipf(1.5)) % VOCABULARY)
    return np.array(ids)


def definition(ids, order, separate=False):
    """Return p(w | h) by the formulas of Chen & Goodman 1999, section 3.

    If `separate`, n-grams have START (1) only at the beginning or at the end, and those that begin with it count as
    often as they occur.
    """
    counts = {n: Counter(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)) for n in range(1, order + 1)}
    if separate:
        for n in counts:
            counts[n] = Counter({gram: count for gram, count in counts[n].items() if 1 not in gram[1:-1]})
    occurred = {n: dict(grams) for n, grams in counts.items()}
    for n in range(1, order):  # the number of different ids before an n-gram
        counts[n] = Counter(gram[1:] for gram in counts[n + 1])
        if separate and n > 1:
            counts[n] |= Counter({gram: count for gram, count in occurred[n].items() if gram[0] == 1})
    discounts = {}
    for n, grams in counts.items():
        n1, n2, n3, n4 = (sum(count == c for count in grams.values()) for c in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        discounts[n] = [0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        assert all(0.1 * c <= d <= 0.95 * c for c, d in enumerate(discounts[n][1:], 1))
    followed = {n: defaultdict(dict) for n in counts}
    for n, grams in counts.items():
        for gram, count in grams.items():
            followed[n][gram[:-1]][gram[-1]] = count

    def p(word, history):
        n = len(history) + 1
        if n == 0:
            return 1 / VOCABULARY
        lower = p(word, history[1:]) if history else 1 / VOCABULARY
        seen = followed[n].get(tuple(history))
        if not seen:
            return lower
        total = sum(seen.values())
        D = [discounts[n][min(count, 3)] for count in seen.values()]
        kept = max(seen[word] - discounts[n][min(seen[word], 3)], 0) if word in seen else 0
        return kept / total + sum(D) / total * lower

    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_equal_the_definition(order):
    train, test = some(4000, 1), some(300, 2)
    p = definition(train.tolist(), order)
    expected = [p(word, test[max(0, place - order + 1) : place].tolist()) for place, word in enumerate(test)][1:]
    np.testing.assert_allclose(NGrams(train, order, VOCABULARY).probabilities(test), expected, rtol=1e-12)


@pytest.mark.parametrize("train", [[1], [1, 1, 1, 1], [1, 2, 3, 4, 5, 6, 0], [2, 1] * 30], ids=str)
@pytest.mark.parametrize("order", [1, 2, 5])
def test_the_probabilities_of_all_ids_sum_to_one(train, order):
    model = NGrams(np.array(train), order, 7)
    for history in ([1], [6, 6], [1, 2, 3, 4], [2, 1, 2, 1, 2]):
        found = [model.probabilities(np.array([*history, word]))[-1] for word in range(7)]
        assert sum(found) == pytest.approx(1)
        assert min(found) > 0


def test_the_order_is_chosen_on_the_validation_set():
    train, validation = some(600, 1), some(600, 3)
    losses = [-np.log(NGrams(train, n, VOCABULARY).probabilities(validation)).mean() for n in (1, 2, 3, 4)]
    assert best_order(train, validation, (1, 2, 3, 4), VOCABULARY).order == 1 + int(np.argmin(losses))
    assert losses[1] < losses[0]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_contexts_of_separate_texts_begin_at_their_start(order):
    def texts(number, seed):
        draw = np.random.default_rng(seed)
        found = [1]
        for place in range(number):
            one = some(int(draw.integers(2, 9)), 1000 * seed + place)[1:]
            found += [*np.where(one == 1, 2, one).tolist(), 1]
        return np.array(found)

    train, test = texts(900, 1), texts(60, 2)
    p = definition(train.tolist(), order, separate=True)
    expected = []
    for place, word in enumerate(test[1:], 1):
        start = max(at for at in range(place) if test[at] == 1)
        expected.append(p(word, test[max(start, place - order + 1) : place].tolist()))
    found = NGrams(train, order, VOCABULARY, separate=True).probabilities(test)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_separate_texts_do_not_depend_on_their_order():
    """In a sorted list, a text resembles the one before it, which must not help."""
    draw = np.random.default_rng(0)
    texts = [sorted(draw.integers(2, 9, 4).tolist()) for _ in range(300)]
    streams = [np.array([1, *[number for text in order for number in (*text, 1)]]) for order in (texts, sorted(texts))]
    models = [NGrams(one, 6, 9, separate=True) for one in streams]
    losses = [-np.log(model.probabilities(one)).mean() for model, one in zip(models, streams, strict=True)]
    assert losses[0] == pytest.approx(losses[1])
