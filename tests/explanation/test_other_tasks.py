"""Explanations of the next token of a text, of tags, of keys of a piano roll, and of forecasts."""

import numpy as np
import pandas as pd
import pytest
from forecast_models import forecaster
from models import language_model, loaded
from roll_models import roll_model
from tag_models import loaded_tagger

import gatewright
from gatewright.results.explanation import GRADIENTS, LEDGER, OMISSION, START, UNKNOWN
from gatewright.support.errors import InputError


def require_sums(explained, methods):
    """Require that these methods, and no other ones, attribute the number, and that their effects add up to it."""
    found = {one.method: np.nansum(one.values) + sum(one.others.values()) for one in explained.attributions}
    assert set(found) == {OMISSION, *methods}
    whole = explained.target.value
    assert [found[method] for method in methods] == pytest.approx([whole] * len(methods), rel=2e-4, abs=2e-4)


def fall(explained, place, shorter):
    """Require that leaving out a step has the effect that the explanation of the shorter example shows."""
    assert shorter.target.name == explained.target.name
    effect = explained.attribution(OMISSION).values[place]
    assert explained.target.value - effect == pytest.approx(shorter.target.value, rel=1e-5, abs=1e-5)


def test_the_next_token_is_explained():
    model = loaded(language_model(cell="lstm", layers=2))
    explained = gatewright.explain(model, "a zebra dull")
    logits, _ = model.logits(*_after(model, "a zebra dull"))
    logits[model.never_generated] = -np.inf
    first, second = np.argsort(-logits)[:2]
    assert explained.target.value == pytest.approx(logits[first] - logits[second], abs=1e-5)
    assert [step.kind for step in explained.steps] == [START, "input", UNKNOWN, "input"]
    require_sums(explained, [LEDGER, GRADIENTS])

    wanted = {"label": "film", "against": "day"}
    chosen = gatewright.explain(model, "a dull fine day", step=3, **wanted)
    assert (chosen.target.name, chosen.target.against, len(chosen.steps)) == ("film", "day", 3)
    assert any("what follows it in the text is not read" in note for note in chosen.notes)
    assert np.isnan(chosen.attribution(OMISSION).values[0])
    fall(chosen, 1, gatewright.explain(model, "dull", **wanted))
    with pytest.raises(InputError, match="one of the model's words, but 'dull film' is 2 tokens"):
        gatewright.explain(model, "a", label="dull film")
    with pytest.raises(InputError, match=r"There are 2 steps, so step 3 does not exist: give one from 1 to 2\."):
        gatewright.explain(model, "a", step=3)
    assert "dull" in [one.text for one in gatewright.explain(model).words]


def _after(model, text):
    ids = [1, *model.prepared.encoder.encode(text)]
    return ids[-1], model.state_after(ids[:-1])


def test_the_next_token_of_a_model_of_prefixes_is_explained():
    model = loaded(language_model(examples="prefixes", tokens="characters"))
    text = "what a dull day it was"
    explained = gatewright.explain(model, text, label="d", against="space")
    assert "".join(step.text for step in explained.steps) == text[-12:]
    assert any("10 before them are not read" in note for note in explained.notes)
    fall(explained, 11, gatewright.explain(model, text[:-1], label="d", against="space"))
    require_sums(explained, [LEDGER, GRADIENTS])


@pytest.mark.parametrize("crf", [False, True])
def test_the_tag_of_a_word_is_explained(crf):
    model = loaded_tagger(crf=crf)
    explained = gatewright.explain(model, "what a dull zebra", step=3)
    scores = model.piece_outputs(["what", "a", "dull", "zebra"])["scores"][2]
    best = np.argsort(-scores)
    assert explained.answer == explained.target.name == model.predict("what a dull zebra").tags[2]
    assert explained.target.against == model.tags[best[1]]
    assert any("before the CRF" in note for note in explained.notes) == crf
    if crf:
        assert explained.target.probability is None
    else:
        assert explained.target.value == pytest.approx(scores[best[0]] - scores[best[1]], abs=1e-5)
        assert explained.target.probability == pytest.approx(np.exp(scores[best[0]]))
    require_sums(explained, [LEDGER, GRADIENTS])
    assert np.isnan(explained.attribution(OMISSION).values[2])
    wanted = {"label": explained.target.name, "against": explained.target.against}
    fall(explained, 1, gatewright.explain(model, [["what", "dull", "zebra"]], step=2, **wanted)[0])
    assert [step.kind for step in explained.steps][3] == UNKNOWN

    long = gatewright.explain(model, " ".join(["a"] * 9 + ["fine"] * 4), step=13)
    assert [step.text for step in long.steps] == ["a"] * 3 + ["fine"] * 4
    assert any("from word 7 to word 13" in note for note in long.notes)
    with pytest.raises(InputError, match=r"The model has no tag 'B-aa'. .*did you mean 'B-a'"):
        gatewright.explain(model, "a film", label="B-aa")
    with pytest.raises(InputError, match="needs a word"):
        gatewright.explain(model, "")


