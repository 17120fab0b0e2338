"""A version is written once, wherever one is named."""

import contextlib
import io
import os
import re
import sys
from unittest import mock

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from small_book import REPOSITORY, SmallBook, cell, step

from bookbuild.derive import is_setup
from bookbuild.project import Project
from d2lutils.frameworks import FRAMEWORKS

LOG = """\
# Changes

## 0.2.0 – unreleased
- It is better.

## 0.1.0 – 2026-01-31
- It is there.
"""
CITATION = "title: A Book\nversion: 0.2.0.dev0\nkeywords: [books]\n"
FILES = "pyproject.toml", "CITATION.cff", "CHANGELOG.md"


@pytest.fixture
def book(tmp_path):
    book = SmallBook(tmp_path / "book")
    book.chapter("intro", step("import d2lutils"), cell("x = 1"))
    book.write("pyproject.toml", '[project]\nversion = "0.2.0.dev0"\n')
    book.write("CHANGELOG.md", LOG)
    book.write("CITATION.cff", CITATION)
    book.succeed("derive")
    return book


def texts(book):
    return {name: (book.root / name).read_text("utf-8") for name in FILES}


def sources(book):
    """Return what the committed notebooks install the package from."""
    found = set()
    for path in book.root.glob("notebooks/*/*.ipynb"):
        text = path.read_text("utf-8")
        found |= set(re.findall(r"git\+https://github.com/[^\\\"]*", text))
    return found


def address(point):
    return f"git+https://github.com/resnet-book/resnet-book@{point}"


def test_a_version_in_development_installs_from_the_branch(book):
    assert sources(book) == {address("main")}


def test_a_release_is_written_everywhere(book):
    *_, told = book.succeed("release 0.2.0")
    assert "git tag v0.2.0 && git push origin main v0.2.0" in told
    assert sources(book) == {address("v0.2.0")}
    found = texts(book)
    assert found["pyproject.toml"] == '[project]\nversion = "0.2.0"\n'
    dated = (
        r"title: A Book\nversion: 0.2.0\ndate-released: (\S+)\nkeywords.*\n"
    )
    (today,) = re.fullmatch(dated, found["CITATION.cff"]).groups()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", today)
    assert found["CHANGELOG.md"] == LOG.replace("unreleased", today)
    assert book.faults("release 0.2.0") != []
    book.succeed("check")


def test_the_next_version_is_begun(book):
    book.succeed("release 0.2.0")
    released = texts(book)["CHANGELOG.md"]
    book.succeed("release 0.3.0.dev0")
    assert sources(book) == {address("main")}
    found = texts(book)
    assert found["pyproject.toml"] == '[project]\nversion = "0.3.0.dev0"\n'
    assert found["CITATION.cff"] == CITATION.replace("0.2.0", "0.3.0")
    begun = "## 0.3.0 – unreleased\n\n## 0.2.0"
    assert found["CHANGELOG.md"] == released.replace("## 0.2.0", begun)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("0.1.0", "higher than 0.2.0.dev0"),
        ("0.2.0.dev0", "higher than 0.2.0.dev0"),
        ("soon", "is no version such as"),
        ("v0.2.0", "is no version such as"),
        ("0.2.0+mine", "is no version such as"),
    ],
)
def test_what_is_no_next_version_writes_nothing(book, version, words):
    before = texts(book)
    (message,) = book.faults(f"release {version}")
    assert message.startswith("VERSION=") and words in message
    assert texts(book) == before
    assert sources(book) == {address("main")}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CITATION.cff", "title: A Book\n"),
        ("CHANGELOG.md", "# Changes\n"),
        ("CHANGELOG.md", LOG.replace("unreleased", "2026-02-28")),
    ],
)
def test_a_file_without_a_place_for_it_is_named(book, name, text):
    book.write(name, text)
    before = texts(book)
    (message,) = book.faults("release 0.2.0")
    assert message.startswith(f"{name}: must ")
    assert texts(book) == before


def set_up(framework, variables=(), modules=(), found=True):
    """Run a set-up cell; return what it installs and what it prints."""
    path = REPOSITORY / f"notebooks/{framework}/residual_block.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    source = next(each.source for each in cells if is_setup(each))
    shell, said = mock.Mock(), io.StringIO()
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.dict(sys.modules, modules),
        mock.patch("importlib.util.find_spec", lambda name: found),
        contextlib.redirect_stdout(said),
    ):
        code = TransformerManager().transform_cell(source)
        exec(code, {"get_ipython": lambda: shell})
    calls = shell.run_line_magic.call_args_list
    assert all(each.args[0] == "pip" for each in calls)
    return [each.args[1] for each in calls], said.getvalue()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_set_up_installs_where_only_the_package_is_missing(framework):
    row = FRAMEWORKS[framework]
    for home in (
        {"modules": {"google.colab": sys}},
        {"variables": {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}},
    ):
        installed, said = set_up(framework, **home)
        wanted = f'install -q "{Project(REPOSITORY).package_source}"'
        assert installed[0] == wanted
        assert len(installed) == (1 if row.in_colab else 2)
        assert said == "The book's package, d2lutils, is ready.\n"
    assert set_up(framework) == ([], said)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_set_up_says_what_to_do_where_the_package_is_missing(framework):
    installed, said = set_up(framework, found=None)
    assert installed == []
    assert "is missing: connect to the internet and run the first %pip" in said
    assert len(said.splitlines()) == 1
