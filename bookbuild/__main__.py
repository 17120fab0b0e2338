"""Command line: `python -m bookbuild check|derive|execute|release`."""

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

from . import derive, execute, lint
from .book import Book, read_book
from .chapter import Chapter
from .errors import BookError
from .project import Project, chosen_frameworks, chosen_scale
from .release import release


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


def run_release(book: Book, version: str) -> None:
    """Write a version, and the notebooks that install it.

    Raises:
        BookError: It cannot be written; nothing is.
    """
    root = book.project.root
    derive.check(book)
    told = release(book.project, version, datetime.date.today())
    derive.write(read_book(Project(root)))
    print(told)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bookbuild")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (
        ("check", derive.check),
        ("derive", derive.write),
        ("execute", run_execute),
    ):
        commands.add_parser(name).set_defaults(run=run)
    releasing = commands.add_parser("release")
    releasing.add_argument("version", help="such as 0.2.0 or 0.3.0.dev0")
    releasing.set_defaults(run=run_release)
    given = vars(parser.parse_args(arguments))
    run = given.pop("run")
    del given["command"]
    try:
        book = read_book(Project(Path.cwd()))
        lint.check(book)
        run(book, **given)
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
