"""The directives `exercise`, `solution-start` and `solution-end`.

A page of solutions solves a chapter's exercises in their order. Stubs within a
solution are what the notebook of the exercises begins with.

On a page sphinx-exercise numbers them and knows which belong together. Here
each exercise gets a link to its solution, and the code to mend where there is
a bug to find; each solution gets a fold of plain HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, solution_node

from d2lutils.frameworks import FRAMEWORKS

from ..chapter import Cell, Chapter, read
from ..markdown import myst
from ..markdown.myst import Directive
from ..project import Project
from ..sphinx.html import element
from ..sphinx.tabs import tab, tab_set
from .kind import Kind

if TYPE_CHECKING:
    from ..book import Book
    from ..markdown.plain import Converter

SOLUTIONS = "solutions/"
"""The folder of the pages with solutions, named as their chapters are."""


RUBRIC = "*Rubric.*"
"""Begins the last part of a solution to what cannot be checked."""


@dataclass
class Solution:
    """A solution: where it begins, its stubs, its code and its rubric."""

    place: str
    stubs: list[Cell] = field(default_factory=list)
    code: list[Cell] = field(default_factory=list)
    rubric: str = ""

    def stub(self, framework: str) -> Cell | None:
        """The cell that a framework's reader begins with, if there is one."""
        mine = (None, framework)
        return next((c for c in self.stubs if c.framework in mine), None)


def statements(chapter: Chapter) -> dict[str, Directive]:
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
                if current:
                    before = cell.source.splitlines()[: block.first]
                    _, mark, rubric = "\n".join(before).rpartition(RUBRIC)
                    current.rubric = f"{mark}{rubric}".strip() if mark else ""
                current = None
    return found


def faults(book: Book) -> Iterator[str]:
    """Yield what is wrong with exercises, solutions and stubs."""
    for chapter in book.chapters:
        if chapter.name.startswith(SOLUTIONS):
            yield from _faults_of_solutions(book, chapter)
            continue
        page = book.named.get(SOLUTIONS + chapter.name)
        solved = solutions(page) if page else {}
        for label in book.statements[chapter.name]:
            if label not in solved:
                yield f"{chapter.path}:1: exercise {label!r} has no solution"


def _faults_of_solutions(book: Book, page: Chapter) -> Iterator[str]:
    asked = list(book.statements.get(page.name.removeprefix(SOLUTIONS), ()))
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


def explained(book: Book, converter: Converter) -> list[dict[str, str]]:
    """Return what a chapter asks to explain, with the rubrics, as plain text.

    Each has the keys title, question and rubric.
    """
    name = converter.chapter.name
    page = book.named.get(SOLUTIONS + name)
    solved = solutions(page) if page else {}
    return [
        {
            "title": converter.convert(block.argument),
            "question": plain(converter, block),
            "rubric": converter.convert(solved[label].rubric),
        }
        for label, block in book.statements[name].items()
        if label in solved and solved[label].rubric
    ]


def imports(page: Chapter, framework: str) -> Iterator[Cell]:
    """Yield the code cells before the first solution."""
    for cell in page.cells:
        if cell.kind == "markdown":
            blocks = myst.directives(cell.source)
            if any(block.name == "solution-start" for block in blocks):
                return
        elif cell.runs_in(framework):
            yield cell


def plain(converter: Converter, block: Directive) -> str:
    """Return an exercise in a notebook: its number, its title and its text."""
    number = converter.references.labels[block.options["label"]].number
    title = ""
    if block.argument:
        title = f" ({converter.convert(block.argument)})"
    return f"**Exercise {number}{title}.** {converter.convert(block.body)}"


def _faults_of_exercise(
    project: Project, chapter: Chapter, block: Directive
) -> Iterator[str]:
    if not block.options.get("label"):
        yield "an exercise needs a :label:"


def _plain_solution(converter: Converter, block: Directive) -> str:
    target = block.argument.strip()
    label = converter.references.labels[target]
    title = f" ({converter.convert(label.title)})" if label.title else ""
    address = converter.page(label.chapter, f"#{target}")
    return f"**Solution to [Exercise {label.number}{title}]({address}).**"


