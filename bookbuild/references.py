"""Number what can be referred to, as Sphinx will number it on the pages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pybtex.database import Entry, parse_file

from . import myst
from .chapter import Chapter
from .errors import BookError

FIGURE_NAMES = {
    "figure": "Fig. %s",
    "list-table": "Table %s",
    "section": "Section %s",
}
"""The same words stand in `_config.yml` under `numfig_format`."""


@dataclass(frozen=True)
class Label:
    """A place that can be referred to."""

    kind: str  # figure, list-table, section or equation
    chapter: str
    number: str
    title: str
    place: str


@dataclass
class References:
    """All labels and citations of a book."""

    labels: dict[str, Label] = field(default_factory=dict)
    citations: dict[str, Entry] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)


def collect(
    chapters: Iterable[Chapter],
    numbers: dict[str, int | None],
    bibliography: Path,
) -> References:
    """Collect labels from the chapters and entries from the bibliography.

    Args:
        chapters: In reading order.
        numbers: Chapter name → number in the table of contents.
        bibliography: A BibTeX file.

    Raises:
        BookError: A label is given twice.
    """
    found = References()
    if bibliography.exists():
        found.citations = dict(parse_file(str(bibliography)).entries)
    doubled = []
    for chapter in chapters:
        for name, label in _labels(chapter, numbers.get(chapter.name), found):
            if name in found.labels:
                first = found.labels[name].place
                doubled.append(
                    f"{label.place}: label {name!r} stands already at {first}"
                )
            found.labels[name] = label
    if doubled:
        raise BookError(doubled)
    return found


def _labels(chapter: Chapter, number: int | None, found: References):
    counts = {"figure": 0, "list-table": 0, "equation": 0}
    section = [number or 0]

    def numbered(kind: str) -> str:
        counts[kind] += 1
        return f"{number}.{counts[kind]}" if number else str(counts[kind])

    for cell in chapter.cells:
        if cell.kind != "markdown":
            continue
        blocks = {block.first: block for block in myst.directives(cell.source)}
        pending: str | None = None
        for index, line in enumerate(cell.source.splitlines()):
            place = f"{chapter.path}:{cell.line + index}"
            if match := myst.TARGET.match(line):
                pending = match[1]
            elif match := myst.MATH_END.match(line):
                text = numbered("equation")
                label = Label("equation", chapter.name, text, "", place)
                yield match[1], label
            elif index in blocks:
                block = blocks[index]
                kind = "equation" if block.name == "math" else block.name
                name = block.options.get("label" if kind == "equation" else "name")
                if name and kind in counts:
                    label = Label(
                        kind, chapter.name, numbered(kind), "", place
                    )
                    yield name, label
            elif (match := myst.HEADING.match(line)) and not _in_block(
                index, blocks.values()
            ):
                depth, title = len(match[1]), match[2]
                if depth == 1:
                    found.titles[chapter.name] = title
                else:
                    section[depth - 1 :] = [
                        (section[depth - 1] if len(section) >= depth else 0)
                        + 1
                    ]
                if pending:
                    text = ".".join(str(part) for part in section)
                    label = Label("section", chapter.name, text, title, place)
                    yield pending, label
                    pending = None


def _in_block(index: int, blocks: Iterable[myst.Directive]) -> bool:
    return any(block.first <= index < block.end for block in blocks)


def cited_as(entry: Entry) -> tuple[str, str, str]:
    """Return an entry's authors in brief, its year and its address."""
    names = [
        " ".join(person.prelast_names + person.last_names)
        for person in entry.persons.get("author", [])
    ]
    if len(names) > 2:
        who = f"{names[0]} et al."
    else:
        who = " and ".join(names) or entry.key
    fields = entry.fields
    if "doi" in fields:
        address = f"https://doi.org/{fields['doi']}"
    elif "eprint" in fields:
        address = f"https://arxiv.org/abs/{fields['eprint']}"
    else:
        address = fields.get("url", "")
    return who.replace("{", "").replace("}", ""), fields["year"], address
