"""What a key depends on: versions, definitions, checks; nothing beside it."""

import ast
import importlib.metadata
import platform
import shutil
from pathlib import Path

import nbformat
import pytest
from small_book import REPOSITORY

from bookbuild import dependencies, execute
from bookbuild.errors import BookError
from d2lutils import frameworks
from d2lutils.frameworks import FRAMEWORKS

COUNTED = [
    (row.key, distribution)
    for row in FRAMEWORKS.values()
    for distribution in ("numpy", "matplotlib", *row.distributions)
]
"""Framework, and a distribution whose version counts for it."""


@pytest.fixture
def installed(monkeypatch):
    """Distribution → version, as far as Python's metadata says."""
    versions = {distribution: "1.0" for _, distribution in COUNTED}

    def version(name):
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    def forget():
        dependencies._versions.cache_clear()
        frameworks._versions.cache_clear()

    monkeypatch.setattr(importlib.metadata, "version", version)
    forget()
    yield versions
    forget()


def key(framework="pytorch", root=REPOSITORY):
    """Return the key of a notebook without cells."""
    return dependencies.key([], framework, "demo", root)


@pytest.mark.parametrize(("framework", "distribution"), COUNTED)
def test_each_version_counts(installed, framework, distribution):
    before = key(framework)
    installed[distribution] += ".1"
    dependencies._versions.cache_clear()
    frameworks._versions.cache_clear()
    assert key(framework) != before


def test_the_version_of_python_counts(installed, monkeypatch):
    before = key()
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert key() != before


@pytest.mark.parametrize(
    ("framework", "distribution"),
    [(row.key, n) for row in FRAMEWORKS.values() for n in row.distributions],
)
def test_a_version_counts_for_no_other_framework(
    installed, framework, distribution
):
    others = [other for other in FRAMEWORKS if other != framework]
    before = [key(other) for other in others]
    installed[distribution] += ".1"
    frameworks._versions.cache_clear()
    assert [key(other) for other in others] == before


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_not_installed_is_named_with_its_command(installed, framework):
    row = FRAMEWORKS[framework]
    for name in row.distributions:
        if name.startswith(row.module):
            del installed[name]  # Keras stays, which is no TensorFlow
    with pytest.raises(BookError) as error:
        key(framework)
    assert f"{row.name} is not installed" in str(error.value)
    assert f"`{row.install}`" in str(error.value)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_any_build_of_a_framework_will_do(installed, framework):
    row = FRAMEWORKS[framework]
    for name in row.distributions:
        if name.startswith(row.module):
            others = set(row.distributions) - {name}
            for other in others:
                installed.pop(other, None)
            assert dependencies.versions(framework)[name] == "1.0"
            installed.update(dict.fromkeys(others, "1.0"))
            frameworks._versions.cache_clear()


