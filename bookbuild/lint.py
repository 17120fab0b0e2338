"""Check the chapters' sources before anything is executed or built."""

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from d2lutils.frameworks import FRAMEWORKS

from . import export, prose
from .book import Book
from .chapter import CELL_TAGS, Cell, Chapter
from .directives import exercise
from .errors import BookError
from .markdown import lint as markdown
from .markdown import myst
from .project import Project

MAX_COLUMNS = 79
MAX_LINES = 25
_BRANCH = re.compile(r"\bif\s+framework\s*==")


def check(book: Book) -> None:
    """Check the sources of a book.

    Raises:
        BookError: With one message for every fault of every chapter.
    """
    faults = [*_files(book.project), *book.unread]
    for chapter in book.chapters:
        faults += _header(chapter)
        faults += _cells(chapter)
        faults += _tabs(chapter)
        faults += _steps_saved(chapter)
    faults += _saved_twice(book)
    faults += book.references.faults
    faults += exercise.faults(book)
    faults += export.faults(book)
    for chapter in book.chapters:
        faults += markdown.faults(chapter, book.references, book.project)
    faults += prose.faults(book.project.root)
    if faults:
        raise BookError(faults)


def _files(project: Project) -> Iterator[str]:
    for path in sorted(project.chapters.rglob("*")):
        name = path.relative_to(project.chapters).with_suffix("").as_posix()
        shown = f"chapters/{name}{path.suffix}"
        if path.suffix == ".ipynb":
            stored = _stored_outputs(path)
            yield (
                f"{shown}:1: {stored}a chapter is a MyST notebook in "
                "Markdown; derived notebooks live in notebooks/"
            )
        elif path.suffix == ".md" and name not in project.toc:
            yield f"{shown}:1: is missing in _toc.yml"


def _stored_outputs(path: Path) -> str:
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # whatever nbformat makes of a broken file
        return f"cannot be read ({error}); "
    cells = [n for n, cell in enumerate(notebook.cells) if cell.get("outputs")]
    return f"cell {cells[0]} stores outputs; " if cells else ""


def _header(chapter: Chapter) -> Iterator[str]:
    for line in chapter.unclosed:
        yield f"{chapter.path}:{line}: this fence is not closed"
    text = chapter.metadata.get("jupytext", {})
    form = text.get("text_representation", {}).get("format_name")
    runs = any(cell.kind == "code" for cell in chapter.cells)
    if runs and (form != "myst" or "kernelspec" not in chapter.metadata):
        yield (
            f"{chapter.path}:1: the front matter must name jupytext's "
            "format_name: myst and a kernelspec, or no cell is executed"
        )
    first = chapter.cells[0] if chapter.cells else None
    lines = myst.text_lines(first.source) if first else ()
    if not (
        first
        and first.kind == "markdown"
        and any(re.match(r"# \S", line) for _, line in lines)
    ):
        yield f"{chapter.path}:1: a chapter begins with its # title"


def _cells(chapter: Chapter) -> Iterator[str]:
    for cell in chapter.cells:
        if cell.kind != "code":
            continue
        place = f"{chapter.path}:{cell.line}:"
        for tag in cell.tags:
            if tag not in FRAMEWORKS and tag not in CELL_TAGS:
                known = ", ".join([*FRAMEWORKS, *sorted(CELL_TAGS)])
                yield f"{place} unknown tag {tag!r}; known are {known}"
        for option in cell.options:
            if option != "mystnb":  # how MyST-NB is told an image's alt text
                yield f"{place} unknown option {option!r}; use tags or mystnb"
        if cell.is_stub and not chapter.name.startswith(exercise.SOLUTIONS):
            yield f"{place} a stub stands in a page of solutions"
        owners = [tag for tag in cell.tags if tag in FRAMEWORKS]
        if len(owners) > 1:
            yield f"{place} one cell, two frameworks: {', '.join(owners)}"
        lines = cell.source.splitlines()
        if len(lines) > MAX_LINES:
            yield f"{place} {len(lines)} lines of code; {MAX_LINES} at most"
        for offset, line in enumerate(lines):
            where = f"{chapter.path}:{cell.line + offset}:"
            if len(line) > MAX_COLUMNS:
                yield f"{where} {len(line)} columns; {MAX_COLUMNS} at most"
            if line.lstrip().startswith(("!", "%")):
                yield f"{where} shell commands and magics have no place here"
            if _BRANCH.search(line):
                yield f"{where} a cell a framework, not `if framework ==`"
        if not any(line.lstrip().startswith(("!", "%")) for line in lines):
            yield from _syntax(chapter, cell)


