"""The verdict claims what both tests show, and nothing else."""

import numpy as np
import pytest

from gatewright.results.measure import Measure
from gatewright.results.verdict import Competitor, judge, verdict

ACCURACY = Measure("accuracy", "accuracy", "higher")
ERROR = Measure("mse", "mean squared error", "lower")
ROWS = 2000


def right(share, seed=0):
    """Whether each of the rows was answered rightly; the rows of a higher share hold those of a lower."""
    return np.random.default_rng(seed).random(ROWS) < share


def cell(name, *figures, share=None, seed=0):
    return Competitor(name, figures, right(np.mean(figures) if share is None else share, seed))


def sentence(measure, cells, baseline, chance):
    tests = [
        *judge([(a, b) for place, a in enumerate(cells) for b in cells[place + 1 :]]),
        *judge([(one, baseline) for one in cells]),
        *judge([(one, chance) for one in cells]),
    ]
    return verdict(measure, cells, baseline, chance, tests)


GRU = cell("GRU", 0.86, 0.861, 0.862)
LSTM = cell("LSTM", 0.861, 0.859, 0.863)
RNN = cell("SimpleRNN", 0.75, 0.752, 0.748)
LINEAR = cell("NB", 0.91)
CHANCE = cell("chance", 0.5)


def test_winners_losers_and_the_baseline():
    assert sentence(ACCURACY, [RNN, LSTM, GRU], LINEAR, CHANCE) == (
        "Over 3 seeds, by accuracy on the test rows (SimpleRNN 0.75, LSTM 0.861, GRU 0.861), LSTM and GRU beat "
        "SimpleRNN; no difference is shown between LSTM and GRU; every cell falls short of the baseline, NB (0.91)."
    )


def test_lower_is_better_for_an_error():
    cells = [cell("GRU", 0.001, 0.0012, 0.0011, share=0.9), cell("SimpleRNN", 0.167, 0.168, 0.166, share=0.07)]
    said = sentence(ERROR, cells, cell("linear", 0.167, share=0.07), cell("chance", 0.167, share=0.07))
    assert said == (
        "Over 3 seeds, by mean squared error on the test rows (GRU 0.0011, SimpleRNN 0.167), GRU beats SimpleRNN; GRU "
        "beats the baseline, linear (0.167), and SimpleRNN is not shown to differ from it; SimpleRNN is not shown to "
        "differ from chance (0.167)."
    )


def test_no_signal():
    cells = [
        cell(name, *figures, seed=place)
        for place, (name, figures) in enumerate({"LSTM": (0.5, 0.51, 0.49), "GRU": (0.495, 0.505, 0.503)}.items())
    ]
    said = sentence(ACCURACY, cells, cell("NB", 0.5, seed=7), cell("chance", 0.5, seed=8))
    assert "no difference between LSTM and GRU is shown" in said
    assert "no cell is shown to differ from chance (0.5)" in said
    assert "no cell is shown to differ from the baseline" in said


def test_worse_than_chance_is_said():
    cells = [cell("GRU", 0.3, 0.301, 0.302)]
    assert sentence(ACCURACY, cells, LINEAR, CHANCE).endswith("; GRU does worse than chance (0.5).")


def test_one_seed_claims_nothing():
    said = sentence(ACCURACY, [cell("LSTM", 0.86), cell("SimpleRNN", 0.6)], LINEAR, CHANCE)
    assert said.startswith("One seed cannot tell a cell from its luck, so no difference is claimed")
    assert "beat" not in said


def test_one_cell_has_no_rival():
    assert sentence(ACCURACY, [GRU], LINEAR, CHANCE) == (
        "Over 3 seeds, by accuracy on the test rows (GRU 0.861), GRU falls short of the baseline, NB (0.91)."
    )


@pytest.mark.parametrize(
    ("figures", "share"),
    [
        ((0.75, 0.95, 0.76), 0.75),  # the test rows would show it, the seeds do not
        ((0.85, 0.851, 0.849), 0.8605),  # the seeds would show it, the test rows do not
    ],
)
def test_both_tests_must_agree(figures, share):
    (test,) = judge([(cell("A", *figures, share=share), GRU)])
    assert min(test.t_p, test.sign_p) < 0.05
    assert not test.differs
    assert test.adjusted_p == max(test.t_p, test.sign_p)


def test_more_pairs_need_more_evidence():
    weak = (cell("A", 0.84, 0.85, 0.845, share=0.84), GRU)
    (alone,) = judge([weak])
    among = judge([weak, weak, weak])[0]
    assert among.adjusted_p > alone.adjusted_p


def test_same_figures_do_not_differ():
    (test,) = judge([(GRU, GRU)])
    assert (test.difference, test.t_p, test.sign_p, test.differs) == (0, 1, 1, False)


def test_no_claim_where_figures_and_rows_disagree():
    """Rows may be compared by something else than the measure, and then each of two may be the better one in one."""
    first, second = cell("A", 0.9, 0.901, 0.902, share=0.6), cell("B", 0.8, 0.801, 0.802, share=0.7)
    for better, claimed in (("higher", False), ("lower", True)):
        (test,) = judge([(first, second)], better)
        assert test.adjusted_p < 0.05
        assert test.differs == claimed


def test_what_rows_are_compared_by_is_named():
    tests = judge([(GRU, LINEAR), (GRU, CHANCE)], "higher")
    said = verdict(
        Measure("macro_f1", "macro F1", "higher"), [GRU], LINEAR, CHANCE, tests, "rows with every label right"
    )
    assert said.startswith(
        "Over 3 seeds, by macro F1 on the test rows (GRU 0.861) and by rows with every label right, "
    )
