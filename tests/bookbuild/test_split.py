"""A chapter becomes a notebook a framework, in plain Markdown."""

import nbformat
import pytest
from small_book import FIGURE, SmallBook, cell, step

from bookbuild.derive import derive, is_setup, to_text
from d2lutils.frameworks import FRAMEWORKS

SITE = "https://someone.github.io/some-book"
TABLE = """\
```{list-table} Some numbers
:name: tab-numbers
:header-rows: 1

* - Name
  - Number
* - {doc}`waves`
  - goes on
    here
```
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    monkeypatch.setenv("REPOSITORY", "another/fork")
    monkeypatch.setenv("BRANCH", "dev")
    made = SmallBook(tmp_path)
    config = (tmp_path / "_config.yml").read_text("utf-8")
    config = config.replace("resnet-book/resnet-book", "Someone/some-book")
    made.write("_config.yml", config.replace("branch: main", "branch: next"))
    made.write("pyproject.toml", '[project]\nversion = "1.0"\n')
    made.toc("intro", "atoms", "waves")
    made.chapter("intro", "Nothing.")
    made.chapter("atoms", "(sec-atoms)=\n## Inner Atoms\n\nNothing.")
    made.chapter("waves", "Nothing.", title="All About Waves")
    return made


@pytest.fixture
def markdown(book):
    """Return the Markdown that one becomes in a notebook of `waves`."""

    def converted(*parts):
        book.chapter("waves", step("x = '{fw}'"), *parts)
        loaded = book.load()
        waves = loaded.named["waves"]
        notebook = derive(loaded, waves, "mxnet")
        return "\n\n".join(
            each.source
            for each in notebook.cells[3:]
            if each.cell_type == "markdown"
        )

    return converted


def notebooks(book, *parts):
    """Return framework → notebook of a chapter with these parts."""
    book.chapter("waves", *parts)
    loaded = book.load()
    waves = loaded.named["waves"]
    return {name: derive(loaded, waves, name) for name in FRAMEWORKS}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_notebook_has_the_prose_and_its_own_code_in_order(book, framework):
    made = notebooks(
        book,
        "Before.",
        step("a = '{fw}'", "save", "hide-input"),
        cell("b = 1"),
        step("c = '{fw}'"),
        "After.",
    )[framework]
    assert [(each.cell_type, each.source) for each in made.cells[2:]] == [
        ("markdown", "Before."),
        ("code", f"a = '{framework}'"),
        ("code", "b = 1"),
        ("code", f"c = '{framework}'"),
        ("markdown", "After."),
    ]
    tags = [each.metadata.get("tags") for each in made.cells[3:]]
    assert tags == [["save", "hide-input"], None, None, None]
    nbformat.validate(made)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_notebook_begins_with_title_page_and_set_up(book, framework):
    made = notebooks(book, step("x = 1"))[framework]
    title, setup = made.cells[:2]
    assert title.source.splitlines()[0] == "# A Chapter"
    assert f"{SITE}/chapters/waves.html?fw={framework}" in title.source
    assert is_setup(setup) and setup.cell_type == "code"
    assert (
        '"d2lutils @ git+https://github.com/Someone/some-book@v1.0"\n'
    ) in setup.source
    assert made.metadata.accelerator == "GPU"


def test_deriving_is_the_same_to_the_byte_every_time(book):
    parts = ["Same.", step("x = 1"), "Same.", step("x = 1"), cell("x = 1")]
    first = {name: to_text(n) for name, n in notebooks(book, *parts).items()}
    again = {name: to_text(n) for name, n in notebooks(book, *parts).items()}
    assert first == again
    for text in first.values():
        ids = [each.id for each in nbformat.reads(text, 4).cells]
        assert len(set(ids)) == len(ids) == 7
        assert text.endswith("}\n")


def test_references_to_the_same_chapter_become_numbers(markdown):
    text = markdown(
        FIGURE,
        "```{math}\n:label: eq-a\na\n```",
        "$$\nb\n$$ (eq-b)",
        "$$ c $$ (eq-c)",
        "## Zero\n\n(sec-one)=\n## One\n\n(sec-two)=\n### Two",
        "{numref}`fig-square`, {numref}`Drawing %s <fig-square>`, {eq}`eq-a`,",
        "{eq}`eq-b`, {eq}`eq-c`, {numref}`sec-one`, {ref}`sec-one`,",
        "{ref}`the\nsecond <sec-two>`.",
    )
    assert text.endswith(
        "Fig. 2.1, Drawing 2.1, (2.1),\n(2.2), (2.3), Section 2.2, One,\n"
        "the\nsecond."
    )


def test_references_to_another_chapter_become_links(markdown):
    atoms = f"{SITE}/chapters/atoms.html"
    assert markdown(
        "{numref}`sec-atoms`, {ref}`sec-atoms`, {doc}`atoms`,",
        "{doc}`them <atoms>`",
    ) == (
        f"[Section 1.1]({atoms}#sec-atoms), [Inner Atoms]({atoms}#sec-atoms), "
        f"[A Chapter]({atoms}),\n[them]({atoms})"
    )


def test_citations_become_links_to_what_is_cited(markdown):
    link = "https://doi.org/10.1109/CVPR.2016.90"
    assert markdown("{cite:t}`he2016deep` and {cite:p}`he2016deep`") == (
        f"[He et al. (2016)]({link}) and ([He et al., 2016]({link}))"
    )


def test_an_equation_keeps_its_number(markdown):
    text = markdown(
        "```{math}\n:label: eq-a\n\na\n= 1\n```\n",
        "```{math}\nz\n```\n",
        "$$\nb\n$$ (eq-b)\n",
        "$$ c $$ (eq-c)\n",
        "$$\nd\n$$",
    )
    assert " ".join(text.split()) == (
        r"$$ a = 1 \tag{2.1} $$ $$ z $$ $$ b \tag{2.2} $$ "
        r"$$ c \tag{2.3} $$ $$ d $$"
    )


def test_a_figure_becomes_a_picture_with_number_and_caption(markdown):
    text = markdown(
        FIGURE.replace("and its", "and, by {eq}`eq-a`, its"),
        "```{math}\n:label: eq-a\na\n```",
    )
    assert text.startswith(
        "![A square.](https://raw.githubusercontent.com/Someone/some-book/"
        "next/img/square.svg?sanitize=true)\n\n"
        "**Fig. 2.1** A square and, by (2.1), its caption.\n\n"
    )


def test_a_picture_in_the_text_is_found_by_a_notebook(markdown):
    address = (
        "https://raw.githubusercontent.com/Someone/some-book/next/"
        "img/square.svg?sanitize=true"
    )
    assert markdown(
        "A ![square](../img/square.svg) and ![none](https://a.b/c.png)."
    ) == (f"A ![square]({address}) and ![none](https://a.b/c.png).")


def test_a_figure_without_a_name_counts_as_on_the_page(markdown):
    anonymous = FIGURE.replace(":name: fig-square\n", "")
    text = markdown(anonymous, FIGURE, "{numref}`fig-square`")
    assert text.endswith("Fig. 2.2")


def test_a_note_becomes_a_quotation(markdown):
    assert markdown(
        ":::{note}\nSee {doc}`waves`.\n\n```{math}\na\n```\n:::"
    ) == (
        f"> **Note.** See [A Chapter]({SITE}/chapters/waves.html).\n"
        ">\n> $$\n> a\n> $$"
    )
    assert markdown("```{admonition} the ReLU\nA function.\n```") == (
        "> **The ReLU.** A function."
    )


def test_a_table_becomes_a_table_in_markdown(markdown):
    page = f"{SITE}/chapters/waves.html"
    assert markdown(TABLE, "{numref}`tab-numbers`").splitlines() == [
        "**Table 2.1** Some numbers",
        "",
        "| Name | Number |",
        "| --- | --- |",
        f"| [A Chapter]({page}) | goes on here |",
        "",
        "Table 2.1",
    ]


def test_labels_and_comments_vanish_and_code_stays(markdown):
    text = markdown(
        "(sec-a)=\n## Title\n\n% a comment\nWords.\n",
        "```python\n% kept\n(kept)=\n{doc}`kept`\n```",
    )
    assert text == (
        "## Title\n\nWords.\n\n```python\n% kept\n(kept)=\n{doc}`kept`\n```"
    )
