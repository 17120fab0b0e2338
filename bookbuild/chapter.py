"""Read a chapter: a MyST notebook whose code cells carry framework tags."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myst_nb.core.read import (
    MystMetadataParsingError,
    read_myst_markdown_notebook,
)
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode

from .errors import BookError
from .project import FRAMEWORKS

MYST_EXTENSIONS = ("colon_fence", "dollarmath", "amsmath")
"""Block syntax of the chapters; the same list stands in `_config.yml`."""

CELL_TAGS = {
    "save",  # exported to d2lutils.models
    "hide-input",
    "hide-output",
    "remove-input",
    "remove-output",
    "raises-exception",  # the error is the lesson
}


@dataclass(frozen=True)
class Cell:
    """One cell of a chapter; `line` is where its text starts, from 1."""

    kind: str
    source: str
    line: int
    tags: tuple[str, ...] = ()

    @property
    def framework(self) -> str | None:
        """The framework this cell belongs to; None: it runs in all."""
        return next((tag for tag in self.tags if tag in FRAMEWORKS), None)

    def runs_in(self, framework: str) -> bool:
        """Whether this is a code cell that the framework's notebook has."""
        return self.kind == "code" and self.framework in (None, framework)


@dataclass(frozen=True)
class Chapter:
    """A chapter's cells, in the order of the source."""

    name: str
    path: str
    cells: tuple[Cell, ...]
    metadata: NotebookNode

    def code(self, framework: str) -> list[Cell]:
        """The code cells that one framework's notebook executes."""
        return [cell for cell in self.cells if cell.runs_in(framework)]

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
    config = MdParserConfig(enable_extensions=set(MYST_EXTENSIONS))
    return read_myst_markdown_notebook(text, config, add_source_map=True)


def read(path: Path) -> Chapter:
    """Read a chapter from its file.

    Raises:
        BookError: The file is not a MyST notebook that can be read.
    """
    shown = f"chapters/{path.name}"
    try:
        notebook = read_notebook(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, MystMetadataParsingError) as error:
        raise BookError(f"{shown}:1: {error}") from None
    lines = notebook.metadata.pop("source_map")
    cells = tuple(
        Cell(
            cell.cell_type,
            cell.source,
            line + 1,
            tuple(cell.metadata.get("tags", ())),
        )
        for cell, line in zip(notebook.cells, lines, strict=True)
    )
    return Chapter(path.stem, shown, cells, notebook.metadata)
