"""Check the chapters' sources before anything is executed or built."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from . import exercises, myst, quiz, recorded
from .chapter import CELL_TAGS, Cell, Chapter, read
from .errors import BookError
from .plain import KNOWN_DIRECTIVES, KNOWN_ROLES, PAGE_DIRECTIVES
from .project import FRAMEWORKS, Project
from .references import References, collect

MAX_COLUMNS = 79
MAX_LINES = 25
# Also behind the marks of lists and quotations.
_NESTED_CELL = re.compile(
    r"^\s*([>*+-]\s+|\d+[.)]\s+)*(`{3,}|~{3,}|:{3,})\s*\{(code|raw)-cell\}"
)
# Markdown takes this for text.
_BROKEN_FENCE = re.compile(r"^\s*(`{3,})\s*\{[\w-]+\}[^`]*`")
ROLE_TARGETS = {
    "eq": {"equation"},
    "ref": {"section", "exercise"},
    "numref": {"exercise", "figure", "list-table", "section"},
}
_BRANCH = re.compile(r"\bif\s+framework\s*==")


def load(project: Project) -> tuple[list[Chapter], References]:
    """Read all chapters and check them.

    Returns:
        The chapters in reading order, and what they refer to.

    Raises:
        BookError: With one message for every fault of every chapter.
    """
    faults = list(_files(project))
    chapters = []
    for name in project.toc:
        path = project.chapters / f"{name}.md"
        if path.exists():
            try:
                chapters.append(read(path, name))
            except BookError as error:
                faults += error.messages
        else:
            faults.append(f"_toc.yml: chapters/{name}.md does not exist")
    for chapter in chapters:
        faults += _header(chapter)
        faults += _cells(chapter)
        faults += _tabs(chapter)
    references = collect(
        chapters, project.toc, project.root / "references.bib"
    )
    faults += references.faults
    faults += exercises.faults(chapters)
    for chapter in chapters:
        faults += _markdown(chapter, references, project)
    if faults:
        raise BookError(faults)
    return chapters, references


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
        ast.parse(cell.source)
    except SyntaxError as error:
        where = f"{chapter.path}:{cell.line + (error.lineno or 1) - 1}:"
        yield f"{where} this is no Python: {error.msg}"


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


def _markdown(
    chapter: Chapter, references: References, project: Project
) -> Iterator[str]:
    for cell in chapter.cells:
        if cell.kind == "markdown":
            yield from _nested(chapter, cell)
            yield from _directives(chapter, cell, project)
            yield from _roles(chapter, cell, references, project)


def _nested(chapter: Chapter, cell) -> Iterator[str]:
    for index, line in enumerate(cell.source.splitlines()):
        if _NESTED_CELL.match(line):
            yield (
                f"{chapter.path}:{cell.line + index}: a code cell inside a "
                "directive or a list would be dropped; move it to the top "
                "level"
            )
        elif _BROKEN_FENCE.match(line):
            yield (
                f"{chapter.path}:{cell.line + index}: a fence's first line "
                "cannot hold a backtick; move the text into the body"
            )


def _directives(chapter: Chapter, cell, project: Project) -> Iterator[str]:
    allowed = set(KNOWN_DIRECTIVES)
    if not any(each.kind == "code" for each in chapter.cells):
        allowed |= PAGE_DIRECTIVES
    for block in myst.nested_directives(cell.source):
        place = f"{chapter.path}:{cell.line + block.first}:"
        if block.name.startswith(("code-cell", "raw-cell")):
            continue
        if block.name not in allowed:
            known = ", ".join(sorted(allowed))
            yield f"{place} directive {block.name!r} is not one of {known}"
        if block.name == "exercise" and not block.options.get("label"):
            yield f"{place} an exercise needs a :label:"
        if block.name == "quiz":
            try:
                quiz.parse(block.argument, block.body)
            except ValueError as error:
                yield f"{place} {error}"
        if block.name == "recorded":
            try:
                recorded.markdown(project.root, block.body)
            except ValueError as error:
                yield f"{place} {error}"
        rows = block.body.lstrip()
        if block.name == "list-table" and not rows.startswith("* - "):
            yield f"{place} the rows of a list-table begin with `* - `"
        if block.name == "figure":
            if not (project.chapters / block.argument).exists():
                yield f"{place} figure {block.argument} does not exist"
            if not block.options.get("alt"):
                yield f"{place} figure {block.argument} has no :alt: text"


def _roles(
    chapter: Chapter, cell, references: References, project: Project
) -> Iterator[str]:
    for role, content, index in myst.roles(cell.source):
        place = f"{chapter.path}:{cell.line + index}:"
        if role not in KNOWN_ROLES:
            known = ", ".join(sorted(KNOWN_ROLES))
            yield f"{place} role {role!r} is not one of {known}"
        elif role.startswith("cite:"):
            for name in content.split(","):
                if name.strip() not in references.citations:
                    yield (
                        f"{place} citation {name.strip()!r} is not in "
                        "references.bib"
                    )
        elif role == "doc":
            name = chapter.resolve(myst.role_target(content)[1])
            if name not in project.toc:
                yield f"{place} there is no chapter {name!r}"
        else:
            target = myst.role_target(content)[1]
            label = references.labels.get(target)
            if label is None:
                yield f"{place} reference {target!r} does not resolve"
            elif label.kind not in ROLE_TARGETS[role]:
                yield f"{place} {target!r} is a {label.kind}; use another role"
            elif role == "numref" and not label.number:
                # Sphinx would show the label itself, without a warning.
                yield f"{place} section {target!r} has no number; use ref"
