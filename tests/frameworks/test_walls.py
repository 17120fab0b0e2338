"""The walls of the house: who may name a framework, and who may import one."""

import ast
import itertools
import json
import re

import pytest
import source
from selection import selected_frameworks
from small_runs import program

from d2lutils.frameworks import FRAMEWORKS

# Files that name several frameworks, and why they have to.
NAMED_IN = {
    "d2lutils/frameworks.py": "the table itself",
    "d2lutils/exercises/intro.py": "the exercise's address and choice, of two",
    "pyproject.toml": "an extra for each",
    "requirements.txt": "a pin for each",
}

# Tests that name all of them, and why.
ALL_NAMED_IN = {
    "tests/exercises/answers/": "an answer in each, as readers write them",
    "tests/bookbuild/": "small books of their own, with cells of each",
    "tests/frameworks/test_bench.py": "what is promised of each",
}

SETTINGS = (
    "Makefile",
    ".ci",
    ".github",
    "*.cfg",
    "*.css",
    "*.in",
    "*.js",
    "*.toml",
    "*.txt",
    "*.yaml",
    "*.yml",
)


def is_in(path, places):
    return any(path == place or path.startswith(place) for place in places)


def settings_name(text):
    """Return the frameworks in a file of settings, comments left out."""
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines())
    return set().union(*map(source.named_in, lines))


def python_names(text):
    tree = ast.parse(text)
    return source.frameworks_of(tree, source.docstrings(tree))


def names_all(text):
    """Whether one expression names all frameworks."""
    tree = ast.parse(text)
    left_out = source.docstrings(tree)
    return any(
        source.frameworks_of(each, left_out) == FRAMEWORKS.keys()
        for each in source.expressions(tree)
    )


def test_one_table_of_frameworks():
    python = [
        path for path in source.files("*.py") if not path.startswith("tests/")
    ]
    settings = source.files(*SETTINGS)
    assert len(python) > 100
    assert {"Makefile", ".ci/run", "_config.yml"} <= set(settings)
    found = {
        path
        for paths, names in ((python, python_names), (settings, settings_name))
        for path in paths
        if len(names(source.read(path))) > 1
    }
    assert found == NAMED_IN.keys()


def test_no_table_of_frameworks_in_the_tests():
    tests = source.files("tests/*.py")
    found = {path for path in tests if names_all(source.read(path))}
    strangers = {path for path in found if not is_in(path, ALL_NAMED_IN)}
    assert not strangers
    for place in ALL_NAMED_IN:
        assert any(is_in(path, [place]) for path in found), place


KEYS, MODULES, NAMES = (
    [getattr(row, kind) for row in FRAMEWORKS.values()]
    for kind in ("key", "module", "name")
)


LISTS = repr, lambda words: repr(dict.fromkeys(words, 0))
WORDS = (
    lambda words: f"f({', '.join(map(repr, words))})",
    lambda words: repr([f"d2lutils.{word}" for word in words]),
    lambda words: repr(" ".join(words)),
    lambda words: f"dict({', '.join(f'{word}=1' for word in words)})",
    lambda words: " or ".join(f"y == {word!r}" for word in words),
)


@pytest.mark.parametrize(
    ("words", "form"),
    [
        *itertools.product([KEYS, MODULES], [*LISTS, *WORDS]),
        *itertools.product([NAMES], LISTS),
    ],
)
def test_a_table_would_be_seen(words, form):
    text = f"def f():\n    x = {form(words)}"
    assert names_all(text)
    assert python_names(text) == FRAMEWORKS.keys()


@pytest.mark.parametrize(
    "text",
    [
        f"mocked: [{', '.join(MODULES)}]",
        "\n".join(f"{key}:\n\tpip install {key}" for key in KEYS),
        f"for name in {' '.join(KEYS)}; do",
    ],
)
def test_a_table_in_settings_would_be_seen(text):
    assert settings_name(text) == FRAMEWORKS.keys()
    assert not settings_name(f"# {text}".replace("\n", "\n# "))


def test_prose_may_speak_of_frameworks():
    text = f'"""Like {KEYS}."""\nsay("in {" and ".join(NAMES)}")\n'
    assert not python_names(text)
    assert not names_all(text)


# Imports, as they stand in the source: lazy ones as well.


def module_of(path):
    """Return the name by which a file is imported."""
    name = path.removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def own_framework(path):
    """Return the framework that a module of ours is named after, if any."""
    return source.framework_of_import(module_of(path))


