"""A chapter is read with its cells, their tags and their places."""

import pytest
from small_book import FRONT_MATTER, cell, chapter, line_of, step

from bookbuild.chapter import read
from bookbuild.errors import BookError
from bookbuild.markdown import myst


@pytest.fixture
def parse(tmp_path):
    """Return the chapter that a text is read as."""

    def parsed(text):
        path = tmp_path / "waves.md"
        path.write_text(text, "utf-8")
        return read(path)

    return parsed


def test_cells_come_in_order_with_their_sources(parse):
    found = parse(
        chapter("First words.", cell("a = 1\n\nb = 2"), "Last words.")
    )
    assert [(each.kind, each.source) for each in found.cells] == [
        ("markdown", "# A Chapter\n\nFirst words."),
        ("code", "a = 1\n\nb = 2"),
        ("markdown", "Last words."),
    ]
    assert (found.name, found.path) == ("waves", "chapters/waves.md")


def test_a_cells_line_is_that_of_its_text(parse):
    text = chapter(
        cell("plain = 1"),
        "",
        "words after a blank line",
        cell("tagged = 1", "pytorch", "save"),
        "```{code-cell}\n---\ntags: [mxnet]\n---\n\nlong_form = 1\n```",
        "+++",
        "",
        "after a break",
    )
    found = parse(text).cells[1:]
    assert len(found) == 5
    for each in found:
        assert each.line == line_of(text, each.source)


def test_a_tag_says_which_frameworks_run_a_cell(parse):
    found = parse(chapter(step("x = '{fw}'", "save"), cell("y = 1")))
    owners = [each.framework for each in found.cells if each.kind == "code"]
    assert owners == ["pytorch", "tensorflow", "mxnet", None]
    sources = [each.source for each in found.code("tensorflow")]
    assert sources == ["x = 'tensorflow'", "y = 1"]
    assert all("save" in each.tags for each in found.code("mxnet")[:1])


def test_neighbouring_framework_cells_are_one_run(parse):
    found = parse(
        chapter(
            step("a = 1"),
            step("b = 2"),
            "Words end a run.",
            step("c = 3"),
            cell("shared = 4"),
            step("d = 5"),
        )
    )
    runs = [[each.source for each in run] for run in found.runs()]
    assert runs == [
        ["a = 1"] * 3 + ["b = 2"] * 3,
        ["c = 3"] * 3,
        ["d = 5"] * 3,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\njupytext: [\n---\n# Title\n",
        "---\n- a list\n---\n# Title\n",
        "---\n---\n# Title\n",
        f"{FRONT_MATTER}# Title\n\n```{{code-cell}}\n:tags: [x\n\n1\n```\n",
        f"{FRONT_MATTER}# Title\n\n```{{code-cell}}\n:tags: x\n\n1\n```\n",
        f"{FRONT_MATTER}# Title\n\n```{{code-cell}}\n:tags:\n\n1\n```\n",
    ],
)
def test_a_broken_file_is_told_in_one_line_with_its_name(parse, text):
    with pytest.raises(BookError) as caught:
        parse(text)
    (message,) = caught.value.messages
    assert message.startswith("chapters/waves.md:1: ")
    assert "\n" not in message


def test_bytes_that_are_not_utf8_are_told_with_their_name(tmp_path):
    path = tmp_path / "waves.md"
    path.write_bytes(b"# Caf\xe9\n")
    with pytest.raises(BookError, match=r"^chapters/waves.md:1: .*utf-8"):
        read(path)


def test_directives_are_found_with_options_body_and_place():
    source = (
        "Words.\n\n```{figure} ../img/a.svg\n:name: fig-a\n:alt: An a.\n\n"
        "A caption.\n```\n\n:::{note}\nInner words.\n:::\n\n```python\n1\n```"
    )
    figure, note = myst.directives(source)
    assert (figure.name, figure.argument) == ("figure", "../img/a.svg")
    assert figure.options == {"name": "fig-a", "alt": "An a."}
    assert (figure.body, figure.first, figure.end) == ("A caption.", 2, 8)
    assert (note.name, note.body.strip()) == ("note", "Inner words.")


def test_roles_are_found_in_text_and_captions_but_not_in_code():
    source = (
        "See {doc}`a` and {numref}`Part %s <b>`.\n\n"
        "```{figure} x.svg\nAs in {eq}`c`.\n```\n\n"
        "```python\n{ref}`no`\n```\n\n"
        "$$\n{ref}`no`\n$$\n\n$$ x $$ (d)\n\n$$ y\n+ z $$\n\n{ref}`e`"
    )
    assert list(myst.roles(source)) == [
        ("doc", "a", 0),
        ("numref", "Part %s <b>", 0),
        ("eq", "c", 3),
        ("ref", "e", 19),
    ]


def test_a_role_that_goes_on_in_the_next_line_is_found():
    source = "See {ref}`the section\non blocks <sec-a>` and {doc}`b`."
    assert list(myst.roles(source)) == [
        ("ref", "the section\non blocks <sec-a>", 0),
        ("doc", "b", 1),
    ]


def test_a_roles_target_may_have_a_text_before_it():
    assert myst.role_target("sec-a") == (None, "sec-a")
    assert myst.role_target("the text <sec-a>") == ("the text", "sec-a")
