"""What `chapters/resnet18.md` says of the recorded trainings."""

import json
from pathlib import Path

import numpy as np
import pytest
from selection import FRAMEWORKS

ROOT = Path(__file__).parents[2]
TEXT = " ".join((ROOT / "chapters/resnet18.md").read_text("utf-8").split())


def record(name):
    path = ROOT / f"results/{name}.json"
    return json.loads(path.read_text("utf-8"))


def curves(name, key):
    """Return one curve a seed, in per cent, of a recorded training."""
    runs = record(f"resnet18_32px_{name}")["runs"]
    assert len(runs) == 3
    return 100 * np.array([run["history"][key] for run in runs])


def test_settings_are_those_of_the_text():
    settings = record("resnet18_32px_pytorch")["settings"]
    command = TEXT[TEXT.index("python -m d2lutils.train") :]
    for option in "model", "resize", "batch-size", "lr":
        value = settings[option.replace("-", "_")]
        assert f"--{option} {value} " in command
    assert f"--epochs {settings['num_epochs']} " in command
    assert settings["num_train"] == 60_000
    assert settings["schedule"] == "constant"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_accuracies_in_training_agree(framework):
    assert "96 % of the images are classified rightly" in TEXT
    assert curves(framework, "train_acc")[:, -1] == pytest.approx(96, abs=0.5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_test_accuracies_jump(framework):
    accuracy = curves(framework, "test_acc")
    assert "seeds differ by nearly two points or more" in TEXT
    assert np.ptp(accuracy[:, -1]) > 1.75
    assert (np.abs(np.diff(accuracy[:, -6:])).max(axis=1) > 1.75).all()


def test_frameworks_are_not_ranked():
    last = [curves(name, "test_acc")[:, -1] for name in FRAMEWORKS]
    assert "The means of the three frameworks lie no further" in TEXT
    assert np.ptp(np.mean(last, axis=1)) < max(map(np.ptp, last))


def test_test_accuracies_are_lower():
    in_training = curves("pytorch", "train_acc")[:, -1].mean()
    accuracy = curves("pytorch", "test_acc")[:, -1].mean()
    assert "lower, by twelve points in the first row" in TEXT
    assert in_training - accuracy == pytest.approx(12, abs=0.5)


def test_precise_batch_norm_help_as_told():
    before = curves("pytorch", "test_acc")[:, -1]
    after = curves("pytorch_precise_batch_norm", "test_acc")[:, -1]
    assert "the accuracy is nearly five points higher" in TEXT
    assert 4.5 < (after - before).mean() < 5
    assert after.std() < before.std() / 3


def test_fast_recipe_gets_further_in_a_seventh_of_the_time():
    def outcome(name):
        histories = [run["history"] for run in record(name)["runs"]]
        minutes = [sum(history["seconds"]) for history in histories]
        accuracies = [history["test_acc"][-1] for history in histories]
        return np.median(minutes), min(accuracies)

    slow, _ = outcome("resnet18_32px_pytorch")
    fast, accuracy = outcome("speedrun/pytorch_recipe")
    assert "in a seventh of the time" in TEXT
    assert slow / fast == pytest.approx(7, abs=0.5)
    assert (
        100 * accuracy
        > curves("pytorch_precise_batch_norm", "test_acc")[:, -1].max()
    )
