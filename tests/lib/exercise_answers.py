"""Give the checks all answers there are: solutions, wrong and right ones.

Run in a process of its own, for one framework:

    python tests/lib/exercise_answers.py FRAMEWORK REPORT CHAPTER ...

REPORT becomes a JSON list with one entry for each answer; "-" prints a line
for each instead. `tests/exercises/answers/<chapter>.py` holds the answers.
"""

import contextlib
import gc
import importlib
import io
import json
import linecache
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from answer_code import Borrowed, Replaced

ROOT = Path(__file__).parents[2]
ANSWERS = ROOT / "tests/exercises/answers"
sys.path.insert(0, str(ANSWERS.parent))


# Check → what `python -m d2lutils.check` would say of the last answer.
GRADED = {}


def load(chapter):
    """Return check → {"wrong": ..., "right": ...} of a chapter."""
    return importlib.import_module(f"answers.{chapter}").ANSWERS


def of_framework(answer, framework):
    return answer[framework] if isinstance(answer, dict) else answer


class Runner:
    """Runs pieces of a page's code, and reads what the checks log."""

    def __init__(self, chapter, log):
        self.chapter, self.log, self.count = chapter, log, 0

    def run(self, code, space):
        """Execute code; return what was logged, printed and raised."""
        self.count += 1
        name = f"/reader/{self.chapter}-{self.count}.py"
        # TensorFlow compiles from the source of a function.
        lines = code.splitlines(True)
        linecache.cache[name] = len(code), None, lines, name
        self.log.write_text("")
        said, error = io.StringIO(), ""
        with contextlib.redirect_stdout(said):
            try:
                exec(compile(code, name, "exec"), space)
            except Exception:
                error = traceback.format_exc(limit=-3)
        entries = [json.loads(x) for x in self.log.read_text().splitlines()]
        return entries, said.getvalue(), error


def report(framework, chapter, log):
    """Yield an entry for each answer to each exercise of a chapter."""
    from bookbuild import chapter as source
    from bookbuild.directives.exercise import imports, solutions

    page = source.read(
        ROOT / f"chapters/solutions/{chapter}.md", f"solutions/{chapter}"
    )
    runner, space = Runner(chapter, log), {"__name__": "__main__"}
    for cell in imports(page, framework):
        yield from _entry(chapter, "", "imports", runner, cell.source, space)
    answers = load(chapter)
    untouched = dict(space)
    for solution in solutions(page).values():
        code = "\n\n\n".join(
            cell.source
            for cell in solution.code
            if cell.runs_in(framework) and "raises-exception" not in cell.tags
        )
        names = [name for name in answers if f"check.{name}(" in code]
        if not names:  # the build executes it; no check needs it
            continue
        if stub := solution.stub(framework):
            # As in the notebook of the exercises, one after the other.
            yield from _entry(
                chapter, names[0], "stub", runner, stub.source, untouched
            )
        before = dict(space)
        for name in names:
            yield from _entry(chapter, name, "solution", runner, code, space)
        for name in names:
            for answer in answers[name]["right"]:
                answer = _code(of_framework(answer, framework), code)
                yield from _entry(
                    chapter, name, "right", runner, answer, before | space
                )
            for answer, wanted in answers[name]["wrong"]:
                wanted = of_framework(wanted, framework)
                answer = _code(of_framework(answer, framework), code)
                yield from _entry(
                    chapter,
                    name,
                    "wrong",
                    runner,
                    answer,
                    before | space,
                    wanted,
                )


def _code(answer, solution):
    if not isinstance(answer, Replaced):
        return answer
    if answer.old not in solution:
        return f"raise SystemError({answer.old!r} + ' is not in the solution')"
    return solution.replace(answer.old, answer.new)


def _entry(chapter, name, kind, runner, code, space, wanted=""):
    from d2lutils.check import attempts

    attempts.forget()  # each answer is a reader's first
    start = time.monotonic()
    entries, said, error = runner.run(code, space)
    mine = [entry for entry in entries if entry["exercise"] == name]
    last = mine[-1] if mine else {}
    message = f"{last.get('message', '')} {last.get('hint', '')}"
    passed = last.get("passed")
    fault = ""
    if error:
        fault = error
    elif name and passed is None:
        fault = f"check.{name} was not called"
    elif kind in ("stub", "wrong") and passed:
        fault = "passes"
    elif kind == "wrong" and wanted not in " ".join(message.split()):
        fault = f"says: {message}"
    elif kind in ("solution", "right") and name and not passed:
        fault = f"fails: {message}"
    elif passed and GRADED[name]["passed"] == isinstance(code, Borrowed):
        fault = f"is graded as: {GRADED[name]['what'] or 'right'}"
    yield {
        "chapter": chapter,
        "check": name,
        "kind": kind,
        "wanted": wanted,
        "fault": fault,
        # On a busy machine a check waits; that is not its fault.
        "seconds": min(last.get("seconds", 0), last.get("cpu_seconds", 0)),
        "wall": time.monotonic() - start,
        "said": said,
        "code": code if fault else "",
    }


def main(framework, target, *chapters):
    # Keras leaves so many objects that counting them takes a tenth of the
    # time, and this process does not live long.
    gc.set_threshold(100_000, 50, 100)
    from d2lutils.check.worker import report_verdicts

    report_verdicts(lambda exercise, **what: GRADED.update({exercise: what}))
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        os.environ["D2L_CHECK_LOG"] = str(log)
        os.environ["D2L_CHECK_SECONDS"] = "60"
        entries = []
        for chapter in chapters:
            before = dict(os.environ)
            for entry in report(framework, chapter, log):
                entries.append(entry)
                faults += bool(entry["fault"])
                if target == "-" and (entry["check"] or entry["fault"]):
                    mark = "FAULT" if entry["fault"] else "ok"
                    print(
                        f"{mark:5} {entry['check']:24} {entry['kind']:8} "
                        f"{entry['seconds']:4.1f} s  "
                        f"{entry['wanted']!r} {entry['fault']}",
                        flush=True,
                    )
            os.environ.clear()
            os.environ.update(before)
    if target != "-":
        Path(target).write_text(json.dumps(entries))
    elif faults:
        sys.exit(f"{faults} faults")


if __name__ == "__main__":
    main(*sys.argv[1:])
