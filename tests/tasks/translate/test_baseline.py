"""The baselines of translators, and the bigram model and IBM model 1 in them, against plain loops."""

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from gatewright.tasks.translate import word_translation
from gatewright.tasks.translate.baseline import fit_baselines
from gatewright.tasks.translate.bigrams import BOUNDARY, Bigrams
from gatewright.tasks.translate.sentences import Pairs
from gatewright.tasks.translate.word_translation import WordByWord
from gatewright.tasks.translate.words import WordSplitter

NULL = ""
TRAIN = Pairs(
    ("the house", "the book", "a book", "a green house", "the green book", "a house", "the house is green"),
    ("das Haus", "das Buch", "ein Buch", "ein grünes Haus", "das grüne Buch", "ein Haus", "das Haus ist grün"),
)


def test_three_baselines_translate_each_sentence():
    frequent, memory, words = fit_baselines(Pairs((*TRAIN.source, "the home"), (*TRAIN.target, "das Haus")))
    sources = ["the green book", "the GREEN book!", "nothing known", ""]
    assert frequent.translate(sources) == ["das Haus"] * 4
    assert memory.translate(sources) == ["das grüne Buch", "das grüne Buch", "das Haus", "das Haus"]
    assert words.translate(["the house", "A book", ""]) == ["das Haus", "ein Buch", ""]
    assert len({one.name for one in (frequent, memory, words)}) == 3
    assert "Brown et al. 1993" in words.description


def test_words_that_the_training_set_lacks_are_copied():
    assert WordByWord(TRAIN).translate(["the Zugspitze house"]) == ["das Zugspitze Haus"]


def plain_model_1(pairs, iterations):
    """IBM model 1 as the paper writes it."""
    split = [(source.split(), [NULL, *target.split()]) for source, target in zip(*pairs, strict=True)]
    t = defaultdict(lambda: 1.0)
    for _ in range(iterations):
        counts, totals = defaultdict(float), defaultdict(float)
        for f, e in split:
            for word in f:
                total = sum(t[word, other] for other in e)
                for other in e:
                    counts[word, other] += t[word, other] / total
                    totals[other] += t[word, other] / total
        t = defaultdict(float, {key: count / totals[key[1]] for key, count in counts.items()})
    return t


def plain_bigrams(targets):
    """Return a function p(w | v) as Chen & Goodman write it. The boundary is None."""
    counts = Counter(pair for target in targets for pair in itertools.pairwise([None, *target.split(), None]))
    n1, n2 = (sum(count == n for count in counts.values()) for n in (1, 2))
    discount = n1 / (n1 + 2 * n2)

    def p(w, v):
        total = sum(count for (before, _), count in counts.items() if before == v)
        different = sum(before == v for before, _ in counts)
        q = sum(after == w for _, after in counts) / len(counts)
        return max(counts[v, w] - discount, 0) / total + discount * different / total * q

    return p


@pytest.mark.parametrize("group", [1, 10, 1_000])
def test_the_translation_is_the_most_probable_of_all(monkeypatch, group):
    monkeypatch.setattr(word_translation, "_GROUP", group)
    t, p = plain_model_1((TRAIN.source, TRAIN.target), 5), plain_bigrams(TRAIN.target)
    translator = WordByWord(TRAIN)
    words = sorted({word for target in TRAIN.target for word in target.split()})
    for source in ("the green house", "a green book", "green the a", "house book a", "the the"):
        found = {}
        for e in itertools.product([NULL, *words], repeat=len(source.split())):
            path = [None, *(word for word in e if word), None]
            factors = [t[one, other] for one, other in zip(source.split(), e, strict=True)]
            factors += [p(w, v) for v, w in itertools.pairwise(path)]
            text = " ".join(word for word in e if word)
            found[text] = max(found.get(text, 0), math.prod(factors))
        assert found[translator.translate([source])[0]] == pytest.approx(max(found.values()), rel=1e-9)


def test_bigram_probabilities_are_those_of_the_paper_and_sum_to_one():
    ids = {word: at for at, word in enumerate(sorted({w for text in TRAIN.target for w in text.split()}), 1)}
    model = Bigrams([[ids[word] for word in text.split()] for text in TRAIN.target], 1 + len(ids))
    p = plain_bigrams(TRAIN.target)
    every = np.arange(1 + len(ids))
    found = np.exp(model.log_probabilities(every, every))
    names = [None, *ids]
    assert found == pytest.approx(np.array([[p(w, v) for w in names] for v in names]))
    assert found.sum(axis=1) == pytest.approx(np.ones(len(names)))
    unknown = np.array([1 + len(ids)])
    assert np.exp(model.log_probabilities(unknown, every)).sum() == pytest.approx(1)
    assert np.isfinite(model.log_probabilities(np.array([BOUNDARY]), unknown)).all()


def test_only_as_many_pairs_as_fit_are_used_which_the_description_says(monkeypatch):
    monkeypatch.setattr(word_translation, "_MAX_LINKS", 20)
    limited = WordByWord(TRAIN)
    assert "learned from 2 of 7 training pairs" in limited.description
    assert limited.translate(["the house"])
    monkeypatch.setattr(word_translation, "_MAX_WORDS", 1)
    assert "learned from 1 of 7 training pairs" in WordByWord(TRAIN).description


@pytest.mark.parametrize(
    ("text", "words", "joined"),
    [
        ("It's 5 o'clock, isn't it?", ["It's", "5", "o'clock", ",", "isn't", "it", "?"], None),
        ("我有GPU3个。", ["我", "有", "GPU3", "个", "。"], None),
        (" a  dog .", ["a", "dog", "."], "a dog."),
    ],
)
def test_words_are_split_and_joined_by_the_writing_of_the_language(text, words, joined):
    splitter = WordSplitter.of([text])
    assert splitter.split(text) == words
    assert splitter.join(words) == (joined or text)


def test_languages_without_spaces_are_translated_by_characters():
    pairs = Pairs(("我有狗", "我有猫", "你有狗"), ("I have dogs", "I have cats", "you have dogs"))
    assert WordByWord(pairs).translate(["你有猫"]) == ["you have cats"]
    assert fit_baselines(pairs)[1].translate(["你有狗"]) == ["you have dogs"]