class Library:
    """A copy of the package and of the notebooks."""

    def __init__(self, root: Path):
        self.root = root
        self.cells = {
            (framework, str(path.relative_to(folder).with_suffix(""))): [
                cell.source
                for cell in nbformat.read(path, 4).cells
                if cell.cell_type == "code" and not execute.is_setup(cell)
            ]
            for framework in FRAMEWORKS
            for folder in [root / "notebooks" / framework]
            for path in folder.rglob("*.ipynb")
            if path.parent.name != "exercises"
        }

    def needs(self) -> dict[tuple[str, str], dict[str, bytes]]:
        """Return (framework, chapter) → what its notebook depends on."""
        return {
            (framework, name): dependencies.dependencies(
                code, framework, self.root
            )
            for (framework, name), code in self.cells.items()
        }

    def changed(self, path: str, old: str, new: str) -> set[tuple[str, str]]:
        """Edit a file; return which notebooks' dependencies change."""
        file, before = self.root / path, self.needs()
        text = file.read_text("utf-8")
        assert old in text
        try:
            file.write_text(text.replace(old, new, 1), "utf-8")
            after = self.needs()
        finally:
            file.write_text(text, "utf-8")
        return {name for name in before if before[name] != after[name]}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The book's own package and notebooks."""
    root = tmp_path_factory.mktemp("library")
    for name in ("d2lutils", "notebooks"):
        shutil.copytree(
            REPOSITORY / name,
            root / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return Library(root)


def of_all(*names):
    """Return these notebooks in every framework."""
    return {(key, name) for key in FRAMEWORKS for name in names}


def test_an_edited_hint_counts_for_its_chapters_solutions_only(library):
    changed = library.changed(
        "d2lutils/exercises/residual_block.py", 'hint="', 'hint="Look. '
    )
    assert changed == of_all("solutions/residual_block")


def test_every_exercise_counts_for_its_chapters_solutions_only(library):
    needs = library.needs()
    for path in library.root.glob("d2lutils/exercises/[a-z]*.py"):
        label = str(path.relative_to(library.root))
        users = {name for name in needs if label in needs[name]}
        assert users == of_all(f"solutions/{path.stem}")


@pytest.mark.parametrize("machinery", ["answer", "recognise", "guard"])
def test_the_machinery_of_checking_counts_for_all_solutions(
    library, machinery
):
    label = f"d2lutils/check/{machinery}.py"
    solutions = {
        name for name in library.cells if name[1].startswith("solutions/")
    }
    needs = library.needs()
    assert {name for name in needs if label in needs[name]} == solutions


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_backend_counts_for_its_framework_only(library, framework):
    module = FRAMEWORKS[framework].module
    changed = library.changed(
        f"d2lutils/backends/{module}.py", "import", "# changed\nimport"
    )
    of_it = {name for name in library.cells if name[0] == framework}
    assert changed == of_it & changed
    with_code = {
        name for name in of_it if "d2lutils" in "".join(library.cells[name])
    }
    assert changed == with_code


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_saved_cell_that_is_added_counts_for_nobody_yet(library, framework):
    path = f"d2lutils/models/{FRAMEWORKS[framework].module}.py"
    text = (library.root / path).read_text("utf-8")
    added = "\n\nimport math\n\n\ndef just_saved(x):\n    return math.pi * x\n"
    assert library.changed(path, text, text + added) == set()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_changed_definition_counts_for_those_that_use_it(library, framework):
    path = f"d2lutils/models/{FRAMEWORKS[framework].module}.py"
    place = "# From chapters/preactivation.md"
    changed = library.changed(path, place, f"# changed\n{place}")
    assert changed == set()  # a comment outside of it
    changed = library.changed(path, '"""Two 3×3', '"""Changed: two 3×3')
    assert (framework, "resnet18") in changed  # through ResNet's blocks
    assert (framework, "solutions/resnet_family") in changed  # by a check
    assert (framework, "fashion_mnist") not in changed
    assert {name[0] for name in changed} == {framework}


def test_a_file_of_data_counts_for_those_that_read_it(library):
    needs = library.needs()
    label = "d2lutils/assets/fashion_mnist.npz"
    assert label in needs["pytorch", "fashion_mnist"]


BOOK = "from d2lutils.check.models import book"

MODELS = '''\
"""The models."""

import d2lutils.torch

import math
from d2lutils.far import away


def half(x):
    return x / 2


class Base:
    size = math.pi


class Net(Base):
    def forward(self, x):
        return half(x)


def builder(name):
    return getattr(Net, "quarter")


def quarter(x):
    return away(half(half(x)))


RECIPE = dict(lr=0.1)
'''


@pytest.fixture
def small(tmp_path):
    """A package with a module of models."""
    for name, text in {
        "__init__": "",
        "torch": "",
        "near": "from d2lutils import models",
        "far": "from .models.torch import RECIPE",
        "models/__init__": "",
        "models/torch": MODELS,
        "models/mxnet": "net = 1",
        "check/__init__": "import importlib\nimportlib.import_module(name)",
        "check/models": "def book(): return importlib.import_module(name)",
        "exercises/__init__": "",
        "exercises/one": "@exercise(hint='')\ndef first(): pass",
        "exercises/two": "from d2lutils.check.models import book\n"
        "@exercise(hint='')\ndef second():\n    _, models = book(1)\n"
        "    return models.half",
    }.items():
        path = tmp_path / "d2lutils" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def parts(code, root, of="d2lutils/models/torch.py"):
    """Return what code takes of a module; "all" is the whole file."""
    found = dependencies.dependencies([code], "pytorch", root)
    if of in found:
        return "all"
    head = f"{of}:"
    return {n.removeprefix(head) for n in found if n.startswith(head)} - {""}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("from d2lutils.models.torch import half", {"half"}),
        (
            "from d2lutils.models.torch import Net",
            {"Net", "Base", "math", "half"},
        ),
        (
            "from d2lutils.models.torch import builder",
            {"builder", "Net", "Base", "math", "half", "quarter", "away"}
            | {"RECIPE"},
        ),
        (
            "from d2lutils.models.torch import quarter",
            {"quarter", "away", "half", "RECIPE"},
        ),
        ("from d2lutils.models import torch as m\nm.half(1)", {"half"}),
        ("import d2lutils.models.torch as m\nm.half(1)", {"half"}),
        ("from d2lutils.models import torch as m\nvars(m)", "all"),
        ("from d2lutils.models import torch as m\nmine = m", "all"),
        ("from d2lutils.models.torch import *", "all"),
        ("import d2lutils.models.torch", "all"),
        ("import d2lutils.near\nd2lutils.models.torch.half", "all"),
        ("from d2lutils import models\nmodels.torch.half", "all"),
        ("from d2lutils import models", set()),
        ("from d2lutils import near", set()),
        ("from d2lutils import far", {"RECIPE"}),
        ("from d2lutils import check\ncheck.second()", {"half"}),
        ("from d2lutils.check import second", {"half"}),
        (f"{BOOK}\nm = book(1)", set()),
        (f"{BOOK}\nbook(1).half", {"half"}),
        (f"{BOOK}\nf(book(1))\ndef f(m): m.half", {"half"}),
        (f"{BOOK}\ngetattr(book(1), 'half')", {"half"}),
        (f"{BOOK}\ngetattr(book(1), name)", "all"),
        (f"{BOOK}\nvars(book(1))", "all"),
        ("from d2lutils.check import models\nmodels.book", "all"),
    ],
)
def test_what_is_taken_from_the_models(small, code, names):
    assert parts(code, small) == names


