"""What the answers in `tests/exercises/answers` are made of.

Most of them are the solution of the exercise with a text replaced. Where the
texts of the frameworks differ, an answer is a dictionary: framework → code.
"""

from dataclasses import dataclass

from d2lutils.frameworks import FRAMEWORKS


def in_each(*texts):
    """Return framework → text, in the order of the table."""
    return dict(zip(FRAMEWORKS, texts, strict=True))


class Borrowed(str):
    """A right answer that is the book's own code: no answer when graded."""


def of_the_book(name, code):
    """Return a borrowed answer that imports a name from the book's models."""
    return {
        framework: Borrowed(
            f"from d2lutils.models.{row.module} import {name}\n{code}"
        )
        for framework, row in FRAMEWORKS.items()
    }


_WORDS = {
    "module": [row.module for row in FRAMEWORKS.values()],
    "forward": [
        "def forward(self, X):",
        "def call(self, X, training=None):",
        "def hybrid_forward(self, F, X):",
    ],
    "training": ["", ", training=training", ""],
    "relu": ["F.relu", "tf.nn.relu", "F.npx.relu"],
    "layer": ["nn.ReLU()", "layers.ReLU()", 'nn.Activation("relu")'],
}
"""What the frameworks call the same things."""


@dataclass(frozen=True)
class Replaced:
    """The solution's code with a text replaced, wherever it occurs."""

    old: str
    new: str


def replace(old, new):
    """Return the solution with a text replaced."""
    return Replaced(old, new)


def replace_each(*pairs):
    """Return the solution with another text replaced in each framework."""
    return in_each(*(Replaced(*pair) for pair in pairs))


def replace_words(old, new):
    """Return the solution with a text replaced that holds `{words}`."""
    return replace_each(
        *zip(filled(old).values(), filled(new).values(), strict=True)
    )


def filled(text):
    """Return a text for each framework, with its `{words}` filled in."""
    columns = zip(*_WORDS.values(), strict=True)
    words = (dict(zip(_WORDS, column, strict=True)) for column in columns)
    return in_each(*(text.format(**each) for each in words))


def ran(make, run):
    """Return a factory of what runs the networks of another, for answers."""

    def made(*arguments, **options):
        net = make(*arguments, **options)
        return lambda X: run(net, X)

    made.expansion = 1
    return made


def cut(value):
    """Return a value that is cut off from the gradient, in each framework."""
    return in_each(
        f"{value}.detach()", f"tf.stop_gradient({value})", f"{value}.detach()"
    )


def cut_off(check, answer):
    """Return two answers that compute what is right and cannot be trained.

    In one the network of the solution is cut off from its input, in the
    other its output from the network.

    Args:
        check: The name of the check.
        answer: The class or factory that the solution hands in.
    """
    call = f"check.{check}({answer}"
    mended = (
        "from answer_code import ran\n\n"
        f"check.{check}(ran({answer}, lambda net, X: RESULT)"
    )
    of_input, of_output = (
        put(in_each(*[mended] * len(FRAMEWORKS)), RESULT=result)
        for result in (
            {fw: f"net({text})" for fw, text in cut("X").items()},
            cut("net(X)"),
        )
    )
    return [
        (
            {fw: Replaced(call, text) for fw, text in of_input.items()},
            "no gradient arrives at its input",
        ),
        (
            {fw: Replaced(call, text) for fw, text in of_output.items()},
            "no gradient arrives at its input",
        ),
    ]


def put(codes, **parts):
    """Return the code of each framework with parts in place of names.

    A part is a text, or one for each framework.
    """
    codes = dict(codes)
    for name, part in parts.items():
        for fw in codes:
            text = part if isinstance(part, str) else part[fw]
            codes[fw] = codes[fw].replace(name, text)
    return codes
