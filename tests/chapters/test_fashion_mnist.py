"""What `chapters/fashion_mnist.md` shows of one's own data."""

import re

import pytest
from chapter_code import run_chapter
from selection import selected_frameworks

from d2lutils.frameworks import FRAMEWORKS


def shape(layout, **sizes):
    return ", ".join(str(sizes[axis]) for axis in layout)


@pytest.mark.parametrize("framework", selected_frameworks())
def test_own_files_become_batches_like_the_first(framework):
    text = run_chapter("fashion_mnist", framework)
    first, _, own = text.partition("['ankle boot', 'bag', 'coat'")
    assert own.startswith(", 'dress', 'pullover', 'sandal', 'shirt'")
    layout = FRAMEWORKS[framework].layout
    grey = shape(layout, N=8, C=1, H=28, W=28)
    batch = next(line for line in own.splitlines() if grey in line)
    like = next(line for line in first.splitlines() if "28, 28" in line)
    assert re.sub(r"\b8\b", "N", batch) == re.sub(r"\b128\b", "N", like)
    last = own.splitlines()[-2:]
    assert last[0] == "True"
    assert shape(layout, N=8, C=3, H=32, W=32) in last[1]
