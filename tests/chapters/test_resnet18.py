"""What `chapters/resnet18.md` and its solutions say."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from chapter_code import demonstrated, measured
from selection import FRAMEWORKS, selected_frameworks

ROOT = Path(__file__).parents[2]


def text_of(path):
    return " ".join((ROOT / path).read_text("utf-8").split())


TEXT = text_of("chapters/resnet18.md")
SOLUTIONS = text_of("chapters/solutions/resnet18.md")
LARGE = "float32", "bfloat16", "cosine"


def record(name):
    path = ROOT / f"results/{name}.json"
    return json.loads(path.read_text("utf-8"))


def curves(name, key="test_acc", folder="resnet18_32px_"):
    """Return one curve per seed, in per cent, of recorded runs."""
    runs = record(f"{folder}{name}")["runs"]
    assert len(runs) == 3
    return 100 * np.array([run["history"][key] for run in runs])


def large(name, key="test_acc"):
    return curves(name, key, "resnet18_96px/")


def statistics(name):
    """Return the accuracies with other running statistics, in per cent."""
    runs = record(f"resnet18_96px/{name}")["runs"]
    found = [run["test_acc_by_statistics"] for run in runs]
    return [
        100 * np.array([each[kind] for each in found])
        for kind in ("moving", "mean")
    ]


def spread(means):
    return np.std(means, ddof=1)


def test_settings_are_those_of_the_text():
    settings = record("resnet18_32px_pytorch")["settings"]
    command = TEXT[TEXT.index("python -m d2lutils.train") :]
    for option in "model", "resize", "batch-size", "lr":
        value = settings[option.replace("-", "_")]
        assert f"--{option} {value} " in command
    assert f"--epochs {settings['num_epochs']} " in command
    assert settings["num_train"] == 60_000
    assert settings["schedule"] == "constant"


@pytest.mark.parametrize("name", LARGE)
def test_settings_of_the_large_images_are_those_of_the_cell(name):
    settings = record(f"resnet18_96px/{name}")["settings"]
    cell = "lr, num_epochs, batch_size = {lr}, {num_epochs}, {batch_size}"
    assert cell.format(**settings) in TEXT
    assert f"resize={settings['resize']})" in TEXT
    assert settings["num_train"] == 60_000
    assert settings["schedule"] == (
        "cosine" if name == "cosine" else "constant"
    )
    assert settings["mixed_precision"] == (name == "bfloat16")
    assert record(f"resnet18_96px/{name}")["tf32"]


def test_the_last_epoch_is_a_lottery():
    accuracy = large("float32")
    assert "give 82.0, 91.0 and 82.4 %" in TEXT
    assert accuracy[:, -1] == pytest.approx([82.0, 91.0, 82.4], abs=0.06)
    assert "the last five epochs range over more than eleven points" in TEXT
    assert (np.ptp(accuracy[:, -5:], axis=1) > 11).all()
    assert "from 76.1 % to 88.9 % in a single epoch" in TEXT
    jumps = zip(accuracy[1], accuracy[1, 1:], strict=False)
    assert any(np.allclose(j, (76.1, 88.9), atol=0.06) for j in jumps)
    for name in LARGE:
        assert "training accuracy ends at 98.9 % or more" in TEXT
        assert (large(name, "train_acc")[:, -1] >= 98.9).all()


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_means_over_the_last_epochs_vary_less(name):
    accuracy = large(name)
    means = accuracy[:, -5:].mean(axis=1)
    assert spread(means) < 0.5 * spread(accuracy[:, -1])


def test_float32_and_bfloat16_cannot_be_told_apart():
    means = [large(n)[:, -5:].mean(axis=1) for n in ("float32", "bfloat16")]
    difference = means[1].mean() - means[0].mean()
    assert "the means differ by 1.3 points, less than" in TEXT
    assert difference == pytest.approx(1.3, abs=0.05)
    assert difference < spread(means[0])


def test_the_cosine_schedule_stops_the_jumps():
    accuracy = large("cosine")
    assert "agree to within half a point" in TEXT
    assert np.ptp(accuracy[:, -1]) < 0.5
    for name in "float32", "bfloat16":
        assert accuracy[:, -1].min() > large(name)[:, -1].max()
    assert "none of the three runs ranges over more than one point" in TEXT
    assert (np.ptp(accuracy[:, -4:], axis=1) < 1).all()


def test_frozen_weights_need_no_better_statistics():
    moving, mean = statistics("float32")
    last = large("float32")[:, -1]
    assert "rose from 85.1 to 89.6 %" in TEXT
    assert last.mean() == pytest.approx(85.1, abs=0.05)
    assert moving.mean() == pytest.approx(89.6, abs=0.05)
    assert (moving > last).all()
    assert "to within 0.2 points in every run" in TEXT
    for name in "float32", "bfloat16":
        moving, mean = statistics(name)
        assert abs(moving - mean).max() < 0.2
    assert "still reach 89.7, 91.9 and 87.1 %" in TEXT
    moving, _ = statistics("float32")
    assert moving == pytest.approx([89.7, 91.9, 87.1], abs=0.06)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_accuracies_in_training_agree(framework):
    assert "the training accuracy is 96 %" in TEXT
    assert curves(framework, "train_acc")[:, -1] == pytest.approx(96, abs=0.5)


def test_frameworks_agree_in_their_last_five_epochs():
    last = [curves(name)[:, -1].mean() for name in FRAMEWORKS]
    assert "differ by more than three points between the frameworks" in TEXT
    assert np.ptp(last) > 3
    means = {n: curves(n)[:, -5:].mean(axis=1) for n in FRAMEWORKS}
    gap = np.ptp([each.mean() for each in means.values()])
    assert "within 0.7 points of each other" in TEXT
    assert gap < 0.7
    for name in "tensorflow", "mxnet":
        assert gap < spread(means[name])


def test_precise_batch_norm_help_as_told():
    before = curves("pytorch")[:, -1]
    after = curves("pytorch_precise_batch_norm")[:, -1]
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
    best = curves("pytorch_precise_batch_norm")[:, -1].max()
    assert 100 * accuracy > best


@pytest.mark.parametrize("framework", selected_frameworks())
def test_weights_that_meet_only_padding_are_idle(framework):
    facts = measured("resnet18", framework)[1]
    assert "= 6{,}946{,}816$ weights are idle, 62 %" in SOLUTIONS
    assert facts["idle"] == 5 * 256 * 512 + 3 * 8 * 512**2 == 6_946_816
    assert round(100 * facts["idle"] / facts["parameters"]) == 62
    assert facts["moved by the idle"] == 0
    assert facts["moved by the others"] > 0.1


@pytest.mark.parametrize("framework", selected_frameworks())
def test_the_residual_network_starts_faster(framework):
    text = demonstrated("solutions/resnet18", framework)
    found = re.findall(r"(\w+) +seed (\d): .* of the last 4 (\S+)", text)
    losses = {(block, seed): float(loss) for block, seed, loss in found}
    assert len(losses) == 4
    assert "the loss of the residual network falls further" in SOLUTIONS
    for seed in "01":
        assert losses["BasicBlock", seed] < losses["Plain", seed] - 0.3
