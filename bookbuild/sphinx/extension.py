"""The Sphinx side: outputs, framework tabs, launch links, inline figures."""

import hashlib
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from ..errors import BookError
from ..project import FRAMEWORKS, Project
from . import exercises as sphinx_exercises
from . import quiz as sphinx_quiz
from . import recorded as sphinx_recorded
from . import tabs as framework_tabs

READER = "bookbuild.merge.reads"


def _project(app: Sphinx) -> Project:
    """Return the book as it is published: all links follow the variables."""
    return Project(Path(app.srcdir)).published()


def _use_overrides(app: Sphinx, config) -> None:
    """Let REPOSITORY and BRANCH say where the theme's links lead."""
    try:
        project = _project(app)
    except BookError as error:
        raise ConfigError(str(error)) from None
    config.html_theme_options = {
        **config.html_theme_options,
        "repository_url": f"https://github.com/{project.repository}",
        "repository_branch": project.branch,
    }


def _use_figure_colours(app: Sphinx, config) -> None:
    """Serve the colours that inline figures take in light and dark mode."""
    if (project_css := Path(app.srcdir) / "img/figures.css").exists():
        config.html_static_path.append(str(project_css))
        app.add_css_file("figures.css")


def _register_reader(app: Sphinx) -> None:
    """Have MyST-NB read each chapter through `merge.reads`.

    A format is chosen by the end of a file's path, so that each chapter
    can be told its own name.
    """
    project = _project(app)
    formats = {
        f"chapters/{name}.md": (
            READER,
            {"root": str(app.srcdir), "chapter": name},
            False,
        )
        for name in project.toc
    }
    config = app.env.mystnb_config
    app.env.mystnb_config = config.copy(
        custom_formats={**config.custom_formats, **formats}
    )


def _chapter(docname: str) -> str:
    return docname.removeprefix("chapters/")


def _digest(app: Sphinx, docname: str) -> str:
    project, digest = _project(app), hashlib.sha256()
    for framework in FRAMEWORKS:
        path = project.executed(framework, _chapter(docname))
        digest.update(path.read_bytes() if path.exists() else b"none")
    return digest.hexdigest()


def _outdated(app: Sphinx, env, added, changed, removed) -> list[str]:
    """Name the pages whose outputs changed though their source did not."""
    return [
        docname
        for docname in env.found_docs - added - removed
        if docname in env.metadata
        and env.metadata[docname].get("outputs") != _digest(app, docname)
    ]


def _remember(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    app.env.metadata[docname]["outputs"] = _digest(app, docname)


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
    _insert_links(app, title, "Run in Colab: ", _chapter(docname))


def _add_exercise_links(
    app: Sphinx, doctree: nodes.document, docname: str
) -> None:
    """Put a link to each framework's exercises under their heading."""
    for title in doctree.findall(nodes.title):
        name = f"exercises/{_chapter(docname)}"
        notebook = _project(app).notebook(next(iter(FRAMEWORKS)), name)
        if "exercises" in title.parent["ids"] and notebook.exists():
            _insert_links(app, title, "Do them in Colab: ", name)


def _insert_links(
    app: Sphinx, title: nodes.title, words: str, notebook: str
) -> None:
    line = nodes.paragraph("", words, classes=["launch-links"])
    for index, (framework, shown) in enumerate(FRAMEWORKS.items()):
        if index:
            line += nodes.Text(" · ")
        address = _project(app).colab(framework, notebook)
        line += nodes.reference("", shown, refuri=address, internal=False)
    section = title.parent
    section.insert(section.index(title) + 1, line)


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
        svg = re.sub(r"^<\?xml.*?\?>\s*", "", path.read_text("utf-8"))
        drawing = nodes.raw("", svg, format="html")
        image.replace_self(drawing)


def _describe_outputs(
    app: Sphinx, doctree: nodes.document, docname: str
) -> None:
    """Give pictures a text that no author gave: better than a file's name."""
    for image in doctree.findall(nodes.image):
        image.setdefault("alt", "Picture drawn by the code above")


def _without_thebe(app: Sphinx, config) -> None:
    """Take out the extension for live cells, which no page has.

    Jupyter Book always loads it, and Sphinx writes its script into each page
    twice, of which the second is an error.
    """
    for event in ("env-before-read-docs", "doctree-resolved"):
        listeners = app.events.listeners[event]
        listeners[:] = [
            each
            for each in listeners
            if each.handler.__module__ != "sphinx_thebe"
        ]


def setup(app: Sphinx) -> dict:
    """Register everything with Sphinx."""
    app.connect("config-inited", _use_overrides)
    app.connect("config-inited", _without_thebe)
    app.connect("config-inited", _use_figure_colours)
    # After MyST-NB has made its configuration.
    app.connect("builder-inited", _register_reader, priority=900)
    app.connect("env-get-outdated", _outdated)
    app.connect("doctree-read", _remember)
    app.connect("doctree-resolved", _add_launch_links)
    app.connect("doctree-resolved", _add_exercise_links)
    app.connect("doctree-resolved", _inline_figures)
    app.connect("doctree-resolved", _describe_outputs)
    app.add_transform(framework_tabs.FrameworkTabs)
    sphinx_quiz.setup(app)
    sphinx_exercises.setup(app)
    sphinx_recorded.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
