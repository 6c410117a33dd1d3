"""Sentences and their translations from files and tables, the notes about them, and the errors for bad ones."""

import gzip
import io
import json
import os
import random
import sys
from types import SimpleNamespace

import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.translate.reading import read_pairs, read_sources, read_translations
from gatewright.tasks.translate.sentences import Pairs, without_long_pairs

EN_DE = {"source": "en", "target": "de"}


def sentences(count, seed=0, vocabulary="ab"):
    """Return different sentences of different lengths, and translations that are about as long."""
    draw = random.Random(seed)
    source = [f"{vocabulary[0]} " * draw.randint(1, 30) + f"number{seed}x{at}" for at in range(count)]
    return source, [text.replace(vocabulary[0], vocabulary[1]).replace("number", "nummer") for text in source]


def stem(folder, source, target, name="train", end="\n"):
    folder.mkdir(exist_ok=True)
    for language, texts in (("en", source), ("de", target)):
        (folder / f"{name}.{language}").write_bytes("".join(f"{text}{end}" for text in texts).encode())
    return str(folder / name)


def read(data, options=EN_DE, limit=None):
    pairs, notes = read_pairs(str(data), options, limit)
    assert all(note.endswith(".") and "\n" not in note for note in notes)
    return pairs, " ".join(notes)


def refused(data, options=EN_DE, **splits):
    with pytest.raises(InputError) as caught:
        read_translations(str(data), options, **splits)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


class TestTwoFiles:
    def test_line_n_of_one_file_is_the_translation_of_line_n_of_the_other(self, tmp_path):
        data = stem(tmp_path, ["a dog", "two cats"], ["ein Hund", "zwei Katzen"])
        assert read(data) == (Pairs(("a dog", "two cats"), ("ein Hund", "zwei Katzen")), "")
        assert read(data, {"source": "de", "target": "en"})[0].source == ("ein Hund", "zwei Katzen")
        assert read(data, limit=1)[0] == Pairs(("a dog",), ("ein Hund",))

    def test_compressed_files_and_windows_line_ends_make_no_difference(self, tmp_path):
        data = stem(tmp_path, ["a dog", "two cats"], ["ein Hund", "zwei Katzen"], end="\r\n")
        content = (tmp_path / "train.de").read_bytes()
        (tmp_path / "train.de").unlink()
        (tmp_path / "train.de.gz").write_bytes(gzip.compress(content))
        assert read(data) == (Pairs(("a dog", "two cats"), ("ein Hund", "zwei Katzen")), "")

    def test_only_line_feeds_end_a_sentence(self, tmp_path):
        odd = ["a\u2028b", "form\x0cfeed", "a\0b", "a\x85b", "a\rb", "tab\there"]
        pairs, notes = read(stem(tmp_path, odd, [f"{text}!" for text in odd]))
        assert pairs.source == tuple(odd)
        assert pairs.target == tuple(f"{text}!" for text in odd)
        assert "5 pairs have control characters" in notes
        assert "U+2028 in line 1" in notes

    def test_binary_files_and_utf_16_without_a_mark_are_refused(self, tmp_path):
        data = stem(tmp_path, ["a dog", "two cats"], ["ein Hund", "zwei Katzen"])
        (tmp_path / "train.en").write_bytes("a dog\ntwo cats\n".encode("utf-16-le"))
        assert "train.en has bytes that are not text" in refused(data)

    def test_pairs_with_an_empty_side_are_left_out_and_counted(self, tmp_path):
        pairs, notes = read(stem(tmp_path, ["a", "", "c", " "], ["A", "B", "", "\t"]))
        assert pairs == Pairs(("a",), ("A",))
        assert "3 pairs of" in notes
        assert "(only the source of 1, only the target of 1, both of 1). The first is in line 2." in notes
        assert "empty everywhere" in refused(stem(tmp_path, ["", "b"], ["A", ""], "empty"))

    def test_unequal_numbers_of_lines_are_refused_with_both_numbers_and_the_place(self, tmp_path):
        source, target = sentences(600)
        message = refused(stem(tmp_path, [*source[:300], "one more", *source[300:]], target))
        assert "train.en has 601 lines, but" in message
        assert "train.de has 600." in message
        assert "they do not match from about line 251 on" in message
        assert "remove its last 2 lines" in refused(stem(tmp_path, source, [*target, "", " "]))

    def test_a_missing_file_is_named_with_those_beside_it(self, tmp_path):
        data = stem(tmp_path, ["a"], ["A"])
        message = refused(data, {"source": "en", "target": "fr"})
        assert "--target fr needs the file" in message
        assert "There are train.de, train.en." in message
        assert "There is only train.de." in (os.remove(f"{data}.en"), refused(data))[1]
        assert "there is no" in refused(tmp_path / "absent" / "train")

    def test_a_folder_or_one_of_the_two_files_is_answered_with_the_stem(self, tmp_path):
        data = stem(tmp_path, ["a"], ["A"])
        assert f"is a folder. It has train. Give what the names of two files have in common, such as {data} for" in (
            refused(tmp_path)
        )
        assert refused(f"{data}.en").endswith(f"is one of two files. Give what their names have in common, {data}.")

    def test_the_same_language_or_the_same_text_twice_is_refused(self, tmp_path):
        data = stem(tmp_path, ["a", "b"], ["a", "b"])
        assert "--source and --target are both 'en'" in refused(data, {"source": "en", "target": "en"})
        assert "are the same in all 2 pairs" in refused(data)
        os.remove(f"{data}.de")
        os.link(f"{data}.en", f"{data}.de")
        assert "are the same file" in refused(data)
        _, notes = read(stem(tmp_path, ["a", "b", "c"], ["a", "b", "C"], "other"))
        assert "In 2 of 3 pairs" in notes

    @pytest.mark.parametrize("options", [{}, {"source": "en"}, {"source": "en", "target": ""}, {"source": True}])
    def test_both_languages_are_needed(self, tmp_path, options):
        message = refused(stem(tmp_path, ["a"], ["A"]), options)
        assert "is missing" in message or "not True" in message


