"""Metrics of translations against raw reference texts, as sacreBLEU computes them.

Post 2018, "A Call for Clarity in Reporting BLEU Scores": a BLEU figure means something only with the tokenization, the
case and the version that it was computed with. `signatures` returns them.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.measure import Measure
from gatewright.support.packages import require_packages

BLEU = Measure("bleu", "BLEU", "higher")
BLEU_LOWER = Measure("bleu_lower", "lower-cased BLEU", "higher")
CHRF = Measure("chrf", "chrF", "higher")
LOSS = Measure("loss", "loss", "lower", per_epoch=True)
MEASURES = (BLEU, BLEU_LOWER, CHRF, LOSS)
"""The metrics of a translator, the main metric first."""

ORDERS = 4
"""N-grams of 1 to 4 tokens are counted."""


def require_metrics() -> None:
    """Raise an ImportError that names the package if one that computes the metrics is missing."""
    require_packages("Measuring translations", ("sacrebleu", "sacremoses"))


def measured(hypotheses: Sequence[str], references: Sequence[str], language: str) -> dict[str, float]:
    """Return metrics of translations, from 0 to 100 and higher for better ones, with their names as keys.

    bleu: BLEU (Papineni et al. 2002) of the texts as they are, with sacreBLEU's default tokenizer "13a".
    bleu_lower: BLEU of lower-cased Moses tokens; see `moses_tokens`. It is not smoothed, as in multi-bleu.perl.
    chrf: The F2 score of character n-grams, without spaces, up to 6 characters (Popović 2015, "chrF").

    Args:
        hypotheses: The translations, cased and not tokenized.
        references: The correct translation of each source text, as it was read.
        language: Code of the target language, such as "de", for the Moses tokenizer.

    Raises:
        ImportError: A package is missing.
    """
    require_metrics()
    import sacrebleu

    tokens = moses_tokens(language)
    lower = [tokens(text) for text in hypotheses], [tokens(text) for text in references]
    # The option `force` only keeps sacreBLEU from logging a warning about texts that look tokenized.
    unsmoothed = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True)
    return {
        BLEU.name: bleu_of(statistics(hypotheses, references).sum(axis=0)),
        BLEU_LOWER.name: _bleu(_statistics(unsmoothed, *lower).sum(axis=0), "none"),
        CHRF.name: float(sacrebleu.CHRF().corpus_score(hypotheses, [references]).score),
    }


def statistics(hypotheses: Sequence[str], references: Sequence[str]) -> NDArray[np.int64]:
    """Return what BLEU counts in each sentence, [sentences, 2 + 2 * ORDERS].

    The columns are the tokens of the translation, the tokens of the reference, then for n = 1 to 4 the n-grams of the
    translation that are also in the reference, then all n-grams of the translation. The BLEU of any set of sentences is
    `bleu_of` the sum of their rows.
    """
    import sacrebleu

    return _statistics(sacrebleu.BLEU(force=True), hypotheses, references)


def _statistics(bleu: Any, hypotheses: Sequence[str], references: Sequence[str]) -> NDArray[np.int64]:
    """Return the counts of each sentence, with the tokenizer of an object `sacrebleu.BLEU`; see `statistics`."""
    bleu.effective_order = True  # a score of a single sentence, which is not used here, would log a warning without it
    scores = [bleu.sentence_score(one, [other]) for one, other in zip(hypotheses, references, strict=True)]
    rows = [[score.sys_len, score.ref_len, *score.counts, *score.totals] for score in scores]
    return np.array(rows, np.int64).reshape(len(rows), 2 + 2 * ORDERS)


def bleu_of(total: NDArray[Any]) -> float:
    """Return the BLEU, from 0 to 100, of a set of sentences, from the sum of their rows of `statistics`."""
    return _bleu(total, "exp")


def _bleu(total: NDArray[Any], smooth_method: str) -> float:
    from sacrebleu import BLEU as Metric

    length, reference_length, *counts = total.tolist()
    score = Metric.compute_bleu(counts[:ORDERS], counts[ORDERS:], length, reference_length, smooth_method)
    return float(score.score)


@cache
def moses_tokens(language: str) -> Callable[[str], str]:
    """Return the function that converts a text to lower-cased Moses tokens, separated by spaces.

    Results on Multi30k are published for such tokens (Caglayan et al. 2017, "LIUM-CVC Submissions for WMT17 Multimodal
    Translation Task"): normalize-punctuation.perl, tokenizer.perl, lowercase.perl, in this order and with the language
    of the text. A language that Moses does not know gets the abbreviations of English, as in Moses. Of the 6,028
    captions in the validation and test sets, one differs from the scripts' tokens. The tokenizer "13a" of lower-cased
    captions is no substitute: with it, BLEU was up to 0.1 lower on captions with random words replaced, and up to 0.5
    higher on captions with misplaced punctuation.

    Args:
        language: Code of the language of the text, such as "de".
    """
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normalizer, tokenizer = MosesPunctNormalizer(language, perl_parity=True), MosesTokenizer(language)

    def tokens(text: str) -> str:
        return str(tokenizer.tokenize(normalizer.normalize(text), return_str=True, escape=False)).lower()

    return tokens


def signatures(language: str) -> dict[str, str]:
    """Return how each metric of `measured` was computed, in the notation of sacreBLEU, with the metrics' names as keys.

    Args:
        language: Code of the target language, such as "de".
    """
    import sacrebleu
    import sacremoses

    metrics = {
        BLEU.name: sacrebleu.BLEU(),
        BLEU_LOWER.name: sacrebleu.BLEU(lowercase=True, tokenize="none", smooth_method="none"),
        CHRF.name: sacrebleu.CHRF(),
    }
    found = {}
    for name, metric in metrics.items():
        metric.corpus_score(["a"], [["a"]])  # a signature contains the number of references of the last score
        found[name] = str(metric.get_signature())
    lower = found[BLEU_LOWER.name].replace("tok:none", f"tok:moses-{language}")
    return found | {BLEU_LOWER.name: f"{lower}|sacremoses:{sacremoses.__version__}"}
