"""Run a reader's notebook or script, and collect what its checks say."""

import ast
import json
import math
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config


@dataclass(frozen=True)
class Result:
    """What became of one exercise."""

    exercise: str
    result: str  # passed, failed or not run
    what: str = ""


class FileError(Exception):
    """A file cannot be read as a notebook or script; says why."""


def read(path):
    """Return a notebook, or a script with a cell for each of its statements.

    Raises:
        FileError: It is missing, or no notebook or Python.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise FileError(f"{path} cannot be read: {reason}") from None
    if path.suffix == ".ipynb":
        try:
            return nbformat.reads(text, as_version=4)
        except Exception:  # whatever nbformat makes of it
            raise FileError(f"{path} is no Jupyter notebook") from None
    if path.suffix != ".py":
        raise FileError(f"{path} is neither a notebook (.ipynb) nor a .py")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise FileError(
            f"{path} is no Python: line {error.lineno}: {error.msg}"
        ) from None
    lines = text.splitlines()
    cells = []
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        first = min(each.lineno for each in [node, *decorators])
        # The comments keep the numbers of the lines.
        source = ["#"] * (first - 1) + lines[first - 1 : node.end_lineno]
        cells.append(nbformat.v4.new_code_cell("\n".join(source)))
    return nbformat.v4.new_notebook(cells=cells)


def checks_in(cell):
    """Return the names of the checks that a cell calls."""
    source = "\n".join(
        line
        for line in cell.source.splitlines()
        if not line.lstrip().startswith(("%", "!"))
    )
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []
    return [
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "check"
        and node.func.attr != "solved"
    ]


def run(notebook, folder, cell_seconds, seconds):
    """Execute a notebook in a process of its own; return a list of results.

    A cell that fails, or takes too long, does not stop the others. Where a
    check is called more than once, the last call counts.

    Args:
        notebook: As `read` returns it.
        folder: The folder to run in.
        cell_seconds: How long a cell may take.
        seconds: How long all of them may take.
    """
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch, "log")
        log.touch()
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            allow_errors=True,
            shutdown_kernel="immediate",
            interrupt_on_timeout=True,
            # Else it waits for a cell that takes no notice of an interrupt.
            error_on_timeout={"ename": "", "evalue": "", "traceback": []},
            resources={"metadata": {"path": str(folder)}},
            # Else the kernel warns that others on the machine may listen.
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
        client.log.setLevel("CRITICAL")
        end = time.monotonic() + seconds
        environment = {**os.environ, "D2L_CHECK_LOG": str(log)}
        with client.setup_kernel(env=environment):
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type != "code":
                    continue
                before = log.stat().st_size
                limit = min(cell_seconds, end - time.monotonic())
                fault = _execute(client, cell, index, limit)
                for name in checks_in(cell):
                    results[name] = Result(name, "not run", fault)
                with log.open(encoding="utf-8") as lines:
                    lines.seek(before)
                    for line in lines:
                        result = _result(json.loads(line))
                        results[result.exercise] = result
    return list(results.values())


def _result(entry):
    if entry["passed"]:
        return Result(entry["exercise"], "passed")
    what = " ".join([entry["message"].rstrip(".") + ".", entry["hint"]])
    return Result(entry["exercise"], "failed", what.strip())


def _execute(client, cell, index, limit):
    """Execute a cell; return what went wrong with it, in one sentence."""
    if limit <= 0:
        return "the time for the whole file is over"
    client.timeout = math.ceil(limit)
    start = time.monotonic()
    try:
        client.execute_cell(cell, index)
    except DeadKernelError:
        return "the process died"
    if time.monotonic() - start >= limit:
        return f"the cell takes more than {limit:.0f} seconds"
    for output in cell.outputs:
        if output.output_type == "error":
            value = " ".join(output.evalue.split())
            return f"the cell raises {output.ename}: {value}"
    return "the cell ends before the check is called"
