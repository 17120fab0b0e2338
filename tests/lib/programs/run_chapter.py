"""Execute a chapter's cells of one framework, and measure what it says.

The argument is JSON: chapter, framework, texts of cells to leave out, the
module of `facts` whose `measure` is called with the cells' names, or null,
and whether there is to be a pretended GPU. What `measure` returns is printed
behind the word FACTS.
"""

import importlib
import json
import linecache
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from bookbuild.chapter import read
from d2lutils import backends

CHAPTERS = Path(__file__).parents[3] / "chapters"


def execute(source, name, space):
    # TensorFlow compiles from the source of a function.
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), space)


def plain(value):
    """Return a NumPy value as JSON has it."""
    return np.asarray(value).tolist()


if __name__ == "__main__":
    chapter, framework, skipped, facts, on_gpu = json.loads(sys.argv[1])
    space = {"__name__": "chapter"}
    if on_gpu:
        importlib.import_module("pretended_gpu").start()
    for cell in read(CHAPTERS / f"{chapter}.md").code(framework):
        if not any(words in cell.source for words in skipped):
            execute(cell.source, f"{chapter}-{cell.line}", space)
    if facts:
        measure = importlib.import_module(facts).measure
        found = measure(SimpleNamespace(**space), backends.get(framework))
        print("FACTS", json.dumps(found, default=plain))
