"""Redraw the book's figures: `python figures/draw.py`.

With `--check` nothing is written; each file that is out of date is named,
and the exit status says whether there was one.
"""

import argparse
import sys
from pathlib import Path

import bottleneck
import chapter_map
import data_parallel
import degradation
import favicon
import function_classes
import inception
import lesions
import logo
import pipeline
import preactivation
import residual_block
import resnet18
import resnet50
import ring_all_reduce
import shortcut_variants
import style
import unravelled

IMG = Path(__file__).parents[1] / "img"
FIGURES = (
    residual_block,
    shortcut_variants,
    resnet18,
    bottleneck,
    resnet50,
    function_classes,
    degradation,
    unravelled,
    lesions,
    preactivation,
    inception,
    data_parallel,
    ring_all_reduce,
    chapter_map,
    pipeline,
    logo,
    favicon,
)


def files() -> dict[str, str]:
    """Name and text of everything that is drawn."""
    figures = [module.draw() for module in FIGURES]
    drawn = {f"{figure.name}.svg": figure.svg() for figure in figures}
    return drawn | {"figures.css": style.page_css()}


def main() -> int:
    """Write or check the files; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--to", type=Path, default=IMG, metavar="FOLDER")
    args = parser.parse_args()
    stale = 0
    for name, text in files().items():
        path, data = args.to / name, text.encode()
        if path.exists() and path.read_bytes() == data:
            continue
        if args.check:
            print(f"{path} is out of date: run python figures/draw.py")
            stale += 1
        else:
            path.write_bytes(data)
            print(path)
    return int(stale > 0)


if __name__ == "__main__":
    sys.exit(main())