class TestLengths:
    def test_shifted_translations_are_noted_with_the_place_and_the_shift(self, tmp_path):
        source, target = sentences(2_000)
        _, notes = read(stem(tmp_path, source, [*target[:500], "extra", *target[500:-1]]))
        assert "wrong place from about line 501 on, for about 1,500 lines" in notes
        assert "with the targets 1 line later." in notes
        _, notes = read(stem(tmp_path, source[3:], target[:-3]))
        assert "from about line 1 on" in notes
        assert "with the targets 3 lines later." in notes

    def test_texts_in_their_place_get_no_note_even_if_lengths_say_nothing(self, tmp_path):
        source, target = sentences(2_000)
        assert read(stem(tmp_path, source, target))[1] == ""
        assert read(stem(tmp_path, sorted(source, key=len), sorted(target, key=len)))[1] == ""
        other = sentences(2_000, seed=1)[1]
        assert "wrong place" not in read(stem(tmp_path, source, other))[1]
        assert read(stem(tmp_path, ["same length"] * 2_000, [f"Länge {at:04}" for at in range(2_000)]))[1] == ""

    def test_pairs_of_very_different_lengths_are_noted_with_their_lines(self, tmp_path):
        source, target = sentences(50)
        target[6] = target[6] + " und so weiter" * 100
        assert "1 pair has sentences of very different lengths" in read(stem(tmp_path, source, target))[1]
        assert "in line 7." in read(stem(tmp_path, source, target))[1]

    def test_training_pairs_that_are_too_long_are_left_out_with_a_note(self):
        pairs = Pairs(("a", "b", "c"), ("A", "B", "C"))
        kept, (note,) = without_long_pairs(pairs, [1, 5_000, 9], [9, 9, 9], 9)
        assert kept == Pairs(("a", "c"), ("A", "C"))
        assert note.startswith("1 of 3 training pair has a sentence of more than 9 tokens (the longest has 5,000)")
        assert without_long_pairs(pairs, [1, 1, 1], [9, 9, 9], 9) == (pairs, ())
        with pytest.raises(InputError, match="All 3 training pairs have a sentence of more than 8 tokens"):
            without_long_pairs(pairs, [1, 1, 1], [9, 9, 9], 8)


