"""Names of ours that the chapters mention, print or save."""

import ast
import functools
import importlib.util
import re
from pathlib import Path

import pytest

from bookbuild.chapter import read
from d2lutils import check
from d2lutils.frameworks import FRAMEWORKS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "chapters"
INLINE = re.compile(r"(?<![`}])`([^`\n]+)`")
MODULES = [row.module for row in FRAMEWORKS.values()]
PRINTS_CODE = "inspect.getsource("


@functools.cache
def chapters():
    return [
        read(path, path.relative_to(FOLDER).with_suffix("").as_posix())
        for path in sorted(FOLDER.rglob("*.md"))
    ]


def mentioned(prefix):
    """Return the names with this prefix in the text of all pages."""
    pattern = re.compile(rf"(?<![\w.]){prefix}\.[\w.]*\w")
    found = {
        name
        for chapter in chapters()
        for cell in chapter.cells
        if cell.kind == "markdown"
        for code in INLINE.findall(cell.source)
        for name in pattern.findall(code)
    }
    assert found
    return found


def missing(names, start):
    """Return the names that cannot be reached by attributes of `start`."""
    faults = set()
    for name in names:
        value = start
        for part in name.split(".")[1:]:
            value = getattr(value, part, None)
        if value is None:
            faults.add(name)
    return faults


def test_utilities_that_the_text_names_exist(d2l):
    assert missing(mentioned("d2l"), d2l) == set()


def test_checks_that_the_text_names_exist():
    assert missing(mentioned("check"), check) == set()


@pytest.mark.parametrize("package", ["d2lutils", "benchmarks"])
def test_modules_that_the_text_names_exist(package):
    names = mentioned(package)
    assert {name for name in names if not importlib.util.find_spec(name)} == (
        set()
    )


@functools.cache
def printed():
    """Return the code that chapters print, of all frameworks."""
    pattern = r"inspect\.getsource\((.*)\)\)"
    names = {
        argument.rpartition(".")[2]
        for chapter in chapters()
        for cell in chapter.cells
        for argument in re.findall(pattern, cell.source)
    }
    assert names
    found = []
    for path in [
        ROOT / "d2lutils/training.py",
        *(ROOT / f"d2lutils/backends/{module}.py" for module in MODULES),
    ]:
        source = path.read_text("utf-8")
        found += [
            ast.get_source_segment(source, node)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef) and node.name in names
        ]
    return "\n".join(found)


def words(text):
    return set(re.findall(r"\w+", text))


def explanation(chapter):
    """Return the text about printed code, and what a reader knows by then.

    That is the text before it, and all code of the chapter.
    """
    texts = [cell.source for cell in chapter.cells]
    first = next(i for i, text in enumerate(texts) if PRINTS_CODE in text)
    rest = chapter.cells[first:]
    after = "\n".join(cell.source for cell in rest if cell.kind != "code")
    code = [cell.source for cell in rest if cell.kind == "code"]
    section = re.split("^#", after, maxsplit=1, flags=re.MULTILINE)[0]
    return section, "\n".join([*texts[:first], *code])


PRINTING = ["convolutional_blocks", "scaling_out"]


def test_chapters_that_print_code_are_known():
    found = {
        chapter.name
        for chapter in chapters()
        if any(PRINTS_CODE in cell.source for cell in chapter.cells)
    }
    assert found == set(PRINTING)


@pytest.mark.parametrize("name", PRINTING)
def test_the_words_about_printed_code_name_what_it_has(name):
    (chapter,) = (each for each in chapters() if each.name == name)
    text, known = explanation(chapter)
    known = words(known) | words(printed())
    codes = INLINE.findall(text)
    assert len(codes) > 5
    assert {code for code in codes if not words(code) <= known} == set()


def saved():
    """Return name → the chapter that saves it."""
    return {
        node.name if hasattr(node, "name") else node.targets[0].id: chapter
        for chapter in chapters()
        for cell in chapter.cells
        if "save" in cell.tags
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.Assign)
    }


def used_names(source):
    """Return the names that code reads, of modules and by strings, too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant):
            found.add(node.value)
    return found


def test_what_is_saved_is_needed_elsewhere():
    programs = [
        path.read_text("utf-8")
        for folder in ("d2lutils", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if path.parent.name != "models"
    ]
    users = {"programs": set().union(*map(used_names, programs))}
    for chapter in chapters():
        cells = [cell for cell in chapter.cells if cell.kind == "code"]
        uses = [used_names(cell.source) for cell in cells]
        users[chapter.name] = set().union(*uses)
    # What a saved cell of the same chapter calls comes along with it.
    called = {
        node.id
        for chapter in chapters()
        for cell in chapter.cells
        if "save" in cell.tags
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    assert len(saved()) > 20
    for name, chapter in saved().items():
        others = {user for user in users if user != chapter.name}
        assert name in called or any(name in users[user] for user in others), (
            f"{chapter.path} saves {name}, and only uses it itself"
        )
