"""Read public corpora from `$GATEWRIGHT_DATA`, which has a folder for each.

`an4` is the Census database of Carnegie Mellon University (Acero 1990): people spell and say numbers, names and
addresses. It is the archive `an4_mfcc.tar.xz` of cepstra, a folder of the Sphinx trainer. The speakers of the test set
are not in the training set.

`fsdd` is the Free Spoken Digit Dataset (Jakobovski 2018): six people say each of the digits 0 to 9 fifty times. It is
the archive `recordings.tar.gz` of recordings DIGIT_SPEAKER_INDEX.wav. Those with an index below 5 are the test set.
"""

import re

from gatewright.data import public
from gatewright.data.corpora.corpus import Found, Utterance
from gatewright.data.corpora.sphinx import read_sphinx
from gatewright.data.corpora.unpacking import unpacked
from gatewright.support.errors import InputError

AN4, FSDD = "an4", "fsdd"

_AN4_ARCHIVE = "an4_mfcc.tar.xz"
_AN4_SOURCE = " from http://www.speech.cs.cmu.edu/databases/an4/"
_FSDD_ARCHIVE, _FSDD_FOLDER = "recordings.tar.gz", "recordings"
_FSDD_SOURCE = ", the folder recordings of https://github.com/Jakobovski/free-spoken-digit-dataset,"
_FSDD_NAME = re.compile(r"([0-9])_([a-z]+)_([0-9]{1,3})\.wav")
_FSDD_TESTS = 5


def read_an4() -> Found:
    """Return the training and test utterances of `an4`.

    Raises:
        InputError: The archive is missing or damaged.
        OSError: The cache cannot be written.
    """
    archive = public.named_files(AN4, AN4, [_AN4_ARCHIVE], _AN4_SOURCE)[0]
    return read_sphinx(unpacked(archive) / AN4)


def read_fsdd() -> Found:
    """Return the training and test recordings of `fsdd`. Their texts are the digits.

    Raises:
        InputError: The archive is missing or damaged.
        OSError: The cache cannot be written.
    """
    archive = public.named_files(FSDD, FSDD, [_FSDD_ARCHIVE], _FSDD_SOURCE)[0]
    folder = unpacked(archive) / _FSDD_FOLDER
    splits: dict[str, list[Utterance]] = {"train": [], "test": []}
    for path in sorted(folder.glob("*.wav")):
        if named := _FSDD_NAME.fullmatch(path.name):
            digit, speaker, index = named.groups()
            splits["test" if int(index) < _FSDD_TESTS else "train"].append(Utterance(path.stem, path, digit, speaker))
    if not all(splits.values()):
        raise InputError(f"{archive} does not have the recordings of fsdd. Make it again{_FSDD_SOURCE.rstrip(',')}.")
    return Found(splits)
