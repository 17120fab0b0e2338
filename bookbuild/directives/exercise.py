"""Find a chapter's exercises, and derive the notebooks to do them in."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from ..chapter import Cell, Chapter
from ..derive import SETUP_TAG, notebook, setup_code
from ..markdown import myst
from ..markdown.plain import Converter
from ..markdown.references import References
from ..project import FRAMEWORKS, Project

SOLUTIONS = "solutions/"
"""The folder of the pages with solutions, named as their chapters are."""


@dataclass
class Solution:
    """A solution: where it begins, its stubs and its code."""

    place: str
    stubs: list[Cell] = field(default_factory=list)
    code: list[Cell] = field(default_factory=list)

    def stub(self, framework: str) -> Cell | None:
        """The cell that a framework's reader begins with, if there is one."""
        mine = (None, framework)
        return next((c for c in self.stubs if c.framework in mine), None)


def statements(chapter: Chapter) -> dict[str, myst.Directive]:
    """Return label → exercise of a chapter, in order."""
    return {
        block.options.get("label", ""): block
        for cell in chapter.cells
        if cell.kind == "markdown"
        for block in myst.directives(cell.source)
        if block.name == "exercise"
    }


def solutions(page: Chapter) -> dict[str, Solution]:
    """Return label of the exercise → solution, in order."""
    found: dict[str, Solution] = {}
    current: Solution | None = None
    for cell in page.cells:
        if cell.kind == "code":
            if current:
                part = current.stubs if cell.is_stub else current.code
                part.append(cell)
            continue
        for block in myst.directives(cell.source):
            if block.name == "solution-start":
                place = f"{page.path}:{cell.line + block.first}:"
                current = found[block.argument.strip()] = Solution(place)
            elif block.name == "solution-end":
                current = None
    return found


def faults(chapters: list[Chapter]) -> Iterator[str]:
    """Yield what is wrong with exercises, solutions and stubs."""
    pages = {chapter.name: chapter for chapter in chapters}
    for chapter in chapters:
        if chapter.name.startswith(SOLUTIONS):
            yield from _faults_of_solutions(chapter, pages)
            continue
        page = pages.get(SOLUTIONS + chapter.name)
        solved = solutions(page) if page else {}
        for label in statements(chapter):
            if label not in solved:
                yield f"{chapter.path}:1: exercise {label!r} has no solution"


def _faults_of_solutions(page: Chapter, pages) -> Iterator[str]:
    chapter = pages.get(page.name.removeprefix(SOLUTIONS))
    asked = list(statements(chapter)) if chapter else []
    solved = solutions(page)
    yield from _faults_of_ends(page)
    for label, solution in solved.items():
        if label not in asked:
            yield f"{solution.place} no exercise {label!r} in the chapter"
        owners = [stub.framework for stub in solution.stubs]
        if owners not in ([], [None], list(FRAMEWORKS)):
            yield (
                f"{solution.place} a solution has one stub for all frameworks "
                "or one for each"
            )
    if [label for label in solved if label in asked] != [
        label for label in asked if label in solved
    ]:
        yield f"{page.path}:1: solutions stand in the exercises' order"
    inside = {id(stub) for each in solved.values() for stub in each.stubs}
    for cell in page.cells:
        if cell.is_stub and id(cell) not in inside:
            yield f"{page.path}:{cell.line}: a stub stands in a solution"
        if "save" in cell.tags:
            yield f"{page.path}:{cell.line}: a solution saves nothing"


def _faults_of_ends(page: Chapter) -> Iterator[str]:
    begun: dict[str, str] = {}
    current = ""
    for cell in page.cells:
        if cell.kind == "code":
            continue
        for block in myst.directives(cell.source):
            place = f"{page.path}:{cell.line + block.first}:"
            if block.name == "solution-start":
                label = block.argument.strip()
                if current:
                    yield f"{begun[current]} this solution has no end"
                if label in begun:
                    yield f"{place} {label!r} is solved already"
                current = label
                begun[label] = place
            elif block.name == "solution-end":
                if not current:
                    yield f"{place} no solution begins before this end"
                current = ""
    if current:
        yield f"{begun[current]} this solution has no end"


def derive_exercises(
    project: Project,
    chapter: Chapter,
    page: Chapter,
    framework: str,
    references: References,
) -> NotebookNode:
    """Return the notebook in which a chapter's exercises are done.

    It holds the imports of the page of solutions, and for each exercise its
    text and its stub, or an empty cell for an answer in prose.
    """
    converter = Converter(project, chapter, references)
    title = references.titles[chapter.name]
    address = f"{project.site}/chapters/{chapter.name}.html"
    cells = [
        new_markdown_cell(
            f"# Exercises: {title}\n\n"
            f"*{FRAMEWORKS[framework]} notebook of the exercises of "
            f"[this chapter]({address}?fw={framework}#exercises). Where a "
            "cell ends with a check, fill in what is missing and run it: it "
            "says whether you are right.*"
        ),
        new_code_cell(
            setup_code(project, framework), metadata={"tags": [SETUP_TAG]}
        ),
    ]
    cells += [new_code_cell(cell.source) for cell in imports(page, framework)]
    solved = solutions(page)
    for label, block in statements(chapter).items():
        cells.append(new_markdown_cell(converter.exercise(block)))
        stub = solved[label].stub(framework) if label in solved else None
        cells.append(
            new_code_cell(stub.source) if stub else new_markdown_cell("")
        )
    return notebook(cells)


def imports(page: Chapter, framework: str) -> Iterator[Cell]:
    """Yield the code cells before the first solution."""
    for cell in page.cells:
        if cell.kind == "markdown":
            blocks = myst.directives(cell.source)
            if any(block.name == "solution-start" for block in blocks):
                return
        elif cell.runs_in(framework):
            yield cell
