"""What the answers in `tests/exercises/answers` are made of.

Most of them are the solution of the exercise with a text replaced. Where the
texts of the frameworks differ, an answer is a dictionary: framework → code.
"""

from dataclasses import dataclass

from d2lutils.frameworks import FRAMEWORKS


def in_each(*texts):
    """Return framework → text, in the order of the table."""
    return dict(zip(FRAMEWORKS, texts, strict=True))


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
