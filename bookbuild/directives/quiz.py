"""Read a quiz: a question and choices, each with what there is to say of it.

The body of the directive is a list. A choice begins with `- [ ]`, the right
one with `- [x]`; the lines that begin with `>` below it explain it. The
question is the directive's argument, or the text before the first choice::

    - [ ] 64
      > Those are the channels inside.
    - [x] 256
      > Right: the last convolution widens again.
"""

import re
from dataclasses import dataclass

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
    question, found = [argument], []
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
    asked = "\n".join(question).strip()
    if not asked:
        raise ValueError("a quiz asks a question")
    return Quiz(asked, choices)
