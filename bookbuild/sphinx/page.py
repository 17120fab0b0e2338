"""The page around its content: links to notebooks, figures, colours."""

import functools
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from d2lutils.frameworks import FRAMEWORKS

from ..errors import BookError
from ..project import Project


@functools.lru_cache(maxsize=1)  # asked for by every link of every page
def project_of(app: Sphinx) -> Project:
    """Return the book as it is published: all links follow the variables."""
    return Project(Path(app.srcdir)).published()


def _use_overrides(app: Sphinx, config) -> None:
    """Let REPOSITORY and BRANCH say where the theme's links lead."""
    try:
        project = project_of(app)
    except BookError as error:
        raise ConfigError(str(error)) from None
    # Not the options that Jupyter Book has for a theme of its own.
    config.html_theme_options = {
        "source_repository": f"https://github.com/{project.repository}",
        "source_branch": project.branch,
        "source_directory": "",
        "top_of_page_buttons": ["edit"],
    }


def _mock_frameworks(app: Sphinx, config) -> None:
    """Read docstrings without the frameworks, which must not meet."""
    modules = [row.module for row in FRAMEWORKS.values()]
    config.autodoc_mock_imports = modules


def _use_figure_colours(app: Sphinx, config) -> None:
    """Serve the colours that inline figures take in light and dark mode."""
    if (project_css := Path(app.srcdir) / "img/figures.css").exists():
        config.html_static_path.append(str(project_css))
        app.add_css_file("figures.css")


def chapter_of(docname: str) -> str:
    """Return the name of a page's chapter."""
    return docname.removeprefix("chapters/")


def _has_code(doctree: nodes.document) -> bool:
    return any(
        node.get("nb_element") == "cell_code"
        for node in doctree.findall(nodes.container)
    )


def _add_launch_links(
    app: Sphinx, doctree: nodes.document, docname: str
) -> None:
    """Put a link to each framework's notebook under the page's title."""
    title = next(doctree.findall(nodes.title), None)
    if title is None or not _has_code(doctree):
        return
    _insert_links(app, title, "Run in Colab: ", chapter_of(docname))


def _add_exercise_links(
    app: Sphinx, doctree: nodes.document, docname: str
) -> None:
    """Put a link to each framework's exercises under their heading."""
    for title in doctree.findall(nodes.title):
        name = f"exercises/{chapter_of(docname)}"
        notebook = project_of(app).notebook(next(iter(FRAMEWORKS)), name)
        if "exercises" in title.parent["ids"] and notebook.exists():
            _insert_links(app, title, "Do them in Colab: ", name)


def _insert_links(
    app: Sphinx, title: nodes.title, words: str, notebook: str
) -> None:
    line = nodes.paragraph("", words, classes=["launch-links"])
    for index, row in enumerate(FRAMEWORKS.values()):
        if index:
            line += nodes.Text(" · ")
        address = project_of(app).colab(row.key, notebook)
        line += nodes.reference("", row.name, refuri=address, internal=False)
    section = title.parent
    section.insert(section.index(title) + 1, line)


def inline_figure(path: Path) -> str:
    """Return an SVG file as an element of a page."""
    return re.sub(r"^<\?xml.*?\?>\s*", "", path.read_text("utf-8"))


def _inline_figures(
    app: Sphinx, doctree: nodes.document, docname: str
) -> None:
    """Replace references to SVG files by their content.

    An inline figure takes the page's colours, light or dark, and its text
    can be read, found and spoken.
    """
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir) / image["uri"]
        if path.suffix != ".svg" or path.parent.name != "img":
            continue
        if not path.exists():  # Sphinx has warned of it
            continue
        drawing = nodes.raw("", inline_figure(path), format="html")
        image.replace_self(drawing)


def setup(app: Sphinx) -> None:
    """Register what concerns the page around its content."""
    app.connect("config-inited", _use_overrides)
    app.connect("config-inited", _mock_frameworks)
    app.connect("config-inited", _use_figure_colours)
    app.connect("doctree-resolved", _add_launch_links)
    app.connect("doctree-resolved", _add_exercise_links)
    app.connect("doctree-resolved", _inline_figures)
