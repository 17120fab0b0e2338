"""A chapter that is split and filled with outputs comes back whole."""

import copy

import nbformat
import pytest
from nbformat.v4 import new_output
from small_book import SmallBook, cell, chapter, line_of, step

from bookbuild import merge as merging
from bookbuild.chapter import read_notebook
from bookbuild.derive import derive, is_setup
from bookbuild.merge import merge
from d2lutils.frameworks import FRAMEWORKS

TEXT = chapter(
    "First words.",
    cell("shared = 0"),
    step("a = '{fw}'", "save"),
    step("b = '{fw}'"),
    "More words.",
    cell("shared = 1"),
    "+++",
    "Words after a break.",
    step("c = '{fw}'", "hide-input"),
)


@pytest.fixture
def book(tmp_path):
    made = SmallBook(tmp_path)
    made.write("chapters/intro.md", TEXT)
    return made


@pytest.fixture
def split(book):
    """Framework → the chapter's derived notebook."""
    loaded = book.load()
    return {
        name: derive(loaded, loaded.named["intro"], name)
        for name in FRAMEWORKS
    }


def stream(text):
    return new_output("stream", name="stdout", text=text)


def fill(split, say):
    """Return notebooks in which `say(framework, source)` was printed."""
    filled = copy.deepcopy(split)
    for framework, notebook in filled.items():
        for each in notebook.cells:
            if each.cell_type == "code":
                text = "" if is_setup(each) else say(framework, each.source)
                each.outputs = [stream(text)] if text else []
    return filled


def code(notebook):
    """Return (framework or None, source, printed text) of all code cells."""
    found = []
    for each in notebook.cells:
        if each.cell_type == "code":
            tags = each.metadata.get("tags", [])
            owner = next((tag for tag in tags if tag in FRAMEWORKS), None)
            text = "".join(output.text for output in each.outputs)
            found.append((owner, each.source, text))
    return found


def equal(framework, source):
    """Print the same in all frameworks where the code is the same."""
    return f"out of {source}"


def test_every_output_comes_back_to_its_place(split):
    before = read_notebook(TEXT)
    after = merge(read_notebook(TEXT), fill(split, equal))
    assert [c.source for c in after.cells] == [c.source for c in before.cells]
    assert [c.cell_type for c in after.cells] == [
        c.cell_type for c in before.cells
    ]
    assert [c.metadata for c in after.cells] == [
        c.metadata for c in before.cells
    ]
    assert len(code(after)) == 11
    for _, source, text in code(after):
        assert text == f"out of {source}"


def test_every_cell_keeps_its_line(split):
    after = merge(
        read_notebook(TEXT), fill(split, lambda name, source: name + source)
    )
    lines = after.metadata["source_map"]
    assert len(lines) == len(after.cells) == 14 + 4
    for each, line in zip(after.cells, lines, strict=True):
        # Within the options and blank lines before a cell's text.
        first = line_of(TEXT, each.source.splitlines()[0])
        assert first - 4 <= line < first


def test_without_outputs_the_chapter_stays_as_it_is():
    before = read_notebook(TEXT)
    after = merge(read_notebook(TEXT), {})
    for one, other in zip(before.cells, after.cells, strict=True):
        assert (one.source, one.metadata) == (other.source, other.metadata)
        assert other.get("outputs", []) == []
    assert after.metadata == before.metadata


def test_a_shared_cell_with_equal_outputs_stays_one(split):
    after = merge(read_notebook(TEXT), fill(split, equal))
    shared = [each for each in code(after) if "shared" in each[1]]
    assert shared == [
        (None, "shared = 0", "out of shared = 0"),
        (None, "shared = 1", "out of shared = 1"),
    ]


def test_a_shared_cell_with_different_outputs_becomes_three(split):
    def say(framework, source):
        return framework if source == "shared = 1" else equal(None, source)

    after = merge(read_notebook(TEXT), fill(split, say))
    shared = [each for each in code(after) if "shared" in each[1]]
    assert shared == [
        (None, "shared = 0", "out of shared = 0"),
        ("pytorch", "shared = 1", "pytorch"),
        ("tensorflow", "shared = 1", "tensorflow"),
        ("mxnet", "shared = 1", "mxnet"),
    ]
    # They stand where the one cell stood.
    sources = [each.source for each in after.cells]
    place = sources.index("shared = 1")
    assert sources[place - 1] == "More words."
    assert sources[place : place + 3] == ["shared = 1"] * 3
    assert sources[place + 3] == "Words after a break."


def test_counts_and_metadata_make_no_difference_between_outputs(split):
    filled = fill(split, equal)
    for number, notebook in enumerate(filled.values()):
        for each in notebook.cells:
            if each.cell_type == "code" and not is_setup(each):
                data = {"text/plain": "1"}
                each.outputs = [
                    new_output("execute_result", data, execution_count=number)
                ]
    after = merge(read_notebook(TEXT), filled)
    assert len(after.cells) == 14


def test_outputs_of_changed_code_are_left_out(split):
    filled = fill(split, equal)
    after = merge(
        read_notebook(TEXT.replace("b = 'tensorflow'", "b = 'changed'")),
        filled,
    )
    texts = {(owner, source): text for owner, source, text in code(after)}
    assert texts["tensorflow", "b = 'changed'"] == ""
    del texts["tensorflow", "b = 'changed'"]
    assert len(texts) == 10
    assert all(text == f"out of {key[1]}" for key, text in texts.items())


def test_no_output_moves_to_another_cell_when_a_cell_is_removed(split):
    text = TEXT.replace(step("a = '{fw}'", "save"), "")
    after = merge(read_notebook(text), fill(split, equal))
    assert len(code(after)) == 8
    for _, source, output in code(after):
        assert output in ("", f"out of {source}")


@pytest.mark.parametrize("absent", FRAMEWORKS)
def test_a_framework_that_was_not_executed_shows_code_alone(split, absent):
    filled = fill(split, equal)
    del filled[absent]
    for owner, source, text in code(merge(read_notebook(TEXT), filled)):
        assert text == ("" if owner == absent else f"out of {source}")


def test_a_shared_cell_is_no_copy_for_a_framework_that_has_no_output(split):
    filled = fill(split, lambda framework, source: framework)
    del filled["mxnet"]
    after = merge(read_notebook(TEXT), filled)
    shared = [each for each in code(after) if "shared" in each[1]]
    assert shared[:3] == [
        ("pytorch", "shared = 0", "pytorch"),
        ("tensorflow", "shared = 0", "tensorflow"),
        ("mxnet", "shared = 0", ""),
    ]


def test_merging_leaves_the_executed_notebooks_alone(split):
    filled = fill(split, lambda framework, source: framework)
    before = copy.deepcopy(filled)
    merge(read_notebook(TEXT), filled)
    assert filled == before


def test_the_merged_chapter_is_a_valid_notebook(split):
    after = merge(read_notebook(TEXT), fill(split, lambda fw, source: fw))
    del after.metadata["source_map"]
    nbformat.validate(nbformat.from_dict(after))
    ids = [each.id for each in after.cells]
    assert len(set(ids)) == len(ids)


def test_a_chapter_is_read_with_the_outputs_in_the_books_folder(book, split):
    for framework, notebook in fill(split, equal).items():
        path = book.project.executed(framework, "intro")
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    after = merging.reads(TEXT, root=str(book.root), chapter="intro")
    assert [text for _, _, text in code(after)] == [
        f"out of {source}" for _, source, _ in code(after)
    ]
    other = merging.reads(TEXT, root=str(book.root), chapter="waves")
    assert not any(text for _, _, text in code(other))
