"""Settings: checked once, wherever they come from."""

import dataclasses

import numpy as np
import pytest

from gatewright.support.errors import InputError
from gatewright.tasks import registry
from gatewright.tasks.base.decoding_settings import Decoding
from gatewright.tasks.base.settings import read_toml, setting_fields
from gatewright.tasks.classify.settings import ClassifySettings


def test_settings_that_are_not_given_have_their_defaults():
    given = {"units": np.int64(7), "bidirectional": False, "cell": "SimpleRNN", "clip_norm": 2, "seed": None}
    settings = ClassifySettings.complete(given)
    assert settings.units == 7
    assert type(settings.units) is int
    assert settings.bidirectional is False
    assert settings.cell == "simple_rnn"
    assert settings.clip_norm == 2.0
    assert settings.seed == 0
    changed = {"units": 7, "bidirectional": False, "cell": "simple_rnn", "clip_norm": 2.0}
    assert settings == dataclasses.replace(ClassifySettings(), **changed)


def test_a_comparison_has_its_own_defaults():
    settings = ClassifySettings.complete({"max_length": 9}, compare=True)
    assert (settings.max_length, settings.min_count, settings.schedule) == (9, 1, "constant")
    with pytest.raises(InputError, match="'learning_rate' is not a setting of this task"):
        ClassifySettings.complete({"learning_rate": 0.1}, compare=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unit": 3}, "'unit' is not a setting of this task: leave it out; did you mean 'units'?"),
        ({"units": 0}, "units must be a whole number of at least 1, not 0."),
        ({"units": 2.5}, "units must be a whole number of at least 1, not 2.5."),
        ({"units": True}, "units must be a whole number of at least 1, not True."),
        ({"units": "64"}, "units must be a whole number of at least 1, not '64'."),
        ({"output_dropout": 1}, "output_dropout must be a number of at least 0 and below 1, not 1."),
        ({"output_dropout": float("nan")}, "output_dropout must be a number of at least 0 and below 1, not nan."),
        ({"learning_rate": float("inf")}, "learning_rate must be a number of at least 1e-12, not inf."),
        ({"seed": 2**32}, "seed must be a whole number of at least 0 and below 4294967296, not 4294967296."),
        ({"bidirectional": 1}, "bidirectional must be true or false, not 1."),
        (
            {"pooling": "maxx"},
            "pooling must be one of 'last', 'mean', 'max', 'attention', not 'maxx'; did you mean 'max'?",
        ),
    ],
)
def test_values_that_are_not_allowed_are_refused(given, said):
    with pytest.raises(InputError) as caught:
        ClassifySettings.complete(given)
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["temperature", "repetition_penalty"])
def test_values_that_would_make_logits_infinite_are_refused(name):
    with pytest.raises(InputError, match=f"^{name} must be a number from [01] to 1000000, not "):
        Decoding.complete({name: 1e39})


@pytest.mark.parametrize(
    "table", [table for spec in registry.TASKS for table in (spec.settings, spec.decoding) if table is not None]
)
def test_every_default_is_allowed(table):
    for field in setting_fields(table):
        for default in (field.default, field.compare_default):
            assert default is None or field.check(default) == default


def test_settings_are_read_from_toml(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('units = 64\noutput-dropout = 0.25\ncell = "lstm"\n')
    assert read_toml(path) == {"units": 64, "output_dropout": 0.25, "cell": "lstm"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"units = ", "is not valid TOML (Invalid value"),
        (b"\xff", "is not valid TOML ("),
        (b"a = " + b"[" * 10_000, "is not valid TOML ("),
        (b"[model]\nunits = 3", "has a table [model]"),
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_toml(path)
    assert said in str(caught.value)
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        read_toml(tmp_path / "none.toml")
