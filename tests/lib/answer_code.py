"""What the answers in `tests/answers` are made of.

Most of them are the solution of the exercise with a text replaced. Where the
texts of the frameworks differ, an answer is a dictionary: framework → code.
"""

from dataclasses import dataclass

WORDS = {
    "pytorch": {
        "module": "torch",
        "forward": "def forward(self, X):",
        "training": "",
        "relu": "F.relu",
        "layer": "nn.ReLU()",
    },
    "tensorflow": {
        "module": "tensorflow",
        "forward": "def call(self, X, training=None):",
        "training": ", training=training",
        "relu": "tf.nn.relu",
        "layer": "layers.ReLU()",
    },
    "mxnet": {
        "module": "mxnet",
        "forward": "def hybrid_forward(self, F, X):",
        "training": "",
        "relu": "F.npx.relu",
        "layer": 'nn.Activation("relu")',
    },
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
    return {fw: Replaced(*pair) for fw, pair in zip(WORDS, pairs, strict=True)}


def replace_words(old, new):
    """Return the solution with a text replaced that holds `{words}`."""
    return replace_each(
        *zip(filled(old).values(), filled(new).values(), strict=True)
    )


def filled(text):
    """Return a text for each framework, with its `{words}` filled in."""
    return {fw: text.format(**words) for fw, words in WORDS.items()}


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
