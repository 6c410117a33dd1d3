"""Sentences from column files: which columns are words and tags, comments, and words that are white space."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.support.errors import InputError
from gatewright.tasks.tag.reading import read_tagged
from gatewright.tasks.tag.sentences import ColumnChoice, Tagged

EU = Tagged([["EU", "rejects"], ["Peter"]], [["B-ORG", "O"], ["B-PER"]])


def column_file(path, text, name="a.txt"):
    (path / name).write_text(text, encoding="utf-8")
    return str(path / name)


def read(data, *choice):
    return read_tagged(data, ColumnChoice(*choice))


def refused(data, *choice):
    with pytest.raises(InputError) as caught:
        read(data, *choice)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def rows(*sentences):
    """Return a file with a line for each row, given the rows of each sentence, with spaces between the columns."""
    return "\n\n".join("\n".join(row.replace(" ", "\t") for row in sentence) for sentence in sentences) + "\n"


class TestLines:
    @pytest.mark.parametrize(
        "text",
        [
            "EU B-ORG\nrejects O\n\nPeter B-PER",
            "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n\n\n",
            "EU\tB-ORG\nrejects O\n\nPeter   B-PER\n",
            "EU B-ORG \r\nrejects O\t\r\n\r\nPeter B-PER\r\n",
            "\ufeffEU B-ORG\nrejects O\n \t \n\ufeffPeter B-PER\n\ufeff",
            "EU B-ORG\nrejects O\n\f\nPeter B-PER\n",
            "  EU B-ORG\n\frejects O\n\u3000\nPeter B-PER\n",
            "EU\t\tB-ORG\nrejects\tO\n\nPeter\tB-PER\t\n",
            "-DOCSTART- O\n\nEU B-ORG\nrejects O\n-DOCSTART- -X- -X- O\nPeter B-PER",
            "# newdoc\n# text = EU rejects\nEU B-ORG\nrejects O\n\n# \nPeter B-PER",
            "#begin document (a); part 0\nEU B-ORG\nrejects O\n\nPeter B-PER\n#end document",
            "B-ORG\tEU\nO\trejects\n\nB-PER\tPeter",
            "#\thttp://a.b [2009]\nEU\tB-ORG\nrejects\tO\n\n#\thttp://c.d [2009]\nPeter\tB-PER",
            "#\thttp://a.b\nEU\tB-ORG\nrejects\tO\n\n#\t\nPeter\tB-PER\t\n",
            '<text id="1">\n<s>\nEU\tB-ORG\n<g/>\nrejects\tO\n</s>\n<s>\nPeter\tB-PER\n</s>\n</text>',
        ],
    )
    def test_the_same_sentences(self, tmp_path, text):
        (tmp_path / "a.txt").write_bytes(text.encode())
        assert read(str(tmp_path / "a.txt")).train == EU

    def test_words_may_have_spaces_between_tabs(self, tmp_path):
        path = column_file(tmp_path, "New York\tB-LOC\nis\tO\n10\u00a0000\tO\n")
        assert read(path).train == Tagged([["New York", "is", "10\u00a0000"]], [["B-LOC", "O", "O"]])

    def test_no_break_spaces_belong_to_words(self, tmp_path):
        assert read(column_file(tmp_path, "10\u00a0000 O\nEU B-ORG\n")).train.words == [["10\u00a0000", "EU"]]

    @pytest.mark.parametrize("word", [" ", "\u00a0", "\u3000", "\u2028", "  "])
    @pytest.mark.parametrize("before", ["", "we\tO\n"])
    def test_words_of_white_space_are_kept_with_a_note(self, tmp_path, word, before):
        source = read(column_file(tmp_path, f"{before}{word}\tO\nBob\tB-PER\n"))
        assert source.train.words == [[*before.split()[:1], word, "Bob"]]
        assert source.notes == ("1 word is nothing but white space, and is kept as a word.",)

    @pytest.mark.parametrize("row", ["\tO", " O", "  O"])
    def test_a_tag_without_a_word_is_left_out_with_a_note(self, tmp_path, row):
        separator = "\t" if "\t" in row else " "
        source = read(column_file(tmp_path, f"we{separator}O\n{row}\nBob{separator}B-PER\n"))
        assert source.train == Tagged([["we", "Bob"]], [["O", "B-PER"]])
        assert source.notes == ("1 tag has no word, and was left out.",)

    def test_a_number_sign_is_a_word_where_it_has_a_tag(self, tmp_path):
        text = "# O\n1 O\n#tag B-x\n\n# id abc\ndomain=en O\n# B-x\n"
        source = read(column_file(tmp_path, text))
        assert source.train.words == [["#", "1", "#tag"], ["domain=en", "#"]]
        assert read(column_file(tmp_path, "#\tSYM\n1\tNUM\n")).train.words == [["#", "1"]]

    def test_empty_columns_are_columns(self, tmp_path):
        path = column_file(tmp_path, "EU\t\tB-ORG\nrejects\t\tO\n\nPeter\t\tB-PER\n")
        assert read(path, "3").train == EU

    def test_refused(self, tmp_path):
        def message(text):
            return refused(column_file(tmp_path, text))

        assert "line 2 has 1 column, not 2 as the other lines" in message("EU B-ORG\nrejects\n")
        assert "line 3 has 3 columns, not 2" in message("EU B-ORG\na O\nNew York B-LOC\n")
        assert "line 1 has 1 column, not 2, a word and its tags" in message("EU\n")
        assert "line 3 has no tab, unlike the other lines" in message("EU\tB-ORG\nin\tO\nNew York\n")
        assert "line 1 has 1 column" in message("EU\t\n")
        assert "line 2 has an empty column" in refused(column_file(tmp_path, "EU\tN\tB\nis\t\tO\na\tb\tO"), "2")
        assert "no sentences" in message("word tag\n")
        assert "line 1 has 1 column, not 2, a word" in message("\tx\ny\n")
        assert "has no sentences" in message("# nothing\n\n")


FIELDS = ["a", "#", "1", "2", "_", "O", "B-x", "", " ", "\u3000", "1-2", "word", "tag", "-DOCSTART-", '"']
LINES = st.lists(st.lists(st.sampled_from(FIELDS), max_size=4), max_size=8)


@settings(deadline=None)  # the first table imports pyarrow
@given(LINES, st.sampled_from([" ", "\t", ",", "\n"]), st.sampled_from([".txt", ".csv", ".tsv", ".conllu"]))
def test_any_file_is_read_or_refused_in_one_sentence(lines, separator, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = column_file(Path(folder), "\n".join(map(separator.join, lines)), f"a{suffix}")
        try:
            sentences = read(path).train
        except InputError:
            assert refused(path)
            return
    assert sentences.words
    for words, tags in zip(sentences.words, sentences.tags, strict=True):
        assert all(words)
        assert all(map(str.strip, tags))
        assert len(words) == len(tags) > 0


class TestOptions:
    TEXT = "EU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER"

    def test_columns_are_chosen_by_number(self, tmp_path):
        path = column_file(tmp_path, self.TEXT)
        source = read(path)
        assert source.train == EU
        assert source.notes == (
            "The words are read from column 1, and the tags from column 3: choose other columns with --word-column and "
            "--column.",
        )
        assert read(path, "2").train.tags == [["NNP", "VBZ"], ["NNP"]]
        chosen = read(path, "3", "2")
        assert (chosen.train.words, chosen.notes) == ([["NNP", "VBZ"], ["NNP"]], ())
        assert read(path, "2", "1").notes == ()
        assert ColumnChoice.of({"column": 2}) == ColumnChoice("2")
        with pytest.raises(InputError, match="column must be the name or the number of a column, not True"):
            ColumnChoice.of({"column": True})

    def test_columns_are_chosen_by_name(self, tmp_path):
        text = "nr,tok,ner,word,sent_id\n1,x,B-ORG,EU,a\n2,x,O,rejects,a\n3,x,B-PER,Peter,b\n".replace(",", "\t")
        path = column_file(tmp_path, text)
        source = read(path, None, "word")
        assert source.train == EU
        assert "the tags from column 3" in source.notes[0]
        assert read(path, "NER", "4", "sent_id").train == EU
        assert read(path, "ner", "word", "tok").train.words == [["EU", "rejects", "Peter"]]

    @pytest.mark.parametrize("header", ["Word Tag", "token\tner_tags", "TOKEN NE"])
    def test_a_header_is_not_a_sentence(self, tmp_path, header):
        assert read(column_file(tmp_path, f"{header}\n{rows(['EU B-ORG', 'rejects O'], ['Peter B-PER'])}")).train == EU

    def test_refused(self, tmp_path):
        path = column_file(tmp_path, "EU B-ORG\n")
        assert "--column must be the number of a column of " in refused(path, "3")
        assert ", 1 to 2, not '3'" in refused(path, "3")
        assert "--word-column must be the number" in refused(path, None, "0")
        assert "--sentence must be the number" in refused(path, None, None, "x")
        assert "both read from column 1. Choose two columns with --word-column and --column" in refused(path, "1", "1")
        assert "not 'upos'" in refused(path, "upos")
        named = column_file(tmp_path, "# global.columns = ID FORM NER\n1 EU B-ORG\n2 is O\n")
        assert "1 to 3, or one of id, form, ner, not 'upos'" in refused(named, "upos")


CONLL_X = rows(
    ["1 EU eu N NNP _ 2 sbj _ _", "2 rejects reject V VBZ x=y 0 root _ _"],
    ["1-2 del _ _ _ _ _ _ _ _", "1 Peter peter N NNP _ 0 root _ _", "1.1 x x x x _ _ _ _ _"],
)
WORDS = [["EU", "rejects"], ["Peter"]]


class TestColumnsThatCount:
    @pytest.mark.parametrize("fields", [8, 10])
    @pytest.mark.parametrize(
        ("column", "tags"),
        [
            (None, [["N", "V"], ["N"]]),
            ("4", [["N", "V"], ["N"]]),
            ("postag", [["NNP", "VBZ"], ["NNP"]]),
            ("upos", [["N", "V"], ["N"]]),
            ("deprel", [["sbj", "root"], ["root"]]),
        ],
    )
    def test_conll_x(self, tmp_path, fields, column, tags):
        text = "\n".join("\t".join(line.split("\t")[:fields]) for line in CONLL_X.split("\n"))
        source = read(column_file(tmp_path, text), column)
        assert source.train == Tagged(WORDS, tags)
        assert (
            "The words are read from column 2, since column 1 counts them, and the tags from column " in source.notes[0]
        )

    def test_the_fine_parts_of_speech_if_there_are_no_coarse_ones(self, tmp_path):
        text = CONLL_X.replace("\tN\t", "\t_\t").replace("\tV\t", "\t_\t").replace("\tx\t", "\t_\t")
        assert read(column_file(tmp_path, text)).train.tags == [["NNP", "VBZ"], ["NNP"]]

    def test_a_column_without_values_is_refused(self, tmp_path):
        path = column_file(tmp_path, CONLL_X)
        assert "no tags in column 9: every field of it is _. Choose another column with --column" in refused(path, "9")
        text = "\n".join(f"{n}\tw{n}\t_\t_\t_\t_\t0\troot\t_\t_" for n in range(1, 9))
        assert "no tags in column 4" in refused(column_file(tmp_path, text))
        assert "no tags in column 3" in refused(column_file(tmp_path, "EU B _\nis O _\n"))

    def test_conll_2009_has_more_columns_in_sentences_with_more_predicates(self, tmp_path):
        one = "1 EU eu eu N N2 _ _ 2 2 sbj sbj _ _ A0 A1"
        other = "2 rejects reject reject V V2 _ _ 0 0 root root Y r.01 _ _"
        text = rows([one, other], ["1 Peter peter peter N N2 _ _ 0 0 root root _ _"])
        assert read(column_file(tmp_path, text)).train == Tagged(WORDS, [["N", "V"], ["N"]])
        assert read(column_file(tmp_path, text), "ppos").train.tags == [["N2", "V2"], ["N2"]]

    def test_conll_2012_counts_in_the_third_column(self, tmp_path):
        def row(number, word, tag, more):
            return f"bc/cctv 0 {number} {word} {tag} (S* - - - spk * {more}-"

        text = rows([row(0, "EU", "N", "* "), row(1, "rejects", "V", "* ")], [row(0, "Peter", "N", "")])
        text = f"#begin document (bc/cctv); part 000\n{text}#end document\n"
        assert read(column_file(tmp_path, text)).train == Tagged(WORDS, [["N", "V"], ["N"]])

    def test_germeval_2014(self, tmp_path):
        text = "#\thttp://example.org [2009-10-17]\n1\tEU\tB-ORG\tO\n2\trejects\tO\tO\n\n#\tx\n1\tPeter\tB-PER\tB-ORG\n"
        source = read(column_file(tmp_path, text))
        assert source.train == EU
        assert "the words are read from column 2, since column 1 counts them, and the tags from column 3" in (
            source.notes[0].lower()
        )
        assert read(column_file(tmp_path, text), "4").train.tags == [["O", "O"], ["B-ORG"]]

    def test_comments_with_as_many_columns_as_the_words(self, tmp_path):
        first, second = "#\thttp://a.b\t[2009-10-17]\t\n", "#\thttp://c.d\t[2009-10-17]\t\n"
        text = f"{first}1\tEU\tB-ORG\tO\n2\trejects\tO\tO\n\n{second}1\tPeter\tB-PER\tB-x\t\n"
        assert read(column_file(tmp_path, text)).train == EU
        text = "#\thttp://a.b\t[2009]\n1\tEU\tB-ORG\n2\trejects\tO\n\n#\thttp://c.d\t[2009]\n1\tPeter\tB-PER\n"
        assert read(column_file(tmp_path, text)).train == EU

    def test_multiconer(self, tmp_path):
        text = "# id 6f-52\tdomain=en\nEU _ _ B-ORG\nrejects _ _ O\n\n# id 7 domain=en\nPeter _ _ B-PER\n"
        assert read(column_file(tmp_path, text)).train == EU

    def test_conll_u_plus(self, tmp_path):
        text = (
            "# global.columns = ID FORM UPOS NER\n# text = EU rejects\n1 EU N B-ORG\n2 rejects V O\n\n1 Peter N B-PER\n"
        )
        assert read(column_file(tmp_path, text)).train == EU
        assert read(column_file(tmp_path, text), "upos").train.tags == [["N", "V"], ["N"]]

    @pytest.mark.parametrize("first", [1, 0, 41])
    def test_words_may_be_counted_through_the_file(self, tmp_path, first):
        text = f"{first} EU B-ORG\n{first + 1} rejects O\n\n{first + 2} Peter B-PER"
        assert read(column_file(tmp_path, text)).train == EU

    def test_the_confidence_of_a_tag_is_no_tag(self, tmp_path):
        source = read(column_file(tmp_path, "EU B-ORG 0.98\nrejects O .5\n\nPeter B-PER 1.0\n"))
        assert source.train == EU
        assert "the tags from column 2" in source.notes[0]
        assert read(column_file(tmp_path, "EU B-ORG 1\nrejects O 0\n\nPeter B-PER 1\n")).train.tags == [
            ["1", "0"],
            ["1"],
        ]

    def test_parts_of_speech_before_the_words(self, tmp_path):
        words = [f"word{number}" for number in range(30)]
        text = "".join(f"{'NOUN' if number % 3 else 'VERB'} {word}\n" for number, word in enumerate(words))
        source = read(column_file(tmp_path, text))
        assert source.train.words == [words]
        assert (
            "from column 2, since column 1 has far fewer different values, and the tags from column 1"
            in source.notes[0]
        )
        assert read(column_file(tmp_path, text), "2", "1").train.tags == [words]
        lemmas = "".join(f"{word} lemma{number}\n" for number, word in enumerate(words))
        assert read(column_file(tmp_path, lemmas)).train.words == [words]

    def test_numbers_are_never_the_words(self, tmp_path):
        assert "only numbers in column 1, not words. Choose the column of the words with --word-column" in refused(
            column_file(tmp_path, "1 EU\n2 rejects\n")
        )
        assert "with --sentence" in refused(column_file(tmp_path, "1 EU B-ORG\n1 rejects O\n2 Peter B-PER\n"))
        by_sentence = column_file(tmp_path, "1 EU B-ORG\n1 rejects O\n2 Peter B-PER\n")
        assert read(by_sentence, None, "2", "1").train == EU
        assert "the same value in column 1 for all words of each sentence" in refused(
            column_file(tmp_path, "a.txt EU B-ORG\na.txt rejects O\n\nb.txt Peter B-PER\n")
        )
        assert "only numbers in column 1" in refused(column_file(tmp_path, "tweet kind\n17 O\n18 O\n19 B-x\n20 O\n"))
        assert read(column_file(tmp_path, "In O\n17 O\n18 O\n\n19 O\n")).train.words == [["In", "17", "18"], ["19"]]
        assert read(column_file(tmp_path, "1 CD\n1 CD\nthe DT\n")).train.words == [["1", "1", "the"]]


class TestLanguages:
    def test_the_name_of_the_language_before_all_words_is_left_out_with_a_note(self, tmp_path):
        source = read(column_file(tmp_path, "nl:EU\tB-ORG\nnl:rejects\tO\n\nnl:Peter\tB-PER\n"))
        assert source.train == EU
        assert source.notes == ("All words begin with 'nl:', the name of a language, which was left out.",)

    @pytest.mark.parametrize("words", ["nl:a b", "nl:a nl:", "nl:a de:b", "nl: nl:", "http:a http:b", "NL:a NL:b"])
    def test_other_beginnings_stay(self, tmp_path, words):
        source = read(column_file(tmp_path, "".join(f"{word} O\n" for word in words.split())))
        assert source.train.words == [words.split()]
        assert source.notes == ()
