"""Execute a chapter's cells of one framework, and measure what it says.

The argument is JSON: chapter, framework, texts of cells to leave out, code
to execute after the cells and before them, and the module of `facts` whose
`measure` is called with the cells' names, or null. What it returns is
printed behind the word FACTS.
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
    chapter, framework, skipped, after, before, facts = json.loads(sys.argv[1])
    space = {"__name__": "chapter"}
    exec(before, {})
    for cell in read(CHAPTERS / f"{chapter}.md").code(framework):
        if not any(words in cell.source for words in skipped):
            execute(cell.source, f"{chapter}-{cell.line}", space)
    exec(after, space)
    if facts:
        measure = importlib.import_module(facts).measure
        found = measure(SimpleNamespace(**space), backends.get(framework))
        print("FACTS", json.dumps(found, default=plain))
