"""Run a reader's code so that whatever it does ends in a sentence."""

import ast
import contextvars
import inspect
import linecache
import os
import re
import signal
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LONGEST = 240  # characters of an error's message

# What the frameworks put into their messages beside what is wrong.
_NOISE = re.compile(
    r"\x1b\[[0-9;]*m"
    r"|Exception encountered when calling [\w.]+\(\)\.\s*"
    r"|\{\{function_node .*?\}\}\s*"
    r"|\[Op:\w+\]( name:)?"
    r"|Traceback \(most recent call last\):\s*"
    r"|File \"[^\"]*\", line \d+\s*"
    r"|(\[[\d:]+\] )?\S+\.cc:\d+:\s*"
    r"|Arguments received by .*",
    re.DOTALL,
)

# Code that is not the reader's: Python, what pip installs, this package.
_NOT_THEIRS = tuple(
    str(Path(path).resolve())
    for path in {
        *(sysconfig.get_path(name) for name in ("stdlib", "purelib")),
        sysconfig.get_path("platlib"),
        Path(__file__).parents[1],
    }
)


class TimeUp(BaseException):
    """The time is over. No `except Exception` of a reader stops it.

    Args:
        seconds: How long the reader's code has been running.
    """

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


VARIABLE = "D2L_CHECK_SECONDS"
# How much longer it may take by the clock: on a machine that is busy, a
# process waits for most of the time.
_PATIENCE = 12


def seconds() -> float:
    """Return how long a check may compute: D2L_CHECK_SECONDS, or 5."""
    return float(os.environ.get(VARIABLE, 5))


class _Limit:
    """A limit of a thread's processor time, and a generous one by the clock.

    It belongs to the thread that makes it; others may ask as well.
    """

    def __init__(self, seconds):
        self.seconds, self.start = seconds, time.monotonic()
        self.clock = None
        if hasattr(time, "pthread_getcpuclockid"):
            self.clock = time.pthread_getcpuclockid(threading.get_ident())
            self.used = time.clock_gettime(self.clock)

    def left(self):
        """Return the seconds after which to ask again.

        Raises:
            TimeUp: None are left.
        """
        left = _PATIENCE * self.seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise TimeUp(_PATIENCE * self.seconds)
        if self.clock is not None:
            used = time.clock_gettime(self.clock) - self.used
            if used >= self.seconds:
                raise TimeUp(self.seconds)
            left = min(left, self.seconds - used)
        return max(left, 0.01)


def within(limit: float, function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a function and return what it returns.

    Raises:
        TimeUp: It has computed for `limit` seconds, or a multiple of them
            has gone by.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "SIGALRM"):
        with _alarm(limit):
            return function(*args, **kwargs)
    return _in_thread(limit, function, *args, **kwargs)


@contextmanager
def _alarm(limit):
    allowed = _Limit(limit)

    def ring(signum, frame):
        signal.setitimer(signal.ITIMER_REAL, allowed.left(), 0.5)

    before = signal.signal(signal.SIGALRM, ring)
    # Again and again: a bare `except:` may swallow the first.
    left, interval = signal.setitimer(signal.ITIMER_REAL, limit, 0.5)
    start = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            left = max(left - (time.monotonic() - start), 0.01)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


def _in_thread(limit, function, *args, **kwargs):
    """Where there is no alarm: leave a thread behind that hangs."""
    result, ready = {}, threading.Event()

    def run():
        result["limit"] = _Limit(limit)
        ready.set()
        try:
            result["value"] = function(*args, **kwargs)
        except BaseException as error:
            result["error"] = error

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), daemon=True)
    thread.start()
    ready.wait()
    while thread.is_alive():
        try:
            left = result["limit"].left()
        except OSError:  # it has just ended, and its clock with it
            break
        thread.join(left)
    thread.join()
    if "error" in result:
        raise result["error"]
    return result["value"]


def blame(error: BaseException, check: Callable | None = None) -> str:
    """Tell an exception in one sentence, with the line of the reader's code.

    The line is the innermost that is neither Python's, nor a package's, nor
    ours, nor that of the check itself.
    """
    theirs = [
        frame
        for frame in traceback.StackSummary.extract(
            (frame, line)
            for frame, line in traceback.walk_tb(error.__traceback__)
            if check is None or frame.f_code is not check.__code__
        )
        if frame.line and _is_theirs(frame.filename)
    ]
    if not theirs:
        return f"your answer cannot be used as it is: {told(error)}"
    last = theirs[-1]
    where = f"line {last.lineno}, `{last.line}`"
    return f"your code raises {told(error)} ({where})"


def told(error: BaseException) -> str:
    """Return an exception's type and message, short and without noise."""
    try:
        message = " ".join(_NOISE.sub("", str(error)).split())
    except Exception:
        message = ""
    if len(message) > _LONGEST:
        message = message[:_LONGEST].rsplit(" ", 1)[0] + " …"
    return f"{type(error).__name__}: {message}".rstrip(": ")


def _is_theirs(filename):
    if "__autograph_generated" in filename or filename.startswith("<frozen"):
        return False
    return not str(Path(filename).resolve()).startswith(_NOT_THEIRS)


def is_ellipsis(answer: Any) -> bool:
    """Whether an answer is `...`, or a list or dictionary that holds it."""
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return any(is_ellipsis(part) for part in answer)
    return answer is ...


def untouched(answers: Iterable) -> str:
    """Say where a `...` still stands for a statement in the answers' code."""
    for answer in answers:
        for definition in (answer, type(answer)):
            if line := _line_of_ellipsis(definition):
                return f"`...` still stands in line {line}"
            if _is_empty(definition):
                return f"`{definition.__name__}` is still empty"
    return ""


def _codes(definition):
    """Return the code of a function, or of the methods of a class."""
    if inspect.isclass(definition):
        parts = vars(definition).values()
    else:
        parts = [definition]
    parts = [getattr(part, "__func__", part) for part in parts]
    codes = [p.__code__ for p in parts if inspect.isfunction(p)]
    return [code for code in codes if _is_theirs(code.co_filename)]


def _is_empty(definition):
    """Whether a class in a notebook or script defines nothing."""
    return (
        inspect.isclass(definition)
        and definition.__module__ == "__main__"
        and not _codes(definition)
    )


def _line_of_ellipsis(definition):
    # Not inspect.getsource: it finds no class of a notebook.
    for code in _codes(definition):
        text = "".join(linecache.getlines(code.co_filename))
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (
                code.co_firstlineno
                in (node.lineno, *(d.lineno for d in node.decorator_list))
            ):
                for statement in ast.walk(node):
                    if _stands_for_nothing(statement):
                        return statement.lineno
    return None


def _stands_for_nothing(node):
    if not isinstance(node, ast.Expr | ast.Return | ast.Assign):
        return False
    value = node.value
    return isinstance(value, ast.Constant) and value.value is ...
