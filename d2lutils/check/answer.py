"""What turns a function into the check of an exercise.

A check is an ordinary function. It returns where the answer is right and
raises `Wrong` where it is not::

    @exercise(
        label="ex-bottleneck-cost",
        hint="Count the three convolutions one by one.",
        second_hint="A convolution has k² · in · out weights.",
        why="A bottleneck costs no more than ... Read on in ...",
        read="resnet_family#what-the-family-costs",
    )
    def bottleneck_cost(parameters, macs):
        \"\"\"Check the parameters and MACs of the bottleneck.\"\"\"
        integer("parameters", parameters, 70_400)

All else that an answer may be (untouched, of a wrong type, raising, hanging)
is caught here and told in a sentence. A check never raises.
"""

import dataclasses
import functools
import inspect
import json
import math
import os
import random
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import metadata
from typing import ParamSpec

import numpy as np

from d2lutils import backends

from . import attempts, guard

_WIDTH = 76
_at_the_end: ContextVar[ExitStack | None] = ContextVar(
    "at_the_end", default=None
)
_Answers = ParamSpec("_Answers")


class Wrong(Exception):
    """An answer is wrong.

    Args:
        what: What differs and where, a sentence without its first capital
            and full stop. It never holds the right answer.
        hint: Replaces the exercise's hints, where the mistake is recognised;
            "" where they would mislead.
    """

    def __init__(self, what: str, hint: str | None = None):
        super().__init__(what)
        self.what = what
        self.hint = hint


class Unanswered(Exception):
    """The answer, or what it returns, is still `...`."""


@contextmanager
def in_case(case: str) -> Iterator[None]:
    """Say in which case the reader's code raises an exception."""
    try:
        yield
    except (Wrong, Unanswered):
        raise
    except Exception as error:
        hint = None if guard.is_about_shapes(error) else ""
        raise Wrong(f"{case}: {guard.blame(error)}", hint) from error


