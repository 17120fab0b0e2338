"""Execute the cells of chapters, each in a process of its own.

The argument is a framework. It is imported once, and then each line that
comes in is a request in JSON: the chapter, texts of cells to leave out, the
module of `facts` whose `measure` is called with the cells' names, or null,
whether there is to be a pretended GPU, the value of D2L_SCALE, and a folder
to work in. The process forks for each; the answer is the child's exit code,
whose output is in the files `stdout` and `stderr` of that folder. What
`measure` returns is printed after the word FACTS.
"""

import gc
import importlib
import json
import linecache
import os
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from bookbuild.chapter import read
from d2lutils import backends
from d2lutils.frameworks import FRAMEWORKS

CHAPTERS = Path(__file__).parents[3] / "chapters"


def execute(source, name, space):
    # TensorFlow compiles from the source of a function.
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), space)


def plain(value):
    """Return a NumPy value as JSON has it."""
    return np.asarray(value).tolist()


def run(framework, chapter, skipped, facts, on_gpu):
    """Execute a chapter's cells of one framework; measure what it says."""
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


def work(framework, request):
    """Do what is asked for, in a child; never return."""
    *request, scale, folder = request
    os.chdir(folder)
    os.environ["D2L_SCALE"] = scale
    for name, number in (("stdout", 1), ("stderr", 2)):
        file = os.open(name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
    code = 1
    try:
        run(framework, *request)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    framework = sys.argv[1]
    # Keras leaves so many objects that counting them takes a tenth of the
    # time, and each child is short-lived.
    gc.set_threshold(100_000, 50, 100)
    importlib.import_module(f"d2lutils.{FRAMEWORKS[framework].module}")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(framework, json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
