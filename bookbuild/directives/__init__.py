"""The book's directives, registered once.

A module holds all there is to a directive: how it is parsed and checked, and
how a notebook and a page show it.
"""

from sphinx.application import Sphinx

from . import exercise, markup, quiz, recorded

KINDS = {
    kind.name: kind
    for module in (markup, exercise, quiz, recorded)
    for kind in module.KINDS
}
"""Name → directive, of all that a chapter with code may hold."""

ON_PAGES_ONLY = {"bibliography", "eval-rst", "glossary"}
"""For pages without code, of which no notebook is derived."""


def setup(app: Sphinx) -> None:
    """Register the forms on a page that the book makes itself."""
    for module in (exercise, quiz, recorded):
        module.setup(app)
