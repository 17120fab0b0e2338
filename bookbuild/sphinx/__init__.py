"""What the book adds to Sphinx, which makes the pages: an extension of it."""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    """Register everything with Sphinx."""
    # Not above: the directives themselves are built of what is in here.
    from .. import directives
    from . import (
        citations,
        front,
        mathml,
        outputs,
        page,
        tables,
        tabs,
        theme,
    )

    parts = (
        page,
        theme,
        front,
        mathml,
        citations,
        outputs,
        tables,
        tabs,
        directives,
    )
    for part in parts:
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