class TestTables:
    def test_columns_are_chosen_by_name_or_by_number(self, tmp_path):
        pytest.importorskip("pyarrow")
        path = tmp_path / "pairs.csv"
        path.write_text('id,english,german\n1,"Go, now.",Los.\n2,,leer\n3,Hi.,Hallo!\n', encoding="utf-8")
        pairs, notes = read(path, {"source": "english", "target": "german"})
        assert pairs == Pairs(("Go, now.", "Hi."), ("Los.", "Hallo!"))
        assert "1 pair of" in notes
        assert "in line 3." in notes
        assert read(path, {"source": 3, "target": "2"})[0].source == ("Los.", "Hallo!")
        assert "--target 'en' is not a column of" in refused(path, {"source": "english", "target": "en"})
        assert "are the same column" in refused(path, {"source": "english", "target": "2"})

    def test_a_list_of_sentences_and_translations_between_tabs_has_no_header(self, tmp_path):
        pytest.importorskip("pyarrow")
        path = tmp_path / "deu.txt"
        path.write_text('Go.\tGeh.\tby A\nHi.\tHallo!\tby B\n"Run!" he said.\t"Lauf!"\tby C\n', encoding="utf-8")
        pairs, _ = read(path, {"source": "1", "target": "2", "header": "none"})
        assert pairs == Pairs(("Go.", "Hi.", '"Run!" he said.'), ("Geh.", "Hallo!", '"Lauf!"'))
        assert "--header is for a table" in refused(stem(tmp_path, "a", "A"), {**EN_DE, "header": "none"})

    def test_json_and_parquet_may_have_both_languages_in_one_column(self, tmp_path):
        pa = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        rows = [{"translation": {"en": "Go.", "de": "Geh."}}, {"translation": {"en": "Hi.", "de": None}}]
        path = tmp_path / "pairs.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        parquet.write_table(pa.table({"translation": [row["translation"] for row in rows]}), tmp_path / "p.parquet")
        parquet.write_table(pa.table({"en": ["Go."], "de": [1]}), tmp_path / "number.parquet")
        assert read(path)[0] == Pairs(("Go.",), ("Geh.",)) == read(tmp_path / "p.parquet")[0]
        assert "'de' of" in refused(tmp_path / "number.parquet")


class TestSplits:
    def test_pairs_set_aside_have_no_sentence_of_the_training_set(self, tmp_path):
        source, target = sentences(900)
        source, target = source + source[:300], target + [f"{text} anders" for text in target[:300]]
        splits = read_translations(stem(tmp_path, source, target), EN_DE)
        parts = [splits.train, splits.validation, splits.test]
        assert sum(map(len, parts)) == 1_200
        assert splits.held_out
        for side in ("source", "target"):
            texts = [set(getattr(part, side)) for part in parts]
            assert len(set.union(*texts)) == sum(map(len, texts))
        assert (len(splits.validation), len(splits.test)) == (108, 120)
        assert "train has no test set: 120 of its 1,200 pairs were set aside as one." in splits.notes
        assert splits == read_translations(str(tmp_path / "train"), EN_DE)
        message = refused(stem(tmp_path, ["a dog"] * 50, ["ein Hund"] * 50))
        assert "too few different sentences to set test pairs aside (50 pairs)" in message

    def test_given_splits_are_used_and_compared_with_the_training_set(self, tmp_path):
        source, target = sentences(100)
        train = stem(tmp_path, source + source[:5], target + target[:5])
        validation = stem(tmp_path, ["a new1", source[0], source[1]], ["b neu", target[0], "b anders"], "val")
        test = stem(tmp_path, *sentences(9, seed=1), name="test")
        splits = read_translations(train, EN_DE, validation, test)
        assert (len(splits.train), len(splits.validation), len(splits.test)) == (105, 3, 9)
        assert not splits.held_out
        assert splits.notes == (
            "5 of 105 training pairs repeat an earlier pair.",
            "2 of the 3 source sentences of the validation set are also in the training set, 1 of them with the same "
            "translation.",
        )
        few = read_translations(train, EN_DE, validation, test, limit=7)
        assert (len(few.train), len(few.test)) == (7, 7)
        assert set(few.train.source) <= set(source)

    def test_a_swapped_test_set_is_noted(self, tmp_path):
        train = stem(tmp_path, *sentences(100, vocabulary=("a dog runs", "ein Hund rennt")))
        other, translations = sentences(20, seed=1, vocabulary=("a dog runs", "ein Hund rennt"))
        test = stem(tmp_path, translations, other, "test")
        (note,) = [note for note in read_translations(train, EN_DE, test=test).notes if "swapped" in note]
        assert note.startswith("The source and the target of the test set seem to be swapped")
        test = stem(tmp_path, other, translations, "test")
        assert "swapped" not in " ".join(read_translations(train, EN_DE, test=test).notes)


