"""The directive `quiz`: a question that a page asks, and answers.

The page holds the question, the choices and a folded answer, which is all
that a reader without JavaScript needs. `_static/quiz.js` makes the choices
selectable and shows what there is to say of the one that was chosen.
"""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..directives import quiz
from . import html as html_element
from .html import element


class QuizDirective(SphinxDirective):
    """A question, its choices and their explanations; see `quiz.parse`."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the quiz as a form."""
        argument = self.arguments[0] if self.arguments else ""
        try:
            asked = quiz.parse(argument, "\n".join(self.content))
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

    def _choice(self, choice: quiz.Choice, id_: str, name: str):
        return element(
            "div",
            element("input", type="radio", id_=id_, name=name),
            element("label", *self._inline(choice.text), for_=id_),
            class_="quiz-choice",
        )

    def _answer(self, choice: quiz.Choice):
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
    html_element.setup(app)
    app.add_directive("quiz", QuizDirective)