def test_a_module_of_models_that_evaluates_counts_as_a_whole(small):
    path = small / "d2lutils/models/torch.py"
    path.write_text(MODELS + "\nx = lambda name: eval(name)\n", "utf-8")
    assert parts("from d2lutils.models.torch import half", small) == "all"


def test_what_does_more_than_to_define_always_counts(small):
    path = small / "d2lutils/models/torch.py"
    code = "from d2lutils.models.torch import half"
    assert parts(code, small) == {"half"}
    path.write_text(MODELS + "\nNet.forward = quarter\n", "utf-8")
    assert {"half", "Net", "quarter"} <= parts(code, small)


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("from d2lutils import check", set()),
        ("from d2lutils import check\ncheck.first()", {"one"}),
        ("from d2lutils import check as c\nc.second()", {"two"}),
        ("from d2lutils.check import first as f", {"one"}),
        ("from d2lutils import check\ncheck.frist()", {"one", "two"}),
        ("from d2lutils import check\ngetattr(check, x)", {"one", "two"}),
        ("from d2lutils.check import *", {"one", "two"}),
        ("import d2lutils.check", {"one", "two"}),
    ],
)
def test_which_exercises_a_check_comes_from(small, code, modules):
    found = dependencies.dependencies([code], "pytorch", small)
    exercises = {
        Path(name).stem for name in found if "/exercises/" in name
    } - {"__init__"}
    assert exercises == modules


def test_a_library_that_imports_what_it_does_not_say_needs_all(small):
    path = small / "d2lutils/near.py"
    path.write_text("import importlib\nimportlib.import_module(name)", "utf-8")
    found = dependencies.dependencies(
        ["from d2lutils import near"], "pytorch", small
    )
    assert "d2lutils/exercises/one.py" in found
    assert "d2lutils/models/torch.py" in found
    assert "d2lutils/models/mxnet.py" not in found


def test_a_library_that_is_no_python_is_named(small):
    (small / "d2lutils/near.py").write_text("x =\n", "utf-8")
    with pytest.raises(BookError, match=r"d2lutils/near\.py:1: "):
        dependencies.dependencies(
            ["from d2lutils import near"], "pytorch", small
        )


def test_imports_that_the_text_does_not_tell_stand_where_they_are_known():
    found = set()
    for path in (REPOSITORY / "d2lutils").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = dependencies._name(node.func)
            constant = node.args and isinstance(node.args[0], ast.Constant)
            if called in dependencies.IMPORTERS and not constant:
                parts = path.relative_to(REPOSITORY).with_suffix("").parts
                found.add(".".join(parts).removesuffix(".__init__"))
            assert called != "spec_from_file_location"
            plain = isinstance(node.func, ast.Name)
            assert not (plain and called in dependencies.EVALUATORS)
    assert found == set(dependencies.DYNAMIC)