class TestMulti30k:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
        for seed, part in enumerate(("train", "val", "test_2016_flickr", "test_2017_flickr")):
            own = tmp_path / "multi30k"
            stem(own, *sentences(20 - seed, seed), name=part)
            for language in ("en", "de"):
                path = own / f"{part}.{language}"
                (own / f"{part}.{language}.gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()
        return tmp_path

    def test_its_parts_are_the_splits_in_both_directions(self, folder):
        splits = read_translations("multi30k", EN_DE)
        assert (len(splits.train), len(splits.validation), len(splits.test)) == (20, 19, 18)
        assert (splits.name, splits.held_out) == ("multi30k", False)
        other = read_translations("multi30k", {"source": "de", "target": "en"}, test="multi30k/test_2017_flickr")
        assert other.train == Pairs(splits.train.target, splits.train.source)
        assert len(other.test) == 17
        assert read("multi30k")[0] == splits.test
        assert len(read("multi30k/test_2017_flickr")[0]) == 17

    def test_other_parts_languages_and_splits_are_refused(self, folder, monkeypatch):
        assert "multi30k has no part 'tset'. It has test_2016_flickr," in refused("multi30k/tset")
        assert "multi30k has the languages en and de, not 'fr'" in refused("multi30k", {"source": "en", "target": "fr"})
        assert "multi30k has its own validation set" in refused("multi30k", validation="multi30k/val")
        assert "such as --test multi30k/test_2017_flickr" in refused("multi30k", test="mine")
        assert "did you mean 'multi30k'?" in refused("multi3k")
        monkeypatch.delenv("GATEWRIGHT_DATA")
        assert refused("multi30k").startswith(
            "multi30k cannot be downloaded automatically, and GATEWRIGHT_DATA is not set. Put train.en and train.de"
        )

    def test_the_real_set_has_its_published_sizes(self):
        if not os.path.isdir(os.path.join(os.environ.get("GATEWRIGHT_DATA", ""), "multi30k")):
            pytest.skip("multi30k is not in GATEWRIGHT_DATA")
        splits = read_translations("multi30k", EN_DE)
        assert (len(splits.train), len(splits.validation), len(splits.test)) == (29_000, 1_014, 1_000)


class TestSentencesToTranslate:
    def test_each_line_is_a_sentence_also_an_empty_one(self, tmp_path, monkeypatch):
        path = tmp_path / "new.en"
        path.write_bytes("\ufeffa dog\r\n\r\na\u2028b\nlast".encode())
        assert read_sources(str(path), {}) == ["a dog", "", "a\u2028b", "last"]
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\n\na dog\n")))
        assert read_sources("-", {}) == ["", "", "a dog"]

    def test_a_table_has_a_column_of_sentences(self, tmp_path, capsys):
        pytest.importorskip("pyarrow")
        path = tmp_path / "new.tsv"
        path.write_text("id\ten\n1\ta dog\n2\t\n3\ttwo cats\n")
        assert read_sources(str(path), {"source": "en"}) == ["a dog", "", "two cats"]

    @pytest.mark.parametrize(("file", "problem"), [("", "does not exist"), (".", "is a folder"), ("a", "does not")])
    def test_what_cannot_be_read_is_refused(self, tmp_path, monkeypatch, file, problem):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InputError, match=problem):
            read_sources(file, {})
        (tmp_path / "empty").touch()
        with pytest.raises(InputError, match="empty has no sentences: it is empty"):
            read_sources("empty", {})
