"""What `chapters/convolutional_blocks.md` says, in each framework."""

import re
from pathlib import Path

import numpy as np
import pytest
from chapter_code import measured
from selection import selected_frameworks

from d2lutils.frameworks import FRAMEWORKS

CHAPTER = (
    Path(__file__).parents[2] / "chapters/convolutional_blocks.md"
).read_text("utf-8")


@pytest.fixture(params=selected_frameworks())
def framework(request):
    return request.param


@pytest.fixture
def output(framework):
    return framework, measured("convolutional_blocks", framework)[0]


@pytest.fixture
def facts(framework):
    return measured("convolutional_blocks", framework)[1]


def number(text, words):
    return float(re.search(re.escape(words) + r"\s*(\S+)", text)[1])


def array(text, words):
    found = re.search(re.escape(words) + r"\s*\[([^]]+)\]", text)[1]
    return np.array([float(word) for word in found.split()])


def test_convolution_by_hand_is_the_frameworks(output, facts):
    text = output[1]
    assert "shape (2, 8, 5, 5) with 224 parameters" in text
    by_layer, shifted, pixelwise = map(
        float, re.findall(r"largest difference: (\S+)", text)
    )
    assert by_layer < 1e-5
    assert pixelwise < 1e-5
    assert shifted > 1e-2  # padding (1, 1) and (0, 1)
    assert "shapes (1, 8, 4, 4) (1, 8, 4, 4)" in text
    assert facts["the sum"] < 1e-12


def test_size_of_the_output(output):
    pairs = re.findall(r"formula (\d+), layer (\d+)", output[1])
    assert pairs == [(n, n) for n in ["28", "14", "4", "14", "24", "112"]]
    for n in range(1, 300):  # kernel 3, padding 1, stride 2: half, rounded up
        assert (n + 2 - 3) // 2 + 1 == -(-n // 2)


def test_batch_normalisation_by_hand_is_the_frameworks(output):
    framework, text = output
    assert number(text, "in training:") < 1e-5
    assert number(text, "in evaluation:") < 1e-5
    stored = array(text, "running variance:")
    biased = array(text, "from the biased one:")
    unbiased = array(text, "from the unbiased one:")
    right, wrong = biased, unbiased
    if conventions(framework)["running variance"] == "unbiased":
        right, wrong = unbiased, biased
    np.testing.assert_allclose(stored, right, rtol=1e-5)
    assert (abs(stored - wrong) > 1e-3).all()
    count = 256 * 28 * 28
    assert round(count / (count - 1), 6) == 1.000005


def test_parameters_of_the_vgg_blocks(output):
    framework, text = output
    assert number(text, "parameters:") == 72_666
    assert "[2512, 13952, 55552] and 650 make 72666" in text
    shapes = ["1, 16, 14, 14", "1, 32, 7, 7", "1, 64, 3, 3"]
    if FRAMEWORKS[framework].layout == "NHWC":
        shapes = ["1, 14, 14, 16", "1, 7, 7, 32", "1, 3, 3, 64"]
    for shape in [*shapes, "1, 64", "1, 10"]:
        assert f"({shape})" in text


def test_the_step_trains_as_fit_does(output):
    losses = re.findall(r"mean loss of the first epoch: (\S+)", output[1])
    by_hand, by_fit = map(float, losses)
    assert by_hand == pytest.approx(by_fit, abs=2e-4)


def test_the_frameworks_own_words_give_what_fit_does(output):
    pattern = r"{}: +loss (\S+), test accuracy (\S+)"
    own, ours = (
        [*map(float, re.search(pattern.format(who), output[1]).groups())]
        for who in ("in its own words", r"by d2l\.fit")
    )
    assert own[0] == pytest.approx(ours[0], abs=2e-4)
    assert own[1] == pytest.approx(ours[1], abs=2 / 64)  # images at `smoke`


def conventions(framework):
    """Return convention → what the chapter's table says of a framework."""
    table = CHAPTER.partition(":name: tab-differences")[2].partition("```")[0]
    rows = [re.split(r"\n  - ", row) for row in table.split("\n* - ")[1:]]
    names = [cell.partition(" (")[0] for cell in rows[0]]
    column = names.index(FRAMEWORKS[framework].name)
    return {row[0].strip(): row[column].strip() for row in rows[1:]}


def test_axes_of_the_table(framework):
    said, row = conventions(framework), FRAMEWORKS[framework]
    letters = re.findall("[NCHW]", said["axes of images"])
    assert "".join(letters) == row.layout
    assert (
        said["axes of a kernel"]
        == {
            "NCHW": "(out, in, $k$, $k$)",
            "NHWC": "($k$, $k$, in, out)",
        }[row.layout]
    )


def test_defaults_of_the_table(framework, facts):
    said = conventions(framework)
    power = re.fullmatch(r"\$10\^\{(-\d)\}\$", said["batch norm: $\\epsilon$"])
    epsilon, momentum, in_training = facts["batch norm"]
    assert epsilon == pytest.approx(10.0 ** int(power[1]))
    assert said["batch norm: `momentum`"].startswith(f"{momentum}, weight of")
    assert ("the default" in said["training mode"]) == in_training
    in_forward = said["running statistics change"] == "in the forward pass"
    assert in_forward == (facts["forward"] > 0)
    assert facts["backward"] > 0
    bound, bias = facts["bound"], facts["largest bias"]
    assert 0.98 * bound < facts["largest weight"] <= bound * (1 + 1e-6)
    assert said["its bias"] in ("0", "uniform, like the weights")
    if said["its bias"] == "0":
        assert bias == 0
    else:
        assert 0.5 * bound < bias <= bound
    padding = said["padding of a convolution"]
    if "at stride 1 only" in padding:
        message = "padding='same' is not supported for strided"
        assert message in facts["same"]
    elif "stride 2 can pad $(0, 1)$" in padding:
        assert facts["same"] < 1e-5
    else:
        assert padding == "a number"
        assert facts["same"] is None
