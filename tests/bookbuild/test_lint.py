"""Every fault of a source is refused, told once and told where it is."""

import pytest
from exercise_book import write
from small_book import FIGURE, SmallBook, cell, chapter, line_of, step

from bookbuild.errors import BookError
from d2lutils.frameworks import FRAMEWORKS


@pytest.fixture
def book(tmp_path):
    return SmallBook(tmp_path)


def lint_faults(book):
    """Return the messages of the faults of a book's sources."""
    try:
        book.load()
    except BookError as error:
        return error.messages
    return []


NESTED = "```{code-cell}\n:tags: [pytorch]\n\nnested = 1\n```"
LONG = "x = 1  # " + "long " * 15


def indented(text, first):
    """Return a text as the content of a list item or a quotation."""
    lines = text.splitlines()
    pad = "> " if first == "> " else " " * len(first)
    return "\n".join([first + lines[0], *(pad + line for line in lines[1:])])


def two_of_three(missing):
    """Return one step without one of its cells."""
    return "\n".join(cell("x = 1", n) for n in FRAMEWORKS if n != missing)


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
        [f"order {', '.join(FRAMEWORKS)}"],
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
    "an alternative text that goes on in the next line": (
        FIGURE.replace("A square.\n", "A square,\nwhich is red.\n"),
        "{figure}",
        ["../img/square.svg: no blank line", "stands on one line"],
    ),
    "a question that goes on in the next line": (
        "```{quiz} Who asks\nwhat?\n- [ ] a\n  > no\n- [x] b\n  > yes\n```",
        "{quiz}",
        ["either on the line of {quiz} or on the lines after it", "'what?'"],
    ),
    "a figure that is a folder": (
        FIGURE.replace("../img/square.svg", "../img"),
        "{figure}",
        ["figure ../img does not exist"],
    ),
    "an option that a directive does not have": (
        FIGURE.replace(":alt:", ":widht: 9\n:alt:"),
        "{figure}",
        ["figure has no option 'widht'"],
    ),
    "a picture that is not there": (
        "Words.\nMore ![a circle](../img/circle.svg).",
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture that is named below": (
        "A ![circle][c]  here.\n\n[c]: ../img/circle.svg",
        "here",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture in HTML": (
        '<p>\n<img alt="A circle" src="../img/circle.svg">\n</p>',
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture in HTML within a line": (
        'Words <img alt="A circle" src="../img/circle.svg">.',
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture in HTML that pages do not find": (
        '<img alt="A square" src="../img/square.svg">',
        "square.svg",
        ["a page does not find picture ../img/square.svg"],
    ),
    "a picture in a note": (
        "````{note}\n```{tip}\n![A circle](../img/circle.svg)\n```\n````",
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture in an explanation of a quiz": (
        "```{quiz} What?\n- [ ] a\n  > ![A](../img/circle.svg)\n- [x] b\n"
        "  > yes\n```",
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a figure in an explanation of a quiz": (
        "````{quiz} What?\n- [ ] a\n  > ```{figure} ../img/circle.svg\n"
        "  > :alt: A circle.\n  > ```\n- [x] b\n  > yes\n````",
        "circle.svg",
        ["figure ../img/circle.svg does not exist"],
    ),
    "a picture in a table": (
        "| a |\n| - |\n| ![A circle](../img/circle.svg) |",
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture in a caption": (
        FIGURE.replace("A square and", "![A circle](../img/circle.svg) and"),
        "circle.svg",
        ["picture ../img/circle.svg does not exist"],
    ),
    "a picture without alternative text": (
        "![](../img/square.svg)",
        "square.svg",
        ["picture ../img/square.svg has no text"],
    ),
    "a link to a file": (
        "See [there](intro.md).",
        "intro.md",
        ["link to intro.md: use the role doc"],
    ),
    "a link to a heading": (
        "See [there](#title).",
        "#title",
        ["link to #title: use the role doc"],
    ),
    "a link that is named nowhere": (
        "See [these words][below].",
        "[below]",
        ["no link of this name"],
    ),
    "a footnote that is named nowhere": (
        "Words.[^below]",
        "below",
        ["'[^below]': no footnote of this name"],
    ),
    "a role with a blank": (
        FIGURE + "\nSee {numref} `fig-square`.",
        "See",
        ["'{numref}': a role is written {name}`target`"],
    ),
    "a role inside its marks": (
        FIGURE + "\nSee `{numref}fig-square`.",
        "See",
        ["'{numref}': a role is written {name}`target`"],
    ),
    "words that hide the number": (
        FIGURE + "\nSee {numref}`this drawing <fig-square>`.",
        "See",
        ["'this drawing' needs a %s"],
    ),
    "a formula that does not end": (
        "Words $a.\n\nMore.",
        "$a",
        ["mathematics that is not closed"],
    ),
    "an equation that does not end": (
        "Words.\n\n$$\na = b\n\nMore words.",
        "$$",
        ["mathematics that is not closed"],
    ),
    "a note that does not end": (
        "```{note}\nWords.",
        "{note}",
        ["this fence is not closed"],
    ),
    "a cell that does not end": (
        "```{code-cell}\nx = 1",
        "{code-cell}",
        ["this fence is not closed"],
    ),
    "a second title": (
        "Words.\n\n# Another Chapter",
        "Another",
        ["a chapter has one # title"],
    ),
    "a heading that leaves out a depth": (
        "## Section\n\nWords.\n\n#### Part",
        "Part",
        ["depth 4 stands below one of depth 2"],
    ),
    "a stub in a chapter": (
        cell("x = ...", "stub"),
        "x = ...",
        ["a stub stands in a page of solutions"],
    ),
    "a step that one framework does not save": (
        cell("x = 1", "pytorch", "save")
        + cell("x = 2", "tensorflow", "save")
        + cell("x = 3", "mxnet"),
        "x = 3",
        ["[mxnet] this step is saved in pytorch, tensorflow only"],
    ),
    "a step that one framework saves": (
        step("x = '{fw}'")
        + cell("y = 1", "pytorch")
        + cell("y = 2", "tensorflow", "save")
        + cell("y = 2", "mxnet", "save"),
        "y = 1",
        ["[pytorch] this step is saved in tensorflow, mxnet only"],
    ),
    "a step that saves other names in one framework": (
        cell("import a\n\n\ndef x(): ...", "pytorch", "save")
        + cell("import b\n\n\ndef x(): ...", "tensorflow", "save")
        + cell("def x(): ...  # here\n\n\ndef y(): ...", "mxnet", "save"),
        "# here",
        ["[mxnet] saves x, y, but pytorch x"],
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
        cell("x = 1\n" + LONG, "pytorch")
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
    (message,) = lint_faults(book)
    assert message.startswith(f"chapters/intro.md:{line_of(text, marker)}: ")
    assert all(word in message for word in words), message


@pytest.mark.parametrize("missing", FRAMEWORKS)
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


OTHERS = {key: next(k for k in FRAMEWORKS if k != key) for key in FRAMEWORKS}
IMPORTS = [
    "import {module}",
    "import numpy, {module}.some.part as part",
    "from {module} import some",
    "from {module}.some.part import thing",
    "from d2lutils import {module} as d2l",
    "import d2lutils.{module}",
    "from d2lutils.models import {module} as models",
    "from d2lutils.models.{module} import BasicBlock",
    "def late():\n    import {module}",
    "import importlib\n\nimportlib.import_module('{module}')",
]


@pytest.mark.parametrize("statement", IMPORTS)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_cell_of_all_frameworks_imports_none(book, framework, statement):
    code = statement.format(module=FRAMEWORKS[framework].module)
    last = code.splitlines()[-1]
    text = book.chapter("intro", cell("import numpy"), cell(f"x = 1\n{code}"))
    (message,) = lint_faults(book)
    assert message.startswith(f"chapters/intro.md:{line_of(text, last)}: ")
    assert "a cell of all frameworks imports " in message
    assert message.endswith(f", of {framework}")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_frameworks_cell_imports_no_other(book, framework):
    cells = {name: "x = 1" for name in FRAMEWORKS}
    other = FRAMEWORKS[OTHERS[framework]].module
    cells[framework] = f"import {other}"
    text = book.chapter(
        "intro", *(cell(code, name) for name, code in cells.items())
    )
    (message,) = lint_faults(book)
    place = f"chapters/intro.md:{line_of(text, cells[framework])}:"
    assert message == (
        f"{place} a cell of {framework} imports {other}, "
        f"of {OTHERS[framework]}"
    )


def test_the_parts_of_a_framework_count_as_it(book):
    book.chapter("intro", cell("import keras"))
    (message,) = lint_faults(book)
    assert message.endswith("imports keras, of tensorflow")


def test_solutions_and_stubs_import_no_framework_in_a_cell_of_all(tmp_path):
    book = write(SmallBook(tmp_path))
    path = book.root / "chapters/solutions/x.md"
    text = path.read_text()
    text = text.replace("broken = 'everywhere'", "import torch  # stub")
    text = text.replace("\ncheck.cost(x)\n", "\nimport mxnet  # solution\n")
    path.write_text(text)
    places = [message.split(" ")[0] for message in lint_faults(book)]
    assert places == [
        f"chapters/solutions/x.md:{line_of(text, '# solution')}:",
        f"chapters/solutions/x.md:{line_of(text, '# stub')}:",
    ]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_each_framework_may_import_passes(book, framework):
    module = FRAMEWORKS[framework].module
    book.chapter(
        "intro",
        *(
            cell(
                f"from d2lutils import {row.module} as d2l\n"
                f"import {row.module}",
                name,
            )
            for name, row in FRAMEWORKS.items()
        ),
        cell(f"from d2lutils import check\n\n{module} = 1"),
        cell(f"'import {module}'"),
    )
    assert lint_faults(book) == []


def saving(*names):
    """Return a step that saves a function of each name."""
    code = "\n\n\n".join(f"def {name}():\n    ..." for name in names)
    return step(code, "save")


@pytest.mark.parametrize(
    "later",
    [
        step("def block():\n    return 1", "save"),
        step("class block:\n    pass", "save"),
        step("x, block = 1, 2", "save"),
        step("block: int = 1", "save"),
        step("if True:\n    block = 1", "save"),
        step("from numpy import sum as block", "save"),
        cell("def block():\n    return 1", "save"),
    ],
)
def test_two_chapters_do_not_save_the_same_name(book, later):
    book.toc("intro", "waves")
    first = book.chapter("intro", saving("start", "block"))
    second = book.chapter("waves", saving("other"), later)
    (message,) = lint_faults(book)
    line = first.splitlines().index("def start():") + 1
    code = later.split("\n\n", 1)[1].splitlines()[0]
    assert message == (
        f"chapters/waves.md:{second.splitlines().index(code) + 1}: [pytorch] "
        f"saves 'block', which chapters/intro.md:{line} has saved"
    )


def test_a_name_saved_twice_in_one_framework_only_is_told(book):
    book.toc("intro", "waves")
    book.chapter("intro", step("import os  # {fw}", "save"), saving("block"))
    text = book.chapter(
        "waves",
        cell("import sys  # one", "pytorch", "save")
        + cell("from os import path as block", "tensorflow", "save")
        + cell("import sys  # three", "mxnet", "save"),
    )
    (message,) = lint_faults(book)
    line = line_of(text, "as block")
    assert message.startswith(f"chapters/waves.md:{line}: [tensorflow] ")
    assert "'block'" in message


def test_chapters_may_save_the_same_imports_and_use_unsaved_names(book):
    book.toc("intro", "waves")
    imports = step("import os\nfrom math import pi as block", "save")
    book.chapter("intro", imports, step("x = '{fw}'"), saving("one"))
    book.chapter("waves", imports, step("x = '{fw}'", "save"))
    assert lint_faults(book) == []


def test_a_picture_is_looked_for_beside_its_page(tmp_path):
    book = write(SmallBook(tmp_path))
    path = book.root / "chapters/solutions/x.md"
    words = "Some prose.\n"
    good = path.read_text().replace(
        words,
        "![A square](../../img/square.svg)\n\n"
        + FIGURE.replace("../img", "../../img"),
    )
    path.write_text(good)
    assert lint_faults(book) == []
    path.write_text(good.replace("../../img", "../img"))
    assert [message.split(": ", 1)[1] for message in lint_faults(book)] == [
        "picture ../img/square.svg does not exist",
        "figure ../img/square.svg does not exist",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("```{solution-end}\n```\n", "", "this solution has no end"),
        ("} ex-x-other", "} ex-x-cost", "'ex-x-cost' is solved already"),
        ("(sec-solutions-x)=\n", "```{solution-end}\n```\n", "no solution"),
    ],
)
def test_solutions_begin_and_end_once(tmp_path, old, new, words):
    book = write(SmallBook(tmp_path))
    path = book.root / "chapters/solutions/x.md"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert any(words in message for message in lint_faults(book))
