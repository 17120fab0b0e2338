"""Run the code of a chapter, in a process of its own, and read its output."""

import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests/lib/programs/run_chapter.py"

# One thread: two would wait for each other in networks this small.
ENVIRONMENT = {
    **os.environ,
    "D2L_SCALE": "smoke",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/lib")]),
}


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
    arguments = [chapter, framework, skipped, facts, on_gpu]
    # Elsewhere: chapters write files.
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [sys.executable, PROGRAM, json.dumps(arguments)],
            cwd=folder,
            env=ENVIRONMENT | {"D2L_SCALE": scale},
            capture_output=True,
            text=True,
        )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


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
