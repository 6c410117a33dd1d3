"""Tag the words of sentences."""

from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.tag.settings import TagSettings

_WORDS = (
    Option(
        "word_column",
        "COLUMN",
        "Column of the words of tagged sentences, by its number from 1 or its name (default: the one with a usual "
        "name, the one after a column that counts the words, or the first column).",
    ),
    Option(
        "sentence",
        "COLUMN",
        "Column that has the same value for all words of a sentence, by its number from 1 or its name (default: the "
        "one with a usual name; without one, sentences end at empty lines).",
    ),
)

SPEC = TaskSpec(
    name="tag",
    command="tag",
    function="train_tagger",
    summary="Learn to predict the tag of each word, and the label of a sentence if sentences have labels.",
    examples="tagged sentences",
    reads="atis, ewt, a .conllu file, a file with a word and its tag on each line, a table with a word or a sentence "
    "in each row, or a folder of these or of seq.in, seq.out and label",
    example="sentences.conllu --column upos",
    options=(
        Option(
            "column",
            "COLUMN",
            "Column of the tags, by its number from 1 or its name. For a .conllu file: upos, xpos, feats or deprel "
            "(default: upos, the parts of speech in other CoNLL formats, a usual name, or the last column).",
        ),
        *_WORDS,
    ),
    predict_options=(
        Option(
            "text",
            "COLUMN",
            "Column of the texts, or several columns, separated by commas, whose texts are joined (default: found by "
            "its name, such as text or review, or its content).",
        ),
        HEADER,
        Option(
            "format",
            "NAME",
            "Format of the file, whatever its name: lines (a text on each line), csv, tsv or jsonl (default: by its "
            "name; for standard input, by its first lines).",
        ),
        *_WORDS,
    ),
    settings=TagSettings,
    owns=lambda data, options: True,
    task="gatewright.tasks.tag.task:Tag",
    model="gatewright.tasks.tag.model:Tagger",
)
