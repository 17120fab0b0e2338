"""What `chapters/residual_block.md` says of its own outputs."""

import re

import pytest
from chapter_code import run_chapter
from selection import selected_frameworks


@pytest.mark.parametrize("framework", selected_frameworks())
def test_only_gamma_switches_a_branch_off(framework):
    printed = run_chapter("residual_block", framework)
    assert "largest change: 0.0\n" in printed
    conv2, gamma = (
        float(re.search(rf"^{name} / 10: .* ([\d.]+)$", printed, re.M)[1])
        for name in ("conv2", "gamma")
    )
    assert conv2 < 0.02  # "almost unchanged"
    assert gamma > 1  # "clearly"
