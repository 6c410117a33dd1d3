"""The validation and test sets that tasks split off when the data has none."""

SPLIT_SEED = 0
"""Seed of all splits. It is fixed, so that the seed of a training does not change its training set."""

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1


def held_out_note(name: str, examples: str) -> str:
    """Return the note that a test set was set aside."""
    return f"{name} has no test set: {TEST_FRACTION:.0%} of its {examples} were set aside as one."


def limit_note(limit: int, examples: str) -> str:
    """Return the note that only some of the examples were used."""
    return f"Only a quick look: at most {limit:,} training {examples} and as many test {examples} were used."
