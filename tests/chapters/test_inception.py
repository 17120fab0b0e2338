"""What `chapters/inception.md` says, in each framework."""

import re

import pytest
from chapter_code import measured
from selection import selected_frameworks


@pytest.fixture(params=selected_frameworks())
def output(request):
    return request.param, measured("inception", request.param)[0]


@pytest.fixture(params=selected_frameworks())
def facts(request):
    return measured("inception", request.param)[1]


def test_block_has_the_shape_and_the_parameters_that_are_derived(output):
    framework, text = output
    first = {"tensorflow": "(1, 28, 28, 256)"}.get(
        framework, "(1, 256, 28, 28)"
    )
    assert f"shape {first}\n" in text
    counted = re.search(r"by path: (.+)", text)[1]
    assert counted == re.search(r"formula: (.+)", text)[1]
    numbers = [int(n) for n in counted.strip("[]").split(", ")]
    assert sum(numbers) == 163_696
    assert "block: 163,696 parameters" in text
    assert numbers[1] > 0.75 * sum(numbers)


def test_other_numbers_give_the_other_block_of_the_paper(facts):
    assert facts["shape"] == [1, 480, 28, 28]
    layers = [(256, 128, 1), (256, 128, 1), (128, 192, 3), (256, 32, 1)]
    layers += [(32, 96, 5), (256, 64, 1)]
    assert facts["parameters"] == sum(k * k * a * b + b for a, b, k in layers)


def test_numbers_in_the_text():
    assert 25 * 192 * 32 == 153_600
    assert 192 * 16 + 25 * 16 * 32 == 15_872
    weights = 163_696 - (64 + 96 + 128 + 16 + 32 + 32)
    assert round(weights * 28 * 28 / 1e6) == 128  # Table 1 of the paper


def test_concatenation_grows_with_the_square_of_the_depth(output):
    rows = re.findall(
        r"(\d+) blocks\s+concatenated:\s+(\d+) channels,\s+([\d,]+) weights"
        r"\s+added: (\d+) channels,\s+([\d,]+)",
        output[1],
    )
    assert len(rows) == 5
    c = 64
    for row in rows:
        blocks, wide, grown, same, added = (
            int(n.replace(",", "")) for n in row
        )
        assert (wide, same) == (c + blocks * c, c)
        pairs = blocks * (blocks - 1) / 2
        assert grown == 9 * c * (blocks * c + pairs * c)
        assert added == 9 * c**2 * blocks


def test_addition_is_a_concatenation_that_is_merged(output):
    assert "channels: stacked 32 merged 16" in output[1]
    assert float(re.search(r"largest difference: (\S+)", output[1])[1]) < 1e-5
