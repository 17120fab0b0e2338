"""What `chapters/gradient_flow.md` says, in each framework.

The chapter's cells run at smoke scale. For the lesion study the networks are
trained longer than that, on the few images there are, and examined on the
same images.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from chapter_code import demonstrated, measured
from selection import selected_frameworks

ROOT = Path(__file__).parents[2]
TEXT = " ".join(
    (ROOT / "chapters/gradient_flow.md").read_text("utf-8").split()
)


@pytest.fixture(params=selected_frameworks())
def facts(request):
    return measured("gradient_flow", request.param)[1]


def test_formulas_are_what_automatic_differentiation_finds(facts):
    assert max(facts["formulas"]) < 1e-12


def test_one_plus_the_derivative_is_exact_for_identity_paths_only(facts):
    assert facts["errors"].keys() == {"identity", "ReLU after", "projection"}
    for name, (simple, exact) in facts["errors"].items():
        assert exact < 1e-12, name
        assert simple < 1e-12 if name == "identity" else simple > 0.5, name


def test_direct_path_is_open_where_every_relu_is(facts):
    product = np.prod(facts["relus"], axis=0)
    assert facts["direct"] == product.tolist()
    assert 0 < product.sum() < len(product)


def test_features_before_training(facts):
    for stack in facts["stacks"]:
        sizes = {name: result[0] for name, result in stack.items()}
        assert sizes["plain"][-1] < 1
        assert 0.5 < sizes["plain, BN"][-1] < 2
        # sqrt(2) a block, less what is lost at the border
        assert 100 < sizes["residual"][-1] < 5 * 2**13.5
        # the square grows by about one a block
        assert 4 < sizes["residual, BN"][-1] < 7


def test_gradients_before_training(facts):
    for stack in facts["stacks"]:
        gradients = {name: result[1] for name, result in stack.items()}
        for values in gradients.values():
            assert values[-1] == pytest.approx(1, rel=1e-4)
        first = {name: values[0] for name, values in gradients.items()}
        assert 1e-3 < first["plain"] < 5
        assert first["plain, BN"] > 1e3
        assert 500 < first["residual"] < 5 * 2**13.5
        assert 8 < first["residual, BN"] < 100
        # the two that grow exponentially, and the one that is flat
        for name in ("plain, BN", "residual"):
            quarters = np.array(gradients[name])[[0, 9, 18, 27]]
            assert (quarters[:-1] / quarters[1:] > 3).all(), name
        assert gradients["residual, BN"][9] < 5


def test_later_branches_return_less_with_normalisation(facts):
    for stack in facts["stacks"]:
        with_norm = np.array(stack["residual, BN"][2])
        assert with_norm[:3].min() > 2 * with_norm[-3:].max()
        without = np.array(stack["residual"][2])
        assert 0.7 < without.mean() < 1.2


def test_plain_network_is_homogeneous(facts):
    assert facts["scaled"].keys() == {"1", "1.25", "0.8"}
    for s, factor in facts["scaled"].items():
        assert factor == pytest.approx(float(s) ** 54, rel=1e-2)


def test_shares_of_the_paths(facts):
    share = np.array(facts["share"])
    assert share[19:36].sum() > 0.95  # "nearly all"
    assert f"{share[5:18].sum():.2%}" == "0.45%"  # Veit et al. (2016)


def test_orthogonal_paths_are_a_fair_assumption(facts):
    for stack in facts["stacks"]:
        for name in ("residual", "residual, BN"):
            _, gradients, ratios = stack[name]
            expected = np.prod(1 + np.square(ratios)) ** 0.5
            assert 0.6 < expected / gradients[0] < 1.6
    for exact, model in facts["shares"]:
        assert np.abs(np.subtract(exact, model)).sum() / 2 < 0.15


def test_normalisation_shortens_the_paths(facts):
    for stack in facts["stacks"]:
        lengths = {}
        for name in ("residual", "residual, BN"):
            squares = np.square(stack[name][2])
            lengths[name] = (squares / (1 + squares)).sum()
        assert 10 < lengths["residual"] < 15
        assert 4 < lengths["residual, BN"] < 7


def test_residual_network_survives_the_loss_of_a_block(facts):
    whole, accuracies = zip(*facts["lesions"].values(), strict=True)
    assert min(whole) > 0.5
    residual, plain = accuracies
    assert np.mean(plain) < 0.25
    assert np.mean(residual) > np.mean(plain) + 0.25
    assert min(residual[1:]) > 0.3


@pytest.mark.parametrize("framework", selected_frameworks())
def test_worst_lesions_are_as_told(framework):
    printed = demonstrated("gradient_flow", framework)
    found = re.findall(r"^(residual|plain) .* worst ([\d.]+)$", printed, re.M)
    worst = {name: float(accuracy) for name, accuracy in found}
    assert worst["residual"] < 0.4
    assert worst["plain"] < 0.15


def recorded_lesions(kind):
    """Return the accuracies of whole networks and, by block, without it."""
    path = ROOT / f"results/lesions/{kind}.json"
    runs = json.loads(path.read_text("utf-8"))["runs"]
    assert [run["seed"] for run in runs] == [0, 1, 2]
    whole = np.array([run["history"]["test_acc"][-1] for run in runs])
    without = {
        int(i): 100
        * np.array([run["test_acc_without_block"][i] for run in runs])
        for i in runs[0]["test_acc_without_block"]
    }
    return 100 * whole, without


def told(values):
    """Return mean and spread as the text gives them."""
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f} %"


def test_recorded_lesions_are_as_told():
    whole, without = recorded_lesions("residual")
    assert f"the residual networks reach {told(whole)} test accuracy" in TEXT
    assert (
        f"its first block a residual network keeps {told(without[0])}" in TEXT
    )
    assert "any other block it keeps at least 81 % in each of the" in TEXT
    others = np.array([without[i] for i in without if i > 0])
    assert 81 < others.min() < 82
    assert "last block it loses less than half a point on average" in TEXT
    assert 0 < (whole - without[8]).mean() < 0.5
    whole, without = recorded_lesions("plain")
    assert f"the plain ones {told(whole)} (3 seeds)" in TEXT
    assert "The plain networks fall to 26 % or less" in TEXT
    assert 25 < max(values.max() for values in without.values()) < 26


def test_recorded_lesions_are_of_the_chapter_networks():
    for kind, block in ("residual", "BasicBlock"), ("plain", "PlainBlock"):
        path = ROOT / f"results/lesions/{kind}.json"
        settings = json.loads(path.read_text("utf-8"))["settings"]
        assert settings["block"] == block
        assert (settings["num_layers"], settings["resize"]) == (20, 8)
        assert (settings["lr"], settings["batch_size"]) == (0.1, 32)
        assert (settings["num_epochs"], settings["num_train"]) == (10, 60_000)