def brief(value: object) -> str:
    """Return how Python writes a value, short enough for a sentence."""
    text = " ".join(repr(value).split())
    return f"`{text[:57]}…`" if len(text) > 58 else f"`{text}`"


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check has found: true if the answer is right.

    The check has printed it already, so a notebook shows nothing more where
    it is the value of a cell.

    Attributes:
        passed: Whether the answer is right.
        what: What differs, a sentence without its first capital.
        hint: What helps.
        judged: Whether there was an answer to be judged.
    """

    passed: bool
    what: str
    hint: str = ""
    judged: bool = True

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "right" if self.passed else "not right"

    def _ipython_display_(self) -> None:
        pass


def exercise(
    *,
    label: str,
    hint: str,
    why: str,
    second_hint: str = "",
    read: str = "",
) -> Callable[[Callable[_Answers, None]], Callable[_Answers, Verdict]]:
    """Make a function the public check of an exercise.

    Args:
        label: The exercise's label in its chapter.
        hint: One sentence that helps with the usual mistake.
        why: A paragraph to print after a pass: why the answer matters, and
            where to read on.
        second_hint: A stronger one, from the second wrong answer on.
        read: The page to read on, such as "resnet18" or "resnet18#stages".

    Returns:
        A decorator. The function's name becomes the check's, which takes the
        function's arguments, prints what it finds and returns a `Verdict`.
    """

    def decorate(body):
        name = body.__name__

        @functools.wraps(body)
        def check(*args, **kwargs):
            start, cpu = time.monotonic(), time.process_time()
            so_far = attempts.of(name)
            helps = second_hint if so_far.wrong and second_hint else hint
            verdict = _judge(body, helps, so_far, args, kwargs)
            if verdict.judged:
                so_far.note(verdict.passed)
            seconds = time.monotonic() - start
            _log(name, verdict, seconds, time.process_time() - cpu)
            _say(name, verdict, why, read)
            return verdict

        check.label, check.hint, check.why = label, hint, why
        check.second_hint, check.read = second_hint, read
        return check

    return decorate


def _judge(body, hint, so_far, args, kwargs):
    """Return the verdict on an answer; raise nothing."""
    answers = [*args, *kwargs.values()]
    if any(guard.is_ellipsis(answer) for answer in answers):
        return _unanswered("`...` waits for your answer")
    try:
        inspect.signature(body).bind(*args, **kwargs)
    except TypeError as error:
        call = f"check.{body.__name__}({', '.join(_names(body))})"
        what = f"the check is called as `{call}`: {error}"
        return Verdict(False, what, judged=False)
    predicted = not any(map(callable, answers))
    if predicted and (pause := so_far.pause()):
        return Verdict(
            False,
            f"{so_far.wrong} predictions were wrong; the next one is judged "
            f"in {math.ceil(pause)} seconds",
            "Work it out on paper meanwhile.",
            judged=False,
        )
    try:
        with _undisturbed():
            guard.within(guard.seconds(), body, *args, **kwargs)
    except Unanswered:
        return _unanswered("your code returns `...`")
    except Wrong as wrong:
        helps = hint if wrong.hint is None else wrong.hint
        # An answer of a wrong kind is no try.
        verdict = Verdict(False, wrong.what, helps, judged=bool(helps))
    except guard.TimeUp as up:
        return Verdict(
            False,
            f"your code takes more than {up.seconds:g} seconds here",
            "Look for a loop that never ends; the inputs of a check are "
            "small. If there is none, the machine may be slow or busy: set "
            f"the environment variable {guard.VARIABLE} to more than "
            f"{guard.seconds():g}.",
        )
    except KeyboardInterrupt:
        what = "interrupted before the check was done"
        return Verdict(False, what, judged=False)
    except BaseException as error:
        helps = hint if guard.is_about_shapes(error) else ""
        verdict = Verdict(False, guard.blame(error, body), helps)
    else:
        return Verdict(True, "right")
    # A right answer may have a `...` left over, so this is asked last.
    if place := guard.untouched(answers):
        return _unanswered(place)
    if place := guard.left_over(answers):
        what = f"{verdict.what.rstrip('.')} ({place})"
        return dataclasses.replace(verdict, what=what)
    return verdict


@contextmanager
def _undisturbed():
    """Leave default types, random numbers and networks as they are.

    What a reader draws after a check does not depend on the check.
    """
    python, numpy = random.getstate(), np.random.get_state()
    with ExitStack() as stack:
        for key in backends.imported():
            stack.enter_context(backends.get(key).kept_globals())
        token = _at_the_end.set(stack)
        try:
            yield
        finally:
            _at_the_end.reset(token)
            random.setstate(python)
            np.random.set_state(numpy)


def until_the_end(context: AbstractContextManager) -> None:
    """Enter a context that the check in progress, if any, leaves at its end.

    What a reader hands over is given back so, as it was.
    """
    if stack := _at_the_end.get():
        stack.enter_context(context)


def _unanswered(what):
    return Verdict(False, f"not answered yet: {what}", judged=False)


def _names(body):
    return inspect.signature(body).parameters


def _log(name, verdict, seconds, cpu_seconds):
    """Append the verdict to the file named by D2L_CHECK_LOG, if one is."""
    path = os.environ.get("D2L_CHECK_LOG")
    if not path:
        return
    entry = {
        "exercise": name,
        "passed": verdict.passed,
        "message": verdict.what,
        "hint": verdict.hint,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
    }
    with open(path, "a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")


def _site():
    """Return where the book is read, "" if nothing tells."""
    try:
        urls = metadata.metadata("d2lutils").get_all("Project-URL") or ()
    except metadata.PackageNotFoundError:  # used without installation
        urls = ()
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Homepage", "").rstrip("/")


def _say(name, verdict, why, read):
    if verdict.passed:
        parts = [f"✓ {name}: right.", why]
        if read and (site := _site()):  # notebooks and terminals link it
            page, _, place = read.partition("#")
            parts.append(f"{site}/chapters/{page}.html#{place}".rstrip("#"))
    else:
        parts = [f"✗ {name}: {verdict.what.rstrip('.')}."]
        if verdict.hint:
            parts.append(f"Hint: {verdict.hint}")
    text = "\n".join(
        textwrap.fill(
            " ".join(part.split()),
            _WIDTH,
            subsequent_indent="  ",
            initial_indent="  " if index else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for index, part in enumerate(parts)
    )
    try:
        print(text)
    except UnicodeEncodeError:  # a terminal that knows no ✓
        print(text.encode("ascii", "replace").decode())
