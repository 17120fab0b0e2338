"""The chapters' saved cells become the modules of `models`, verbatim."""

import pytest
from small_book import SmallBook, cell, line_of, step

from bookbuild.export import export
from d2lutils.frameworks import FRAMEWORKS

SAVED = '''\
class Block:
    """Hold two  spaces, a tab\\t and a long dash –."""

    def __call__(self, x):
        return x  # {fw}'''


@pytest.fixture
def book(tmp_path):
    """Two chapters; the second stands first in the alphabet."""
    made = SmallBook(tmp_path)
    made.toc("intro", "waves", "atoms")
    made.chapter("intro", step("name = '{fw}'"))
    made.chapter(
        "waves",
        step("import math  # {fw}", "save"),
        step("import random"),
        step(SAVED, "save"),
        cell("def shared():\n    return 'all'", "save"),
    )
    made.chapter(
        "atoms", step("@property\ndef late(x):\n    return '{fw}'", "save")
    )
    return made


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "mxnet"])
def test_saved_cells_stand_verbatim_in_reading_order(book, framework):
    text = export(book.load(), framework)
    sources = [
        f"import math  # {framework}",
        SAVED.replace("{fw}", framework),
        f"@property\ndef late(x):\n    return '{framework}'",
    ]
    places = [text.index(f"\n{source}\n") for source in sources]
    assert places == sorted(places)
    comments = [line for line in text.splitlines() if line.startswith("# Fr")]
    assert comments == ["# From chapters/waves.md", "# From chapters/atoms.md"]


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "mxnet"])
def test_nothing_else_is_exported(book, framework):
    text = export(book.load(), framework)
    assert "random" not in text and "name =" not in text
    assert "shared" not in text and "common" not in text
    others = {"pytorch", "tensorflow", "mxnet"} - {framework}
    assert not any(f"# {other}" in text for other in others)


def test_the_export_compiles_and_its_definitions_work(book):
    text = export(book.load(), "pytorch")
    # Everything but the line that asks for the framework.
    code = text.replace("import d2lutils.torch\n", "")
    assert code != text
    names = {}
    exec(compile(code, "torch.py", "exec"), names)
    assert names["Block"]()(3) == 3


def test_definitions_have_two_blank_lines_before_them(book):
    lines = export(book.load(), "mxnet").splitlines()
    for start in ("class Block", "# From chapters/atoms.md"):
        place = next(n for n, x in enumerate(lines) if x.startswith(start))
        assert lines[place - 3].strip() and not any(lines[place - 2 : place])


def test_the_header_forbids_editing_and_names_the_framework(book):
    loaded = book.load()
    for framework, name, module in (
        ("pytorch", "PyTorch", "torch"),
        ("tensorflow", "TensorFlow", "tensorflow"),
        ("mxnet", "MXNet", "mxnet"),
    ):
        text = export(loaded, framework)
        assert text.startswith(f'"""The book\'s models in {name}:')
        assert "Edit the chapters, never this file" in text
        assert f"\nimport d2lutils.{module}\n" in text
        assert book.project.export(framework).name == f"{module}.py"


def test_cells_of_no_framework_are_exported_once(book):
    assert book.succeed("derive")
    folder = book.root / "d2lutils/models"
    holders = [
        path.name
        for path in sorted(folder.iterdir())
        if "def shared" in path.read_text("utf-8")
    ]
    assert holders == ["common.py"]
    assert book.project.export(None) == folder / "common.py"
    names = {}
    text = (folder / "common.py").read_text("utf-8")
    exec(compile(text, "common.py", "exec"), names)
    assert names["shared"]() == "all"
    assert "Edit the chapters, never this file" in text
    # It can be imported where no framework is.
    assert not [line for line in text.splitlines() if "import" in line]


def test_a_framework_imports_from_the_common_cells_what_it_needs(book):
    book.chapter(
        "atoms",
        cell("def other():\n    return 1", "save"),
        step("def late():\n    return shared()", "save"),
    )
    loaded = book.load()
    for framework in FRAMEWORKS:
        text = export(loaded, framework)
        lines = [line for line in text.splitlines() if "common" in line]
        assert lines == ["from d2lutils.models.common import shared"]


@pytest.mark.parametrize(
    "use",
    [
        "def f(x):\n    return math.sqrt(x)",
        "class F:\n    def f(self, x):\n        return math.sqrt(x)",
        "def f(x):\n    return [math.sqrt(y) for y in x]",
        "root = math.sqrt(2)",
    ],
)
def test_a_common_cell_may_not_use_what_a_framework_defines(book, use):
    marked = f"{use}  # here"
    text = book.chapter(
        "atoms", step("import math  # {fw}", "save"), cell(marked, "save")
    )
    line = line_of(text, use.splitlines()[0])
    assert book.faults() == [
        f"chapters/atoms.md:{line}: the saved cell without a framework's tag "
        "uses 'math', which none before it defines"
    ]
    book.chapter("atoms", cell("import math", "save"), cell(marked, "save"))
    book.succeed("derive")


def test_a_saved_cell_may_not_use_what_is_not_saved(book):
    text = book.chapter(
        "atoms",
        step("import cmath  # {fw}"),
        step("def f(x):\n    return cmath.sqrt(x)  # {fw}", "save"),
    )
    assert book.faults() == [
        f"chapters/atoms.md:{line_of(text, f'(x)  # {framework}') - 1}: the "
        f"[{framework}] saved cell uses 'cmath', which none before it defines"
        for framework in FRAMEWORKS
    ]
