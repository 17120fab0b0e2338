"""A book of a few lines in a temporary folder, for the tests of bookbuild."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

from bs4 import BeautifulSoup
from selection import without_own

from bookbuild import lint
from bookbuild.__main__ import main
from bookbuild.book import Book, read_book
from bookbuild.project import Project
from d2lutils.frameworks import FRAMEWORKS

REPOSITORY = Path(__file__).resolve().parents[2]

FRONT_MATTER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""

FIGURE = """\
```{figure} ../img/square.svg
:name: fig-square
:alt: A square.

A square and its caption.
```
"""

SQUARE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="9" role="img"
aria-labelledby="square-title"><title id="square-title">Square</title>
<rect width="9" height="9"/></svg>
"""

REFERENCES = """\
@article{he2016deep,
  author = {He, Kaiming and Zhang, Xiangyu and Ren, Shaoqing and Sun, Jian},
  title = {Deep residual learning}, journal = {CVPR}, year = {2016},
  doi = {10.1109/CVPR.2016.90}
}
"""


def cell(source: str, *tags: str) -> str:
    """Return a code cell with tags as it stands in a chapter."""
    options = f":tags: [{', '.join(tags)}]\n\n" if tags else ""
    return f"```{{code-cell}}\n{options}{source}\n```\n"


def step(source: str, *tags: str) -> str:
    """Return three neighbouring cells; `{fw}` becomes the framework."""
    return "\n".join(
        cell(source.replace("{fw}", name), name, *tags) for name in FRAMEWORKS
    )


def chapter(*parts: str, title: str = "A Chapter") -> str:
    """Return the text of a chapter with front matter and title."""
    return "\n".join([FRONT_MATTER, f"# {title}\n", *parts])


def line_of(text: str, marker: str) -> int:
    """Return the number, from 1, of the one line that has `marker`."""
    (found,) = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if marker in line
    ]
    return found


class SmallBook:
    """A book in a folder of its own, with the real book's settings.

    Its `d2lutils` is its own, and the three frameworks are installed as far
    as Python's metadata says, so that no test here needs one.
    """

    def __init__(self, root: Path, fresh: bool = True):
        self.root = root
        self.project = Project(root)
        if fresh:
            self._begin()

    def _begin(self) -> None:
        self.write("references.bib", REFERENCES)
        self.write("img/square.svg", SQUARE)
        self.write("d2lutils/__init__.py", "")
        shutil.copy(
            REPOSITORY / "d2lutils/frameworks.py", self.root / "d2lutils"
        )
        shutil.copy(
            REPOSITORY / "d2lutils/frameworks.py", self.root / "d2lutils"
        )
        self.write("chapters/references.md", "# References\n")
        for name in ("_config.yml", "pyproject.toml"):
            shutil.copy(REPOSITORY / name, self.root)
        for name in ("logo.svg", "favicon.svg", "figures.css"):
            shutil.copy(REPOSITORY / "img" / name, self.root / "img")
        shutil.copytree(REPOSITORY / "_static", self.root / "_static")
        for row in FRAMEWORKS.values():
            self.install(row.module, "1.0")
        self.toc("intro")

    def write(self, path: str, text: str) -> Path:
        """Write a file of the book."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        return target

    def toc(self, *names: str) -> None:
        """Name the chapters in reading order; all but the first are numbered.

        The page of references follows by itself.
        """
        lines = [
            "format: jb-book",
            f"root: chapters/{names[0]}",
            "parts:",
            *(["  - numbered: 2", "    chapters:"] if names[1:] else []),
            *(f"      - file: chapters/{name}" for name in names[1:]),
            "  - chapters:",
            "      - file: chapters/references",
        ]
        self.write("_toc.yml", "\n".join(lines) + "\n")

    def chapter(self, name: str, *parts: str, title: str = "A Chapter") -> str:
        """Write a chapter; return its text."""
        text = chapter(*parts, title=title)
        self.write(f"chapters/{name}.md", text)
        return text

    def install(self, module: str, version: str) -> None:
        """Make Python believe that a framework is installed."""
        for old in self.root.glob(f"site/{module}-*"):
            shutil.rmtree(old)
        self.write(
            f"site/{module}-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n",
        )

    def environment(self, **variables: str) -> dict[str, str]:
        """Return an environment in which the book's own package counts."""
        kept = without_own("FRAMEWORKS", "REPOSITORY", "BRANCH")
        path = [self.root, self.root / "site", REPOSITORY]
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "IPYTHONDIR": str(self.root / "site/ipython"),
            **variables,
        }

    def run(self, command: str, **variables: str):
        """Run `python -m bookbuild` with arguments in the book's folder.

        What starts kernels has a process of its own, whose end is theirs.
        """
        environment = self.environment(**variables)
        arguments = [sys.executable, "-m", "bookbuild", *command.split()]
        if command == "execute":
            return subprocess.run(
                arguments,
                cwd=self.root,
                env=environment,
                capture_output=True,
                text=True,
            )
        said, complained = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.root),
            mock.patch.dict(os.environ, environment, clear=True),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complained),
        ):
            try:
                status = main(command.split())
            except SystemExit as stopped:  # it was called in a wrong way
                status = stopped.code
        return subprocess.CompletedProcess(
            arguments, status, said.getvalue(), complained.getvalue()
        )

    def succeed(self, command: str, **variables: str) -> list[str]:
        """Run a command that must succeed; return the lines it printed."""
        done = self.run(command, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def faults(self, command: str = "check", **variables: str) -> list[str]:
        """Run a command that must fail properly; return its messages."""
        done = self.run(command, **variables)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "bookbuild/" not in done.stderr, done.stderr
        head, *messages = ("\n" + done.stderr).split("\nerror: ")
        assert not head.strip(), done.stderr
        return [message.strip() for message in messages]

    def executed(self, **variables: str) -> set[str]:
        """Derive and execute; return which notebooks were executed."""
        self.succeed("derive")
        *lines, _ = self.succeed("execute", **variables)
        return {line.split()[1] for line in lines}

    def load(self) -> Book:
        """Read and check the chapters."""
        book = read_book(Project(self.root))
        lint.check(book)
        return book

    def jupyter_book(self, *options: str, **variables: str):
        """Build the pages, as strictly as the real book's."""
        program = Path(sys.executable).with_name("jupyter-book")
        return subprocess.run(
            [program, "build", *options, "."],
            cwd=self.root,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
        )

    def build(self, **variables: str) -> str:
        """Build the pages, which must succeed; return what was printed."""
        done = self.jupyter_book("-W", "-n", "--keep-going", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def page(self, name: str) -> BeautifulSoup:
        """Return a built page."""
        path = self.root / f"_build/html/chapters/{name}.html"
        return BeautifulSoup(path.read_text("utf-8"), "html.parser")
