"""The language model of a transcriber, and the choice of a decoder."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.encoders import Words
from gatewright.data.files import read_text
from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.alphabet import Alphabet
from gatewright.tasks.transcribe.decoding import Decoding
from gatewright.tasks.transcribe.ngrams import Ngrams
from gatewright.tasks.transcribe.tuning import START

AUTO = "auto"
# The lexicon is closed if at most this fraction of the words of new transcripts are expected to be new.
_FEW = 0.02


class Language(NamedTuple):
    """The settings and the language model with which transcripts are decoded.

    Attributes:
        decoding: The settings of the decoder.
        open_weights: The names of those weights of `decoding` that the validation set is to choose.
        ngrams: The language model, whose words are the lexicon.
        notes: A sentence for reports about the choice.
    """

    decoding: Decoding
    open_weights: tuple[str, ...]
    ngrams: Ngrams
    notes: tuple[str, ...]


def learn_language(texts: Sequence[str], alphabet: Alphabet, settings: Any, file: str | None) -> Language:
    """Learn the language model, and choose the decoder if the settings leave it open.

    The lexicon is used if new words are rare, unless the symbols are words, since the network then writes no others.
    Without a file, the fraction of new words among those of new transcripts is estimated by the words that occur once,
    as a fraction of all words (Good 1953, "The Population Frequencies of Species and the Estimation of Population
    Parameters"). With a file, it is the fraction of the words of the training transcripts that the file does not have.

    Args:
        texts: The training transcripts.
        alphabet: Normalizes transcripts.
        settings: The settings of the task.
        file: A text file with a sentence on each line. None to learn from the training transcripts.

    Raises:
        InputError: The file cannot be read, or has no text.
    """
    own = [alphabet.normalized(text) for text in texts]
    counts = Counter(word for text in own for word in text.split())
    lines = own if file is None else _lines(file, alphabet)
    ngrams = Ngrams.fit(lines, counts)
    words = max(1, counts.total())
    if file is None:
        new, source = sum(count == 1 for count in counts.values()) / words, "the training transcripts"
        why = f"{new:.1%} of their words occur once"
    else:
        known = {word for line in lines for word in line.split()}
        new, source = sum(count for word, count in counts.items() if word not in known) / words, file
        why = f"{new:.1%} of the words of the training transcripts are not in it"
    method, notes = settings.decoding, list[str]()
    if method == AUTO and alphabet.encoder.kind == Words.kind:
        method = "beam"
    elif method == AUTO:
        method = "lexicon" if new <= _FEW else "beam"
        allows = "only words of" if method == "lexicon" else "also words that are not in"
        notes.append(f"Transcripts may have {allows} {source}, because {why}: --decoding {method} was chosen.")
    given = {name: getattr(settings, name) for name in START}
    weights = {name: START[name] if value is None else value for name, value in given.items()}
    left_open = () if method == "greedy" else tuple(name for name, value in given.items() if value is None)
    return Language(Decoding(method, settings.beam, **weights), left_open, ngrams, tuple(notes))


def _lines(file: str, alphabet: Alphabet) -> list[str]:
    path = Path(file)
    if not path.is_file():
        raise InputError(
            f"--language-model must be a text file with a sentence on each line, but there is no file {file!r}."
        )
    lines = [alphabet.normalized(line) for line in read_text(path).text.split("\n")]
    if not any(lines):
        raise InputError(f"--language-model {file} has no text. Give a text file with a sentence on each line.")
    return lines
