"""Command line: `python -m bookbuild check|derive|exercises|execute`."""

import argparse
import shutil
import sys
from pathlib import Path

from . import execute, lint
from .chapter import Chapter
from .derive import derive, to_text
from .directives.exercise import SOLUTIONS, derive_exercises, statements
from .errors import BookError
from .export import export
from .project import FRAMEWORKS, Project, chosen_frameworks, chosen_scale


def derived_files(project: Project) -> dict[Path, str]:
    """Return the text of every file that is derived from the chapters."""
    chapters, references = lint.load(project)
    files = {
        project.export(framework): export(chapters, framework)
        for framework in (None, *FRAMEWORKS)
    }
    for framework in FRAMEWORKS:
        for chapter in chapters:
            if chapter.code(framework):
                notebook = derive(project, chapter, framework, references)
                path = project.notebook(framework, chapter.name)
                files[path] = to_text(notebook)
        files |= exercise_files(project, framework, chapters, references)
    return files


def exercise_files(project, framework, chapters, references):
    """Return path → text of the exercises' notebooks of one framework."""
    pages = {chapter.name: chapter for chapter in chapters}
    return {
        project.exercises(framework, name): to_text(
            derive_exercises(project, chapter, page, framework, references)
        )
        for name, chapter in pages.items()
        if (page := pages.get(SOLUTIONS + name)) and statements(chapter)
    }


def run_exercises(project: Project) -> None:
    """Write the notebooks in which the exercises are done."""
    chapters, references = lint.load(project)
    for framework in FRAMEWORKS:
        _write(
            project, exercise_files(project, framework, chapters, references)
        )


def run_derive(project: Project) -> None:
    """Write what is derived; touch no file that is up to date.

    What is committed comes from `_config.yml` alone. REPOSITORY and BRANCH
    reach copies of the notebooks in `_build/notebooks`, which lead to, and
    install from, that repository and branch.

    Raises:
        BookError: The sources have a fault, or a variable has.
    """
    published = project.published()
    files = derived_files(project)
    _write(project, files)
    copies = project.root / "_build/notebooks"
    shutil.rmtree(copies, ignore_errors=True)
    if published != project:
        notebooks = project.root / "notebooks"
        for path, text in derived_files(published).items():
            if path.is_relative_to(notebooks):
                copy = copies / path.relative_to(notebooks)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(text, "utf-8")
    for path in project.root.glob("notebooks/*/**/*.ipynb"):
        if path not in files:
            path.unlink()
            print(f"removed {path.relative_to(project.root)}")


def _write(project: Project, files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(project.root)}")


def run_check(project: Project) -> None:
    """Check the sources, and that what is derived from them is current.

    Raises:
        BookError: Something is wrong or out of date.
    """
    files = derived_files(project)
    stale = [
        f"{path.relative_to(project.root)}: is out of date; run `make derive`"
        for path, text in files.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    stale += [
        f"{path.relative_to(project.root)}: belongs to no chapter"
        for path in project.root.glob("notebooks/*/**/*.ipynb")
        if path not in files
    ]
    if stale:
        raise BookError(stale)


def run_execute(project: Project) -> None:
    """Execute what is new, in the frameworks and at the scale chosen.

    Raises:
        BookError: The notebooks are out of date, or a cell failed.
    """
    scale = chosen_scale()
    run_check(project)
    chapters, _ = lint.load(project)
    notebooks = [
        (chapter, framework)
        for chapter in chapters
        for framework in chosen_frameworks()
        if chapter.code(framework)
    ]
    executed = []

    def report(chapter: Chapter, framework: str, seconds: float) -> None:
        name = f"{framework}/{chapter.name}"
        executed.append(name)
        print(f"executed {name} in {seconds:.0f} s", flush=True)

    execute.execute(project, notebooks, scale, report)
    print(f"{len(executed)} notebooks executed at scale {scale}", flush=True)


def main() -> int:
    """Run one command; return its exit status."""
    commands = {
        "check": run_check,
        "derive": run_derive,
        "exercises": run_exercises,
        "execute": run_execute,
    }
    parser = argparse.ArgumentParser(prog="python -m bookbuild")
    parser.add_argument("command", choices=commands)
    command = parser.parse_args().command
    try:
        commands[command](Project(Path.cwd()))
    except BookError as error:
        for message in error.messages:
            print(f"error: {message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; what was done is kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
