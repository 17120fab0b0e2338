"""The directive `recorded` on a page; see `recorded`."""

from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..directives import recorded


class RecordedDirective(SphinxDirective):
    """A table of the runs that were recorded."""

    has_content = True
    option_spec = {"last": directives.unchanged}  # noqa: RUF012 - docutils

    def run(self) -> list[nodes.Node]:
        """Return the table and where the runs were made."""
        root, body = Path(self.env.srcdir), "\n".join(self.content)
        for name, _ in recorded.rows(body):
            self.env.note_dependency(f"results/{name}.json")
        try:
            text = recorded.markdown(root, body, self.options.get("last"))
        except ValueError as error:
            raise self.error(str(error)) from None
        parsed = nodes.container(classes=["recorded"])
        lines = StringList(text.splitlines(), self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, parsed)
        return [parsed]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("recorded", RecordedDirective)
