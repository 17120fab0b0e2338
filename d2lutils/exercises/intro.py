"""The checks of the chapter that introduces the book."""

import contextlib
import io
import os
from collections.abc import Callable

from d2lutils.check.answer import Unanswered, Wrong, exercise
from d2lutils.check.compare import choice, function
from d2lutils.frameworks import FRAMEWORKS
from d2lutils.scale import VARIABLE, current_scale

# As the exercise tells it: the tab and the ending of the address.
_CHOSEN, _IN_ADDRESS = "tensorflow", "mxnet"


@exercise(
    label="ex-intro-tabs",
    hint="Read again what the chapter says about what the browser remembers, "
    "and ask whether an address changes only the page that it opens.",
    why="The book shows one framework at a time, so you read one dialect "
    "from page to page. A link with such an ending is a safe way to point "
    "somebody to a framework; just remember that it also changes what that "
    "reader sees on other pages afterwards. Continue with `fashion_mnist`.",
)
def framework_tabs(there: str, with_ending: str, back_here: str) -> None:
    """Check which tabs are shown: there, with an ending, and back here."""
    first = next(iter(FRAMEWORKS))

    def compare(name, value, right, words):
        """Compare a key; `words` has a sentence for each wrong one."""
        others = f"`{name}` is a framework that nobody asked for"
        wrong = {key: words.get(key, others) for key in FRAMEWORKS}
        wrong.pop(right)
        choice(name, value, right, wrong)

    compare(
        "there",
        there,
        _CHOSEN,
        {
            first: "`there` names the framework of a first visit; you have "
            "chosen another one since",
            _IN_ADDRESS: "`there` is a page without an ending in its address",
        },
    )
    compare(
        "with_ending",
        with_ending,
        _IN_ADDRESS,
        {
            first: "`with_ending` is neither what you chose nor what the "
            "address names",
            _CHOSEN: "`with_ending` is what you chose, but the address "
            "overrides it",
        },
    )
    compare(
        "back_here",
        back_here,
        _IN_ADDRESS,
        {
            first: "`back_here` forgets all choices, but the browser "
            "remembers",
            _CHOSEN: "`back_here` forgets a choice: one was made after "
            "you clicked on the tab",
        },
    )


def _shown(value):
    return {None: "absent", "": "empty"}.get(value, f"`{value}`")


def _set(value):
    if value is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = value


def _expected(scale):
    _set(scale)
    try:
        current_scale(False)
    except ValueError as error:
        return str(error)
    return None


def _compare(scale, result, expected):
    call = f"message({scale!r})"
    if isinstance(result, BaseException):
        raise Wrong(
            f"`{call}` returns the error itself, not its text",
            "`str(error)` is the text of an error.",
        )
    if expected is None:
        if result is not None:
            raise Wrong(
                f"`{call}` has to return None, because this scale exists, "
                f"but returns {result!r}"
            )
    elif result is None:
        raise Wrong(f"`{call}` returns None, but loading the data raises")
    elif not isinstance(result, str):
        raise Wrong(
            f"`{call}` has to return a string, not {type(result).__name__}"
        )
    elif result.strip() != expected:
        raise Wrong(
            f"`{call}` returns {result!r}, which is not the text of the error"
        )


@exercise(
    label="ex-intro-scale",
    hint="`try`, `except ValueError as error` and `finally` are all you "
    "need; `os.environ` behaves like a dictionary.",
    why="You now know what the errors of this package look like, and that "
    "nothing is scaled down silently: a word that is not a scale is refused, "
    "not guessed at. Restoring in a `finally` what you have changed is how "
    "this book's code treats the mode of a network, too. Continue with "
    "`fashion_mnist`, where the data are loaded.",
)
def scale_message(message: Callable) -> None:
    """Check a function that returns the error of a scale."""
    function("message", message)
    kept = os.environ.get(VARIABLE)
    try:
        for scale in ("medium", "FULL", "smoke"):
            expected = _expected(scale)
            for before in (None, "smoke"):
                _set(before)
                with contextlib.redirect_stdout(io.StringIO()):
                    result = message(scale)
                after = os.environ.get(VARIABLE)
                if result is ...:
                    raise Unanswered
                _compare(scale, result, expected)
                if after != before:
                    raise Wrong(
                        f"the result is right, but {VARIABLE} was "
                        f"{_shown(before)} before `message({scale!r})` and "
                        f"is {_shown(after)} afterwards"
                    )
    finally:
        _set(kept)
