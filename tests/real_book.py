"""The book itself, executed at smoke scale and built: once a test run."""

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from small_book import REPOSITORY

from bookbuild.project import Project, chosen_frameworks

CACHE = REPOSITORY / "_build/smoke"
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

    def run(self, *command: str) -> None:
        """Run a command in the copy, which must succeed."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env={
                **os.environ,
                "D2L_SCALE": "smoke",
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


def real_book(factory: pytest.TempPathFactory) -> RealBook:
    """Return the built book, built at the first call of a test run."""
    return _built(factory.getbasetemp() / "real_book")


@functools.cache
def _built(root: Path) -> RealBook:
    """Copy, execute and build the book; fail where any of it fails."""
    shutil.copytree(REPOSITORY, root, ignore=LEFT_OUT, dirs_exist_ok=True)
    book = RealBook(root)
    executed = root / "_build/executed"
    for name in book.frameworks:
        if (CACHE / name).exists():
            shutil.copytree(CACHE / name, executed / name, dirs_exist_ok=True)
    try:
        for command in ("derive", "execute"):
            book.run(sys.executable, "-m", "bookbuild", command)
    finally:
        if executed.exists():
            shutil.copytree(executed, CACHE, dirs_exist_ok=True)
    program = str(Path(sys.executable).with_name("jupyter-book"))
    book.run(program, "build", "-W", "-n", "--keep-going", ".")
    return book
