"""Tagged sentences from tables, with a row for each word or for each sentence."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.tag.reading import read_tagged
from gatewright.tasks.tag.sentences import ColumnChoice, Tagged

EU = Tagged([["EU", "rejects"], ["Peter"]], [["B-ORG", "O"], ["B-PER"]])


def written(folder, name, text, encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return str(folder / name)


def read(data, *choice):
    return read_tagged(data, ColumnChoice(*choice))


def refused(data, *choice):
    with pytest.raises(InputError) as caught:
        read(data, *choice)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


class TestRowsOfWords:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    @pytest.mark.parametrize(
        "text",
        [
            "Sentence #,Word,POS,Tag\nSentence: 1,EU,N,B-ORG\n,rejects,V,O\nSentence: 2,Peter,N,B-PER\n",
            "sent_id,word,tag\n1,EU,B-ORG\n1,rejects,O\n2,Peter,B-PER\n",
            "token,ner_tags,sentence\r\nEU,B-ORG,1\r\nrejects,O,1\r\nPeter,B-PER,2\r\n",
            ";Sentence ID;Token;Label\n0;a;EU;B-ORG\n1;a;rejects;O\n2;b;Peter;B-PER\n",
            "word,tag\nEU,B-ORG\nrejects,O\n\nPeter,B-PER\n",
            "word,pos,tag\nEU,N,B-ORG\nrejects,V,O\n,,\nPeter,N,B-PER\n",
            "EU,B-ORG\nrejects,O\n\nPeter,B-PER\n",
        ],
    )
    def test_csv(self, tmp_path, text, encoding):
        assert read(written(tmp_path, "a.csv", text, encoding)).train == EU

    @pytest.mark.parametrize("blank", ["", "\n"])
    def test_tsv(self, tmp_path, blank):
        text = f"sentence_id\tTokens\tNER\n1\tEU\tB-ORG\n1\trejects\tO\n{blank}2\tPeter\tB-PER\n"
        assert read(written(tmp_path, "a.tsv", text)).train == EU

    def test_quotes_and_windows_1252(self, tmp_path):
        text = 'Sentence #,Word,Tag\nSentence: 1,"""",O\n,"1,5",O\n,Zoë’s,B-PER\n,\u00a0,O\nSentence: 2,"a\nb",O\n'
        source = read(written(tmp_path, "a.csv", text, "windows-1252"))
        assert source.train.words == [['"', "1,5", "Zoë’s", "\u00a0"], ["a\nb"]]
        assert "Windows-1252" in source.notes[0]
        assert source.notes[-1] == "1 word is nothing but white space, and is kept as a word."

    def test_a_note_names_the_columns(self, tmp_path):
        path = written(tmp_path, "a.csv", "Sentence #,Word,POS,Tag\n1,EU,N,B-ORG\n1,is,V,O\n")
        assert read(path).notes == (
            "The words are read from column 'Word', the sentences from column 'Sentence #' and the tags from column "
            "'Tag': choose other columns with --word-column, --column and --sentence.",
        )
        assert read(path, "POS").train.tags == [["N", "V"]]
        assert read(path, "3", "2", "1").train == Tagged([["EU", "is"]], [["N", "V"]])
        assert read(path, "3", "2", "1").notes == ()

    def test_recurring_numbers_of_sentences_are_noted(self, tmp_path):
        text = "sent,word,tag\n1,EU,O\n2,is,O\n1,Peter,B-PER\n"
        source = read(written(tmp_path, "a.csv", text))
        assert len(source.train.words) == 3
        assert source.notes[0].startswith("1 value of column 'sent' occurs again after others")

    @pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
    def test_other_formats(self, tmp_path, name):
        rows = {"sentence_id": [7, 7, 9], "word": ["EU", "rejects", "Peter"], "tag": ["B-ORG", "O", "B-PER"]}
        if name == "a.parquet":
            pq.write_table(pa.table(rows), tmp_path / name)
        else:
            lines = [json.dumps(dict(zip(rows, row, strict=True))) for row in zip(*rows.values(), strict=True)]
            written(tmp_path, name, "\n".join(lines))
        assert read(str(tmp_path / name)).train == EU

    def test_refused(self, tmp_path):
        def message(text, *choice):
            return refused(written(tmp_path, "a.csv", text), *choice)

        assert "nothing shows where a sentence ends. Name the column that numbers the sentences with --sentence" in (
            message("word,tag\nEU,B-ORG\nis,O\n")
        )
        assert "no column with a usual name for the words, only 'a', 'b'. Choose a column with --word-column" in (
            message("a,b\nEU,B-ORG\nis,O\n")
        )
        assert "for the tags, only 'word', 'b'. Choose a column with --column" in message("word,b\nEU,B-ORG\nis,O\n")
        assert "columns 'tag' and 'label', which may all be the tags. Choose one with --column" in (
            message("sent,word,tag,label\n1,EU,B-ORG,x\n1,is,O,y\n")
        )
        assert "'word' and 'token', which may all be the words. Choose one with --word-column" in (
            message("sent,word,token,tag\n1,EU,B-ORG,x\n1,is,O,y\n")
        )
        assert "--sentence 'x' is not a column of" in message("sent,word,tag\n1,EU,O\n1,is,O\n", None, None, "x")
        assert "both read from column 'word'" in message("sent,word,tag\n1,EU,O\n1,is,O\n", "word")
        assert "line 3 has no tag for 'is'" in message("sent,word,tag\n1,EU,O\n1,is,\n")
        assert "has no rows" in message("sent,word,tag\n")


