"""Look at the shapes in one framework; tell what running statistics became.

`python tours.py pytorch`
"""

import json
import sys
from pathlib import Path

import numpy as np

from bookbuild.chapter import read
from d2lutils import backends

CHAPTERS = Path(__file__).parents[3] / "chapters"

# Chapter → what is in the cells that look at a network and teach it nothing.
TOURS = {
    "convolutional_blocks": ["net = small_vgg()"],
    "residual_block": ["blk = BasicBlock(3, 3)", "largest change"],
    "resnet18": ["net = resnet18()"],
    "bottleneck": ["strided = Bottleneck("],
    "resnet_family": ["net = resnet50(num_classes=1000, in_channels=3)"],
}


def statistics(backend, space):
    """Return network's name → its running statistics, where it has any."""
    networks = {
        name: backend.statistics(value)
        for name, value in space.items()
        if not isinstance(value, type) and backend.is_network(value)
    }
    return {name: found for name, found in networks.items() if found}


def moved(backend, space):
    """Return network's name → how many of its statistics have moved."""
    return {
        name: sum(
            bool(np.any(s.read() != (s.kind == "variance"))) for s in found
        )
        for name, found in statistics(backend, space).items()
    }


def look(framework, chapter, tours):
    """Execute the cells down to the last tour; return each one's networks."""
    backend, space, seen = backends.get(framework), {"__name__": chapter}, {}
    for cell in read(CHAPTERS / f"{chapter}.md").code(framework):
        exec(compile(cell.source, f"{chapter}-{cell.line}", "exec"), space)
        for words in tours:
            if words in cell.source:
                found = moved(backend, space)
                # The one that demonstrates what training changes.
                found.pop("layer", None)
                seen[words] = found
        if len(seen) == len(tours):
            break
    return seen


if __name__ == "__main__":
    found = {name: look(sys.argv[1], name, TOURS[name]) for name in TOURS}
    print("FACTS", json.dumps(found))
