"""Statistics and Markdown tables."""

from gatewright.bench import tables


def test_quartiles() -> None:
    assert tables.quartiles([5.0, 1.0, 3.0, 2.0, 4.0]) == (2.0, 3.0, 4.0)


def test_the_quartiles_of_one_value_are_this_value() -> None:
    assert tables.quartiles([7.0]) == (7.0, 7.0, 7.0)


def test_the_median_ratio_ignores_a_round_that_is_slow_for_both() -> None:
    assert tables.median_ratio([2.0, 30.0, 4.0], [1.0, 10.0, 1.0]) == 3.0


def test_a_table_aligns_numbers_to_the_right() -> None:
    assert tables.table(("name", "ms"), [("a", "1.5"), ("long", "12")]).splitlines() == [
        "| name |  ms |",
        "|------|----:|",
        "| a    | 1.5 |",
        "| long |  12 |",
    ]
