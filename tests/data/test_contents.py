"""Recognizing data by its contents if it is several files with a stem, and protecting these files."""

import shutil

import pytest

from gatewright.data.contents import content_hash
from gatewright.data.files import stem_inputs
from gatewright.support.errors import InputError
from gatewright.support.files import require_other_file, require_outside


@pytest.fixture
def stem(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train.en").write_text("a dog\ntwo cats\n")
    (folder / "train.de").write_text("ein Hund\nzwei Katzen\n")
    return folder / "train"


def test_files_with_a_stem_are_recognized_whatever_its_name(stem, tmp_path):
    before = content_hash(str(stem), ["de", "en"])
    shutil.copy(f"{stem}.en", tmp_path / "other.en")
    shutil.copy(f"{stem}.de", tmp_path / "other.de")
    assert content_hash(str(tmp_path / "other"), ["de", "en"]) == before
    assert content_hash(str(tmp_path / "other"), ["en"]) != before
    (tmp_path / "other.de").write_text("ein Hund\nzwei Hunde\n")
    assert content_hash(str(tmp_path / "other"), ["de", "en"]) != before
    assert content_hash("imdb", ["text"]) == content_hash("imdb")


def test_no_output_replaces_one_of_the_files(stem):
    inputs = stem_inputs({"DATA": "imdb", "--validation": str(stem), "--test": None}, ["en", "de", 3, None])
    with pytest.raises(InputError, match=r"--out .*train\.de is also given as train\.de of --validation"):
        require_other_file(stem.with_name("train.de"), "--out", inputs)
    with pytest.raises(InputError, match=r"train\.en is in the folder --out"):
        require_outside(stem.parent, "--out", inputs)
    require_other_file(stem.with_name("train.fr"), "--out", inputs)
