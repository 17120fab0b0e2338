"""The checks of the chapter that introduces the book."""

import contextlib
import functools
import io
import os
from collections.abc import Callable

from d2lutils.check.answer import Unanswered, Wrong, exercise
from d2lutils.check.compare import choice, function, together
from d2lutils.frameworks import FRAMEWORKS
from d2lutils.scale import VARIABLE, current_scale

# As the exercise tells it: the tab and the ending of the address.
_CHOSEN, _IN_ADDRESS = "tensorflow", "mxnet"


@exercise(
    label="ex-intro-tabs",
    hint="Read again what the chapter says about what the browser remembers, "
    "and ask whether an address changes only the page that it opens.",
    second_hint="A choice is remembered for all pages, until another one is "
    "made. An ending in the address is a choice as well.",
    why="The book shows one framework at a time, so you read one dialect "
    "from page to page. A link with such an ending is a safe way to point "
    "somebody to a framework; just remember that it also changes what that "
    "reader sees on other pages afterwards. Continue with `fashion_mnist`.",
    read="intro#how-to-read",
)
def framework_tabs(there: str, with_ending: str, back_here: str) -> None:
    """Check which tabs are shown: there, with an ending, and back here."""
    together(
        "not all three pages show what you say",
        *(
            functools.partial(
                choice,
                name,
                value,
                right,
                {key: key for key in FRAMEWORKS if key != right},
            )
            for name, value, right in (
                ("there", there, _CHOSEN),
                ("with_ending", with_ending, _IN_ADDRESS),
                ("back_here", back_here, _IN_ADDRESS),
            )
        ),
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
    second_hint="Keep the old value with `os.environ.get`, load inside `try`, "
    "return `str(error)` in the `except`, and put the old value back in the "
    "`finally`, or remove the variable if it was absent.",
    why="You now know what the errors of this package look like, and that "
    "nothing is scaled down silently: a word that is not a scale is refused, "
    "not guessed at. Restoring in a `finally` what you have changed is how "
    "this book's code treats the mode of a network, too. Continue with "
    "`fashion_mnist`, where the data are loaded.",
    read="fashion_mnist#reading-batches",
)
def scale_message(message: Callable) -> None:
    """Check a function that returns the error of a scale."""
    function("message", message)
    kept = os.environ.get(VARIABLE)
    try:
        for scale in ("medium", "FULL", "smoke", "demo", "Demo", "a b", "8"):
            expected = _expected(scale)
            for before in (None, "smoke", "demo", "", "large"):
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