def _syntax(chapter: Chapter, cell: Cell) -> Iterator[str]:
    try:
        tree = ast.parse(cell.source)
    except SyntaxError as error:
        where = f"{chapter.path}:{cell.line + (error.lineno or 1) - 1}:"
        yield f"{where} this is no Python: {error.msg}"
        return
    for node in ast.walk(tree):
        for name in _imported(node):
            owner = _owner(name)
            if owner and owner != cell.framework:
                where = f"{chapter.path}:{cell.line + node.lineno - 1}:"
                whose = cell.framework or "all frameworks"
                yield f"{where} a cell of {whose} imports {name}, of {owner}"
                break


def _imported(node: ast.AST) -> list[str]:
    """Name in full what a node imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("import_module", "__import__"))
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ):
        return [str(node.args[0].value)]
    return []


def _owner(name: str) -> str | None:
    """Return the framework that an imported name belongs to, if to one.

    Its own modules count, and ours that are named as it is.
    """
    first, *others = name.split(".")
    for row in FRAMEWORKS.values():
        if first in (row.module, *row.distributions):
            return row.key
        if first == "d2lutils" and row.module in others:
            return row.key
    return None


def _steps_saved(chapter: Chapter) -> Iterator[str]:
    """Yield the steps that not all frameworks save, or not in the same way."""
    for step in chapter.steps():
        if len(step) < len(FRAMEWORKS):
            continue
        saved = [cell for cell in step if "save" in cell.tags]
        for cell in step:
            place = f"{chapter.path}:{cell.line}: [{cell.framework}]"
            if saved and cell not in saved:
                owners = ", ".join(str(each.framework) for each in saved)
                yield f"{place} this step is saved in {owners} only"
            elif saved:
                names, others = _defined(cell), _defined(saved[0])
                if names != others:
                    yield (
                        f"{place} saves {_listed(names)}, but "
                        f"{saved[0].framework} {_listed(others)}"
                    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _defined(cell: Cell) -> set[str]:
    return {name for name, meaning in _bound(cell) if meaning is None}


def _saved_twice(book: Book) -> Iterator[str]:
    """Yield the names that would mean two things in one exported module."""
    told: dict[tuple[str, str], list[str]] = {}
    for framework in FRAMEWORKS:
        seen: dict[str, tuple[str, str | None]] = {}
        for chapter in book.chapters:
            for cell in chapter.code(framework):
                if "save" not in cell.tags:
                    continue
                place = f"{chapter.path}:{cell.line}"
                for name, meaning in _bound(cell):
                    first, before = seen.setdefault(name, (place, meaning))
                    if first != place and not (meaning and meaning == before):
                        fault = f"saves {name!r}, which {first} has saved"
                        told.setdefault((chapter.name, name), []).append(
                            f"{place}: [{framework}] {fault}"
                        )
    for faults in told.values():
        yield faults[0]


def _bound(cell: Cell) -> Iterator[tuple[str, str | None]]:
    """Yield the names that a cell binds, each with its import, if it is one.

    An import means the same in every chapter that saves it.
    """
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # which is told elsewhere
        return
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                alone = copy.copy(node)
                alone.names = [alias]
                name = alias.asname or alias.name.partition(".")[0]
                yield name, ast.unparse(alone)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, None
        else:
            for each in ast.walk(node):
                if isinstance(each, ast.Name) and isinstance(
                    each.ctx, ast.Store
                ):
                    yield each.id, None


def _tabs(chapter: Chapter) -> Iterator[str]:
    order = list(FRAMEWORKS)
    for run in chapter.runs():
        for start in range(0, len(run), len(order)):
            step = run[start : start + len(order)]
            names = [cell.framework for cell in step]
            if names == order:
                continue
            missing = [name for name in order if name not in names]
            place = f"{chapter.path}:{step[0].line}:"
            if missing:
                yield (
                    f"{place} [{', '.join(missing)}] missing tab: this step "
                    f"has {', '.join(names)} only"
                )
            else:
                yield f"{place} tabs stand in the order {', '.join(order)}"
            break  # what follows in this run would only repeat the fault
