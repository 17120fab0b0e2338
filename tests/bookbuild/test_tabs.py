"""A small book's pages: synchronised tabs, outputs, links and figures."""

import shutil

import nbformat
import pytest
from pages import cells_outside_tabs, colab_links, tab_sets
from small_book import FIGURE, SmallBook, cell, step

from d2lutils.frameworks import FRAMEWORKS

ORDER = list(FRAMEWORKS)
NAMES = ["PyTorch", "TensorFlow", "MXNet"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A book that is executed and built."""
    made = SmallBook(tmp_path_factory.mktemp("book"))
    made.toc("intro", "waves")
    made.chapter("intro", "See {doc}`waves`.", title="No Code")
    made.chapter(
        "waves",
        FIGURE,
        step("print('one {fw}')"),
        step("two = '{fw}'"),
        step("print('three', two)"),
        "Words end the tabs.",
        cell("print('the same')"),
        step("four = 'four {fw}'\nfour"),
        "Words end the tabs again.",
        cell("print('differs:', two)"),
        "The last words.",
    )
    made.executed()
    made.build()
    return made


@pytest.fixture
def book(built, tmp_path):
    """A copy of the built book, to be changed."""
    root = tmp_path / "book"
    shutil.copytree(built.root, root)
    copied = SmallBook(root, fresh=False)
    # Sphinx builds everything anew where the folder is another.
    copied.build()
    return copied


def pages(book):
    """Return page → (content, time) of all pages."""
    return {
        path.name: (path.read_text("utf-8"), path.stat().st_mtime_ns)
        for path in book.root.glob("_build/html/chapters/*.html")
    }


def test_neighbouring_cells_are_one_set_of_three_tabs_in_order(built):
    sets = tab_sets(built.page("waves"))
    assert len(sets) == 3
    for tabs in sets:
        assert [tab.framework for tab in tabs] == ORDER
        assert [tab.label for tab in tabs] == NAMES


def test_steps_without_words_between_share_a_set_in_their_order(built):
    for tab in tab_sets(built.page("waves"))[0]:
        assert tab.sources == [
            f"print('one {tab.framework}')",
            f"two = '{tab.framework}'",
            "print('three', two)",
        ]


def test_a_tab_holds_its_own_outputs_and_nobody_elses(built):
    first, second, third = tab_sets(built.page("waves"))
    for tab in first:
        name = tab.framework
        assert tab.outputs == [f"one {name}", "", f"three {name}"]
    for tab in second:
        assert tab.outputs == [f"'four {tab.framework}'"]
    for tab in third:
        assert tab.outputs == [f"differs: {tab.framework}"]


def test_a_shared_cell_stands_once_and_outside_the_tabs(built):
    assert cells_outside_tabs(built.page("waves")) == [
        ("print('the same')", "the same")
    ]


def test_tabs_are_synchronised_and_the_first_is_open(built):
    page = built.page("waves")
    labels = page.select(".framework-tabs > label")
    assert {label["data-sync-group"] for label in labels} == {"fw"}
    for tabs in page.select(".framework-tabs"):
        inputs = tabs.select(":scope > input[type=radio]")
        assert [each.has_attr("checked") for each in inputs] == [
            True,
            False,
            False,
        ]
        # Arrow keys move within the inputs of one name.
        assert len({each["name"] for each in inputs}) == 1
    names = {each["name"] for each in page.select(".framework-tabs > input")}
    assert len(names) == 3


def test_tabs_stand_where_the_cells_stood(built):
    article = built.page("waves").select_one("article section")
    text = article.get_text()
    marks = [
        "one pytorch",
        "Words end the tabs.",
        "the same",
        "four mxnet",
        "Words end the tabs again.",
        "differs: tensorflow",
        "The last words.",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_a_page_with_code_has_a_link_to_each_notebook(built):
    links = colab_links(built.page("waves"))
    assert [text for text, _ in links] == NAMES
    assert [link for _, link in links] == [
        built.project.colab(framework, "waves") for framework in ORDER
    ]
    for framework, (_, link) in zip(ORDER, links, strict=True):
        _, path = link.split("/blob/main/")
        assert path == f"notebooks/{framework}/waves.ipynb"
        assert (built.root / path).exists()


def test_a_page_without_code_has_neither_links_nor_tabs(built):
    page = built.page("intro")
    assert page.h1.get_text().startswith("No Code")
    assert colab_links(page) == [] and tab_sets(page) == []


def test_a_figure_is_drawn_in_the_page_with_its_title(built):
    figure = built.page("waves").find("figure")
    assert figure.svg.title.get_text() == "Square"
    assert figure.svg["aria-labelledby"] == figure.svg.title["id"]
    assert not figure.find("img")
    assert figure.figcaption.get_text().strip().startswith("Fig. 1.1")


def test_an_unchanged_book_is_not_written_again(book):
    before = pages(book)
    assert "waves.html" in before
    book.build()
    assert pages(book) == before


def test_new_outputs_alone_write_their_page_again(book):
    before = pages(book)
    path = book.project.executed("mxnet", "waves")
    notebook = nbformat.read(path, as_version=4)
    for each in notebook.cells:
        if each.source == "print('one mxnet')":
            each.outputs[0].text = "anew\n"
    nbformat.write(notebook, path)
    book.build()
    after = pages(book)
    assert before["references.html"] == after["references.html"]
    assert before["waves.html"] != after["waves.html"]
    first = tab_sets(book.page("waves"))[0]
    assert [tab.outputs[0] for tab in first] == [
        "one pytorch",
        "one tensorflow",
        "anew",
    ]


def test_removed_outputs_vanish_from_their_tab(book):
    book.project.executed("tensorflow", "waves").unlink()
    book.build()
    first = tab_sets(book.page("waves"))[0]
    assert [tab.outputs[0] for tab in first] == [
        "one pytorch",
        "",
        "one mxnet",
    ]
    assert [len(tab.sources) for tab in first] == [3, 3, 3]


def test_changed_code_shows_no_output_of_the_old_code(book):
    path = book.root / "chapters/waves.md"
    text = path.read_text("utf-8")
    path.write_text(text.replace("print('one pytorch')", "print('new')"))
    book.build()
    first = tab_sets(book.page("waves"))[0]
    assert first[0].sources[0] == "print('new')"
    assert [tab.outputs[0] for tab in first] == [
        "",
        "one tensorflow",
        "one mxnet",
    ]


def test_a_fork_and_its_branch_change_the_links(book):
    book.build(REPOSITORY="someone/a-fork", BRANCH="next")
    page = book.page("waves")
    assert [link for _, link in colab_links(page)] == [
        "https://colab.research.google.com/github/someone/a-fork/blob/next/"
        f"notebooks/{framework}/waves.ipynb"
        for framework in ORDER
    ]
    addresses = [link["href"] for link in page.select("a[href*='github.com']")]
    others = [a for a in addresses if "colab.research" not in a]
    assert any("github.com/someone/a-fork" in each for each in others)
    assert not any("resnet-book" in each for each in addresses)
    book.build()
    assert "resnet-book/blob/main/" in colab_links(book.page("waves"))[0][1]


def test_a_plain_build_without_outputs_shows_the_code_in_tabs(tmp_path):
    book = SmallBook(tmp_path)
    book.chapter("intro", step("print('{fw}')"), "Words.", cell("print(1)"))
    done = book.jupyter_book()
    assert done.returncode == 0, done.stderr
    (tabs,) = tab_sets(book.page("intro"))
    assert [tab.sources for tab in tabs] == [
        [f"print('{framework}')"] for framework in ORDER
    ]
    assert [tab.outputs for tab in tabs] == [[""]] * 3
    assert cells_outside_tabs(book.page("intro")) == [("print(1)", "")]


def test_every_fault_fails_the_build_with_its_line(tmp_path):
    faults = {
        "numref": (14, "See {numref}`fig-none`."),
        "eq": (14, "See {eq}`eq-none`."),
        "doc": (14, "See {doc}`nowhere`."),
        "cite": (14, "As {cite:t}`he2099deep` say."),
        "figure": (14, "```{figure} ../img/circle.svg\n:alt: Round.\n```"),
        "nested": (15, f"````{{note}}\n{cell('1', 'pytorch')}````"),
    }
    book = SmallBook(tmp_path)
    book.toc("intro", *faults)
    book.chapter("intro", "Words.")
    for name, (_, fault) in faults.items():
        book.chapter(name, fault)
    done = book.jupyter_book("-W", "-n", "--keep-going")
    assert done.returncode != 0
    for name, (line, _) in faults.items():
        assert f"chapters/{name}.md:{line}: WARNING" in done.stderr
    assert done.stderr.count("WARNING") == len(faults)
    assert "Traceback" not in done.stderr


def test_one_fault_is_enough_to_fail_the_build(tmp_path):
    book = SmallBook(tmp_path)
    book.chapter("intro", "See {numref}`fig-none`.")
    assert book.jupyter_book("-W", "-n", "--keep-going").returncode != 0
