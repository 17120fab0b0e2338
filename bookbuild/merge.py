"""Put the outputs of the executed notebooks back into the chapter."""

import json
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from d2lutils.frameworks import FRAMEWORKS

from .chapter import read_notebook
from .derive import is_setup
from .project import Project


def merge(
    notebook: NotebookNode, executed: dict[str, NotebookNode]
) -> NotebookNode:
    """Return the chapter with every output that belongs to its code.

    Cells are aligned by position; an output whose code is no longer the
    chapter's is left out, and so are stubs. A cell that runs in all
    frameworks stays one cell where its outputs are the same, and becomes one
    cell a framework where they differ.

    Args:
        notebook: A chapter, as `read_notebook` returns it.
        executed: Framework → its executed notebook, where there is one.
    """
    remaining = {
        framework: [
            cell
            for cell in executed[framework].cells
            if cell.cell_type == "code" and not is_setup(cell)
        ]
        if framework in executed
        else []
        for framework in FRAMEWORKS
    }
    cells, lines = [], []
    for cell, line in zip(
        notebook.cells, notebook.metadata["source_map"], strict=True
    ):
        if cell.cell_type != "code":
            cells.append(cell)
            lines.append(line)
            continue
        tags = cell.metadata.get("tags", [])
        if "stub" in tags:
            continue
        owner = next((tag for tag in tags if tag in FRAMEWORKS), None)
        outputs = {}
        for framework in [owner] if owner else FRAMEWORKS:
            if remaining[framework]:
                candidate = remaining[framework].pop(0)
                if candidate.source == cell.source:
                    outputs[framework] = candidate.outputs
        for copy in _copies(cell, owner, outputs):
            cells.append(copy)
            lines.append(line)
    merged = nbformat.from_dict({**notebook, "cells": cells})
    merged.metadata["source_map"] = lines
    return merged


def _copies(
    cell: NotebookNode, owner: str | None, outputs: dict[str, list]
) -> list[NotebookNode]:
    """Return the cell once, or once a framework if the outputs differ."""
    distinct = {_visible(each) for each in outputs.values()}
    if owner or len(distinct) < 2:
        cell.outputs = next(iter(outputs.values()), [])
        return [cell]
    copies = []
    for framework in FRAMEWORKS:
        copy = nbformat.from_dict(
            {
                **cell,
                "id": f"{cell.id}-{framework}",
                "outputs": outputs.get(framework, []),
            }
        )
        copy.metadata = nbformat.from_dict(
            {
                **cell.metadata,
                "tags": [*cell.metadata.get("tags", []), framework],
            }
        )
        copies.append(copy)
    return copies


def _visible(outputs: list[NotebookNode]) -> str:
    shown = [
        {
            key: value
            for key, value in output.items()
            if key not in ("execution_count", "metadata")
        }
        for output in outputs
    ]
    return json.dumps(shown, sort_keys=True)


def outputs_at_hand(project: Project, chapter: str) -> dict[str, NotebookNode]:
    """Read the executed notebooks of a chapter that there are."""
    paths = {name: project.executed(name, chapter) for name in FRAMEWORKS}
    return {
        name: nbformat.read(path, as_version=4)
        for name, path in paths.items()
        if path.exists()
    }


def reads(text: str, root: str, chapter: str) -> NotebookNode:
    """Read a chapter with its outputs: what MyST-NB is given as a reader."""
    project = Project(Path(root))
    return merge(read_notebook(text), outputs_at_hand(project, chapter))
