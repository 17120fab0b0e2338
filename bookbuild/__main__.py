"""Command line: `python -m bookbuild check|derive|execute`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import derive, execute, lint
from .book import Book, read_book
from .chapter import Chapter
from .errors import BookError
from .project import Project, chosen_frameworks, chosen_scale


def run_execute(book: Book) -> None:
    """Execute what is new, in the frameworks and at the scale chosen.

    Raises:
        BookError: The notebooks are out of date, or a cell failed.
    """
    scale = chosen_scale()
    derive.check(book)
    notebooks = [
        (chapter, framework)
        for chapter in book.chapters
        for framework in chosen_frameworks()
        if chapter.code(framework)
    ]
    executed = []

    def report(chapter: Chapter, framework: str, seconds: float) -> None:
        name = f"{framework}/{chapter.name}"
        executed.append(name)
        print(f"executed {name} in {seconds:.0f} s", flush=True)

    execute.execute(book.project, notebooks, scale, report)
    print(f"{len(executed)} notebooks executed at scale {scale}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    commands = {
        "check": derive.check,
        "derive": derive.write,
        "execute": run_execute,
    }
    parser = argparse.ArgumentParser(prog="python -m bookbuild")
    parser.add_argument("command", choices=commands)
    command = parser.parse_args(arguments).command
    try:
        book = read_book(Project(Path.cwd()))
        lint.check(book)
        commands[command](book)
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
