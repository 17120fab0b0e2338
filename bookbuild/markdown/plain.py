"""Turn MyST Markdown into the plain Markdown that Jupyter and Colab show."""

import posixpath
import re
from dataclasses import dataclass

from docutils.nodes import make_id

from ..book import Book
from ..chapter import Chapter
from ..directives import KINDS
from ..project import Project
from . import myst
from .references import FIGURE_NAMES, References, cited_as

KNOWN_ROLES = {"numref", "ref", "eq", "doc", "cite:t", "cite:p"}


_PICTURE = re.compile(r"(!\[[^\]]*\]\()(?![a-z]+:)([^)\s]+)")


@dataclass(frozen=True)
class Converter:
    """Converts the Markdown of one chapter, resolving its references."""

    book: Book
    chapter: Chapter

    @property
    def project(self) -> Project:
        """Says where pages and pictures are found."""
        return self.book.project

    @property
    def references(self) -> References:
        """What the book's labels and citations stand for."""
        return self.book.references

    def convert(self, source: str) -> str:
        """Return `source` with roles, labels and directives made plain."""
        text = {index for index, _ in myst.text_lines(source)}

        def plain(match: re.Match) -> str:
            if match.string.count("\n", 0, match.start()) not in text:
                return match[0]
            words = self._role(match)
            # Every line keeps its number.
            return words + "\n" * (match[0].count("\n") - words.count("\n"))

        lines = myst.ROLE.sub(plain, source).splitlines()
        for index in text:
            lines[index] = _PICTURE.sub(
                lambda match: match[1] + self.picture(match[2]), lines[index]
            )
            if myst.TARGET.match(lines[index]) or lines[index][:1] == "%":
                lines[index] = None
        for index, line in enumerate(lines):
            if line and (match := myst.MATH_END.match(line)):
                number = self.references.labels[match[2]].number
                lines[index] = f"{match[1]}\\tag{{{number}}}\n$$"
        for block in myst.directives(source):
            lines[block.first : block.end] = [
                KINDS[block.name].plain(self, block),
                *[None] * (block.end - block.first - 1),
            ]
        kept = "\n".join(line for line in lines if line is not None)
        return re.sub(r"\n{3,}", "\n\n", kept).strip("\n")

    def page(self, chapter: str, anchor: str = "") -> str:
        """Return the address of a chapter's page, or of a place on it."""
        return f"{self.project.site}/chapters/{chapter}.html{anchor}"

    def _role(self, match: re.Match) -> str:
        role, content = match[1], match[2]
        if role.startswith("cite:"):
            return self._citation(role, content)
        text, target = myst.role_target(content)
        if role == "doc":
            name = self.chapter.resolve(target)
            return (
                f"[{text or self.references.titles[name]}]({self.page(name)})"
            )
        label = self.references.labels[target]
        if role == "eq":
            words = f"({label.number})"
        elif role == "ref" and label.kind != "exercise":
            words = text or label.title
        else:
            words = (text or FIGURE_NAMES[label.kind]) % label.number
        if label.chapter == self.chapter.name:
            return words
        # Sphinx gives equations an id of another form.
        place = f"equation-{target}" if label.kind == "equation" else target
        return f"[{words}]({self.page(label.chapter, '#' + make_id(place))})"

    def _citation(self, role: str, content: str) -> str:
        parts = []
        for key in content.split(","):
            who, year, link = cited_as(self.references.citations[key.strip()])
            words = f"{who} ({year})" if role == "cite:t" else f"{who}, {year}"
            parts.append(f"[{words}]({link})" if link else words)
        joined = ("; " if role == "cite:p" else ", ").join(parts)
        return f"({joined})" if role == "cite:p" else joined

    def picture(self, source: str) -> str:
        """Return where notebooks find a picture, wherever they are opened."""
        folder = posixpath.dirname(self.chapter.path)
        path = posixpath.normpath(f"{folder}/{source}")
        return (
            f"https://raw.githubusercontent.com/{self.project.repository}/"
            f"{self.project.branch}/{path}?sanitize=true"
        )
