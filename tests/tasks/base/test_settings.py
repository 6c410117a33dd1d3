"""Settings: checked once, wherever they come from."""

import numpy as np
import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.base.settings import complete, read_toml
from gatewright.tasks.classify.settings import CLASSIFY
from gatewright.tasks.generate.settings import DECODING


def test_what_is_not_given_is_the_default():
    settings = complete(CLASSIFY, {"units": np.int64(7), "both": False, "cell": "SimpleRNN", "clip": 2, "seed": None})
    assert settings["units"] == 7
    assert type(settings["units"]) is int
    assert settings["both"] is False
    assert settings["cell"] == "simple_rnn"
    assert settings["clip"] == 2.0
    assert settings["seed"] == 0
    assert list(settings) == [setting.name for setting in CLASSIFY]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unit": 3}, "'unit' is no setting of this task: leave it out; did you mean 'units'?"),
        ({"units": 0}, "units must be a whole number from 1 up, not 0."),
        ({"units": 2.5}, "units must be a whole number from 1 up, not 2.5."),
        ({"units": True}, "units must be a whole number from 1 up, not True."),
        ({"units": "64"}, "units must be a whole number from 1 up, not '64'."),
        ({"output_dropout": 1}, "output_dropout must be a number from 0 to below 1, not 1."),
        ({"output_dropout": float("nan")}, "output_dropout must be a number from 0 to below 1, not nan."),
        ({"learning_rate": float("inf")}, "learning_rate must be a number from 1e-12 up, not inf."),
        ({"seed": 2**32}, "seed must be a whole number from 0 to below 4294967296, not 4294967296."),
        ({"both": 1}, "both must be true or false, not 1."),
        (
            {"pooling": "maxx"},
            "pooling must be one of 'last', 'mean', 'max', 'attention', not 'maxx'; did you mean 'max'?",
        ),
        ({"zoneout": 1}, "zoneout must be a number from 0 to below 1, not 1."),
    ],
)
def test_what_can_not_be_used(given, said):
    with pytest.raises(InputError) as caught:
        complete(CLASSIFY, given)
    assert str(caught.value) == said


def test_zoneout_is_an_option_of_every_cell():
    assert complete(CLASSIFY, {"cell": "lstm"})["zoneout"] == 0.0
    assert complete(CLASSIFY, {"cell": "min_gru", "zoneout": 0.3})["zoneout"] == 0.3


@pytest.mark.parametrize("name", ["temperature", "repetition_penalty"])
def test_what_would_make_logits_no_numbers(name):
    with pytest.raises(InputError, match=f"^{name} must be a number from [01] to 1000000, not "):
        complete(DECODING, {name: 1e39})


def test_every_default_is_allowed():
    for setting in CLASSIFY:
        assert setting.default is None or setting.check(setting.default) == setting.default


def test_toml(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('units = 64\noutput-dropout = 0.25\ncell = "lstm"\n')
    assert read_toml(path) == {"units": 64, "output_dropout": 0.25, "cell": "lstm"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"units = ", "is not TOML (Invalid value"),
        (b"\xff", "is not TOML ("),
        (b"a = " + b"[" * 10_000, "is not TOML ("),
        (b"[model]\nunits = 3", "has a table [model]"),
    ],
)
def test_what_is_no_toml(tmp_path, content, said):
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_toml(path)
    assert said in str(caught.value)
    with pytest.raises(InputError, match="can't be read \\(No such file"):
        read_toml(tmp_path / "none.toml")
