"""The choice of the epoch on the validation set, and what the results say about it."""

import csv

import numpy as np
import pytest

import gatewright
from gatewright.tasks.base import task
from gatewright.tasks.base.settings import default_patience

pytestmark = pytest.mark.slow  # trains networks

WORDS = np.array(["lamp", "road", "film", "bright", "cold", "very", "rather", "quite"])


@pytest.fixture
def reviews(tmp_path):
    """A table of 200 texts whose classes are easy to tell apart; 18 of them become the validation set."""
    rng = np.random.default_rng(0)
    rows = [
        (" ".join([*rng.choice(WORDS, 5), "good" if place % 2 else "bad"]), ("neg", "pos")[place % 2])
        for place in range(200)
    ]
    with (tmp_path / "reviews.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return tmp_path


def trained(folder, **more):
    settings = {"units": 4, "embedding_dim": 8, "epochs": 12, "learning_rate": 0.02, "schedule": "constant", **more}
    return gatewright.train("classify", folder / "reviews.csv", folder / "m.safetensors", overwrite=True, **settings)


def test_a_small_validation_set_chooses_the_epoch_by_the_log_loss(reviews):
    result = trained(reviews)
    losses = [epoch.validation["log_loss"] for epoch in result.epochs]
    accuracies = [epoch.validation["accuracy"] for epoch in result.epochs]
    assert result.chosen_epoch == 1 + int(np.argmin(losses)) > 1 + int(np.argmax(accuracies))
    sentence = (
        f"Epoch {result.chosen_epoch} of {len(result.epochs)} was chosen by log loss on the validation set, which has "
        "only 16 examples (fewer than 500)."
    )
    assert sentence in " ".join(str(result).split())
    assert "chosen by log loss" in result.baseline_name


def test_a_large_validation_set_chooses_the_epoch_by_accuracy_and_the_log_loss_breaks_ties(reviews, monkeypatch):
    monkeypatch.setattr(task, "FEW_EXAMPLES", 10)
    result = trained(reviews)
    ranked = [(epoch.validation["accuracy"], -epoch.validation["log_loss"]) for epoch in result.epochs]
    assert result.chosen_epoch == 1 + ranked.index(max(ranked)) > 1 + [one[0] for one in ranked].index(1.0)
    assert result.selection == "accuracy on the validation set (log loss breaks ties)"
    assert "chosen by accuracy" in result.baseline_name


@pytest.mark.parametrize("sentence_labels", [False, True])
def test_a_tagger_is_chosen_by_its_loss_on_a_small_validation_set(tmp_path, sentence_labels):
    rng = np.random.default_rng(0)
    sentences = [list(rng.choice(WORDS, 5)) for _ in range(60)]
    (tmp_path / "seq.in").write_text("".join(f"{' '.join(words)}\n" for words in sentences))
    tags = [["X" if word < "m" else "Y" for word in words] for words in sentences]
    (tmp_path / "seq.out").write_text("".join(f"{' '.join(own)}\n" for own in tags))
    if sentence_labels:
        (tmp_path / "label").write_text("".join(f"{'ab'[own[0] == 'X']}\n" for own in tags))
    data = tmp_path / "data"
    data.mkdir()
    for path in list(tmp_path.glob("[sl]*")):
        path.rename(data / path.name)
    small = {"units": 4, "embedding_dim": 8, "char_units": 2, "epochs": 8, "learning_rate": 0.02}
    result = gatewright.train("tag", data, tmp_path / "model.safetensors", **small)
    losses = [epoch.validation["loss"] for epoch in result.epochs]
    assert result.chosen_epoch == 1 + int(np.argmin(losses))
    assert result.selection.startswith("loss on the validation set, which has only")
    assert np.isnan(result.baseline["loss"])


def test_a_comparison_chooses_epochs_and_learning_rates_by_the_log_loss_on_a_small_validation_set(reviews):
    result = gatewright.compare(
        str(reviews / "reviews.csv"),
        cells=["gru"],
        learning_rates=[0.02, 0.0001],
        seeds=1,
        out=reviews / "compare",
        units=4,
        embedding_dim=8,
        epochs=6,
    )
    (run,) = result.cells[0].runs
    assert run.chosen_epoch == 1 + int(np.argmin([epoch.validation["log_loss"] for epoch in run.epochs]))
    assert run.learning_rate == 0.02
    assert result.selection.startswith("log loss on the validation set, which has only 16 examples")
    assert "Epochs and learning rates were chosen by log loss" in str(result).replace("\n", " ")


class TestEarlyStopping:
    @pytest.fixture
    def noise(self, reviews):
        """The reviews with labels that have nothing to do with the texts, so that the network soon overfits."""
        lines = (reviews / "reviews.csv").read_text().splitlines()[1:]
        labels = np.random.default_rng(1).choice(["neg", "pos"], len(lines))
        rows = [(line.split(",")[0], label) for line, label in zip(lines, labels, strict=True)]
        with (reviews / "reviews.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return reviews

    def test_a_training_of_many_epochs_stops_early_and_says_so(self, noise):
        result = trained(noise, epochs=30)
        assert result.settings["patience"] == 6
        assert len(result.epochs) == result.chosen_epoch + 6 < 30
        printed = " ".join(str(result).split())
        assert "of 30 epochs, because 6 epochs brought no improvement (--patience)." in printed

    def test_patience_0_trains_all_epochs_to_the_same_weights(self, noise):
        early, late = trained(noise, epochs=30), trained(noise, epochs=30, patience=0)
        assert len(late.epochs) == 30
        assert "stopped early" not in str(late)
        assert [epoch.loss for epoch in early.epochs] == [epoch.loss for epoch in late.epochs][: len(early.epochs)]

    @pytest.mark.parametrize(("epochs", "patience"), [(1, 0), (9, 0), (10, 5), (25, 5), (50, 10), (200, 40)])
    def test_the_default_depends_on_the_number_of_epochs(self, epochs, patience):
        assert default_patience(epochs) == patience
