"""What `chapters/speedrun.md` says, in each framework.

The chapter's cells run at smoke scale; further measurements follow.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from chapter_code import measured
from selection import selected_frameworks
from small_runs import program

from d2lutils import data, training
from d2lutils.frameworks import FRAMEWORKS

ROOT = Path(__file__).parents[2]
TEXT = " ".join((ROOT / "chapters/speedrun.md").read_text("utf-8").split())


@pytest.fixture(scope="module")
def all_facts():
    facts = {}
    for framework in selected_frameworks():
        printed, found = measured("speedrun", framework)
        facts[framework] = found | {"printed": printed}
    return facts


@pytest.fixture(params=selected_frameworks())
def facts(request, all_facts):
    return all_facts[request.param]


def macs(stem, first, second, third):
    """MACs of the quick network, given the sides of its outputs."""
    c = 32
    return (
        9 * c * stem**2
        + 2 * 9 * c**2 * first**2
        + (9 * 2 * c**2 + 9 * 4 * c**2 + 2 * c**2) * second**2
        + 4 * (9 * 2 * c**2 + 9 * 4 * c**2 + 2 * c**2) * third**2
        + 4 * c * 10
    )


def test_network_costs_a_thirtieth(facts):
    found = re.findall(
        r"(?:pixels|at 28): +([\d,]+) MACs, +([\d,]+) par", facts["printed"]
    )
    (full, _), (quick, parameters) = (
        [int(number.replace(",", "")) for number in pair] for pair in found
    )
    assert quick == macs(14, 14, 7, 4)
    assert parameters == 308_074
    assert "needs a thirtieth of the operations" in TEXT
    assert 28 < full / quick < 33


def test_bfloat16_is_rounded_as_the_framework_does(facts):
    """MXNet has no such format: there, as its definition says."""
    assert facts["bfloat16"]
    assert "1.001 becomes 1\n" in facts["printed"]
    assert "1.00781 becomes 1.00781\n" in facts["printed"]


def test_a_small_step_in_bfloat16_is_lost(facts):
    assert facts["grown"] == 1
    last_place = 2.0**-7
    assert 1e-3 < last_place / 2 < 4e-3


def test_best_lead_is_that_of_the_formula(facts):
    tried, formula = map(
        float,
        re.search(
            r"lead tried: ([\d.]+), by the formula: ([\d.]+)", facts["printed"]
        ).groups(),
    )
    assert abs(tried - formula) <= 0.003  # half of a step, and rounding
    # where p is 1 − ε + ε/K, and the others share the rest
    p = np.exp(formula) / (np.exp(formula) + 9)
    assert abs(p - (1 - 0.1 + 0.1 / 10)) < 1e-4


def test_engine_smooths_as_the_equation_says(facts):
    scores, labels = map(np.array, facts["scores"])
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    loss = -0.9 * log_p[range(len(labels)), labels] - 0.1 / 10 * log_p.sum(
        axis=1
    )
    assert facts["loss"] == pytest.approx(loss.sum(), rel=1e-5)


def test_one_cycle_begins_and_ends_near_zero(facts):
    _, _, one_cycle = facts["rates"]
    assert len(one_cycle) == 200
    assert 0 < one_cycle[0] <= 0.01
    assert 0 < one_cycle[-1] <= 0.01
    assert max(one_cycle) == one_cycle[50] > 0.99
    # "two thirds of the largest" halfway, says a quiz
    assert one_cycle[100] == pytest.approx(2 / 3, abs=0.01)


def test_steps_with_momentum_add_up_to_ten(facts):
    assert facts["recipe"]["optimizer"] == "momentum"
    v = w = 0.0
    for _ in range(200):  # the gradient is 1, as is the learning rate
        v = training.MOMENTUM["momentum"] * v + 1
        before, w = w, w - v
    assert before - w == pytest.approx(10)


def test_recipe_is_taken_by_fit(all_facts):
    recipes = []
    for framework, facts in all_facts.items():
        recipe = dict(facts["recipe"])
        recipes.append(recipe)
        assert recipe.pop("mixed_precision") == (framework != "mxnet")
        assert np.isfinite(facts["history"]["train_loss"]).all()
        assert re.search(r"test accuracy 0\.\d+, [\d.]+ s", facts["printed"])
    assert all(recipe == recipes[0] for recipe in recipes)


def test_flip_average_is_the_network_itself_in_training(facts):
    assert facts["training"] < 1e-4


def test_flip_average_is_symmetric_in_evaluation(facts):
    mirrored, upside_down, alone = facts["asymmetry"]
    assert mirrored < 1e-5 * facts["size"] + 1e-6
    assert min(upside_down, alone) > 1e-2 * facts["size"]
    assert facts["mean"] < 1e-4 * facts["size"]


def test_frameworks_build_the_same_network(all_facts):
    first, *others = all_facts.values()
    for other in others:
        assert other["shapes"] == first["shapes"]
        np.testing.assert_allclose(
            other["logits"], first["logits"], rtol=1e-3, atol=1e-4
        )


def test_data_take_55_megabytes():
    assert "all of Fashion-MNIST takes 55 megabytes" in TEXT
    assert sum(data.FULL_SIZE) * 28**2 == pytest.approx(55e6, rel=0.01)


@pytest.mark.parametrize("framework", selected_frameworks())
def test_every_variant_can_be_trained(framework):
    done = program("speedrun_variants", framework)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.split("SEEN")[1])
    recipe, _ = seen["recipe"]
    for name, (config, loss) in seen.items():
        assert config.keys() == recipe.keys()
        changed = {key for key in config if config[key] != recipe[key]}
        same = name == "recipe"
        if name == "float32":  # as the recipe is where nothing else can be
            same = not recipe["mixed_precision"]
        assert same == (not changed), name
        assert np.isfinite(loss), name


def recorded(variant, framework="pytorch"):
    """Return the histories of a variant, one for each seed."""
    path = Path(__file__).parents[2] / "results/speedrun"
    record = json.loads((path / f"{framework}_{variant}.json").read_text())
    return [run["history"] for run in record["runs"]]


def last(variant):
    """Return medians: accuracy in per cent, images a second, minutes."""
    histories = recorded(variant)
    speeds = [np.median(h["examples_per_sec"]) for h in histories]
    minutes = np.median([sum(h["seconds"]) / 60 for h in histories])
    accuracies = [100 * h["test_acc"][-1] for h in histories]
    return np.median(accuracies), np.median(speeds), minutes


def test_recorded_recipe_is_as_fast_and_as_good_as_told():
    accuracy, _, minutes = last("recipe")
    assert accuracy >= 92
    assert "in about two minutes on two CPU cores" in TEXT
    assert 1.5 < minutes < 2.5


def test_recorded_frameworks_agree():
    means = []
    for key in FRAMEWORKS:
        runs = recorded("recipe", key)
        assert len(runs) == 3
        accuracies = [100 * history["test_acc"][-1] for history in runs]
        assert 0.05 < np.std(accuracies, ddof=1) < 0.2
        means.append(np.mean(accuracies))
    assert "lie within 0.15 points of each other" in TEXT
    assert max(means) - min(means) < 0.15


def test_recorded_ideas_save_the_time_that_is_told():
    _, recipe, _ = last("recipe")
    slower = ["one_by_one", "channels_first", "float32", "whole_stem"]
    speeds = [recipe, *(last(name)[1] for name in slower)]
    # Channels last and the loader differ by less than a fifth: not ranked.
    loader, layout, precision, stem = speeds[1:]
    assert recipe > max(loader, layout)
    assert min(loader, layout) > precision > stem
    assert "the run takes three times as long" in TEXT
    assert 2.5 < recipe / speeds[-1] < 3.5


def three_seeds(variant):
    """Return the histories of a row of the second table."""
    path = ROOT / f"results/speedrun_accuracy/{variant}.json"
    record = json.loads(path.read_text("utf-8"))
    assert record["settings"]["variant"] == variant
    assert [run["seed"] for run in record["runs"]] == [0, 1, 2]
    return [run["history"] for run in record["runs"]]


def test_recorded_accuracies_are_as_told():
    recipe, _, _ = last("recipe")
    for name in "one_by_one", "channels_first", "float32":
        assert abs(last(name)[0] - recipe) < 0.5
    assert last("whole_stem")[0] < recipe + 0.2


def test_recorded_ablations_are_as_told():
    def ends(variant):
        return np.array(
            [100 * h["test_acc"][-1] for h in three_seeds(variant)]
        )

    recipe = ends("recipe")
    spread = 0.2  # of the seeds of a row, in points
    assert "almost three points lower" in TEXT
    assert 2.5 < recipe.mean() - ends("constant_rate").mean() < 3
    assert "ends at nearly the same accuracy" in TEXT
    assert abs(ends("no_momentum").mean() - recipe.mean()) < spread
    assert "Flip averaging is worth a quarter of a point" in TEXT
    gains = recipe - ends("no_flip_average")
    assert gains.mean() == pytest.approx(0.25, abs=0.05)
    assert (gains > 0).all()
    assert (
        "These runs are identical to those of the recipe, loss by loss" in TEXT
    )
    for one, other in zip(
        three_seeds("recipe"), three_seeds("no_flip_average"), strict=True
    ):
        assert one["train_loss"] == other["train_loss"]
    assert "the same six epochs end no lower" in TEXT
    assert "the network trains just as well without them" in TEXT
    for name in "no_smoothing", "no_augmentation", "plain_blocks":
        assert ends(name).mean() > recipe.mean() - 0.01
        assert ends(name).std(ddof=1) < spread
    assert "highest of the table, if only by about its spread" in TEXT
    lead = ends("no_augmentation").mean() - recipe.mean()
    assert 0.5 < lead / ends("no_augmentation").std(ddof=1) < 1.5
    assert "only about a point above its test accuracy" in TEXT
    training = np.array(
        [100 * h["train_acc"][-1] for h in three_seeds("recipe")]
    )
    assert 0.8 < (training - recipe).mean() < 1.3


def test_recorded_long_training_is_as_good_as_told():
    recipe, _, sprint = last("recipe")
    accuracy, _, minutes = last("long")
    assert accuracy >= 94
    assert len(recorded("long")) == 3
    assert minutes <= 15
    assert "Six times the minutes correct one error in five" in TEXT
    assert 5.5 < minutes / sprint < 6.5
    assert (100 - accuracy) / (100 - recipe) == pytest.approx(0.8, abs=0.03)
    gains = [
        100 * np.median([h["train_acc"][-1] for h in recorded(name)])
        for name in ("recipe", "long")
    ]
    assert "rose by five points and test accuracy by one and a half" in TEXT
    assert 0 < gains[0] - recipe < 1.5
    assert gains[1] - gains[0] == pytest.approx(5, abs=0.5)
    assert accuracy - recipe == pytest.approx(1.5, abs=0.25)
