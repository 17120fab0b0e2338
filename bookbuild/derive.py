"""Derive from the chapters the notebooks, and the modules of their models."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from d2lutils.frameworks import FRAMEWORKS

from .book import Book
from .chapter import Chapter
from .directives import exercise
from .errors import BookError
from .export import export
from .markdown.plain import Converter
from .project import Project

SETUP_TAG = "setup"

_SETUP = Path(__file__).with_name("set_up.ipy")
"""The cell that sets up, but for what it installs."""


def files(book: Book) -> dict[Path, str]:
    """Return the text of every file that is derived from the chapters."""
    project = book.project
    found = {
        project.export(framework): export(book, framework)
        for framework in (None, *FRAMEWORKS)
    }
    found[project.explained] = _explained(book)
    for framework in FRAMEWORKS:
        for chapter in book.chapters:
            if chapter.code(framework):
                path = project.notebook(framework, chapter.name)
                found[path] = to_text(derive(book, chapter, framework))
            solved = exercise.SOLUTIONS + chapter.name in book.named
            if solved and book.statements[chapter.name]:
                path = project.exercises(framework, chapter.name)
                text = to_text(derive_exercises(book, chapter, framework))
                found[path] = text
    return found


def _explained(book: Book) -> str:
    """Return the JSON of the exercises that ask to explain."""
    found = {
        chapter.name: asked
        for chapter in book.chapters
        if chapter.name in book.statements
        and (asked := exercise.explained(book, Converter(book, chapter)))
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def write(book: Book) -> None:
    """Write what is derived; touch no file that is up to date.

    What is committed comes from `_config.yml` alone. REPOSITORY and BRANCH
    reach copies of the notebooks in `_build/notebooks`, which lead to, and
    install from, that repository and branch.

    Raises:
        BookError: A variable names no repository or branch.
    """
    root, published = book.project.root, book.project.published()
    derived = files(book)
    for path, text in derived.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_up_to_date(path, text):
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(root)}")
    for path in _strangers(book, derived):
        path.unlink()
        print(f"removed {path.relative_to(root)}")
    shutil.rmtree(root / "_build/notebooks", ignore_errors=True)
    if published != book.project:
        _write_copies(replace(book, project=published))


def _write_copies(book: Book) -> None:
    root = book.project.root
    for path, text in files(book).items():
        if path.is_relative_to(root / "notebooks"):
            copy = root / "_build" / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, "utf-8")


def check(book: Book) -> None:
    """Check that what is derived from the chapters is up to date.

    Raises:
        BookError: With one message for every file that is not.
    """
    derived, root = files(book), book.project.root
    stale = [
        f"{path.relative_to(root)}: is out of date; run `make derive`"
        for path, text in derived.items()
        if not _is_up_to_date(path, text)
    ]
    stale += [
        f"{path.relative_to(root)}: belongs to no chapter"
        for path in _strangers(book, derived)
    ]
    if stale:
        raise BookError(stale)


def _is_up_to_date(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


def _strangers(book: Book, derived: dict[Path, str]) -> list[Path]:
    notebooks = book.project.root.glob("notebooks/*/**/*.ipynb")
    return [path for path in notebooks if path not in derived]


def derive(book: Book, chapter: Chapter, framework: str) -> NotebookNode:
    """Return a chapter's notebook for one framework, without outputs.

    It holds the title, a set-up cell for Colab, the prose in plain Markdown
    and the code cells that run in this framework.
    """
    project, convert = book.project, Converter(book, chapter).convert
    title, _, rest = convert(chapter.cells[0].source).partition("\n")
    page = f"{project.site}/chapters/{chapter.name}.html?fw={framework}"
    name = FRAMEWORKS[framework].name
    where = f"*{name} notebook of [this chapter]({page}).*"
    cells = [
        new_markdown_cell(f"{title}\n\n{where}"),
        new_code_cell(
            setup_code(project, framework), metadata={"tags": [SETUP_TAG]}
        ),
    ]
    if rest.strip():
        cells.append(new_markdown_cell(rest.strip("\n")))
    for cell in chapter.cells[1:]:
        if cell.kind == "markdown":
            cells.append(new_markdown_cell(convert(cell.source)))
        elif cell.runs_in(framework):
            tags = [tag for tag in cell.tags if tag not in FRAMEWORKS]
            metadata = {"tags": tags} if tags else {}
            cells.append(new_code_cell(cell.source, metadata=metadata))
    return notebook(cells)


def derive_exercises(
    book: Book, chapter: Chapter, framework: str
) -> NotebookNode:
    """Return the notebook in which a chapter's exercises are done.

    It holds the imports of the page of solutions, and for each exercise its
    text and its stub, or an empty cell for an answer in prose. The last
    cell tells what is solved.
    """
    project, converter = book.project, Converter(book, chapter)
    page = book.named[exercise.SOLUTIONS + chapter.name]
    title = book.references.titles[chapter.name]
    address = f"{project.site}/chapters/{chapter.name}.html"
    cells = [
        new_markdown_cell(
            f"# Exercises: {title}\n\n"
            f"*{FRAMEWORKS[framework].name} notebook of the exercises of "
            f"[this chapter]({address}?fw={framework}#exercises). Where a "
            "cell ends with a check, fill in what is missing and run it: it "
            "says whether you are right.*"
        ),
        new_code_cell(
            setup_code(project, framework), metadata={"tags": [SETUP_TAG]}
        ),
    ]
    cells += [
        new_code_cell(cell.source)
        for cell in exercise.imports(page, framework)
    ]
    solved = exercise.solutions(page)
    for label, block in book.statements[chapter.name].items():
        cells.append(new_markdown_cell(exercise.plain(converter, block)))
        stub = solved[label].stub(framework) if label in solved else None
        cells.append(
            new_code_cell(stub.source) if stub else new_markdown_cell("")
        )
    if any(
        "check." in stub.source for s in solved.values() for stub in s.stubs
    ):
        cells.append(new_code_cell(f'check.solved("{chapter.name}")'))
    return notebook(cells)


def notebook(cells: list[NotebookNode]) -> NotebookNode:
    """Return a notebook of these cells, the same every time."""
    for index, cell in enumerate(cells):
        # Without this nbformat draws random ids, and every derivation differs.
        text = f"{index} {cell.cell_type} {cell.source}"
        cell.id = hashlib.sha256(text.encode()).hexdigest()[:12]
    return new_notebook(
        cells=cells,
        metadata={
            "accelerator": "GPU",
            "colab": {"gpuType": "T4", "provenance": []},
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
    )


def setup_code(project: Project, framework: str) -> str:
    """Return the first cell: what Colab lacks, and nothing it has."""
    installs = [f'%pip install -q "{project.package_source}"']
    also, row = "", FRAMEWORKS[framework]
    if not row.in_colab:
        also = f" and {row.name}"
        command = row.install.removeprefix("pip install ")
        installs.append(f"%pip install -q {command}")
    text = _SETUP.read_text("utf-8").rstrip()
    return text.format(also=also, installs="\n    ".join(installs))


def is_setup(cell: NotebookNode) -> bool:
    """Whether a notebook's cell is the set-up cell."""
    return SETUP_TAG in cell.metadata.get("tags", ())


def to_text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file, the same every time."""
    return nbformat.writes(notebook) + "\n"
