"""Check a chapter's Markdown: directives, references, links and pictures."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

from ..chapter import Cell, Chapter
from ..directives import KINDS, ON_PAGES_ONLY
from ..project import Project
from . import myst
from .plain import KNOWN_ROLES
from .references import References

# Also behind the marks of lists and quotations.
_NESTED_CELL = re.compile(
    r"^\s*([>*+-]\s+|\d+[.)]\s+)*(`{3,}|~{3,}|:{3,})\s*\{(code|raw)-cell\}"
)
# Markdown takes this for text.
_BROKEN_FENCE = re.compile(r"^\s*(`{3,})\s*\{[\w-]+\}[^`]*`")
_ROLE = rf"\{{(?:{'|'.join(KNOWN_ROLES)})\}}"
_WRITTEN = "a role is written {name}`target`"
# What Markdown or MyST would have taken for something else, were it right.
_STRAY = {
    re.compile(r"\[\^[^\]]+\]"): "no footnote of this name",
    re.compile(r"\]\[[^\]]*\]"): "no link of this name",
    re.compile(r"\$+"): "mathematics that is not closed; a dollar is \\$",
    re.compile(rf"{_ROLE}\s*$"): _WRITTEN,
}
ROLE_TARGETS = {
    "eq": {"equation"},
    "ref": {"section", "exercise"},
    "numref": {"exercise", "figure", "list-table", "section"},
}


def faults(
    chapter: Chapter, references: References, project: Project
) -> Iterator[str]:
    """Yield what is wrong with a chapter's Markdown."""
    yield from _headings(chapter)
    for cell in chapter.cells:
        if cell.kind == "markdown":
            yield from _nested(chapter, cell)
            yield from _text(chapter, cell, project)
            yield from _directives(chapter, cell, project)
            yield from _roles(chapter, cell, references, project)


def _nested(chapter: Chapter, cell: Cell) -> Iterator[str]:
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


def _headings(chapter: Chapter) -> Iterator[str]:
    before = 0
    for cell in chapter.cells:
        if cell.kind != "markdown":
            continue
        for index, depth in myst.headings(cell.source):
            place = f"{chapter.path}:{cell.line + index}:"
            if depth == 1 and before:
                yield f"{place} a chapter has one # title"
            elif before and depth > before + 1:
                yield (
                    f"{place} a heading of depth {depth} stands below one of "
                    f"depth {before}"
                )
            before = depth


def _text(chapter: Chapter, cell: Cell, project: Project) -> Iterator[str]:
    for index, token in myst.inlines(cell.source):
        place = f"{chapter.path}:{cell.line + index}:"
        if token.type == "image":
            source = token.attrs["src"]
            yield from _picture(chapter, project, place, source)
            if not token.content.strip():
                yield f"{place} picture {source} has no text: ![text](…)"
        elif token.type in ("html_block", "html_inline"):
            first = cell.line + index
            yield from _html(chapter, project, first, token.content)
        elif token.type == "link_open":
            target = token.attrs["href"]
            if not urlsplit(target).scheme:
                yield (
                    f"{place} link to {target}: use the role doc, ref or "
                    "numref, which notebooks can follow, too"
                )
        elif token.type == "code_inline":
            if found := re.match(_ROLE, token.content):
                yield f"{place} {found[0]!r}: {_WRITTEN}"
        elif token.type == "text":
            for pattern, fault in _STRAY.items():
                if found := pattern.search(token.content):
                    yield f"{place} {found[0].strip()!r}: {fault}"


def _picture(
    chapter: Chapter, project: Project, place: str, source: str
) -> Iterator[str]:
    if urlsplit(source).scheme:
        return
    if not chapter.beside(project, source).is_file():
        yield f"{place} picture {source} does not exist"


class _Images(HTMLParser):
    """Collects the sources of the pictures in a piece of HTML."""

    def __init__(self):
        super().__init__()
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            line = self.getpos()[0] - 1
            self.found.append((line, dict(attrs).get("src") or ""))


def _html(
    chapter: Chapter, project: Project, first: int, text: str
) -> Iterator[str]:
    images = _Images()
    images.feed(text)
    for line, source in images.found:
        place = f"{chapter.path}:{first + line}:"
        missing = list(_picture(chapter, project, place, source))
        yield from missing
        if not missing and not urlsplit(source).scheme:
            yield f"{place} a page does not find picture {source}; use figure"


def _directives(
    chapter: Chapter, cell: Cell, project: Project
) -> Iterator[str]:
    allowed = set(KINDS)
    if not any(each.kind == "code" for each in chapter.cells):
        allowed |= ON_PAGES_ONLY
    for block in myst.nested_directives(cell.source):
        place = f"{chapter.path}:{cell.line + block.first}:"
        if block.name.startswith(("code-cell", "raw-cell")):
            continue
        if block.name not in allowed:
            known = ", ".join(sorted(allowed))
            yield f"{place} directive {block.name!r} is not one of {known}"
        if kind := KINDS.get(block.name):
            for option in block.options:
                if option not in kind.options:
                    yield f"{place} {block.name} has no option {option!r}"
            for fault in kind.faults(project, chapter, block):
                yield f"{place} {fault}"


def _roles(
    chapter: Chapter, cell: Cell, references: References, project: Project
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
            words, target = myst.role_target(content)
            label = references.labels.get(target)
            if label is None:
                yield f"{place} reference {target!r} does not resolve"
            elif label.kind not in ROLE_TARGETS[role]:
                yield f"{place} {target!r} is a {label.kind}; use another role"
            elif role == "numref" and "%s" not in (words or "%s"):
                yield f"{place} {words!r} needs a %s, where the number stands"
            elif role == "numref" and not label.number:
                # Sphinx would show the label itself, without a warning.
                yield f"{place} section {target!r} has no number; use ref"
