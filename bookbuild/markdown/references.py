"""Number what can be referred to, as Sphinx will number it on the pages."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase

from pybtex.database import Entry, parse_file
from pybtex.exceptions import PybtexError

from ..chapter import Chapter
from . import myst

FIGURE_NAMES = {
    "figure": "Fig. %s",
    "list-table": "Table %s",
    "exercise": "Exercise %s",
    "section": "Section %s",
}
"""The same words stand in `_config.yml` under `numfig_format`."""

COUNTED = "figure", "list-table", "equation", "exercise"

NUMBERED_DEPTH = 2
"""Chapters and their sections; the same number stands in `_toc.yml`."""


@dataclass(frozen=True)
class Label:
    """A place that can be referred to."""

    kind: str  # figure, list-table, section, equation or exercise
    chapter: str
    number: str  # empty for a section that has none
    title: str
    place: str


@dataclass
class References:
    """All labels and citations of a book."""

    labels: dict[str, Label] = field(default_factory=dict)
    citations: dict[str, Entry] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


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

    Returns:
        What was found, with a fault for every label that is given twice.
    """
    found = References()
    if bibliography.exists():
        try:
            entries = dict(parse_file(str(bibliography)).entries)
            found.citations = with_distinct_years(entries)
        except PybtexError as error:
            found.faults.append(f"{bibliography.name}: {error}")
    unnumbered = Counter()  # Sphinx counts through all such chapters
    for chapter in chapters:
        number = numbers.get(chapter.name)
        counts = unnumbered if number is None else Counter()
        for name, label in _labels(chapter, number, found, counts):
            if name in found.labels:
                first = found.labels[name].place
                found.faults.append(
                    f"{label.place}: label {name!r} stands already at {first}"
                )
            found.labels[name] = label
    return found


def _labels(
    chapter: Chapter,
    number: int | None,
    found: References,
    counts: Counter[str],
) -> Iterator[tuple[str, Label]]:
    section = [number or 0]

    def numbered(kind: str, place: str, title: str = "") -> Label:
        counts[kind] += 1
        text = f"{number}.{counts[kind]}" if number else str(counts[kind])
        return Label(kind, chapter.name, text, title, place)

    for cell in chapter.cells:
        if cell.kind != "markdown":
            continue
        blocks = {b.first: b for b in myst.nested_directives(cell.source)}
        inside = {n for b in blocks.values() for n in range(b.first, b.end)}
        text = {index for index, _ in myst.text_lines(cell.source)}
        pending: str | None = None
        for index, line in enumerate(cell.source.splitlines()):
            place = f"{chapter.path}:{cell.line + index}"
            if index in blocks:
                block = blocks[index]
                kind = "equation" if block.name == "math" else block.name
                name, counted = _name(block)
                if kind in COUNTED and counted:
                    label = numbered(kind, place, block.argument)
                    if name:
                        yield name, label
            elif (index in text) == (index in inside):
                # A block of mathematics, at the top level or in a note.
                if match := myst.MATH_END.match(line):
                    yield match[2], numbered("equation", place)
            elif index in inside or not line.strip():
                continue
            elif match := myst.TARGET.match(line):
                pending = match[1]
            elif match := myst.HEADING.match(line):
                depth, title = len(match[1]), match[2]
                if depth == 1:
                    found.titles[chapter.name] = title
                else:
                    before = section[depth - 1] if len(section) >= depth else 0
                    section[depth - 1 :] = [before + 1]
                if pending:
                    shown = ".".join(str(part) for part in section)
                    if not number or depth > NUMBERED_DEPTH:
                        shown = ""
                    label = Label("section", chapter.name, shown, title, place)
                    yield pending, label
                    pending = None
            else:
                pending = None


def _name(block: myst.Directive) -> tuple[str | None, bool]:
    """Return a directive's label, and whether Sphinx gives it a number."""
    if block.name == "exercise":
        return block.options.get("label"), True
    if block.name == "math":
        name = block.options.get("label")
        return name, bool(name)
    name = block.options.get("name")
    title = block.argument if block.name == "list-table" else block.body
    return name, bool(name or title.strip())


def with_distinct_years(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Return entries that `cited_as` tells apart: 2016a and 2016b.

    Letters follow the titles.
    """
    alike = defaultdict(list)
    for key, entry in entries.items():
        alike[cited_as(entry)[:2]].append(key)
    distinct = dict(entries)
    for (_, year), keys in alike.items():
        if len(keys) > 1:
            keys.sort(key=lambda key: entries[key].fields.get("title", key))
            for letter, key in zip(ascii_lowercase, keys, strict=False):
                fields = {**entries[key].fields, "year": year + letter}
                distinct[key] = Entry(
                    entries[key].type, fields, entries[key].persons
                )
    return distinct


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
    year = fields.get("year", "n.d.")
    return who.replace("{", "").replace("}", ""), year, address
