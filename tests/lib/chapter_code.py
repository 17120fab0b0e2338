"""Run the code of a chapter, in a process of its own, and read its output."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

# One thread: two would wait for each other in networks this small.
ENVIRONMENT = {
    **os.environ,
    "D2L_SCALE": "smoke",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
}

RUN = """
import json, linecache, sys
from pathlib import Path
from bookbuild.chapter import read

root, chapter, framework, skipped, extra, before = json.loads(sys.argv[1])
space = {"__name__": "chapter"}
exec(before, {})
for cell in read(Path(root, "chapters", f"{chapter}.md")).code(framework):
    if any(words in cell.source for words in skipped):
        continue
    # TensorFlow compiles from the source of a function.
    name, lines = f"{chapter}-{cell.line}", cell.source.splitlines(True)
    linecache.cache[name] = len(cell.source), None, lines, name
    exec(compile(cell.source, name, "exec"), space)
exec(extra, space)
"""


def run_chapter(chapter, framework, skipped=(), extra="", before=""):
    """Execute the cells of one framework; return what they print.

    Args:
        chapter: Its name.
        framework: The tag of its cells.
        skipped: Cells that hold one of these texts are not executed.
        extra: Python code to execute after them, in their namespace.
        before: Python code to execute before them.
    """
    arguments = json.dumps(
        [str(ROOT), chapter, framework, skipped, extra, before]
    )
    # Elsewhere: chapters write files.
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [sys.executable, "-c", RUN, arguments],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
        )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout
