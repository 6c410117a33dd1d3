"""Which modules are user code, whose imports of TensorFlow are served."""

import os

import pytest

from gatewright.keras.user_code import is_user_code


@pytest.mark.parametrize(
    ("importer", "expected"),
    [
        ({"__name__": "__main__"}, True),
        ({"__name__": "helpers", "__file__": "/home/me/helpers.py"}, True),
        ({"__name__": "helpers", "__file__": "/x/lib/site-packages/helpers.py"}, False),
        ({"__name__": "keras.src.x", "__file__": "/home/me/keras/src/x.py"}, False),
        ({"__name__": "json", "__file__": os.__file__}, False),
        ({"__name__": "made_up"}, False),
        ({}, True),
        (None, False),
    ],
)
def test_it_tells_programs_and_notebooks_from_libraries(importer, expected):
    assert is_user_code(importer) is expected


def test_the_package_of_a_program_is_user_code_even_if_it_is_installed(monkeypatch):
    importer = {"__name__": "mine.models", "__file__": "/x/lib/site-packages/mine/models.py"}
    assert not is_user_code(importer)
    monkeypatch.setenv("GATEWRIGHT_PACKAGE", "mine")
    assert is_user_code(importer)
