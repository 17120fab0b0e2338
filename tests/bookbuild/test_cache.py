"""What is executed anew is what its outputs depend on, and nothing else."""

import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from small_book import SmallBook, cell, step

from bookbuild.dependencies import dependencies
from bookbuild.execute import key

ALL = {"pytorch/waves", "tensorflow/waves", "mxnet/waves"}


def text(a="{fw}", prose="Words."):
    return (
        step("from d2lutils.parts import {fw}"),
        prose,
        step(f"print('{a}')"),
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A book that is executed at all, with a package of some modules."""
    made = SmallBook(tmp_path_factory.mktemp("book"))
    made.toc("intro", "waves")
    made.chapter("intro", "No code.")
    made.chapter("waves", *text())
    made.write("d2lutils/parts/__init__.py", "")
    for name, other in (
        ("pytorch", "from ._deep import x"),
        ("tensorflow", "import d2lutils.data"),
        ("mxnet", "from .. import data"),
    ):
        made.write(f"d2lutils/parts/{name}.py", other)
    made.write("d2lutils/parts/_deep.py", "from . import _deeper as x")
    made.write("d2lutils/parts/_deeper.py", "")
    made.write("d2lutils/data.py", "from d2lutils.assets import __name__")
    made.write("d2lutils/assets/__init__.py", "")
    made.write("d2lutils/assets/images.npz", "pixels")
    made.write("d2lutils/unused.py", "")
    assert made.executed() == ALL
    return made


@pytest.fixture
def book(executed, tmp_path):
    """A copy of the executed book, to be changed."""
    root = tmp_path / "book"
    shutil.copytree(executed.root, root)
    return SmallBook(root, fresh=False)


def test_nothing_is_executed_twice(book):
    assert book.executed() == set()


def test_times_of_files_do_not_count(book):
    for path in book.root.rglob("*"):
        os.utime(path, (0, 0) if path.suffix == ".ipynb" else None)
    assert book.executed() == set()


def test_one_changed_cell_executes_one_notebook(book):
    path = book.root / "chapters/waves.md"
    before = path.read_text("utf-8")
    path.write_text(before.replace("print('pytorch')", "print('torch')"))
    assert book.executed() == {"pytorch/waves"}
    path.write_text(before)
    assert book.executed() == {"pytorch/waves"}


def test_prose_executes_nothing(book):
    book.chapter("waves", *text(prose="Other words.\n\nAnd more."))
    assert book.executed() == set()


def test_the_place_that_colab_installs_from_executes_nothing(book):
    project = (book.root / "pyproject.toml").read_text("utf-8")
    book.write(
        "pyproject.toml", re.sub(r"(?m)^version.*", 'version = "9"', project)
    )
    assert len(book.succeed("derive")) == 3
    assert book.executed() == set()


@pytest.mark.parametrize(
    ("source", "frameworks"),
    [
        ("parts/pytorch.py", {"pytorch"}),
        ("parts/_deeper.py", {"pytorch"}),
        ("data.py", {"tensorflow", "mxnet"}),
        ("assets/images.npz", {"tensorflow", "mxnet"}),
        ("parts/__init__.py", {"pytorch", "tensorflow", "mxnet"}),
        ("__init__.py", {"pytorch", "tensorflow", "mxnet"}),
        ("unused.py", set()),
    ],
)
def test_a_changed_source_counts_for_those_that_import_it(
    book, source, frameworks
):
    notebooks = {
        name: nbformat.read(book.project.notebook(name, "waves"), 4)
        for name in ("pytorch", "tensorflow", "mxnet")
    }

    def keys():
        return {
            name: key(notebook, name, "demo", book.root)
            for name, notebook in notebooks.items()
        }

    path = book.root / "d2lutils" / source
    before = keys()
    path.write_text(path.read_text("utf-8") + "\n# changed\n", "utf-8")
    after = keys()
    assert {n for n in before if before[n] != after[n]} == frameworks


def test_a_source_of_one_framework_executes_one_notebook(book):
    book.write("d2lutils/parts/_deeper.py", "changed = True\n")
    assert book.executed() == {"pytorch/waves"}
    assert book.executed() == set()


def test_another_scale_executes_everything(book):
    assert book.executed(D2L_SCALE="smoke") == ALL
    assert book.executed(D2L_SCALE="smoke") == set()


def test_another_version_of_a_framework_executes_its_notebook(book):
    book.install("mxnet", "2.0")
    assert book.executed() == {"mxnet/waves"}


def test_outputs_that_were_removed_are_made_again(book):
    book.project.executed("tensorflow", "waves").unlink()
    assert book.executed() == {"tensorflow/waves"}


@pytest.mark.parametrize("content", [b"{", b"{}"])
def test_outputs_that_cannot_be_read_are_made_again(book, content):
    book.project.executed("mxnet", "waves").write_bytes(content)
    assert book.executed() == {"mxnet/waves"}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import numpy", []),
        ("import d2lutils", ["__init__"]),
        ("from d2lutils import unused as d2l", ["__init__", "unused"]),
        ("import d2lutils.unused", ["__init__", "unused"]),
        ("from d2lutils.unused import f", ["__init__", "unused"]),
        ("if True:\n    import d2lutils.unused", ["__init__", "unused"]),
        ("def f():\n    from d2lutils import unused", ["__init__", "unused"]),
        ("run('python -m d2lutils.unused')", ["__init__", "unused"]),
        ("import_module('d2lutils.unused')", ["__init__", "unused"]),
    ],
)
def test_every_way_of_importing_is_followed(executed, code, names):
    found = dependencies([code], "pytorch", executed.root)
    assert [Path(name).stem for name in found] == names


@pytest.mark.parametrize(
    "code", ["import_module(name)", "__import__(name)", "%run it"]
)
def test_what_cannot_be_told_may_be_any_module(executed, code):
    found = dependencies([code], "pytorch", executed.root)
    assert set(found) == {
        str(path.relative_to(executed.root))
        for path in executed.root.glob("d2lutils/**/*")
        if path.is_file() and path.stem not in ("tensorflow", "mxnet")
    } - {"d2lutils/explained.json"}


def test_imports_in_a_circle_end(executed, tmp_path):
    shutil.copytree(executed.root / "d2lutils", tmp_path / "d2lutils")
    book = SmallBook(tmp_path, fresh=False)
    book.write("d2lutils/a.py", "from . import b")
    book.write("d2lutils/b.py", "from .a import c\nfrom . import nothing")
    found = dependencies(["import d2lutils.a"], "pytorch", tmp_path)
    assert [Path(name).stem for name in found] == ["__init__", "a", "b"]


def test_a_shared_cell_counts_for_all_frameworks(book):
    book.chapter("waves", *text(), cell("print('shared')"))
    assert book.executed() == ALL