def _plain_end(converter: Converter, block: Directive) -> str:
    return ""


_OPTIONS = frozenset({"class", "label"})
KINDS = (
    Kind("exercise", plain, _OPTIONS, _faults_of_exercise),
    Kind("solution-start", _plain_solution, _OPTIONS),
    Kind("solution-end", _plain_end),
)


class ShowCodeToMend(SphinxTransform):
    """Show the stub of each exercise that asks to find a bug, folded."""

    default_priority = 500

    def apply(self, **kwargs) -> None:
        """Rewrite the document in place."""
        name = self.env.docname.removeprefix("chapters/")
        project = Project(Path(self.app.srcdir))
        path = project.chapters / f"{SOLUTIONS}{name}.md"
        if not path.exists():
            return
        self.env.note_dependency(str(path))
        solved = solutions(read(path))
        for exercise in self.document.findall(exercise_enumerable_node):
            content, solution = exercise[-1], solved.get(exercise["label"])
            if solution and content.astext().startswith("Find the bug."):
                content += _code_to_mend(solution)


def _code_to_mend(solution: Solution) -> nodes.Element:
    """Return a fold with the stubs, in tabs if there is one a framework."""
    summary = element("summary", nodes.Text("Show the code to mend"))
    fold, tabs = element("details", summary), tab_set()
    for stub in solution.stubs:
        code = nodes.literal_block(stub.source, stub.source, language="python")
        cell = nodes.container("", code, classes=["code-to-mend"])
        if stub.framework is None:
            fold += cell
        else:
            tab(tabs, stub.framework).append(cell)
    if len(tabs):
        fold += tabs
    return fold


class LinkExercises(SphinxPostTransform):
    """Put a link to its solution under each exercise."""

    default_priority = 30  # sphinx-exercise has made the titles

    def run(self, **kwargs) -> None:
        """Rewrite the document in place."""
        registry = getattr(self.env, "sphinx_exercise_registry", {})
        labels = {
            entry["node"].get("target_label"): label
            for label, entry in registry.items()
        }
        for exercise in self.document.findall(exercise_enumerable_node):
            _unwrap(exercise)
            if label := labels.get(exercise["label"]):
                address = self.app.builder.get_relative_uri(
                    self.env.docname, registry[label]["docname"]
                )
                link = nodes.reference(
                    "", "Solution", refuri=f"{address}#{label}", internal=True
                )
                exercise += nodes.paragraph(
                    "", "", link, classes=["exercise-solution"]
                )


class FoldSolutions(SphinxPostTransform):
    """Fold each solution, under a line that leads back to the exercise."""

    default_priority = 30

    def run(self, **kwargs) -> None:
        """Rewrite the document in place."""
        for solution in list(self.document.findall(solution_node)):
            _unwrap(solution)
            title, *content = solution.children
            _tidy(title)
            fold = element(
                "details",
                element("summary", nodes.Text("Show the solution")),
                *content,
            )
            line = nodes.paragraph(
                "", "", *title.children, classes=["solution-title"]
            )
            folded = element("div", line, fold)
            solution.replace_self(folded)
            folded["classes"] = ["solution"]


def _tidy(title: nodes.title) -> None:
    """Move the blank between the words and the link out of the link."""
    words, link = title.children
    title.replace(words, nodes.Text(f"{words.astext()} "))
    first = link.children[0]
    link.replace(first, nodes.Text(first.astext().lstrip()))


def _unwrap(node: nodes.Element) -> None:
    """Take out the section around the content: its id is on every one."""
    for section in [c for c in node.children if isinstance(c, nodes.section)]:
        node.remove(section)
        node += section.children


def setup(app: Sphinx) -> None:
    """Register the transforms."""
    app.setup_extension("sphinx_exercise")
    app.add_transform(ShowCodeToMend)
    app.add_post_transform(LinkExercises)
    app.add_post_transform(FoldSolutions)
