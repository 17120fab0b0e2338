"""Turns that the book does not use are found in its prose, and only there."""

import pytest
from small_book import FIGURE, SmallBook, cell, line_of

from bookbuild import prose
from bookbuild.errors import BookError

PLOT = "---\nmystnb:\n  image:\n    alt: >-\n      {}\n---\nx = 1"


@pytest.fixture
def book(tmp_path):
    return SmallBook(tmp_path)


# The turn begins in the line that has "here".
FOUND = {
    "a paragraph": "A layer here in front of it.",
    "capitals": "here: In Front of it.",
    "two lines": "A layer here in\nfront of it.",
    "a list": "* a layer here in\n  front of it",
    "a quotation": "> a layer here in\n> front of it",
    "a title": "```{exercise} A layer here in front of it\n:label: ex-a\n```",
    "an exercise": "```{exercise} T\n:label: a\nOne here in front of it\n```",
    "a figure": FIGURE.replace("A square.", "A square here in front of it."),
    "a plot": cell(PLOT.format("A line here in\n      front of it.")),
    "the midst of code": "The layer `a` here in front of `b`.",
}


@pytest.mark.parametrize("name", FOUND)
def test_a_turn_is_found_with_its_line(book, name):
    text = book.chapter("intro", FOUND[name])
    (message,) = prose.faults(book.root)
    place = f"chapters/intro.md:{line_of(text, 'here')}: "
    assert message.lower() == f"{place}'in front of': write instead: before"


@pytest.mark.parametrize(
    "text",
    [
        cell("x = 'in front of'  # in front of"),
        "```python\nx = 1  # in front of\n```",
        "`in front of`",
        "{ref}`in front of <sec-front>`",
        "$in front of$",
        "```{math}\nin front of\n```",
        'They write "in front of".',
        "“in front of”",
        "<https://example.com/in-front-of>",
        "in-front-of",
        "in\n\nfront of",
        "within front offices",
    ],
)
def test_no_turn_is_found_where_none_is(book, text):
    book.chapter("intro", text)
    assert list(prose.faults(book.root)) == []


def test_turns_are_found_beside_the_chapters_and_in_what_checks_say(book):
    book.write("README.md", "Words.\n\nA layer in front of it.\n")
    book.write(
        "d2lutils/exercises/x.py",
        '"""Checks."""\n\nin_front_of = 1  # in front of\n'
        'HINT = (\n    "Look in "\n    "front of it or `in front of`"\n)\n',
    )
    assert [message.split(": ")[0] for message in prose.faults(book.root)] == [
        "README.md:3",
        "d2lutils/exercises/x.py:5",
    ]


def test_lint_tells_them(book):
    text = book.chapter("intro", "A layer in front of it.")
    line = line_of(text, "front")
    assert book.faults() == [
        f"chapters/intro.md:{line}: 'in front of': write instead: before"
    ]


BAD = [
    "the ReLU behind the addition",
    "two blocks a stage",
    "one an image",
    "A training that moves",
    "The trainings took longer",
    "an image is classified rightly",
    "this is to blame",
    "hence the sum",
    "It works, for the sum is zero.",
    "nor does it",
    "the latter is larger",
    "whoever knows it",
    "the so-called stem",
    "Note that it is",
    "what becomes of it",
    "They agree in six digits",
]
GOOD = [
    "the reason behind the rule",
    "it falls behind the one of 20",
    "a training set, a training step",
    "28 that an image has",
    "In step 1. A block follows",
    "images a second",
    "the same for the others, for which it is not",
    "They note that it is",
    "all in all, for instance",
    "for 50 layers, for a start",
]


@pytest.mark.parametrize("text", BAD)
def test_the_list_has_what_sounds_translated(text):
    assert list(prose.turns(text)), text


@pytest.mark.parametrize("text", GOOD)
def test_the_list_has_nothing_else(text):
    assert list(prose.turns(text)) == []


def test_a_turn_that_is_no_expression_is_told(tmp_path, monkeypatch):
    path = tmp_path / "turns.toml"
    path.write_text("[turns]\n'a (b' = 'c'\n")
    monkeypatch.setattr(prose, "_LIST", path)
    prose._turns.cache_clear()
    with pytest.raises(BookError, match=r"turns.toml: 'a \(b'"):
        list(prose.turns("Words."))
    monkeypatch.undo()
    prose._turns.cache_clear()
