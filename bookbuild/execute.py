"""Execute derived notebooks, each in a kernel of its own, and only if new."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from d2lutils.frameworks import FRAMEWORKS

from . import dependencies
from .chapter import Chapter
from .derive import is_setup, to_text
from .errors import BookError
from .kernels import KernelDiedError, Kernels
from .project import Project

# While one kernel imports or traces, in one thread, the other computes.
TOGETHER = 2


def key(notebook: NotebookNode, framework: str, scale: str, root: Path) -> str:
    """Return the digest of all that a notebook's outputs depend on."""
    code = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and not is_setup(cell)
    ]
    return dependencies.key(code, framework, scale, root)


def execute(
    project: Project,
    notebooks: Iterable[tuple[Chapter, str]],
    scale: str,
    report: Callable[[Chapter, str, float], None],
) -> None:
    """Execute those notebooks whose outputs do not stand.

    Some run at the same time and share the processors. At the scale `full`
    each has the machine for itself, since its outputs tell how fast it is.

    Args:
        project: The book.
        notebooks: Pairs of a chapter, as read from its source, and the tag of
            a framework. They are begun in this order.
        scale: The value of D2L_SCALE: smoke, demo or full.
        report: Is told of each that was executed: the chapter, the framework
            and the seconds it took.

    Raises:
        BookError: A cell raised, and what was running beside it has come to
            its end, or a kernel died, and all was stopped. The outputs of
            the last good execution stay as they are.
        KeyboardInterrupt: Ctrl-C was pressed, and all was stopped.
    """
    processors = os.cpu_count() or 1
    together = 1 if scale == "full" else min(TOGETHER, processors)
    threads = str(processors // together)
    environment = {
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # TensorFlow takes it all else
        **os.environ,
        "D2L_SCALE": scale,
        # A fixed date makes equal pictures equal text.
        "SOURCE_DATE_EPOCH": "0",
        "PYTHONHASHSEED": "0",
        # The sources that count for the cache are those that are imported.
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(project.root), os.getenv("PYTHONPATH")])
        ),
    }

    free = asyncio.Semaphore(together)
    failed: list[str] = []
    kernels = Kernels(environment)

    async def execute_one(chapter: Chapter, framework: str) -> None:
        async with free:
            if failed or kernels.stopped:
                return
            try:
                seconds = await _execute(
                    project, chapter, framework, scale, kernels
                )
            except BookError as error:
                failed.extend(error.messages)
            except KernelDiedError as error:
                if not kernels.stopped:
                    failed.append(str(error))
                    await kernels.stop()
            else:
                if seconds is not None:
                    report(chapter, framework, seconds)

    kernels.gather(execute_one(*notebook) for notebook in notebooks)
    if failed:
        raise BookError(failed)


async def _execute(
    project: Project,
    chapter: Chapter,
    framework: str,
    scale: str,
    kernels: Kernels,
) -> float | None:
    """Execute one notebook; return the seconds, or None if it stands."""
    notebook, wanted = _wanted(project, chapter, framework, scale)
    if _stands(project, chapter, framework, wanted):
        return None
    target = project.executed(framework, chapter.name)
    start = time.monotonic()
    await _run(notebook, chapter, framework, kernels)
    notebook.metadata["bookbuild"] = {"key": wanted, "scale": scale}
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    fresh.write_text(to_text(notebook), "utf-8")
    os.replace(fresh, target)
    return time.monotonic() - start


def stands(
    project: Project, chapter: Chapter, framework: str, scale: str
) -> bool:
    """Tell whether a chapter's outputs in one framework are up to date."""
    _, wanted = _wanted(project, chapter, framework, scale)
    return _stands(project, chapter, framework, wanted)


def _wanted(
    project: Project, chapter: Chapter, framework: str, scale: str
) -> tuple[NotebookNode, str]:
    """Return a derived notebook and the key that its outputs must bear."""
    path = project.notebook(framework, chapter.name)
    notebook = nbformat.read(path, as_version=4)
    return notebook, key(notebook, framework, scale, project.root)


def _stands(
    project: Project, chapter: Chapter, framework: str, wanted: str
) -> bool:
    target = project.executed(framework, chapter.name)
    if not target.exists():
        return False
    try:
        metadata = nbformat.read(target, as_version=4).metadata
    except Exception:  # whatever nbformat makes of a broken file
        return False
    return metadata.get("bookbuild", {}).get("key") == wanted


async def _run(
    notebook: NotebookNode,
    chapter: Chapter,
    framework: str,
    kernels: Kernels,
) -> None:
    module = f"d2lutils.{FRAMEWORKS[framework].module}"
    started: list[NotebookNode] = []
    try:
        await kernels.run(notebook, module, started.append)
    except CellExecutionError as error:
        raise BookError(
            _place(started, chapter, framework)
            + f" raised {error.ename}: {error.evalue}\n{error.traceback}"
        ) from None
    except KernelDiedError as error:
        place = _place(started, chapter, framework)
        raise KernelDiedError(
            f"{place} killed its kernel\n{error}".rstrip()
        ) from None


def _place(
    started: list[NotebookNode], chapter: Chapter, framework: str
) -> str:
    """Name the cell that failed: the last one that was started."""
    # The set-up cell comes before those of the chapter.
    number = max(0, sum(cell.cell_type == "code" for cell in started) - 1)
    line = chapter.code(framework)[number - 1].line if number else 1
    return f"{chapter.path}:{line}: [{framework}] code cell {number}"
