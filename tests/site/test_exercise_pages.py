"""Exercises and solutions: on the pages and in the derived notebooks."""

import nbformat
import pytest
from exercise_book import write
from pages import cells_outside_tabs, colab_links, tab_sets
from small_book import SmallBook, cell

from d2lutils.frameworks import FRAMEWORKS


@pytest.fixture(scope="module")
def book(exercise_book):
    return exercise_book


@pytest.fixture
def draft(tmp_path):
    """The same book, to be spoilt."""
    return write(SmallBook(tmp_path))


def notebook(book, framework, name):
    path = book.root / f"notebooks/{framework}/{name}.ipynb"
    return nbformat.read(path, as_version=4)


def words(node):
    return " ".join(node.get_text().split())


def test_exercises_are_numbered_and_lead_to_their_solutions(book):
    first, second, *_ = book.page("x").select("article div.exercise")
    assert first["id"] == "ex-x-cost"
    title = words(first.select_one(".admonition-title"))
    assert title.startswith("Exercise 1.1 (The cost of a")
    assert words(second).startswith("Exercise 1.2 (Another one)")
    link = first.select_one(".exercise-solution a")
    assert link["href"] == "solutions/x.html#sol-x-cost"
    assert words(link) == "Solution"


def test_solutions_are_folded_and_lead_back(book):
    first, second, *_ = book.page("solutions/x").select("div.solution")
    assert (first["id"], second["id"]) == ("sol-x-cost", "sol-x-other")
    back = first.select_one(".solution-title a")
    assert back["href"] == "../x.html#ex-x-cost"
    assert words(first.select_one(".solution-title")).startswith(
        "Solution to Exercise 1.1 (The cost"
    )
    for solution in (first, second):
        fold = solution.find("details", recursive=False)
        assert not fold.has_attr("open")
        assert words(fold.summary) == "Show the solution"
    assert "Some prose." in words(first.details)
    assert "Because of Exercise 1.1." in words(second.details)


def test_tabs_and_outputs_stand_inside_a_solution(book):
    page = book.page("solutions/x")
    fold = page.select_one("#sol-x-cost details")
    (tabs,) = tab_sets(fold)
    assert [tab.framework for tab in tabs] == list(FRAMEWORKS)
    assert [tab.sources for tab in tabs] == [
        [f"x = 3  # {name}"] for name in FRAMEWORKS
    ]
    assert ("check.cost(x)", "cost: right") in cells_outside_tabs(page)


def test_code_to_mend_is_shown_with_the_exercise(book):
    page = book.page("x")
    fold = page.select_one("#ex-x-bug details")
    assert words(fold.summary) == "Show the code to mend"
    assert not fold.has_attr("open")
    labels = [x["data-sync-id"] for x in fold.select("label")]
    assert labels == list(FRAMEWORKS)
    assert [words(x) for x in fold.select("pre")] == [
        f"broken = '{name}'" for name in FRAMEWORKS
    ]
    fold = page.select_one("#ex-x-same details")
    assert [words(x) for x in fold.select("pre")] == ["broken = 'everywhere'"]
    for label in ("ex-x-cost", "ex-x-other"):
        assert page.select_one(f"#{label}").find("details") is None


def test_stubs_are_not_on_the_page(book):
    assert "def count" not in book.page("solutions/x").get_text()


def test_ids_are_unique(book):
    for name in ("x", "solutions/x"):
        ids = [node["id"] for node in book.page(name).select("[id]")]
        assert len(ids) == len(set(ids)), name


def test_exercises_and_solutions_open_in_colab(book):
    links = [address for _, address in colab_links(book.page("x"))]
    ends = [f"/notebooks/{name}/x.ipynb" for name in FRAMEWORKS]
    ends += [f"/notebooks/{name}/exercises/x.ipynb" for name in FRAMEWORKS]
    assert len(links) == len(ends)
    assert all(map(str.endswith, links, ends))
    links = [address for _, address in colab_links(book.page("solutions/x"))]
    ends = [f"/notebooks/{name}/solutions/x.ipynb" for name in FRAMEWORKS]
    assert all(map(str.endswith, links, ends))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_notebook_of_exercises(book, framework):
    cells = notebook(book, framework, "exercises/x").cells
    title, setup, imports, first, stub, second, answer, *rest = cells
    assert title.source.startswith("# Exercises: The Chapter X\n")
    assert f"x.html?fw={framework}#exercises" in title.source
    assert setup.metadata.tags == ["setup"]
    assert imports.source == "from d2lutils import check"
    assert first.source.startswith(
        "**Exercise 1.1 (The cost of a $3 \\times 3$ convolution).** "
        "*Predict.* How much? Use `check.cost(x)`, and (1.1)."
    )
    assert "1. first\n2. second" in first.source
    assert stub.cell_type == "code"
    assert stub.source == (
        f"def count():\n    ...  # {framework}\n\n\ncheck.cost(...)"
    )
    assert second.source == (
        "**Exercise 1.2 (Another one).** *Explain.* Why? Compare Exercise 1.1."
    )
    assert (answer.cell_type, answer.source) == ("markdown", "")
    assert [cell.source for cell in rest if cell.cell_type == "code"] == [
        f"broken = '{framework}'",
        "broken = 'everywhere'",
        'check.solved("x")',
    ]