def test_the_label_of_a_sentence_is_explained():
    model = loaded_tagger()
    explained = gatewright.explain(model, "what a dull day", label="bad")
    p = model.predict("what a dull day").probabilities
    assert explained.target.against == "good"
    assert explained.target.value == pytest.approx(np.log(p["bad"] / p["good"]), abs=1e-5)
    fall(explained, 2, gatewright.explain(model, "what a day", label="bad"))
    require_sums(explained, [LEDGER, GRADIENTS])


def test_a_key_of_the_next_frame_is_explained(tmp_path):
    model, piece = loaded(roll_model()), np.random.default_rng(4).integers(0, 2, (6, 5))
    explained = gatewright.explain(model, piece, label="3", step=4)
    p = model.probabilities(piece)[3, 3]
    assert explained.target.name == "key 3"
    assert explained.target.value == pytest.approx(np.log(p / (1 - p)), abs=1e-5)
    assert [step.numbers["key 3"] for step in explained.steps] == piece[:, 3].tolist()
    fall(explained, 1, gatewright.explain(model, np.delete(piece, 1, axis=0), label="3", step=3))
    require_sums(explained, [LEDGER, GRADIENTS])
    np.savez(tmp_path / "r.npz", traindata=np.concatenate([piece, piece]), trainlengths=[6, 6])
    assert len(gatewright.explain(model, file=str(tmp_path / "r.npz"))) == 2
    with pytest.raises(InputError, match="'7' is not a key of the model: give one from key 0 to key 4"):
        gatewright.explain(model, piece, label="7")


@pytest.mark.parametrize(
    ("options", "methods"),
    [
        ({"decoding": "segments"}, [GRADIENTS]),
        ({"decoding": "segments", "known": 1, "calendar": True, "layers": 2}, [GRADIENTS]),
        ({"decoding": "segments", "cell": "lstm"}, []),
        ({"decoding": "direct"}, [LEDGER, GRADIENTS]),
        ({"decoding": "direct", "cell": "lstm", "layers": 2, "known": 1}, [LEDGER, GRADIENTS]),
        ({"decoding": "recursive", "known": 1}, [GRADIENTS]),
        ({"decoding": "recursive", "layers": 2}, []),
        ({"decoding": "direct", "missing": "decay", "layers": 2}, [LEDGER, GRADIENTS]),
    ],
)
def test_a_number_of_a_forecast_is_explained_in_its_units(options, methods):
    model = loaded(forecaster(**options))
    known = options.get("known", 0)
    rng, times = np.random.default_rng(5), pd.date_range("2026-01-01", periods=9 + 5 * bool(known), freq="h")
    series = pd.DataFrame(rng.normal(3, 2, (len(times), 2 + known)), times)
    forecast = model.predict(series)
    explained = gatewright.explain(model, series, label="b", step=2)
    assert explained.target.name == f"b at {forecast.times[1]}"
    assert explained.target.value == pytest.approx(forecast.values[1, 1], rel=1e-5)
    require_sums(explained, methods)
    high = gatewright.explain(model, series, label="b q0.9", step=2)
    assert high.target.value == pytest.approx(forecast.quantiles[0.9][1, 1], rel=1e-5)
    require_sums(high, [method for method in methods if method != LEDGER])
    assert any("in the units of the data" in note for note in explained.notes)

    in_segments = options["decoding"] == "segments"
    assert len(explained.steps) == (2 if in_segments else 8)
    first = "2026-01-01T03:00:00 to 2026-01-01T05:00:00" if in_segments else "2026-01-01T01:00:00"
    assert explained.steps[0].text == first
    changed = series.copy()
    width = 3 if in_segments else 1
    if in_segments:  # steps 3 to 5 are on the line from step 2 to step 6
        for place in range(3):
            weight = (place + 1) / 4
            changed.iloc[3 + place] = (1 - weight) * series.iloc[2] + weight * series.iloc[6]
    else:
        changed.iloc[3] = (series.iloc[2] + series.iloc[4]) / 2
    fall(explained, 0 if in_segments else 2, gatewright.explain(model, changed, label="b", step=2))
    assert explained.steps[-1].numbers["b"] == pytest.approx(series[1].iloc[9 - width : 9].mean())


def test_what_a_forecaster_cannot_explain_is_refused():
    model, values = loaded(forecaster()), np.zeros((8, 2))
    with pytest.raises(InputError, match=r"does not forecast 'c'\. It forecasts: a, a q0.1, a q0.9, b, b q0.1, b q0.9"):
        gatewright.explain(model, values, label="c")
    with pytest.raises(InputError, match="forecasts 5 steps, so step 6 ahead does not exist: give one from 1 to 5"):
        gatewright.explain(model, values, step=6)
    with pytest.raises(InputError, match="has no alternative to compare it with: leave 'b' out"):
        gatewright.explain(model, values, against="b")
    with pytest.raises(InputError, match="whose only recurrent layer is decaying cannot be explained yet"):
        gatewright.explain(loaded(forecaster(decoding="direct", missing="decay")), values)


def test_words_that_cannot_be_left_out_do_not_count_in_a_model_as_a_whole():
    found = gatewright.explain(loaded_tagger(), ["a fine film", "a dull day"], whole=True)
    assert found.words
    assert np.isfinite([word.effect for word in found.words]).all()
