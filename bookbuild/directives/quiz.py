"""The directive `quiz`: a question that a page asks, and answers.

The body of the directive is a list. A choice begins with `- [ ]`, the right
one with `- [x]`; the lines that begin with `>` below it explain it. The
question is the directive's argument, or the text before the first choice::

    - [ ] 64
      > Those are the channels inside.
    - [x] 256
      > Right: the last convolution widens again.

Page and notebook hold the question, the choices and a folded answer, which is
all that a reader without JavaScript needs. On a page `_static/quiz.js` makes
the choices selectable and shows what there is to say of the one that was
chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..chapter import Chapter
from ..markdown.myst import Directive
from ..project import Project
from ..sphinx import html
from ..sphinx.html import element
from .kind import Kind

if TYPE_CHECKING:
    from ..markdown.plain import Converter

_CHOICE = re.compile(r"- \[([ x])\] (.*)")


@dataclass(frozen=True)
class Choice:
    """One choice of a quiz, in MyST Markdown."""

    text: str
    right: bool
    explanation: str


@dataclass(frozen=True)
class Quiz:
    """A question with its choices, in MyST Markdown."""

    question: str
    choices: tuple[Choice, ...]


def parse(argument: str, body: str) -> Quiz:
    """Return the quiz that a directive holds.

    Raises:
        ValueError: It is none; the message says what it lacks.
    """
    question, found = [], []
    for line in body.splitlines():
        stripped = line.strip()
        if match := _CHOICE.match(line):
            found.append((match[1] == "x", [match[2]], []))
        elif not found:
            question.append(line)
        elif stripped.startswith(">"):
            found[-1][2].append(stripped[1:].removeprefix(" "))
        elif stripped and found[-1][2]:
            raise ValueError(
                f"a quiz explains in lines that begin with >, not {stripped!r}"
            )
        elif stripped:
            found[-1][1].append(stripped)
    choices = tuple(
        Choice("\n".join(text), right, "\n".join(explanation).strip())
        for right, text, explanation in found
    )
    if len(choices) < 2:
        raise ValueError("a quiz has at least two choices: - [ ] or - [x]")
    if sum(choice.right for choice in choices) != 1:
        raise ValueError("a quiz has one right choice: - [x]")
    for choice in choices:
        if not choice.explanation:
            raise ValueError(
                f"the choice {choice.text!r} has no explanation: add a line "
                "that begins with >"
            )
    asked = [text for text in (argument, "\n".join(question).strip()) if text]
    if not asked:
        raise ValueError("a quiz asks a question")
    if len(asked) > 1:
        raise ValueError(
            "a quiz has its question either on the line of {quiz} or on the "
            f"lines after it, and here on both: {asked[1].splitlines()[0]!r}"
        )
    return Quiz(asked[0], choices)


def _faults(
    project: Project, chapter: Chapter, block: Directive
) -> Iterator[str]:
    try:
        parse(block.argument, block.body)
    except ValueError as error:
        yield str(error)


def _plain(converter: Converter, block: Directive) -> str:
    """Return the question, the choices and a folded answer."""
    asked = parse(block.argument, block.body)
    texts = [converter.convert(choice.text) for choice in asked.choices]
    answers = [
        f"- {'✓' if choice.right else '✗'} **{text}** "
        + " ".join(converter.convert(choice.explanation).split())
        for choice, text in zip(asked.choices, texts, strict=True)
    ]
    return "\n".join(
        [
            f"**Question.** {converter.convert(asked.question)}\n",
            *(f"- {text}" for text in texts),
            "\n<details><summary>Answer</summary>\n",
            *answers,
            "\n</details>",
        ]
    )


KINDS = (Kind("quiz", _plain, faults=_faults),)


class QuizDirective(SphinxDirective):
    """A question, its choices and their explanations; see `parse`."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the quiz as a form."""
        argument = self.arguments[0] if self.arguments else ""
        try:
            asked = parse(argument, "\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from None
        name = f"quiz-{self.env.new_serialno('quiz') + 1}"
        choices = [
            self._choice(choice, f"{name}-{index}", name)
            for index, choice in enumerate(asked.choices, start=1)
        ]
        answers = [self._answer(choice) for choice in asked.choices]
        question = self._inline(asked.question)
        return [
            element(
                "form",
                element(
                    "fieldset",
                    element("legend", *question),
                    *choices,
                    element(
                        "button",
                        nodes.Text("Check"),
                        type="submit",
                        hidden="hidden",
                    ),
                ),
                element("div", role="status", class_="quiz-reply"),
                element(
                    "details",
                    element("summary", nodes.Text("Answer")),
                    element("ul", *answers),
                ),
                class_="quiz",
                id_=name,
            )
        ]

    def _choice(self, choice: Choice, id_: str, name: str):
        return element(
            "div",
            element("input", type="radio", id_=id_, name=name),
            element("label", *self._inline(choice.text), for_=id_),
            class_="quiz-choice",
        )

    def _answer(self, choice: Choice):
        """Return what there is to say of a choice: it exists once."""
        mark, words = ("✓", "right") if choice.right else ("✗", "wrong")
        return element(
            "li",
            element(
                "span",
                nodes.Text(mark),
                role="img",
                aria_label=words,
                class_="quiz-mark",
            ),
            nodes.Text(" "),
            element("b", *self._inline(choice.text), class_="quiz-text"),
            element("div", *self._blocks(choice.explanation)),
            data_right=str(choice.right).lower(),
        )

    def _blocks(self, text: str) -> list[nodes.Node]:
        parsed = nodes.Element()
        lines = StringList(text.splitlines(), self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, parsed)
        return parsed.children

    def _inline(self, text: str) -> list[nodes.Node]:
        """Parse text without the paragraph around it."""
        blocks = self._blocks(text)
        if len(blocks) == 1 and isinstance(blocks[0], nodes.paragraph):
            # Sphinx wants a link to stand in a text.
            return [nodes.inline("", "", *blocks[0].children)]
        return blocks


def setup(app: Sphinx) -> None:
    """Register the directive and its nodes."""
    html.setup(app)
    app.add_directive("quiz", QuizDirective)
