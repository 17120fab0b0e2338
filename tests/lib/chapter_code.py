"""Run the code of a chapter, in a process of its own, and read its output."""

import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from bookbuild import execute
from bookbuild.book import read_book
from bookbuild.project import Project

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests/lib/programs/run_chapter.py"

# One thread: two would wait for each other in networks this small.
ENVIRONMENT = {
    **os.environ,
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/lib")]),
}


@functools.cache  # importing a framework takes seconds
def runner(framework):
    """Start what runs chapters of one framework; it ends with this process."""
    return subprocess.Popen(
        [sys.executable, PROGRAM, framework],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_chapter(
    chapter, framework, skipped=(), facts=None, on_gpu=False, scale="smoke"
):
    """Execute the cells of one framework; return what they print.

    Args:
        chapter: Its name.
        framework: The tag of its cells.
        skipped: Cells that hold one of these texts are not executed.
        facts: The module whose `measure` is called after them, if any.
        on_gpu: Whether PyTorch takes the processor for a GPU.
        scale: The value of D2L_SCALE.
    """
    process = runner(framework)
    # Elsewhere: chapters write files.
    with tempfile.TemporaryDirectory() as folder:
        request = [chapter, skipped, facts, on_gpu, scale, folder]
        print(json.dumps(request), file=process.stdin, flush=True)
        answer = process.stdout.readline().strip()
        assert answer, f"{PROGRAM.name} has ended: {process.wait()}"
        printed, complaints = (
            Path(folder, name).read_text("utf-8")
            for name in ("stdout", "stderr")
        )
    assert answer == "0", complaints
    assert complaints == ""
    return printed


@functools.cache
def measured(chapter, framework):
    """Execute a chapter once, and measure what `facts` has for it.

    Returns:
        What the chapter's cells print, and the facts by their names.
    """
    name = f"facts.{chapter}"
    skipped = importlib.import_module(name).SKIPPED
    text = run_chapter(chapter, framework, skipped, name)
    printed, _, found = text.rpartition("FACTS ")
    return printed, json.loads(found)


@functools.cache
def book():
    """Return the book as it is in this repository."""
    return read_book(Project(ROOT))


def demonstrated(chapter, framework):
    """Return what a chapter prints at the scale demo.

    Outputs that `make html` has left are taken if they stand; else its cells
    are executed now.
    """
    found = book().named[chapter]
    if not execute.stands(book().project, found, framework, "demo"):
        return run_chapter(chapter, framework, scale="demo")
    path = book().project.executed(framework, chapter)
    cells = nbformat.read(path, as_version=4).cells
    outputs = [each for cell in cells for each in cell.get("outputs", ())]
    return "".join(
        each.text
        for each in outputs
        if each.output_type == "stream" and each.name == "stdout"
    )
