"""Every fault of a source is refused, told once and told where it is."""

import pytest
from small_book import FIGURE, SmallBook, cell, chapter, line_of, step


@pytest.fixture
def book(tmp_path):
    return SmallBook(tmp_path)


NESTED = "```{code-cell}\n:tags: [pytorch]\n\nnested = 1\n```"
LONG = "x = 1  # " + "long " * 15


def indented(text, first):
    """Return a text as the content of a list item or a quotation."""
    lines = text.splitlines()
    pad = "> " if first == "> " else " " * len(first)
    return "\n".join([first + lines[0], *(pad + line for line in lines[1:])])


def two_of_three(missing):
    """Return one step without one of its cells."""
    names = ("pytorch", "tensorflow", "mxnet")
    return "\n".join(cell("x = 1", n) for n in names if n != missing)


# What stands in a chapter; a mark that only the faulty line has, and what
# the message says.
FAULTS = {
    "an unknown tag": (
        cell("x = 1  # here", "pytoch"),
        "# here",
        ["unknown tag 'pytoch'", "pytorch", "save"],
    ),
    "an option that is not tags": (
        "```{code-cell}\n:tag: [pytorch]\n\nx = 1  # here\n```",
        "# here",
        ["unknown option 'tag'"],
    ),
    "two frameworks on one cell": (
        cell("x = 1  # here", "pytorch", "mxnet")
        + cell("x = 1", "tensorflow")
        + cell("x = 1", "mxnet"),
        "# here",
        ["two frameworks: pytorch, mxnet"],
    ),
    "an order of tabs that is not the book's": (
        cell("here = 1", "tensorflow")
        + cell("x = 1", "pytorch")
        + cell("x = 1", "mxnet"),
        "here",
        ["order pytorch, tensorflow, mxnet"],
    ),
    "a second step without a tab": (
        step("x = 1") + cell("here = 1", "pytorch") + cell("y", "mxnet"),
        "here",
        ["[tensorflow] missing tab"],
    ),
    "a cell in a backtick directive": (
        f"````{{note}}\n{NESTED}\n````",
        "{code-cell}",
        ["inside a directive or a list"],
    ),
    "a cell in a colon directive": (
        f":::{{note}}\n{NESTED}\n:::",
        "{code-cell}",
        ["inside a directive or a list"],
    ),
    "a cell in colon fences": (
        ":::{code-cell}\nx = 1\n:::",
        "{code-cell}",
        ["inside a directive or a list"],
    ),
    "a cell in a list": (
        "- item\n\n" + indented(NESTED, "  "),
        "{code-cell}",
        ["inside a directive or a list"],
    ),
    "a cell as a list's item": (
        indented(NESTED, "1. "),
        "{code-cell}",
        ["inside a directive or a list"],
    ),
    "a cell in a quotation": (
        indented(NESTED, "> "),
        "{code-cell}",
        ["inside a directive or a list"],
    ),
    "a figure whose file is missing": (
        FIGURE.replace("square.svg", "circle.svg"),
        "circle.svg",
        ["figure ../img/circle.svg does not exist"],
    ),
    "a figure without alternative text": (
        FIGURE.replace(":alt: A square.\n", ""),
        "{figure}",
        ["../img/square.svg has no :alt: text"],
    ),
    "a figure in a note without alternative text": (
        f"````{{note}}\n{FIGURE.replace(':alt: A square.', '')}````",
        "{figure}",
        ["../img/square.svg has no :alt: text"],
    ),
    "a table whose rows are no lists": (
        "```{list-table} Title\n- a\n- b\n```",
        "{list-table}",
        ["rows of a list-table begin with `* - `"],
    ),
    "an unresolved numref": (
        "Words.\n\nSee {numref}`fig-none`.",
        "fig-none",
        ["'fig-none' does not resolve"],
    ),
    "an unresolved ref": (
        "See {ref}`this section <sec-none>`.",
        "sec-none",
        ["'sec-none' does not resolve"],
    ),
    "an unresolved ref that goes on in the next line": (
        "See {ref}`a\nlong title <sec-none>`.",
        "See",
        ["'sec-none' does not resolve"],
    ),
    "an unresolved reference in a caption": (
        FIGURE.replace("A square and", "As {numref}`fig-none` shows and"),
        "fig-none",
        ["'fig-none' does not resolve"],
    ),
    "an unresolved equation": (
        "See {eq}`eq-none`.",
        "eq-none",
        ["'eq-none' does not resolve"],
    ),
    "an unresolved chapter": (
        "See {doc}`nowhere`.",
        "nowhere",
        ["no chapter 'nowhere'"],
    ),
    "a figure referred to by the role for equations": (
        FIGURE + "\nSee {eq}`fig-square`.",
        "{eq}",
        ["'fig-square' is a figure"],
    ),
    "a figure referred to by a role that would show no number": (
        FIGURE + "\nSee {ref}`fig-square`.",
        "{ref}",
        ["'fig-square' is a figure"],
    ),
    "a section without a number referred to by it": (
        "(sec-a)=\n## A\n\nSee {numref}`sec-a`.",
        "{numref}",
        ["section 'sec-a' has no number"],
    ),
    "a citation that the bibliography lacks": (
        "As in {cite:p}`he2016deep,he2099deep`.",
        "he2099deep",
        ["'he2099deep' is not in references.bib"],
    ),
    "an unknown role": (
        "See {nummref}`fig-a`.",
        "nummref",
        ["role 'nummref'", "numref"],
    ),
    "an unknown directive": (
        "```{figur} ../img/square.svg\n```",
        "figur",
        ["directive 'figur'", "figure"],
    ),
    "an unknown directive in another": (
        "````{note}\nWords.\n\n```{figur} ../img/square.svg\n```\n````",
        "figur",
        ["directive 'figur'", "figure"],
    ),
    "a label given twice": (
        FIGURE + "\n(fig-square)=\n## Here\n",
        "## Here",
        ["label 'fig-square' stands already at chapters/intro.md:14"],
    ),
    "a line too long": (
        cell("x = 1\n" + LONG, "pytorch", "save")
        + cell("y", "tensorflow")
        + cell("y", "mxnet"),
        LONG,
        [f"{len(LONG)} columns; 79 at most"],
    ),
    "too many lines": (
        cell("\n".join(f"x = {n}." for n in range(26))),
        "x = 0.",
        ["26 lines of code; 25 at most"],
    ),
    "an installation": (
        cell("x = 1\n!pip install torch"),
        "!pip",
        ["shell commands"],
    ),
    "a magic": (cell("%matplotlib inline"), "%matplotlib", ["magics"]),
    "a branch on the framework": (
        cell("x = 1\nif framework == 'mxnet':\n    x = 2"),
        "if framework",
        ["not `if framework ==`"],
    ),
    "code that is no Python": (
        cell("x = 1\ny = = 2"),
        "y = = 2",
        ["no Python: invalid syntax"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_once_with_its_line(book, name):
    body, marker, words = FAULTS[name]
    text = book.chapter("intro", body)
    (message,) = book.faults()
    assert message.startswith(f"chapters/intro.md:{line_of(text, marker)}: ")
    assert all(word in message for word in words), message


@pytest.mark.parametrize("missing", ["pytorch", "tensorflow", "mxnet"])
def test_a_missing_tab_names_the_framework(book, missing):
    text = book.chapter("intro", "Words.", two_of_three(missing), "Words.")
    (message,) = book.faults()
    line = text.splitlines().index("x = 1") + 1
    assert message.startswith(f"chapters/intro.md:{line}: [{missing}] ")
    assert "missing tab" in message


def test_a_source_without_faults_passes(book):
    book.toc("intro", "waves")
    book.chapter(
        "intro",
        "See {numref}`fig-square`, {eq}`eq-a`, {eq}`eq-b`, {ref}`sec-b`,",
        "{doc}`waves`, {doc}`the waves <waves>` and {cite:t}`he2016deep`.",
        FIGURE,
        "```{math}\n:label: eq-a\na\n```\n\n$$\nb\n$$ (eq-b)\n",
        "(sec-b)=\n## Section\n\n:::{note}\nA note.\n:::\n",
        "```python\n# no title, and {ref}`no-reference`\n```\n",
        step("x = 1", "save"),
        step("x"),
        cell("1 / 0", "raises-exception"),
    )
    book.chapter("waves", "All is said in {numref}`the part %s <fig-square>`.")
    book.succeed("derive")
    assert book.succeed("check") == []


def test_what_only_looks_like_a_title_is_no_title(book):
    book.write("chapters/intro.md", "Words.\n\n```\n# Title\n```\n")
    (message,) = book.faults()
    assert message.startswith("chapters/intro.md:1: a chapter begins with")


def test_code_without_front_matter_is_refused(book):
    _, _, body = chapter(step("x = 1")).split("---\n", 2)
    book.write("chapters/intro.md", body)
    (message,) = book.faults()
    assert message.startswith("chapters/intro.md:1: ")
    assert "front matter" in message


def test_all_faults_of_all_chapters_are_told_in_one_run(book):
    book.toc("intro", "waves", "nowhere")
    intro = book.chapter(
        "intro",
        FIGURE,
        FIGURE.replace("Square", "Again"),
        cell("x = 1  # here", "jax"),
        "See {numref}`fig-none`.",
    )
    waves = book.chapter("waves", two_of_three("mxnet"))
    messages = book.faults()
    places = {message.split(" ")[0] for message in messages}
    line = waves.splitlines().index("x = 1") + 1
    assert places == {
        "_toc.yml:",
        "chapters/intro.md:21:",
        f"chapters/intro.md:{line_of(intro, '# here')}:",
        f"chapters/intro.md:{line_of(intro, 'fig-none')}:",
        f"chapters/waves.md:{line}:",
    }
    assert len(messages) == 5
