"""Derive from a chapter the notebook of each framework."""

import hashlib

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .chapter import Chapter
from .markdown.plain import Converter
from .markdown.references import References
from .project import FRAMEWORKS, Project

SETUP_TAG = "setup"

_SETUP = """\
# Colab has everything but the book's own package{also}.
import sys

if "google.colab" in sys.modules:
    {installs}"""

_MXNET_INSTALL = (
    '%pip install -q --no-deps mxnet==1.9.1 "graphviz<0.9" requests setuptools'
)


def derive(
    project: Project,
    chapter: Chapter,
    framework: str,
    references: References,
) -> NotebookNode:
    """Return a chapter's notebook for one framework, without outputs.

    It holds the title, a set-up cell for Colab, the prose in plain Markdown
    and the code cells that run in this framework.
    """
    convert = Converter(project, chapter, references).convert
    title, _, rest = convert(chapter.cells[0].source).partition("\n")
    page = f"{project.site}/chapters/{chapter.name}.html?fw={framework}"
    where = f"*{FRAMEWORKS[framework]} notebook of [this chapter]({page}).*"
    cells = [
        new_markdown_cell(f"{title}\n\n{where}"),
        new_code_cell(
            setup_code(project, framework), metadata={"tags": [SETUP_TAG]}
        ),
    ]
    if rest.strip():
        cells.append(new_markdown_cell(rest.strip("\n")))
    for cell in chapter.cells[1:]:
        if cell.kind == "markdown":
            cells.append(new_markdown_cell(convert(cell.source)))
        elif cell.runs_in(framework):
            tags = [tag for tag in cell.tags if tag not in FRAMEWORKS]
            metadata = {"tags": tags} if tags else {}
            cells.append(new_code_cell(cell.source, metadata=metadata))
    return notebook(cells)


def notebook(cells: list[NotebookNode]) -> NotebookNode:
    """Return a notebook of these cells, the same every time."""
    for index, cell in enumerate(cells):
        # Without this nbformat draws random ids, and every derivation differs.
        text = f"{index} {cell.cell_type} {cell.source}"
        cell.id = hashlib.sha256(text.encode()).hexdigest()[:12]
    return new_notebook(
        cells=cells,
        metadata={
            "accelerator": "GPU",
            "colab": {"gpuType": "T4", "provenance": []},
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
    )


def setup_code(project: Project, framework: str) -> str:
    """Return the first cell: what Colab lacks, and nothing it has."""
    installs = [f'%pip install -q "{project.package_source}"']
    also = ""
    if framework == "mxnet":
        also = " and MXNet"
        installs.append(_MXNET_INSTALL)
    return _SETUP.format(also=also, installs="\n    ".join(installs))


def is_setup(cell: NotebookNode) -> bool:
    """Whether a notebook's cell is the set-up cell."""
    return SETUP_TAG in cell.metadata.get("tags", ())


def to_text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file, the same every time."""
    return nbformat.writes(notebook) + "\n"
