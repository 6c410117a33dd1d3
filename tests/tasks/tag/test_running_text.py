"""Running text is split into words as the training data was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tag_models import tagger

from gatewright.support.errors import InputError
from gatewright.support.schema import read_as
from gatewright.tasks.tag.model import Tagger
from gatewright.tasks.tag.running_text import WordSplitter

TREEBANK = """\
He did n't go to the U.S. with Mr. J. Smith , Ana 's friend .
" Stop ... " , they said ( twice ) - she 'll pay $ 5.50 , or 50 % !
I do n't think it 's on http://a.b/c/ : did n't it 's , Mr. Jones ?
Bob 's , Ana 's , they 'll say , the U.S. is big ...
"""


def split(training, text):
    sentences = [line.split(" ") for line in training.strip().split("\n")]
    known = {word.lower() for words in sentences for word in words}
    return WordSplitter.fit(sentences).split(text, lambda word: word.lower() in known)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ana lives in Lima.", "Ana lives in Lima ."),
        ('"Who (else)?", she said...', '" Who ( else ) ? " , she said ...'),
        ("Don't! It's Lima's.", "Do n't ! It 's Lima 's ."),
        ("Mr. T. Brown left the U.S. and the U.K.", "Mr. T. Brown left the U.S. and the U.K."),
        ("It costs $7.25, not 3%.", "It costs $ 7.25 , not 3 % ."),
        ("See http://x.y/z/.", "See http://x.y/z/ ."),
        ("A well-known e-mail: .NET [1]", "A well-known e-mail : .NET [ 1 ]"),
        (" \u3000\n", ""),
        ("... . Lima", "... . Lima"),
    ],
)
def test_punctuation_and_contractions_are_split_as_in_a_treebank(text, words):
    assert split(TREEBANK, text) == words.split()


def test_one_period_that_stands_alone_is_enough():
    training = "we O met Bob Smith today\nAna lives in Lima .\nRio de Janeiro is big .\n"
    assert split(training, "Ana lives in Lima.") == ["Ana", "lives", "in", "Lima", "."]
    assert split(training, "Is Rio big?") == ["Is", "Rio", "big", "?"]
    assert split(training, "I don't.") == ["I", "don't", "."]


@pytest.mark.parametrize("training", ["show me flights\nhow much is it", "so nice. is it?\nvery good!\nwhat . ever."])
def test_punctuation_stays_at_words_where_the_training_data_has_it_there(training):
    assert split(training, "Lima. is it?") == ["Lima.", "is", "it?"]


def test_words_of_the_training_data_stay_whole_unless_it_mostly_splits_them():
    training = "the Corp. of St. Ives .\nit 's it 's it's Yahoo! .\n a . b . c . d !\n e ! f !"
    assert split(training, "Corp. Yahoo! it's Acme.") == ["Corp.", "Yahoo!", "it", "'s", "Acme", "."]


def test_french_elisions():
    assert split("l' eau de l' hôtel , d' Ana et d' un", "L'arbre d'Eva, aujourd'hui") == (
        ["L'", "arbre", "d'", "Eva", ",", "aujourd'hui"]
    )


def test_scripts_without_spaces_are_split_into_characters():
    training = "我 在 北 京 用 iPhone 2024 。\n他 来 了 ，"
    assert split(training, "她在Lima用iPhone，好。") == ["她", "在", "Lima", "用", "iPhone", "，", "好", "。"]
    assert split(training + "\n2 0 2 4 a b c d e f g h i j k l".replace("iPhone 2024 ", ""), "好2") == ["好", "2"]


def test_all_characters_are_words_if_they_are_in_the_training_data():
    assert split("我 在 2 0 2 4 a b\n他 。", "在2025 Lima") == [*"在2025Lima"]


def test_words_of_scripts_without_spaces_cannot_be_found_in_running_text():
    training = "我们 在 北京 。\n他 喜欢 猫"
    for text in ("我们在北京。", "猫在", "Ana 我们在北京"):
        with pytest.raises(InputError, match=r"cannot be split into words: .* Give a list of words, or put spaces"):
            split(training, text)
    assert split(training, "他们 在 北京。") == ["他们", "在", "北京", "。"]
    assert split(training, "北京") == ["北京"]
    assert split(training, "Ana lives.") == ["Ana", "lives", "."]
    with pytest.raises(InputError, match=r"^'(猫在){20}\.\.\.' cannot"):
        split(training, "猫在" * 1000)


@given(st.text(max_size=30), st.lists(st.text(max_size=4), max_size=8))
def test_no_character_is_lost(text, training):
    words = [word for word in training if word]
    rule = read_as(WordSplitter, WordSplitter.fit([words]).to_json(), "its splitter")
    assert rule == WordSplitter.fit([words])
    try:
        found = rule.split(text, lambda word: False)
    except InputError:
        assert rule.longest > 1
    else:
        assert "".join(found) == "".join(text.split())
        assert all(found)


def test_a_model_splits_texts_but_not_words():
    file = tagger()
    file.prepared["splitter"] = WordSplitter.fit([["a", "film", "."]]).to_json()
    model = Tagger(file, Tagger.parse_prepared(file.prepared))
    assert model.predict("a film.").words == ("a", "film", ".")
    texts, words = model.predict(["a film.", ["a", "film."]])
    assert (texts.words, words.words) == (("a", "film", "."), ("a", "film."))
