"""The chapters' saved cells become one module a framework, verbatim."""

import pytest
from small_book import SmallBook, cell, step

from bookbuild.export import export

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
    text = export(book.load()[0], framework)
    sources = [
        f"import math  # {framework}",
        SAVED.replace("{fw}", framework),
        "def shared():\n    return 'all'",
        f"@property\ndef late(x):\n    return '{framework}'",
    ]
    places = [text.index(f"\n{source}\n") for source in sources]
    assert places == sorted(places)
    comments = [line for line in text.splitlines() if line.startswith("# Fr")]
    assert comments == ["# From chapters/waves.md", "# From chapters/atoms.md"]


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "mxnet"])
def test_nothing_else_is_exported(book, framework):
    text = export(book.load()[0], framework)
    assert "random" not in text and "name =" not in text
    others = {"pytorch", "tensorflow", "mxnet"} - {framework}
    assert not any(f"# {other}" in text for other in others)


def test_the_export_compiles_and_its_definitions_work(book):
    text = export(book.load()[0], "pytorch")
    # Everything but the line that asks for the framework.
    code = text.replace("import d2lutils.torch\n", "")
    assert code != text
    names = {}
    exec(compile(code, "torch.py", "exec"), names)
    assert names["Block"]()(3) == 3
    assert names["shared"]() == "all"


def test_definitions_have_two_blank_lines_before_them(book):
    lines = export(book.load()[0], "mxnet").splitlines()
    for start in ("class Block", "def shared"):
        place = next(n for n, x in enumerate(lines) if x.startswith(start))
        assert lines[place - 3].strip() and not any(lines[place - 2 : place])


def test_the_header_forbids_editing_and_names_the_framework(book):
    chapters, _ = book.load()
    for framework, name, module in (
        ("pytorch", "PyTorch", "torch"),
        ("tensorflow", "TensorFlow", "tensorflow"),
        ("mxnet", "MXNet", "mxnet"),
    ):
        text = export(chapters, framework)
        assert text.startswith(f'"""The book\'s models in {name}:')
        assert "Edit the chapters, never this file" in text
        assert f"\nimport d2lutils.{module}\n" in text
        assert book.project.export(framework).name == f"{module}.py"