class TestRowsOfSentences:
    @pytest.mark.parametrize(
        ("words", "tags"),
        [
            ("EU rejects", "B-ORG O"),
            ("EU rejects", "['B-ORG', 'O']"),
            ("EU rejects", "['B-ORG' 'O']"),
            ("['EU', 'rejects']", '["B-ORG", "O"]'),
            ('["EU", "rejects"]', "[ 'B-ORG'\n 'O' ]"),
            ("EU rejects", "B-ORG, O"),
        ],
    )
    def test_csv(self, tmp_path, words, tags):
        def quoted(text):
            return '"' + text.replace('"', '""') + '"'

        row = f"1,{quoted(words)},\"['N', 'V']\",{quoted(tags)}"
        text = f"Sentence #,Sentence,POS,Tag\n{row}\n2,Peter,\"['N']\",['B-PER']\n"
        source = read(written(tmp_path, "a.csv", text))
        assert source.train == EU
        assert "words are read from column 'Sentence' and the tags from column 'Tag'" in source.notes[0]

    RECORDS = (
        {"id": "0", "tokens": ["EU", "rejects"], "pos_tags": [3, 4], "ner_tags": ["B-ORG", "O"], "label": "x"},
        {"id": "1", "tokens": ["Peter"], "pos_tags": [3], "ner_tags": ["B-PER"], "label": "y"},
    )

    @pytest.mark.parametrize(
        "names", [("tokens", "ner_tags"), ("words", "tags"), ("Words", "labels"), ("words", "pos")]
    )
    def test_json(self, tmp_path, names):
        records = [{names[0]: one["tokens"], names[1]: one["ner_tags"], "label": one["label"]} for one in self.RECORDS]
        lines = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records)))
        array = written(tmp_path, "a.json", json.dumps(records, indent=1))
        assert read(lines).train == read(array).train == EU

    def test_parquet_with_names_of_tags(self, tmp_path):
        kinds = ["O", "B-PER", "B-ORG"]
        table = pa.table({"tokens": EU.words, "ner_tags": [[2, 0], [1]]})
        pq.write_table(table, tmp_path / "a.parquet")
        source = read(str(tmp_path / "a.parquet"))
        assert source.train.tags == [["2", "0"], ["1"]]
        assert "The tags in column 'ner_tags' are numbers" in source.notes[-1]
        for feature in (
            {"feature": {"names": kinds, "_type": "ClassLabel"}, "_type": "Sequence"},
            [{"names": kinds, "_type": "ClassLabel"}],
        ):
            stored = json.dumps({"info": {"features": {"ner_tags": feature}}})
            pq.write_table(table.replace_schema_metadata({"huggingface": stored}), tmp_path / "b.parquet")
            named = read(str(tmp_path / "b.parquet"))
            assert named.train == EU
            assert not any("numbers" in note for note in named.notes)

    def test_numbers_are_tags_with_a_note(self, tmp_path):
        path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, self.RECORDS)))
        assert read(path).train == EU
        source = read(path, "pos_tags")
        assert source.train.tags == [["3", "4"], ["3"]]
        assert "no span F1, and no CRF without --crf. Write the names of the tags" in source.notes[-1]

    @pytest.mark.parametrize("tags", ["[3 12]", "[3, 12]", "3 12"])
    def test_numbers_in_lists_as_text(self, tmp_path, tags):
        path = written(tmp_path, "a.csv", f'words,tags\n[ sic ],"1, 2, 3"\nEU is,"{tags}"\n')
        assert read(path).train == Tagged([["[", "sic", "]"], ["EU", "is"]], [["1", "2", "3"], ["3", "12"]])

    def test_rows_without_words_are_left_out(self, tmp_path):
        records = [*self.RECORDS, {"tokens": [], "ner_tags": []}, {"tokens": ["", "a"], "ner_tags": ["O", "O"]}]
        records.append({"tokens": ["-DOCSTART-"], "ner_tags": ["O"]})
        source = read(written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records))))
        assert source.train.words == [*EU.words, ["a"]]
        assert source.notes[1:] == (
            "1 sentence without a word was left out.",
            "1 tag has no word, and was left out.",
        )

    def test_refused(self, tmp_path):
        def message(record, *choice):
            records = [*self.RECORDS, record]
            return refused(written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records))), *choice)

        assert "line 3 has 2 words but 1 tags" in message({"tokens": ["a", "b"], "ner_tags": ["O"]})
        assert "line 3 has no tag for 'a'" in message({"tokens": ["a"], "ner_tags": [None]})
        assert "line 3 has a word that is not text" in message({"tokens": [None], "ner_tags": ["O"]})
        assert "--column 'x' is not a column of" in message({}, "x")
        assert "look like a list but are none" in refused(
            written(tmp_path, "a.csv", 'words,tags\na b,[O B-x]\nc d,"[O, B-x]"\n')
        )
        cut = "words,tags\n\"['a' 'b' ... 'c']\",\"['O' 'O' ... 'O']\"\n"
        assert "list that was cut" in refused(written(tmp_path, "a.csv", cut))
