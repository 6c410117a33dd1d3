"""Metrics of translations: equal to sacreBLEU on whole corpora, and on the tokens of the Moses scripts."""

import gzip
import os
import random
from pathlib import Path

import numpy as np
import pytest
import sacrebleu

from gatewright.results.bootstrap import resampled
from gatewright.tasks.translate.measures import bleu_of, measured, moses_tokens, signatures, statistics

REFERENCES = [
    "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
    "Zwei Hunde laufen über eine grüne Wiese vor einem Zaun.",
    "Fünf Leute in Winterjacken stehen im Schnee.",
    "Ein Kind.",
]
HYPOTHESES = [
    "Ein Mann mit einem orangen Hut starrt etwas an.",
    "Zwei hunde laufen über eine Wiese vor einem weißen Zaun.",
    "Fünf Leute stehen mit Helmen im Schnee.",
    "",
]

# The right sides are what the Perl scripts of Moses (commit 3a0631a) print for these sentences: normalize-punctuation,
# tokenizer with -no-escape, lowercase.
MOSES = {
    "de": {
        "Ein Mann mit Hut, der z.B. „Nur Mut!“ ruft.": 'ein mann mit hut , der z.b. " nur mut ! " ruft .',
        "Zwei Kinder (ca. 5 Jahre alt) laufen am 3. Mai über 1.000,5 m usw.": (
            "zwei kinder ( ca. 5 jahre alt ) laufen am 3. mai über 1.000,5 m usw."
        ),
        "McDonald’s-Menü für 4,50 € & ein U-Bahn-Plan ...": "mcdonald ' s-menü für 4,50 € & ein u-bahn-plan ...",
        "Das ist Joe's Hund .": "das ist joe ' s hund .",
    },
    "en": {
        "A man's dog doesn't bark at Mr. Smith's \"big\" truck.": (
            "a man 's dog doesn 't bark at mr. smith 's \" big \" truck ."
        ),
        "The U.S. team, e.g. No. 7, won 1,000 points...": "the u.s. team , e.g. no. 7 , won 1,000 points ...",
        "Two girls’ bikes – red/blue – lean on a café's wall!": (
            "two girls \" bikes - red / blue - lean on a café 's wall !"
        ),
    },
}


def test_metrics_equal_those_of_sacrebleu():
    found = measured(HYPOTHESES, REFERENCES, "de")
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES]).score, abs=1e-9)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score, abs=1e-9)
    lower = [[moses_tokens("de")(text) for text in texts] for texts in (HYPOTHESES, REFERENCES)]
    unsmoothed = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True).corpus_score(lower[0], [lower[1]])
    assert found["bleu_lower"] == pytest.approx(unsmoothed.score, abs=1e-9)
    assert found["bleu_lower"] > found["bleu"] > 0, "the capital of Hunde costs only the cased metric"


def test_equal_texts_have_the_highest_values_and_empty_translations_the_lowest():
    assert measured(REFERENCES[:3], REFERENCES[:3], "de") == pytest.approx(dict.fromkeys(signatures("de"), 100))
    assert measured([""] * 4, REFERENCES, "de") == dict.fromkeys(signatures("de"), 0)


def test_bleu_of_any_sentences_comes_from_sums_of_their_statistics():
    rows = statistics(HYPOTHESES, REFERENCES)
    # "Ein Kind ." has no match in the empty translation. The fourth reference has 3 tokens.
    assert rows[3].tolist() == [0, 3, 0, 0, 0, 0, 0, 0, 0, 0]
    # fünf leute stehen mit helmen im schnee . | fünf leute in winterjacken stehen im schnee .
    assert rows[2].tolist() == [8, 8, 6, 3, 1, 0, 8, 7, 6, 5]
    draw = random.Random(0)
    for _ in range(20):
        chosen = draw.choices(range(4), k=5)
        hypotheses, references = ([texts[place] for place in chosen] for texts in (HYPOTHESES, REFERENCES))
        expected = sacrebleu.corpus_bleu(hypotheses, [references]).score
        assert bleu_of(rows[chosen].sum(axis=0)) == pytest.approx(expected, abs=1e-9)


def test_translations_and_references_must_be_pairs():
    with pytest.raises(ValueError, match="zip"):
        measured(HYPOTHESES[:3], REFERENCES, "de")


@pytest.mark.parametrize("language", MOSES)
def test_lower_cased_tokens_are_those_of_the_moses_scripts(language):
    assert {text: moses_tokens(language)(text) for text in MOSES[language]} == MOSES[language]


def test_a_language_that_moses_does_not_know_has_english_abbreviations():
    assert moses_tokens("xx")("Mr. Yü, zu Hause.") == "mr. yü , zu hause ."


def test_signatures_name_tokenizer_case_and_versions():
    found = signatures("de")
    version = f"version:{sacrebleu.__version__}"
    assert found["bleu"] == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|{version}"
    assert found["bleu_lower"].startswith(f"nrefs:1|case:lc|eff:no|tok:moses-de|smooth:none|{version}|sacremoses:")
    assert found["chrf"] == f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|{version}"
    assert list(found) == list(measured(HYPOTHESES, REFERENCES, "de"))


@pytest.mark.parametrize("language", ["de", "en"])
def test_captions_have_as_many_moses_tokens_as_published(language):
    """The README of the repository multi30k/dataset gives the number of Moses tokens of each file."""
    path = Path(os.environ.get("GATEWRIGHT_DATA", "data")) / "multi30k" / f"test_2016_flickr.{language}.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not there; set GATEWRIGHT_DATA")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        captions = file.read().removesuffix("\n").split("\n")
    tokens = sum(len(moses_tokens(language)(caption).split(" ")) for caption in captions)
    # Those files were lower-cased first. With capitals, "Bart." is an abbreviation for Moses, and stays one token.
    assert tokens == {"de": 12103 - 1, "en": 12968}[language]


def test_bleu_on_bootstrap_samples_is_that_of_the_sampled_sentences():
    found = resampled([statistics(HYPOTHESES, REFERENCES)], bleu_of, 20)
    rng = np.random.default_rng(0)
    for bleu in found:
        hypotheses, references = zip(*[(HYPOTHESES[i], REFERENCES[i]) for i in rng.integers(4, size=4)], strict=True)
        assert bleu == pytest.approx(sacrebleu.corpus_bleu(hypotheses, [references]).score, abs=1e-9)
    assert len(set(found)) > 5
