"""The process in which one submission runs; the runner starts it.

It reads one line of JSON for each cell, and answers with lines of JSON that
tell what the checks find and how the cell ends. The lines are signed with a
key that the runner sends before the submission's first cell runs.
"""

import functools
import hashlib
import hmac
import io
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable

from d2lutils import check

from . import attempts, borrowed, harmless
from .catalogue import catalogue
from .intact import Intact


def sign(key: bytes, text: str) -> str:
    """Return the signature of a line."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def main() -> None:
    """Serve the runner at standard input and output until it hangs up."""
    requests, tell = _channel()
    start = json.loads(requests.readline())
    tell = functools.partial(tell, bytes.fromhex(start["key"]))
    report_verdicts(tell)
    os.chdir(start["folder"])
    # At the end: a file beside the submission hides nothing that is installed.
    sys.path.append(start["folder"])
    shell = harmless.shell(tempfile.mkdtemp())
    tell(ready=True)
    for line in requests:
        # Tries in other cells do not delay this one; those in a loop do.
        attempts.forget()
        tell(ended=True, fault=_run(shell, json.loads(line)["source"]))


def _channel() -> tuple[io.TextIOBase, Callable[..., None]]:
    """Take the pipes from where `print` and `input` find them."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    serial, here = itertools.count(), os.getpid()

    def tell(key, **what):
        if os.getpid() != here:
            return  # a process that the submission has forked
        # With a number in it, a line cannot be used a second time.
        text = json.dumps({"serial": next(serial), **what})
        replies.write(f"{sign(key, text)} {text}\n")
        replies.flush()

    return requests, tell


def report_verdicts(tell: Callable[..., None]) -> None:
    """Let each check of the book report what it finds, as it is graded."""
    intact = Intact()
    for name in catalogue():
        judge = getattr(check, name)
        graded = _graded(name, judge, intact, tell)
        setattr(sys.modules[judge.__module__], name, graded)
        setattr(check, name, graded)
    intact.remember()


def _graded(name, judge, intact, tell):
    @functools.wraps(judge)
    def graded(*args, **kwargs):
        start = time.monotonic()
        verdict = judge(*args, **kwargs)
        passed, what = verdict.passed, verdict.what
        if passed:
            what = intact.changes() or borrowed.blame(judge, args, kwargs)
            passed = not what
        tell(
            exercise=name,
            passed=passed,
            what=what,
            hint=verdict.hint,
            seconds=time.monotonic() - start,
        )
        return verdict

    return graded


def _run(shell, source):
    """Execute a cell; return what is wrong with it, in one sentence."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result = shell.run_cell(source)
        return _fault(result.error_before_exec, result.error_in_exec)
    except BaseException as error:  # an interrupt that came late
        return _fault(None, error)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _fault(before, during):
    if isinstance(before, SyntaxError):
        return f"it is no Python: line {before.lineno}: {before.msg}"
    error = before or during
    if error is None:
        return ""
    try:
        value = " ".join(str(error).split())
    except Exception:
        value = ""
    if len(value) > 240:
        value = f"{value[:240]} …"
    return f"the cell raises {type(error).__name__}: {value}".rstrip(": ")


if __name__ == "__main__":
    main()
