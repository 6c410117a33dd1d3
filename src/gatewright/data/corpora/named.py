"""Read public corpora from `$GATEWRIGHT_DATA`, which has a folder for each.

`an4` is the Census database of Carnegie Mellon University (Acero 1990): people spell and say numbers, names and
addresses. It is the archive `an4_mfcc.tar.xz` of cepstra, a folder of the Sphinx trainer. The speakers of the test set
are not in the training set.
"""

from gatewright.data import public
from gatewright.data.corpora.corpus import Found
from gatewright.data.corpora.sphinx import read_sphinx
from gatewright.data.corpora.unpacking import unpacked

AN4 = "an4"

_AN4_ARCHIVE = "an4_mfcc.tar.xz"
_AN4_SOURCE = " from http://www.speech.cs.cmu.edu/databases/an4/"


def read_an4() -> Found:
    """Return the training and test utterances of `an4`.

    Raises:
        InputError: The archive is missing or damaged.
        OSError: The cache cannot be written.
    """
    archive = public.named_files(AN4, AN4, [_AN4_ARCHIVE], _AN4_SOURCE)[0]
    return read_sphinx(unpacked(archive) / AN4)
