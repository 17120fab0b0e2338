"""What `chapters/function_classes.md` says, in each framework."""

import numpy as np
import pytest
from chapter_code import measured
from selection import selected_frameworks


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
