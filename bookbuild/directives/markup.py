"""The directives that MyST brings along: figures, tables, notes, equations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..chapter import Chapter
from ..markdown.myst import Directive
from ..markdown.references import FIGURE_NAMES
from ..project import Project
from .kind import Kind

if TYPE_CHECKING:
    from ..markdown.plain import Converter


def _figure(converter: Converter, block: Directive) -> str:
    address = converter.picture(block.argument)
    caption = _number(converter, block) + converter.convert(block.body)
    return f"![{block.options['alt']}]({address})\n\n{caption}"


def _faults_of_figure(
    project: Project, chapter: Chapter, block: Directive
) -> Iterator[str]:
    if not chapter.beside(project, block.argument).is_file():
        yield f"figure {block.argument} does not exist"
    if not block.options.get("alt"):
        yield f"figure {block.argument} has no :alt: text"
    lines = block.body_first - block.first - 1
    if block.body and block.options and lines == len(block.options):
        # An option that goes on in a second line would end in the caption.
        yield (
            f"figure {block.argument}: no blank line between the options and "
            "the caption; an option, such as the :alt: text, stands on one "
            "line"
        )


def _number(converter: Converter, block: Directive) -> str:
    name = block.options.get("name")
    if not name:
        return ""
    number = converter.references.labels[name].number
    return f"**{FIGURE_NAMES[block.name] % number}** "


def _table(converter: Converter, block: Directive) -> str:
    rows: list[list[str]] = []
    for line in block.body.splitlines():
        if line.startswith("* - "):
            rows.append([line[4:]])
        elif line.startswith("  - "):
            rows[-1].append(line[4:])
        elif line.strip():
            rows[-1][-1] += " " + line.strip()
    text = [
        "| " + " | ".join(converter.convert(cell) for cell in row) + " |"
        for row in rows
    ]
    text.insert(1, "|" + " --- |" * len(rows[0]))
    title = _number(converter, block) + converter.convert(block.argument)
    return f"{title}\n\n".lstrip() + "\n".join(text)


def _faults_of_table(
    project: Project, chapter: Chapter, block: Directive
) -> Iterator[str]:
    if not block.body.lstrip().startswith("* - "):
        yield "the rows of a list-table begin with `* - `"


def _note(converter: Converter, block: Directive) -> str:
    title = block.argument or block.name
    title = title[0].upper() + title[1:]
    text = f"**{title}.** {converter.convert(block.body)}"
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _math(converter: Converter, block: Directive) -> str:
    label, tag = block.options.get("label"), ""
    if label:
        number = converter.references.labels[label].number
        tag = f"\n\\tag{{{number}}}"
    return f"$$\n{block.body}{tag}\n$$"


KINDS = (
    Kind(
        "figure",
        _figure,
        frozenset({"alt", "name", "width"}),
        _faults_of_figure,
    ),
    Kind(
        "list-table",
        _table,
        frozenset({"header-rows", "name", "widths"}),
        _faults_of_table,
    ),
    Kind("math", _math, frozenset({"label"})),
    *(
        Kind(name, _note, frozenset({"class"}))
        for name in (
            "admonition",
            "important",
            "note",
            "seealso",
            "tip",
            "warning",
        )
    ),
)
