"""What `chapters/preactivation.md` says, in each framework.

The chapter's cells run at smoke scale, but for the training of the deep
networks; further measurements follow.
"""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chapter_code import demonstrated, measured
from selection import selected_frameworks

TEXT = (Path(__file__).parents[2] / "chapters/preactivation.md").read_text(
    "utf-8"
)


@pytest.fixture(params=selected_frameworks())
def measurements(request):
    return measured("preactivation", request.param)


@pytest.fixture
def facts(measurements):
    printed, found = measurements
    return {**found, "printed": printed}


def test_relus_close_most_of_the_direct_path(facts):
    share = facts["share"]
    assert len(share) == 18
    assert all(later <= earlier for earlier, later in pairwise(share))
    assert 0.5 < share[0] < 0.75
    assert 0.1 < share[-1] < 0.3
    # fewer and fewer
    assert share[0] - share[3] > 2 * (share[-4] - share[-1])


def test_switched_off_block_is_exactly_the_identity(facts):
    assert facts["pre"] == [0, 0]
    found = re.search(r"pre   largest change (\S+).* (\d+)%", facts["printed"])
    assert found.groups() == ("0.00", "100")


def test_post_activation_block_is_so_for_non_negative_input_only(facts):
    change, gradient = facts["post"]
    assert change > 1
    assert gradient > 1
    assert facts["cut"] == 0


def test_projection_reads_the_activated_input(facts):
    assert facts["projection"] < 1e-5
    assert facts["shape"] == [4, 6, 3, 3]


def test_network_has_its_parts(facts):
    names = [name for name in facts["names"] if name != "flatten"]
    stages = ["layer1", "layer2", "layer3"]
    assert names == ["conv1", *stages, "bn", "relu", "avgpool", "fc"]


def test_batch_normalisations_make_the_difference(facts):
    small, pre = facts["parameters"]["small"], facts["parameters"]["pre"]
    # the stem's 16 and the projections' 32 + 64 are gone, the first ones of
    # the strided blocks have 16 + 32 fewer, and the last one has 64
    difference = 2 * (16 + 32 + 64 + 16 + 32 - 64)
    assert small - pre == difference
    printed = re.findall(r"ResNet +(\d+,\d+)", facts["printed"])
    small, pre = (int(number.replace(",", "")) for number in printed)
    assert small - pre == difference


def test_training_reaches_every_batch_normalisation(facts):
    # two a block and one at the end
    assert facts["moved"] == [True] * (2 * 3 + 1)
    assert np.mean(facts["losses"][-4:]) < np.mean(facts["losses"][:4])


def test_networks_differ_by_one_batch_normalisation(facts):
    n, c = 1, 16  # the parameters of SmallResNet by its formula
    plain = n * (378 * c**2 + 28 * c) - 90 * c**2 + 51 * c + 10
    residual = plain + 10 * c**2 + 12 * c
    found = facts["parameters"]
    assert found["control"] == residual + 2 * 64
    assert found["bare"] == found["whole"] - 2 * 64


def test_frameworks_run_the_same_experiment():
    first, *others = (
        measured("preactivation", name)[1] for name in selected_frameworks()
    )
    for other in others:
        for name in ("losses", "control", "bare"):
            found, expected = (np.array(f[name])[:4] for f in (other, first))
            np.testing.assert_allclose(found, expected, rtol=0.02)


def test_depths_in_the_text():
    for n, depth in (2, 14), (7, 44):
        assert 3 * 2 * n + 2 == depth
        assert f"{depth} layers" in TEXT
    assert "There are 21 blocks" in " ".join(TEXT.split())
    assert 3 * 7 == 21


@pytest.mark.parametrize("framework", selected_frameworks())
def test_the_two_changes_interact(framework):
    printed = demonstrated("preactivation", framework)
    rows = re.findall(r"^(\w.*?) +([\d.]+) ± ([\d.]+)$", printed, re.M)
    loss = {name: (float(mean), float(sd)) for name, mean, sd in rows}
    assert len(loss) == 6

    def lower(a, b):
        """By how many of the larger spread the first mean is lower."""
        return (loss[b][0] - loss[a][0]) / max(loss[a][1], loss[b][1])

    post, pre = "post-activation", "pre-activation"
    assert lower(f"{post}, 14 layers", f"{pre}, 14 layers") > 3
    assert "its mean is lower by more than the spread" in " ".join(
        TEXT.split()
    )
    assert lower(f"{pre}, 44 layers", f"{post}, 44 layers") > 1
    assert lower(f"{post}, normalised sum", f"{post}, 44 layers") > 3
    assert lower(f"{pre}, bare sum", f"{pre}, 44 layers") > 3


def test_little_is_left_in_the_recorded_runs():
    folder = Path(__file__).parents[2] / "results"
    names = (
        "degradation/residual_44",
        "preactivation/post_normalised",
        "preactivation/pre_normalised",
        "preactivation/pre",
    )
    records = [
        json.loads((folder / f"{name}.json").read_text("utf-8"))
        for name in names
    ]
    loss, accuracy = [], []
    for record in records:
        assert record["settings"]["num_layers"] == 44
        histories = [run["history"] for run in record["runs"]]
        assert len(histories) == 3
        loss.append([h["train_loss"][-1] for h in histories])
        last = [100 * np.mean(h["test_acc"][-5:]) for h in histories]
        assert 0.15 < np.std(last, ddof=1) < 0.25
        accuracy.append(np.mean(last))
    text = " ".join(TEXT.split())
    assert "lie within half a point of each other, with a spread" in text
    assert np.ptp(accuracy) < 0.5
    assert "The unchanged post-activation network comes last" in text
    assert np.argmin(accuracy) == 0
    assert min(loss[0]) > np.max(loss[1:])
