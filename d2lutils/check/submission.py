"""Read what is handed in: notebooks and scripts, as they come."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from .catalogue import catalogue

_HOMES = catalogue()
_CALL = re.compile(r"\bcheck\s*\.\s*(\w+)")
_IMPORT = re.compile(r"\bcheck import ([\w, ]+)")
_SOLVED = re.compile(r"\bcheck\.solved\(\W*(\w+)")


class FileError(Exception):
    """A file cannot be read as a notebook or script; says why."""


def read(path: Path) -> NotebookNode:
    """Return a notebook, or a script with a cell for each of its statements.

    A script that is no Python is one cell.

    Raises:
        FileError: It is missing, or neither a notebook nor text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    if path.suffix.lower() == ".ipynb":
        return _notebook(path, data)
    if path.suffix.lower() == ".py":
        return _script(path, data)
    raise FileError(f"{path} is neither a notebook (.ipynb) nor a .py")


def _notebook(path, data):
    try:
        content = json.loads(data)  # it finds the encoding, and a BOM
        content.setdefault("nbformat", 4)
        content.setdefault("nbformat_minor", 4)
        content.setdefault("metadata", {})
        for cell in content.get("cells", ()):
            cell.setdefault("metadata", {})
            cell.setdefault("source", "")
            if cell["cell_type"] == "code":
                cell.setdefault("outputs", [])
                cell.setdefault("execution_count", None)
        return nbformat.reads(json.dumps(content), as_version=4)
    except Exception:  # whatever nbformat makes of it
        raise FileError(f"{path} is no Jupyter notebook") from None


def _script(path, data):
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except UnicodeDecodeError:
        raise FileError(f"{path} cannot be read: it is no text") from None
    except SyntaxError as error:  # of an encoding that does not exist
        raise FileError(f"{path} cannot be read: {error.msg}") from None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return new_notebook(cells=[new_code_cell(text)])
    lines, cells, start, end = text.split("\n"), [], 1, 0
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        first = min(each.lineno for each in [node, *decorators])
        if first <= end:  # after a semicolon
            cells.pop()
        else:
            start = first
        end = node.end_lineno
        # The comments keep the numbers of the lines.
        source = ["#"] * (start - 1) + lines[start - 1 : end]
        cells.append(new_code_cell("\n".join(source)))
    return new_notebook(cells=cells)


def checks_in(source: str) -> list[str]:
    """Return the names of the book's checks that a cell calls."""
    lines = source.splitlines()
    code = [line for line in lines if not line.lstrip().startswith(("%", "!"))]
    try:
        tree = ast.parse("\n".join(code))
    except (SyntaxError, ValueError):
        names = _CALL.findall(source)
    else:
        names = [
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "check"
        ]
    return [name for name in dict.fromkeys(names) if name in _HOMES]


def expected(notebook: NotebookNode, name: str) -> list[str]:
    """Return the checks of the chapters that a submission belongs to.

    They are those of which any text in it names a check, in its code, its
    comments or its prose; else the one in its file's name.
    """
    text = "\n".join(cell.source for cell in notebook.cells)
    named = _CALL.findall(text)
    named += re.findall(r"\w+", " ".join(_IMPORT.findall(text)))
    chapters = {_HOMES[check] for check in named if check in _HOMES}
    chapters |= {*_SOLVED.findall(text)} & {*_HOMES.values()}
    if not chapters:
        fitting = [home for home in _HOMES.values() if home in name.lower()]
        chapters = {max(fitting, key=len)} if fitting else set()
    return of_chapters(chapters)


def of_chapters(chapters: Iterable[str]) -> list[str]:
    """Return the checks of chapters."""
    return [check for check, home in _HOMES.items() if home in chapters]
