"""The front page at the site's root: what the book is, and its chapters."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.logging import suppress_logging

from d2lutils.frameworks import FRAMEWORKS

from .page import inline_figure, project_of

TEMPLATES = Path(__file__).parent / "templates"
SNIPPET = "residual_block", "class BasicBlock"
"""The chapter, and a line, of the code that the page shows."""

LEAD = (
    "A book about residual networks, which learn what to <em>add</em>: every "
    "line of code runs in PyTorch, TensorFlow and MXNet."
)

CURVES = "img/degradation.svg"


@dataclass(frozen=True)
class Card:
    """A chapter: its number, title, place, first sentence, reading time."""

    number: int
    title: str
    page: str
    opening: str
    minutes: int


def minutes(doctree: nodes.document) -> int:
    """Return how long a chapter takes to read, in one framework.

    A minute is 200 words of prose, or 20 lines of code.
    """
    words = sum(len(p.astext().split()) for p in _prose(doctree))
    lines = sum(
        code.astext().count("\n") + 1
        for code in doctree.findall(nodes.literal_block)
        if _is_input(code)
    )
    return max(1, round(words / 200 + lines / len(FRAMEWORKS) / 20))


def _prose(doctree: nodes.document) -> Iterator[nodes.paragraph]:
    for paragraph in doctree.findall(nodes.paragraph):
        if "launch-links" not in paragraph["classes"]:
            yield paragraph


def _is_input(code: nodes.literal_block) -> bool:
    return code.parent.get("nb_element") == "cell_code_source"


def opening(doctree: nodes.document) -> str:
    """Return a page's first sentence, "" if it has none."""
    first = next(_prose(doctree), nodes.paragraph())
    return re.split(r"(?<=[.?!])\s", " ".join(first.astext().split()))[0]


def _describe(app: Sphinx, page, template, context: dict, doctree) -> None:
    text = opening(doctree) if doctree else ""
    text = html.escape(
        text or context.get("description") or app.config.html_title
    )
    context["metatags"] = (
        f"{context.get('metatags') or ''}"
        f'<meta name="description" content="{html.escape(text)}">\n'
    )


def _resolved(app: Sphinx, docname: str) -> nodes.document:
    # What is wrong with a chapter was said when its own page was made.
    with suppress_logging():
        return app.env.get_and_resolve_doctree(docname, app.builder)


def _cards(app: Sphinx) -> Iterator[Card]:
    for name, number in project_of(app).toc.items():
        if number is None:
            continue
        docname = f"chapters/{name}"
        doctree = _resolved(app, docname)
        yield Card(
            number,
            app.env.titles[docname].astext(),
            docname,
            opening(doctree),
            minutes(doctree),
        )


def _snippet(app: Sphinx) -> str:
    """Return the tabs with the code of `SNIPPET`."""
    chapter, line = SNIPPET
    docname = f"chapters/{chapter}"
    if docname not in app.env.found_docs:
        return ""
    doctree = _resolved(app, docname)
    for tabs in doctree.findall(nodes.container):
        if "framework-tabs" in tabs["classes"] and line in tabs.astext():
            return app.builder.render_partial(tabs)["fragment"]
    raise LookupError(f"{docname}: no tabs hold `{line}`")


def _pages(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    project, curves = project_of(app), Path(app.srcdir) / CURVES
    first = next(iter(project.toc))
    yield (
        "index",
        {
            "title": app.config.html_title,
            "lead": LEAD,
            "description": re.sub("<.*?>", "", LEAD),
            "cards": list(_cards(app)),
            "snippet": _snippet(app),
            "curves": inline_figure(curves) if curves.exists() else "",
            "start": f"chapters/{first}",
            "notebooks": [
                (row.name, project.colab(row.key, first))
                for row in FRAMEWORKS.values()
            ],
            "repository": f"https://github.com/{project.repository}",
            "package": project.package_source,
        },
        "front.html",
    )


def setup(app: Sphinx) -> None:
    """Register the page."""
    app.connect(
        "config-inited",
        lambda app, config: config.templates_path.append(str(TEMPLATES)),
    )
    app.connect("html-collect-pages", _pages)
    app.connect("html-page-context", _describe)
