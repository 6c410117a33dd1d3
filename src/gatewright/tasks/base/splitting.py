"""Set aside validation and test sets if the data has none."""

SPLIT_SEED = 0
"""Seed of all splits. It is fixed, so that the `seed` setting does not change the training set."""

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1


def held_out_note(name: str, examples: str) -> str:
    """Return a sentence that says that a test set was set aside from the data set `name`."""
    return f"{name} has no test set: {TEST_FRACTION:.0%} of its {examples} were set aside as one."


def limit_note(limit: int, examples: str) -> str:
    """Return a sentence that says that at most `limit` examples were used."""
    return f"Only a quick look: at most {limit:,} training {examples} and as many test {examples} were used."
