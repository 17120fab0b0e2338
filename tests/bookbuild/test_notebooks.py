"""The committed notebooks and models are what the chapters say now."""

import ast
import re
import subprocess
import sys

import nbformat
import pytest
from small_book import REPOSITORY

from bookbuild import derive, lint
from bookbuild.book import read_book
from bookbuild.project import Project
from d2lutils.frameworks import FRAMEWORKS


@pytest.fixture(scope="module")
def book():
    return read_book(Project(REPOSITORY))


@pytest.fixture(scope="module")
def files(book):
    """Path → text of all that is derived from the chapters as they are."""
    return derive.files(book)


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return request.param


@pytest.fixture
def notebooks(files, framework):
    """Path → notebook of one framework, also of exercises and solutions."""
    folder = REPOSITORY / "notebooks" / framework
    texts = {
        path.relative_to(folder): text
        for path, text in files.items()
        if path.suffix == ".ipynb" and path.is_relative_to(folder)
    }
    return {
        path.with_suffix("").as_posix(): nbformat.reads(text, as_version=4)
        for path, text in texts.items()
    }


def imported_names(notebook):
    """Return what a notebook imports, but for its set-up cell."""
    names = set()
    for cell in notebook.cells[2:]:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{a.name}" for a in node.names}
    return {part for name in names for part in name.split(".")}


def test_every_derived_file_is_current(files):
    stale = [
        str(path.relative_to(REPOSITORY))
        for path, text in files.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    assert stale == [], "run `make derive`"


def test_the_book_passes_its_own_check(book):
    lint.check(book)
    derive.check(book)


def test_what_is_exported_is_python(files):
    modules = {
        path.stem: text for path, text in files.items() if path.suffix == ".py"
    }
    assert set(modules) == {
        "common",
        *(row.module for row in FRAMEWORKS.values()),
    }
    for name, text in modules.items():
        compile(text, name, "exec")
        assert ("class BasicBlock" in text) == (name != "common")


def test_every_chapter_with_code_has_a_notebook(notebooks):
    chapters = REPOSITORY.glob("chapters/*.md")
    texts = {path.stem: path.read_text("utf-8") for path in chapters}
    named = {name for name, text in texts.items() if "{code-cell}" in text}
    asking = {name for name, text in texts.items() if "{exercise}" in text}
    assert set(notebooks) == (
        named
        | {f"solutions/{name}" for name in asking}
        | {f"exercises/{name}" for name in asking}
    )


def test_notebooks_are_valid_and_have_no_outputs(notebooks):
    for notebook in notebooks.values():
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.outputs == [] and cell.execution_count is None
        assert notebook.metadata.accelerator == "GPU"
        assert notebook.metadata.kernelspec.name == "python3"


def test_notebooks_install_first_what_colab_lacks(notebooks, framework):
    for notebook in notebooks.values():
        cells = [c for c in notebook.cells if c.cell_type == "code"]
        assert cells[0].metadata.tags == ["setup"]
        assert '"google.colab" in sys.modules' in cells[0].source
        installs = re.findall(r"%pip install (.*)", cells[0].source)
        package, *others = installs
        assert "d2lutils @ git+https://github.com/" in package
        assert ["mxnet" in x for x in others] == [True] * (
            framework == "mxnet"
        )
        assert not any("%pip" in cell.source for cell in cells[1:])


def test_no_tag_of_a_framework_is_left_in_notebooks(notebooks):
    for notebook in notebooks.values():
        tags = {t for c in notebook.cells for t in c.metadata.get("tags", [])}
        assert "setup" in tags
        assert not tags & set(FRAMEWORKS)
        assert "jupytext" not in notebook.metadata


@pytest.mark.parametrize(
    "syntax",
    [
        pytest.param(r"\{[\w:-]+\}`", id="role"),
        pytest.param(r"^\s*(`{3,}|:{3,})\s*\{", id="directive"),
        pytest.param(r"^\([\w:.-]+\)=", id="label"),
        pytest.param(r"\$\$\s*\([\w:.-]+\)\s*$", id="label of an equation"),
        pytest.param(r"^:[\w-]+:( |$)", id="option"),
        pytest.param(r"^\+\+\+", id="break of cells"),
    ],
)
def test_no_myst_is_left_in_notebooks(notebooks, syntax):
    for name, notebook in notebooks.items():
        text = "\n\n".join(
            cell.source
            for cell in notebook.cells
            if cell.cell_type == "markdown"
        )
        assert text.startswith("# ")
        found = re.search(syntax, text, re.MULTILINE)
        assert not found, f"{name}: {found[0]}"


def test_notebooks_import_their_own_framework_only(notebooks, framework):
    others = {
        row.module for key, row in FRAMEWORKS.items() if key != framework
    }
    for name, notebook in notebooks.items():
        names = imported_names(notebook)
        assert FRAMEWORKS[framework].module in names, name
        assert not names & others, name


def test_the_authors_tool_imports_the_table_of_frameworks_alone():
    code = (
        "import sys, bookbuild.__main__, bookbuild.sphinx\n"
        "print(*(x for x in sys.modules if x.startswith('d2lutils')))\n"
        "print({x.split('.')[0] for x in sys.modules} & set(sys.argv))"
    )
    modules = [row.module for row in FRAMEWORKS.values()]
    done = subprocess.run(
        [sys.executable, "-c", code, *modules, "keras"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        "d2lutils d2lutils.frameworks",
        "set()",
    ], done.stderr