def test_notebook_of_solutions(book):
    cells = notebook(book, "pytorch", "solutions/x").cells
    text = "\n".join(cell.source for cell in cells)
    assert "def count" not in text
    assert "x = 3  # pytorch" in text and "# mxnet" not in text
    assert "**Solution to [Exercise 1.1 (The cost of a" in text
    assert "chapters/x.html#ex-x-cost).**" in text
    assert "solution-end" not in text
    assert "[The Chapter X](https://" in text


def test_notebook_of_the_chapter(book):
    cells = notebook(book, "pytorch", "x").cells
    text = "\n".join(cell.source for cell in cells)
    assert "**Exercise 1.1 (The cost of a" in text
    assert (
        "**Question.** How many channels leave the block, where $c = 64$?"
        "\n\n- 64\n- 256, that is $4c$\n- A long choice" in text
    )
    _, _, answers = text.partition("<details><summary>Answer</summary>\n\n")
    assert answers.startswith("- ✗ **64** Those are the channels *inside*")
    assert "- ✓ **256, that is $4c$** Right: $4c = 256$. A second" in answers
    assert "**Question.** What does `Block(256)` compute?" in text


def test_derived_files_of_exercises_are_kept_current(draft):
    draft.succeed("derive")
    path = draft.root / "notebooks/mxnet/exercises/x.ipynb"
    text = path.read_text()
    path.write_text(text.replace("count", "counted"))
    (fault,) = draft.faults()
    assert fault.startswith("notebooks/mxnet/exercises/x.ipynb: is out of")
    draft.succeed("derive")
    assert path.read_text() == text
    stranger = draft.write("notebooks/mxnet/exercises/y.ipynb", text)
    (fault,) = draft.faults()
    assert "exercises/y.ipynb: belongs to no chapter" in fault
    draft.succeed("derive")
    assert not stranger.exists()


@pytest.mark.parametrize(
    "path, old, new, words",
    [
        ("x", ":label: ex-x-other\n", "", "an exercise needs a :label:"),
        ("x", "- [x] the", "- [ ] the", "a quiz has one right choice"),
        ("x", "  > No.\n```", "```", "'zero' has no explanation"),
        ("x", "  > No.\n```", "  > No.\n  More.\n```", "begin with >"),
        ("x", "What does `Block(256)` compute?\n", "", "asks a question"),
        ("x", "```{quiz}\n", "```{quiz} `a`\n", "cannot hold a backtick"),
        ("x", "ex-x-cost`.\n", "ex-x-cos`.\n", "'ex-x-cos' does not resolve"),
        (
            "solutions/x",
            "} ex-x-other",
            "} ex-x-odd",
            "no exercise 'ex-x-odd'",
        ),
        ("solutions/x", "[mxnet, stub]", "[mxnet]", "one stub for all"),
        ("solutions/x", "[pytorch]\n", "[pytorch, save]\n", "saves nothing"),
        ("solutions/x", "`../x`", "`../y`", "there is no chapter 'y'"),
    ],
)
def test_faults_are_named(draft, path, old, new, words):
    path = draft.root / f"chapters/{path}.md"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    faults = draft.faults()
    assert any(words in fault for fault in faults), faults


def test_stub_outside_of_a_solution(draft):
    path = draft.root / "chapters/solutions/x.md"
    path.write_text(path.read_text() + "\n" + cell("...", "stub"))
    (fault,) = draft.faults()
    assert fault.endswith("a stub stands in a solution")


def test_solutions_stand_in_the_order_of_the_exercises(draft):
    path = draft.root / "chapters/solutions/x.md"
    text = path.read_text()
    first = text.index("## The cost")
    second = text.index("## Another one")
    path.write_text(text[:first] + text[second:] + text[first:second])
    (fault,) = draft.faults()
    assert fault.endswith("solutions stand in the exercises' order")


def test_page_of_solutions_that_the_contents_lack(draft):
    draft.write("chapters/solutions/y.md", "# Solutions\n")
    (fault,) = draft.faults()
    assert fault == "chapters/solutions/y.md:1: is missing in _toc.yml"


def test_stubs_are_checked_as_other_cells_are(draft):
    path = draft.root / "chapters/solutions/x.md"
    text = path.read_text().replace(
        "check.cost(...)", "check.cost(...)" + " " * 70 + "# long"
    )
    path.write_text(text)
    assert any("columns" in fault for fault in draft.faults())
