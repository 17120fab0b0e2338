"""Columns of numbers in tables: their figures stand below each other."""

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx

_AMOUNT = r"[-−+≈<]?\d[\d.,]*(?: ?[%×])?"
_NUMBER = re.compile(rf"{_AMOUNT}(?: ± {_AMOUNT})?|[-–—]?")


def _columns(table: nodes.table) -> Iterator[list[nodes.entry]]:
    """Yield each column; a table with joined cells has none."""
    rows = [row.children for row in table.findall(nodes.row)]
    joined = any(
        "morecols" in entry or "morerows" in entry
        for row in rows
        for entry in row
    )
    if not joined:
        yield from zip(*rows, strict=True)


def mark_numbers(table: nodes.table) -> None:
    """Give the class `number` to every cell of a column of numbers."""
    for column in _columns(table):
        texts = [
            entry.astext().strip()
            for entry in column
            if not isinstance(entry.parent.parent, nodes.thead)
        ]
        if any(texts) and all(map(_NUMBER.fullmatch, texts)):
            for entry in column:
                entry["classes"].append("number")


def _mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for table in doctree.findall(nodes.table):
        mark_numbers(table)


def setup(app: Sphinx) -> None:
    """Register the marking."""
    app.connect("doctree-resolved", _mark)
