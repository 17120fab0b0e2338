"""What `chapters/function_classes.md` and its solutions say."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chapter_code import demonstrated, measured
from selection import selected_frameworks

ROOT = Path(__file__).parents[2]


def text_of(path):
    return " ".join((ROOT / path).read_text("utf-8").split())


TEXT = text_of("chapters/function_classes.md")
SOLUTIONS = text_of("chapters/solutions/function_classes.md")
LAYERS = 20, 32, 44, 56


def record(kind, layers):
    path = ROOT / f"results/degradation/{kind}_{layers}.json"
    return json.loads(path.read_text("utf-8"))


def recorded(kind, layers, key):
    """Return one curve per seed."""
    runs = record(kind, layers)["runs"]
    assert [run["seed"] for run in runs] == [0, 1, 2]
    return np.array([run["history"][key] for run in runs])


def ends(kind, layers, key):
    """Return the accuracies of the last epoch, in per cent."""
    return 100 * recorded(kind, layers, key)[:, -1]


def gap(kind, key):
    """Return how far the deep network is behind, seed by seed."""
    return ends(kind, 20, key) - ends(kind, 56, key)


@pytest.fixture(params=selected_frameworks())
def facts(request):
    return measured("function_classes", request.param)[1]


def test_depth_and_parameters_are_those_of_the_formulas(facts):
    c = 16
    for n in 3, 7:
        plain = n * (378 * c**2 + 28 * c) - 90 * c**2 + 51 * c + 10
        assert facts["networks"][f"plain-{6 * n + 2}"] == [6 * n + 2, plain]
        residual = plain + 10 * c**2 + 12 * c
        found = facts["networks"][f"residual-{6 * n + 2}"]
        assert found == [6 * n + 2, residual]
        assert residual - plain == 2752


@pytest.mark.parametrize("framework", selected_frameworks())
def test_the_printed_counts_are_those_of_the_formulas(framework):
    text = measured("function_classes", framework)[0]
    counts = re.findall(r"(\S+) parameters, by the formula (\S+)", text)
    assert len(counts) == 4
    for counted, formula in counts:
        assert counted == formula


def test_nested_classes_order_the_training_loss_and_nothing_else(facts):
    nested, scattered = map(np.array, (facts["nested"], facts["scattered"]))
    assert (np.diff(nested[:, 0]) <= 1e-12).all()
    assert (np.diff(scattered[:, 0]) > 0.01).any()
    assert (np.diff(scattered[:, 0]) < -0.01).any()
    test = nested[:, 1]
    assert test.min() < 0.5 * test[0] < test[0] < test[-1]


def test_a_deep_plain_network_can_be_the_shallow_one(facts):
    shallow, deep = map(np.array, facts["plain"]["scores"])
    assert shallow.shape == (6, 10)
    assert np.ptp(shallow) > 1e-3
    np.testing.assert_allclose(deep, shallow, rtol=1e-4, atol=1e-4)


def test_in_training_mode_only_the_residual_block_is_the_identity(facts):
    assert facts["plain changes"] > 0.1
    assert facts["residual changes"] < 1e-6


def test_the_parts_have_the_names_of_a_resnet(facts):
    assert facts["shape"] == [6, 10]
    names = set(facts["names"])
    assert {"conv1.weight", "bn1.weight", "fc.weight", "fc.bias"} < names
    stages = {name.split(".")[0] for name in names if "layer" in name}
    assert stages == {"layer1", "layer2", "layer3"}
    blocks = {name.split(".")[2] for name in names if "layer" in name}
    assert blocks == {"conv1", "bn1", "conv2", "bn2", "downsample"}
    shortcuts = {name for name in names if "downsample.0" in name}
    assert shortcuts == {
        "layer2.0.downsample.0.weight",
        "layer3.0.downsample.0.weight",
    }


def test_the_frameworks_start_from_the_same_weights():
    first, *others = (
        measured("function_classes", name)[1] for name in selected_frameworks()
    )
    for kind in "plain", "residual":
        drawn = first[kind]["drawn"]
        for other in others:
            found = other[kind]["drawn"]
            assert found.keys() == drawn.keys()
            for name, total in drawn.items():
                assert found[name] == pytest.approx(total, rel=1e-5), name
        spread = first[kind]["spread"]
        assert spread == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
        assert 0.12 < first[kind]["bound"] <= 0.125


def test_both_kinds_learn(facts):
    for kind in "plain", "residual":
        losses = facts[kind]["losses"]
        assert losses[-1] < losses[0]


def test_depth_hinders_the_training_of_plain_networks_only(facts):
    names = ("shallow", "deep", "residual")
    shallow, deep, residual = (facts["after training"][n] for n in names)
    assert deep > shallow + 0.2
    assert residual < deep - 0.3


@pytest.mark.parametrize("kind", ["plain", "residual"])
@pytest.mark.parametrize("layers", LAYERS)
def test_the_recorded_runs_are_those_of_the_text(kind, layers):
    settings = record(kind, layers)["settings"]
    block = {"plain": "PlainBlock", "residual": "BasicBlock"}[kind]
    assert settings["block"] == block
    assert settings["num_layers"] == layers
    assert settings["resize"] == 28
    assert settings["num_train"] == 60_000
    assert settings["stem_stride"] == 2
    assert settings["feature_sizes"] == [14, 7, 4]
    assert settings["batch_size"] == 128
    assert settings["optimizer"] == "momentum"
    assert settings["weight_decay"] == 0.0001
    assert settings["flips"] and settings["crop_padding"]
    assert (settings["lr"], settings["schedule"]) == (0.1, "step")
    steps = settings["num_epochs"] * -(-60_000 // 128)
    assert f"{settings['num_epochs']} epochs, or {steps:,} steps" in TEXT
    assert recorded(kind, layers, "test_acc").shape == (3, 24)


def test_depth_harms_the_recorded_plain_networks():
    assert (
        "by 13.1 points of training accuracy and 12.3 points of test accuracy"
        in TEXT
    )
    assert gap("plain", "train_acc").mean() == pytest.approx(13.1, abs=0.05)
    assert gap("plain", "test_acc").mean() == pytest.approx(12.3, abs=0.05)
    deep = ends("plain", 56, "train_acc")
    assert "at 69.1 % training accuracy and its best at 84.0 %" in TEXT
    assert deep.min() == pytest.approx(69.1, abs=0.05)
    assert deep.max() == pytest.approx(84.0, abs=0.05)
    assert "reaches at least 91.3 %" in TEXT
    assert ends("plain", 20, "train_acc").min() >= 91.3
    losses = recorded("plain", 56, "train_loss")
    assert "the last six epochs" in TEXT and "less than 0.05" in TEXT
    fall = losses[:, -7] - losses[:, -1]
    assert (fall < 0.05).all()
    assert "it is still 0.2 or more above that of plain-20" in TEXT
    shallow = recorded("plain", 20, "train_loss")
    assert (losses[:, -1] - shallow[:, -1] > 0.2).all()


def test_each_step_in_depth_harms_the_recorded_plain_networks():
    assert "Every run of a deeper plain network ends below every run" in TEXT
    for key in "train_acc", "test_acc":
        for shallow, deep in pairwise(LAYERS):
            worst = ends("plain", shallow, key).min()
            assert ends("plain", deep, key).max() < worst


def test_shortcuts_keep_the_recorded_networks_together():
    assert (
        "the networks of 20, 32 and 44 layers end within 0.4 points of each "
        "other, in training and in test accuracy" in TEXT
    )
    for key in "train_acc", "test_acc":
        means = [ends("residual", n, key).mean() for n in LAYERS[:-1]]
        assert np.ptp(means) < 0.4


def test_shortcuts_nearly_close_the_recorded_gap():
    assert (
        "shrinks to 1.1 points of training accuracy and 0.6 points of test "
        "accuracy" in TEXT
    )
    for key, mean in ("train_acc", 1.1), ("test_acc", 0.6):
        assert gap("residual", key).mean() == pytest.approx(mean, abs=0.05)
        assert (gap("residual", key) > 0).all()
        # Each plain network of 56 layers is far behind each residual one.
        best = ends("plain", 56, key).max()
        assert ends("residual", 56, key).min() > best + 5
    assert "by 1.1 points and for each seed" in TEXT
    better = ends("residual", 20, "train_acc") - ends("plain", 20, "train_acc")
    assert better.mean() == pytest.approx(1.1, abs=0.05)
    assert (better > 0).all()
    assert "plain networks of 56 layers lose 13 points" in TEXT


@pytest.mark.parametrize("framework", selected_frameworks())
def test_only_the_embedded_plain_network_starts_with_a_jump(framework):
    text = demonstrated("solutions/function_classes", framework)
    found = re.findall(r"shallow ([\d.]+), deep ([\d.]+)", text)
    residual, plain = ([float(x) for x in pair] for pair in found)
    assert "On the same batch it has the same loss" in SOLUTIONS
    assert residual[0] == residual[1]
    assert "The plain network, below, starts with a jump" in SOLUTIONS
    assert plain[1] > plain[0]


def test_one_hundred_and_ten_layers_are_six_resnets():
    assert "six times as many layers as ResNet-18" in SOLUTIONS
    assert round(110 / 18) == 6
    assert "less than a sixth of its parameters" in SOLUTIONS
    assert 1_727_674 < 11_175_370 / 6
