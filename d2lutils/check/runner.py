"""Run a submission, and collect what its checks say."""

import contextlib
import hmac
import importlib.util
import json
import math
import os
import queue
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from .submission import checks_in
from .worker import sign

if importlib.util.find_spec("IPython") is None:
    raise ModuleNotFoundError("No module named 'IPython'", name="IPython")

_GRACE = 3  # seconds for a cell to end after it is interrupted


class StartError(Exception):
    """The process for a submission does not start; says what to look at."""


@dataclass(frozen=True)
class Result:
    """What became of one exercise."""

    exercise: str
    result: str  # passed, failed or not run
    what: str = ""
    seconds: float = 0


@dataclass(frozen=True)
class Limits:
    """How many seconds a cell, an exercise and a whole file may take.

    To an exercise belong the cells from the check before it to its own.
    """

    cell: float
    exercise: float
    file: float


def run(
    notebook: NotebookNode,
    folder: Path,
    expected: Iterable[str],
    limits: Limits,
    sandbox: str = "",
) -> list[Result]:
    """Execute a submission in a process of its own; return its results.

    A cell that raises, or takes too long, does not stop the others. One that
    ends the process, or takes no interrupt, is left out in a new process.
    Where a check is called more than once, the last call counts.

    Args:
        notebook: As `submission.read` returns it.
        folder: The folder to run in.
        expected: The checks to be called. Others that are called come after.
        limits: How long it may take.
        sandbox: A command that starts the command that follows it, and keeps
            it from what a submission should not reach.

    Raises:
        StartError: Not even a process starts.
    """
    end = time.monotonic() + limits.file
    results = {
        name: Result(name, "not run", "its check is not called")
        for name in expected
    }
    cells = {
        index: cell.source
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    }
    while cells:
        last, fault = _run(cells, folder, limits, sandbox, end, results)
        if last is None:
            break
        # Again from the beginning, without the cell that was the last.
        for name in checks_in(cells.pop(last)):
            results[name] = Result(name, "not run", fault)
    return list(results.values())


def _run(cells, folder, limits, sandbox, end, results):
    """Execute cells; return the one that ended the process, and why."""
    with _Worker(folder, sandbox) as worker:
        exercise_end = time.monotonic() + limits.exercise
        for index, source in cells.items():
            names = checks_in(source)
            now = time.monotonic()
            left = min(limits.cell, exercise_end - now, end - now)
            if end <= now:
                reported, fault = [], "the time for the whole file is over"
            elif left <= 0:
                reported, fault = [], "the time for this exercise is over"
            else:
                reported, fault = worker.execute(source, left)
            for name in names:
                why = fault or "the cell ends before the check is called"
                results[name] = Result(name, "not run", why)
            for result in reported:
                results[result.exercise] = result
            if names:
                exercise_end = time.monotonic() + limits.exercise
            if worker.is_over:
                return index, fault
    return None, ""


class _Worker:
    """The process of a submission."""

    def __init__(self, folder, sandbox):
        self._key = secrets.token_bytes(32)
        self._serial = 0
        self._lines = queue.Queue()
        self._scratch = tempfile.TemporaryDirectory()
        self.is_over = False
        root = str(Path(__file__).parents[2])
        path = os.environ.get("PYTHONPATH")
        environment = {
            **os.environ,
            "MPLBACKEND": "agg",
            "PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root,
            "TMPDIR": self._scratch.name,
        }
        environment.pop("D2L_CHECK_LOG", None)
        # -P: a file in the folder at hand hides no module.
        worker = [sys.executable, "-P", "-m", "d2lutils.check.worker"]
        try:
            self._process = subprocess.Popen(
                [*shlex.split(sandbox), *worker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                encoding="utf-8",
                start_new_session=True,
            )
        except OSError as error:
            self._scratch.cleanup()
            raise StartError(
                f"{sandbox!r} does not start: {error.strerror}"
            ) from None
        threading.Thread(target=self._listen, daemon=True).start()
        self._send(key=self._key.hex(), folder=str(folder.resolve()))
        try:
            ready = self._receive(120).get("ready")
        except queue.Empty:
            ready = False
        if not ready:
            self.__exit__()
            raise StartError(
                "the process for submissions does not start; what it says "
                "stands above" + f", and {sandbox!r} starts it" * bool(sandbox)
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._scratch.cleanup()

    def execute(self, source, seconds):
        """Execute a cell; return what its checks report, and what is wrong."""
        self._send(source=source)
        late, given_up = "", math.inf
        results = []
        end = time.monotonic() + seconds
        while True:
            try:
                reply = self._receive(end - time.monotonic())
            except queue.Empty:
                if time.monotonic() >= given_up:
                    self.is_over = True
                    return results, late
                if not late:
                    late = f"the cell takes more than {seconds:.0f} seconds"
                    given_up = time.monotonic() + _GRACE
                self._interrupt()
                end = time.monotonic() + 0.5
                continue
            if not reply:
                self.is_over = True
                return results, late or "the process died"
            if reply.get("ended"):
                return results, late or reply["fault"]
            results.append(_result(reply))

    def _send(self, **what):
        # If it is over, what it says, or that it says nothing, tells why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def _listen(self):
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _receive(self, seconds):
        """Return what the worker says next, or {} where it is no more.

        Lines that it has not signed are none of its own.
        """
        end = time.monotonic() + seconds
        while line := self._lines.get(timeout=max(end - time.monotonic(), 0)):
            signature, _, text = line.rstrip("\n").partition(" ")
            if hmac.compare_digest(
                signature.encode(), sign(self._key, text).encode()
            ):
                reply = json.loads(text)
                if reply["serial"] == self._serial:
                    self._serial += 1
                    return reply
        return {}

    def _interrupt(self):
        if os.name == "posix":
            self._process.send_signal(signal.SIGINT)

    def _kill(self):
        """End it and what it has started."""
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()


def _result(reply):
    name, seconds = reply["exercise"], reply["seconds"]
    if reply["passed"]:
        return Result(name, "passed", seconds=seconds)
    what = " ".join([reply["what"].rstrip(".") + ".", reply["hint"]])
    return Result(name, "failed", what.strip(), seconds)
