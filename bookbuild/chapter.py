"""Read a chapter: a MyST notebook whose code cells carry framework tags."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode

from d2lutils.frameworks import FRAMEWORKS

from .errors import BookError
from .markdown import myst
from .project import Project

CELL_TAGS = {
    "save",  # exported to d2lutils.models
    "hide-input",
    "hide-output",
    "remove-input",
    "remove-output",
    "raises-exception",  # the error is the lesson
    "stub",  # what an exercise's notebook begins with: not run, not shown
}


@dataclass(frozen=True)
class Cell:
    """One cell of a chapter; `line` is where its text starts, from 1."""

    kind: str
    source: str
    line: int
    tags: tuple[str, ...] = ()
    options: tuple[str, ...] = ()  # other than tags

    @property
    def framework(self) -> str | None:
        """The framework this cell belongs to; None: it runs in all."""
        return next((tag for tag in self.tags if tag in FRAMEWORKS), None)

    @property
    def is_stub(self) -> bool:
        """Whether this belongs to the notebook of the exercises only."""
        return "stub" in self.tags

    def runs_in(self, framework: str) -> bool:
        """Whether this is a code cell that the framework's notebook has."""
        mine = self.framework in (None, framework)
        return self.kind == "code" and mine and not self.is_stub


@dataclass(frozen=True)
class Chapter:
    """A chapter's cells, in the order of the source.

    `name` is its path under `chapters/`, without the ending; `unclosed` are
    the lines, from 1, of fences that go on to the end.
    """

    name: str
    path: str
    cells: tuple[Cell, ...]
    metadata: NotebookNode
    unclosed: tuple[int, ...] = ()

    def code(self, framework: str) -> list[Cell]:
        """The code cells that one framework's notebook executes."""
        return [cell for cell in self.cells if cell.runs_in(framework)]

    def beside(self, project: Project, path: str) -> Path:
        """Return the file that a path leads to from this chapter."""
        return (project.root / self.path).parent / path

    def resolve(self, target: str) -> str:
        """Return the name of the chapter that `{doc}` leads to from here."""
        return posixpath.normpath(
            posixpath.join(posixpath.dirname(self.name), target)
        )

    def steps(self) -> Iterator[list[Cell]]:
        """Yield the cells of each step: one a framework, if it is whole."""
        for run in self.runs():
            for start in range(0, len(run), len(FRAMEWORKS)):
                yield run[start : start + len(FRAMEWORKS)]

    def runs(self) -> Iterator[list[Cell]]:
        """Yield the runs of neighbouring framework cells, in order."""
        run: list[Cell] = []
        for cell in self.cells:
            if cell.kind == "code" and cell.framework:
                run.append(cell)
                continue
            if run:
                yield run
            run = []
        if run:
            yield run


def read_notebook(text: str) -> NotebookNode:
    """Parse MyST text as MyST-NB does, with the line of every cell."""
    config = MdParserConfig(enable_extensions=set(myst.EXTENSIONS))
    return read_myst_markdown_notebook(text, config, add_source_map=True)


def read(path: Path, name: str = "") -> Chapter:
    """Read a chapter from its file.

    Args:
        path: The file.
        name: The chapter's name; by default that of the file.

    Raises:
        BookError: The file is not a MyST notebook that can be read.
    """
    name = name or path.stem
    shown = f"chapters/{name}.md"
    try:
        text = path.read_text("utf-8")
        notebook = read_notebook(text)
    except Exception as error:  # whatever MyST-NB makes of a broken file
        brief = " ".join((getattr(error, "message", "") or str(error)).split())
        raise BookError(f"{shown}:1: {brief}") from None
    starts = notebook.metadata.pop("source_map")
    lines = text.splitlines()
    cells = tuple(
        Cell(
            cell.cell_type,
            cell.source,
            _first_line(lines, start, cell.source),
            tuple(cell.metadata.get("tags", ())),
            tuple(name for name in cell.metadata if name != "tags"),
        )
        for cell, start in zip(notebook.cells, starts, strict=True)
    )
    unclosed = tuple(index + 1 for index in myst.unclosed(text))
    return Chapter(name, shown, cells, notebook.metadata, unclosed)


def _first_line(lines: list[str], start: int, source: str) -> int:
    """Number the line, from 1, on which a cell's text begins.

    A cell's place in the file may be that of its options or of the blank
    lines before its text.
    """
    first = source.split("\n")[0]
    for index in range(start, len(lines)):
        if lines[index] == first:
            return index + 1
    return start + 1
