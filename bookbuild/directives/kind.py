"""What the book has to know of a directive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..chapter import Chapter
from ..markdown.myst import Directive
from ..project import Project

if TYPE_CHECKING:
    from ..markdown.plain import Converter


def _no_faults(*_) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Kind:
    """A directive: what it may hold, and what a notebook shows of it.

    Its form on a page is registered with Sphinx by its module's `setup`,
    unless MyST or Sphinx brings one along.
    """

    name: str
    plain: Callable[[Converter, Directive], str]
    """Returns the plain Markdown of one in a notebook."""

    options: frozenset[str] = frozenset()
    faults: Callable[[Project, Chapter, Directive], Iterable[str]] = _no_faults
    """Says what is wrong with one, without its place."""
