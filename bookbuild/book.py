"""A book: its chapters and what they refer to, read once per command."""

import functools
from dataclasses import dataclass

from .chapter import Chapter, read
from .directives import exercise
from .errors import BookError
from .markdown.myst import Directive
from .markdown.references import References, collect
from .project import Project


@dataclass(frozen=True)
class Book:
    """What all parts of a command work on.

    Attributes:
        project: Where the book lies.
        chapters: All that could be read, in reading order.
        references: What they can refer to.
        unread: One message for each chapter that could not be read.
    """

    project: Project
    chapters: tuple[Chapter, ...]
    references: References
    unread: tuple[str, ...] = ()

    @functools.cached_property
    def named(self) -> dict[str, Chapter]:
        """Name → chapter."""
        return {chapter.name: chapter for chapter in self.chapters}

    @functools.cached_property
    def statements(self) -> dict[str, dict[str, Directive]]:
        """Chapter's name → label → exercise, in order."""
        return {
            chapter.name: exercise.statements(chapter)
            for chapter in self.chapters
        }


def read_book(project: Project) -> Book:
    """Read all chapters; `lint` says what is wrong with them.

    Raises:
        BookError: The table of contents cannot be read.
    """
    unread: list[str] = []
    chapters = []
    for name in project.toc:
        path = project.chapters / f"{name}.md"
        if not path.exists():
            unread.append(f"_toc.yml: chapters/{name}.md does not exist")
            continue
        try:
            chapters.append(read(path, name))
        except BookError as error:
            unread += error.messages
    references = collect(
        chapters, project.toc, project.root / "references.bib"
    )
    return Book(project, tuple(chapters), references, tuple(unread))