OURS = source.files("d2lutils/*.py")
BUILDER = source.files("bookbuild/*.py")


@pytest.mark.parametrize("path", OURS)
def test_a_framework_is_imported_in_its_own_modules_only(path):
    found = source.imports(ast.parse(source.read(path)))
    frameworks = {source.framework_of_import(name) for name in found} - {None}
    assert frameworks <= {own_framework(path)}


def test_every_framework_has_its_modules():
    places = "d2lutils/{}.py", "d2lutils/backends/{}.py"
    for module in MODULES:
        assert {place.format(module) for place in places} <= set(OURS)


@pytest.mark.parametrize("path", BUILDER)
def test_the_builder_reads_the_table_alone(path):
    found = source.imports(ast.parse(source.read(path)))
    assert not any(map(source.framework_of_import, found))
    ours = {name for name in found if name.partition(".")[0] == "d2lutils"}
    table = "d2lutils.frameworks"
    assert all(f"{name}.".startswith(f"{table}.") for name in ours)


@pytest.mark.parametrize("module", [*MODULES, "keras"])
@pytest.mark.parametrize(
    "line",
    [
        "import {}",
        "import {}.nn as nn",
        "from {} import nn",
        "def f():\n    from {}.nn import functional",
        "importlib.import_module('{}')",
    ],
)
def test_an_import_would_be_seen(module, line):
    (name,) = source.imports(ast.parse(line.format(module)))
    assert source.framework_of_import(name)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "line",
    ["from d2lutils import {}", "import d2lutils.backends.{}"],
)
def test_an_import_of_our_modules_for_one_would_be_seen(module, line):
    (name,) = source.imports(ast.parse(line.format(module)))
    assert source.framework_of_import(name)


# Imports, as they happen in a new process.


def brought_in(*modules):
    """Return the frameworks, and our modules, that imports bring in."""
    result = program("imported", *modules)
    assert result.returncode == 0, result.stderr
    names = json.loads(result.stdout)
    frameworks = {source.ROOTS[name] for name in names if name in source.ROOTS}
    ours = {name for name in names if name.partition(".")[0] == "d2lutils"}
    return frameworks, ours


def test_what_all_share_imports_no_framework():
    modules = [module_of(path) for path in OURS if not own_framework(path)]
    modules = [name for name in modules if not name.endswith("__main__")]
    assert {"d2lutils.check", "d2lutils.train", "d2lutils.backends"} <= set(
        modules
    )
    assert not brought_in(*modules)[0]


def test_the_builder_imports_no_framework_and_the_table_alone():
    modules = [module_of(path) for path in BUILDER]
    modules = [name for name in modules if not name.endswith("__main__")]
    assert brought_in(*modules) == (set(), {"d2lutils", "d2lutils.frameworks"})


@pytest.mark.parametrize("key", selected_frameworks())
def test_the_modules_of_a_framework_import_no_other(key):
    modules = [module_of(path) for path in OURS if own_framework(path) == key]
    assert len(modules) >= 3
    assert brought_in(*modules)[0] == {key}


# Programs


MATERIAL = {
    "tests/exercises/answers/": "answers, as readers write them",
    "tests/exercises/test_check_command.py": "cells of readers' notebooks",
    "tests/exercises/test_grading.py": "cells of readers' notebooks",
    "tests/bookbuild/": "cells of the small books",
}


def programs(text):
    """Return the lines of strings that are programs of some length."""
    return [
        line
        for line, each in source.texts(ast.parse(text))
        if each.count("\n") > 2 and source.statements(each) > 3
    ]


def test_no_program_is_a_string():
    found = {
        f"{path}:{line}"
        for path in source.files("*.py")
        if not is_in(path, MATERIAL)
        for line in programs(source.read(path))
    }
    assert not found


@pytest.mark.parametrize(
    "lines",
    [
        ["import a", "b = 1", "c = 2", "print(a)"],
        ["from a.{module} import b", "{more}", "c = 1", "print(b)"],
        ["    def f():", "        a = 1", "        b = {{}}", "        a = b"],
    ],
)
def test_a_program_would_be_seen(lines):
    code = "\n".join([*lines, ""])
    assert programs(f"x = {code!r}") == [1]
    assert programs(f'x = f"""{code}"""') == [1]
    assert not programs(f'"""{code}"""')


def test_a_page_is_no_program():
    assert not programs("x = '''# Title\n\nWords.\n\nMore\nwords.\n'''")
