"""The theme, with one stylesheet and one script on every page.

Sphinx and its extensions have each page load a dozen files. Those that a
page uses are joined when the pages stand; the search page adds its own.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

STYLES = "pygments.css", "styles/furo.css", "figures.css", "book.css"
SCRIPTS = (
    "documentation_options.js",
    "doctools.js",
    "sphinx_highlight.js",
    "scripts/furo.js",
    "design-tabs.js",
    "clipboard.min.js",
    "copybutton.js",
    "quiz.js",
)
FONTS = {"text": "", "text-italic": "<em>", "code": "<pre", "math": "<math"}
"""Each font, and what stands on a page that uses it."""

STYLE = "page.css"
SCRIPT = "page.js"

UNUSED = "pydata_sphinx_theme", "sphinx_book_theme", "sphinx_thebe"
"""Extensions that Jupyter Book loads whatever the theme."""


def _without_unused(app: Sphinx, config) -> None:
    for listeners in app.events.listeners.values():
        listeners[:] = [
            each
            for each in listeners
            if each.handler.__module__.partition(".")[0] not in UNUSED
        ]


SIZE = re.compile(r'style="width: ([\d.]+)px; height: ([\d.]+)px;"')
PLAIN = re.compile(r'<span class="[npw]">([^<]*)</span>')
"""A name, punctuation or white space: the style gives them no colour."""


def lighten(body: str) -> str:
    """Return a page's content with fewer elements and later pictures.

    A picture is loaded when it comes near, and those of hidden tabs never.
    Its size stands in attributes, so that it can shrink.
    """
    body = body.replace("<img ", '<img loading="lazy" ')
    body = SIZE.sub(
        lambda size: 'width="{:.0f}" height="{:.0f}"'.format(
            *map(float, size.groups())
        ),
        body,
    )
    return PLAIN.sub(r"\1", body)


def _use_dark_style(app: Sphinx) -> None:
    # The theme, which defines this, is loaded after the settings are read.
    app.config.pygments_dark_style = "github-dark"


def _use_joined(app: Sphinx, page, template, context: dict, doctree) -> None:
    """Have a page load the joined files in place of all others."""
    for name in ("body", "snippet"):
        if name in context:
            context[name] = lighten(context[name])
    context["metatags"] = "".join(
        [context.get("metatags") or "", *_preloads(context)]
    )
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )
    context["css_files"] = [f"_static/{STYLE}"]
    context["script_files"] = [f"_static/{SCRIPT}"]


def _name_once(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Take from the theme's wrappers the names of what they wrap."""
    for wrapper in doctree.findall(nodes.container):
        if {"table-wrapper", "math-wrapper"} & set(wrapper["classes"]):
            wrapper["ids"].clear()
            wrapper["names"].clear()


def _preloads(context: dict) -> Iterator[str]:
    """Ask early for the fonts that a page uses: text stays in its place."""
    parts = (context.get(name, "") for name in ("body", "snippet", "lead"))
    body = "".join(parts)
    for font, sign in FONTS.items():
        if sign in body:
            place = context["pathto"](f"_static/fonts/{font}.woff2", 1)
            yield (
                f'<link rel="preload" href="{place}" as="font" '
                'type="font/woff2" crossorigin>\n'
            )


def _join(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    styles = "\n".join(_read(static / name) for name in STYLES)
    # What a file says of its own source map would be said of the whole.
    styles = re.sub(r"/\*.*?\*/\s*", "", styles, flags=re.S)
    (static / STYLE).write_text(styles, "utf-8")
    scripts = ";\n".join(_read(static / name) for name in SCRIPTS)
    scripts = re.sub(r"^//# sourceMappingURL.*$", "", scripts, flags=re.M)
    (static / SCRIPT).write_text(scripts, "utf-8")


def _read(path: Path) -> str:
    return path.read_text("utf-8").strip()


def setup(app: Sphinx) -> None:
    """Register what makes the theme light."""
    app.connect("config-inited", _without_unused)
    app.connect("builder-inited", _use_dark_style, priority=400)
    app.connect("doctree-resolved", _name_once)
    app.connect("html-page-context", _use_joined, priority=900)
    app.connect("build-finished", _join, priority=900)  # after Furo's
