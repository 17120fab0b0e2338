"""The book itself, executed and built: once a test run.

Outputs that `make html` has left are taken if every one of them stands; else
the book is executed at the scale smoke, which takes a fraction of the time.
"""

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from selection import without_own
from small_book import REPOSITORY

from bookbuild import derive, execute
from bookbuild.book import read_book
from bookbuild.project import Project, chosen_frameworks

DEMO = REPOSITORY / "_build/executed"
"""Outputs of `make html`."""

SMOKE = REPOSITORY / "_build/smoke"
"""Outputs of earlier test runs; `execute` takes what still holds."""

LEFT_OUT = shutil.ignore_patterns(
    ".*", "_build", "tests", "benchmarks", "*.egg-info", "__pycache__"
)


class RealBook:
    """A built copy of the book."""

    def __init__(self, root: Path):
        self.root = root
        self.project = Project(root)
        self.html = root / "_build/html"
        self.frameworks = chosen_frameworks()
        self.scale = "smoke"

    @property
    def pages(self) -> dict[str, BeautifulSoup]:
        """Chapter → page, for the chapters in the table of contents."""
        return {
            name: self.page(f"chapters/{name}.html")
            for name in self.project.toc
        }

    @functools.cache  # noqa: B019 - one book lives as long as the tests
    def page(self, path: str) -> BeautifulSoup:
        """Return a page, named by its path under the site's root."""
        text = (self.html / path).read_text("utf-8")
        return BeautifulSoup(text, "html.parser")

    @property
    def executed(self) -> Path:
        """The folder of the executed notebooks."""
        return self.root / "_build/executed"

    def take(self, outputs: Path) -> None:
        """Put earlier outputs in place of the present ones."""
        shutil.rmtree(self.executed, ignore_errors=True)
        for name in self.frameworks:
            if (outputs / name).exists():
                shutil.copytree(outputs / name, self.executed / name)

    def stands(self, scale: str) -> bool:
        """Tell whether all outputs are there, of this scale and up to date."""
        return all(
            execute.stands(self.project, chapter, name, scale)
            for chapter in read_book(self.project).chapters
            for name in self.frameworks
            if chapter.code(name)
        )

    def run(self, *command: str) -> None:
        """Run a command in the copy, which must succeed."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env={
                **without_own(),
                "D2L_SCALE": self.scale,
                "PYTHONPATH": str(self.root),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).splitlines()
            told = [x for x in said[:-15] if re.search("error:|WARNING", x)]
            head = f"`{' '.join(command)}` failed:"
            pytest.fail("\n".join([head, *told, *said[-15:]]), pytrace=False)


def build(root: Path) -> RealBook:
    """Copy, execute and build the book; fail where any of it fails."""
    shutil.copytree(REPOSITORY, root, ignore=LEFT_OUT, dirs_exist_ok=True)
    book = RealBook(root)
    derive.write(read_book(book.project))
    book.take(DEMO)
    if book.stands("demo"):
        book.scale = "demo"
    else:
        book.take(SMOKE)
        try:
            book.run(sys.executable, "-m", "bookbuild", "execute")
        finally:
            if book.executed.exists():
                shutil.copytree(book.executed, SMOKE, dirs_exist_ok=True)
    program = str(Path(sys.executable).with_name("jupyter-book"))
    book.run(program, "build", "-W", "-n", "--keep-going", ".")
    return book
