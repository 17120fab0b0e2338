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
    r"|Could not automatically infer .*? Error encountered:\s*"
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
    """Return how long a check may compute: D2L_CHECK_SECONDS, or 10.

    The longest right answers compute for up to 4 seconds on a machine whose
    cores are shared.
    """
    return float(os.environ.get(VARIABLE, 10))


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

    No import is interrupted.

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
        if _is_importing(frame):
            return  # it rings again
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


def _is_importing(frame):
    """Whether the code that an alarm interrupts is importing a module.

    An exception there leaves a half of it behind, and every later import
    fails or gets that half.
    """
    while frame is not None and frame.f_code is not within.__code__:
        if frame.f_code.co_filename.startswith("<frozen importlib."):
            return True
        frame = frame.f_back
    return False


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
    message = _message(error)
    if len(message) > _LONGEST:
        message = message[:_LONGEST].rsplit(" ", 1)[0] + " …"
    return f"{type(error).__name__}: {message}".rstrip(": ")


def _message(error):
    try:
        return " ".join(_NOISE.sub("", str(error)).split())
    except Exception:
        return ""


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


def is_about_shapes(error: BaseException) -> bool:
    """Whether an exception says that shapes or sizes do not fit.

    Such a one may come from the mistake that an exercise is about. Another,
    of types of numbers for one, has nothing to do with it.
    """
    told = _message(error).lower()
    return bool(_SHAPES.search(told)) and not _TYPES.search(told)


_SHAPES = re.compile(
    r"\b(shapes?|sizes?|dimensions?|channels|broadcast|incompatible)\b"
)
_TYPES = re.compile(r"\b(d?types?|double|float(16|32|64)?|u?int\d*|long)\b")


def untouched(answers: Iterable) -> str:
    """Say which part of the answers' code has nothing but a `...` in it."""
    for definition in _definitions(answers):
        for function in _functions(definition):
            if line := _gap(function, alone=True):
                return f"`...` still stands in line {line}"
        if _is_empty(definition):
            return f"`{definition.__name__}` is still empty"
    return ""


def left_over(answers: Iterable) -> str:
    """Say where a `...` still stands among other code of the answers."""
    for definition in _definitions(answers):
        for function in _functions(definition):
            if line := _gap(function, alone=False):
                return f"`...` still stands in line {line}"
    return ""


def _definitions(answers):
    return [each for answer in answers for each in (answer, type(answer))]


def _functions(definition):
    """Return the reader's functions in a function or a class."""
    if inspect.isclass(definition):
        parts = vars(definition).values()
    else:
        parts = [definition]
    found = [_undecorated(part) for part in parts]
    return [
        part
        for part in found
        if inspect.isfunction(part) and _is_theirs(part.__code__.co_filename)
    ]


def _undecorated(part):
    """Return the function that decorators have been put around."""
    names = ("__func__", "__wrapped__", "python_function", "fget", "func")
    for _ in range(20):
        inner = (getattr(part, name, None) for name in names)
        found = next((each for each in inner if callable(each)), None)
        if found is None:
            break
        part = found
    return part


def _is_empty(definition):
    """Whether a class in a notebook or script defines nothing.

    A number alone, such as `expansion = 1`, is in the stubs.
    """
    return (
        inspect.isclass(definition)
        and definition.__module__ == "__main__"
        and not any(
            callable(value) or hasattr(value, "__get__")
            for name, value in vars(definition).items()
            if name not in ("__dict__", "__weakref__")
        )
    )


def _gap(function, alone):
    """Return the line of a `...` that stands for a statement of a function.

    Args:
        function: A reader's function.
        alone: Whether to look where there is nothing else, or else where
            there is other code.
    """
    # Not inspect.getsource: it finds no class of a notebook.
    code = function.__code__
    text = "".join(linecache.getlines(code.co_filename))
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (
            code.co_firstlineno
            in (node.lineno, *(d.lineno for d in node.decorator_list))
        ):
            gaps = [
                each.lineno
                for each in ast.walk(node)
                if _stands_for_nothing(each)
            ]
            if gaps and alone == all(map(_says_nothing, node.body)):
                return gaps[0]
    return None


def _says_nothing(statement):
    """Whether a statement is one that a stub has."""
    if _stands_for_nothing(statement) or isinstance(statement, ast.Pass):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    return isinstance(value, ast.Constant)


def _stands_for_nothing(node):
    if not isinstance(node, ast.Expr | ast.Return | ast.Assign):
        return False
    value = node.value
    return isinstance(value, ast.Constant) and value.value is ...
