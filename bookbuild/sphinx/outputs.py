"""The outputs of the executed notebooks, on the pages."""

import hashlib
from pathlib import Path

import imagesize
from docutils import nodes
from sphinx.application import Sphinx

from d2lutils.frameworks import FRAMEWORKS

from .page import chapter_of, project_of

READER = "bookbuild.merge.reads"


def _register_reader(app: Sphinx) -> None:
    """Have MyST-NB read each chapter through `merge.reads`.

    A format is chosen by the end of a file's path, so that each chapter
    can be told its own name.
    """
    project = project_of(app)
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


def _digest(app: Sphinx, docname: str) -> str:
    project, digest = project_of(app), hashlib.sha256()
    for framework in FRAMEWORKS:
        path = project.executed(framework, chapter_of(docname))
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


def _describe_outputs(
    app: Sphinx, doctree: nodes.document, docname: str
) -> None:
    """Give pictures their size, and a text where no author gave one."""
    for image in doctree.findall(nodes.image):
        image.setdefault("alt", "Picture drawn by the code above")
        # The page keeps room for a picture until it is there.
        path = Path(app.srcdir) / image["uri"]
        if "width" in image or not path.is_file():
            continue
        width, height = imagesize.get(path)
        if width > 0:
            image["width"], image["height"] = f"{width}px", f"{height}px"


def setup(app: Sphinx) -> None:
    """Put the outputs where their cells are, and make stale pages anew."""
    # After MyST-NB has made its configuration.
    app.connect("builder-inited", _register_reader, priority=900)
    app.connect("env-get-outdated", _outdated)
    app.connect("doctree-read", _remember)
    app.connect("doctree-resolved", _describe_outputs)
