"""Tell the grades of a class: a table, JSON, CSV and JUnit's XML."""

import csv
import json
import re
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from .runner import Result


@dataclass(frozen=True)
class Grade:
    """What one submission has reached.

    Attributes:
        path: Its file.
        points: Exercise → the points of one that passes; 1 if it is missing.
        results: What became of each exercise.
        fault: Why it could not be run, if it could not.
    """

    path: Path
    points: Mapping[str, float]
    results: Sequence[Result] = field(default_factory=list)
    fault: str = ""

    @property
    def name(self) -> str:
        """Its path. A spreadsheet does not take it for a formula."""
        name = self.path.as_posix()
        return f"./{name}" if name[0] in "=+-@" else name

    def of(self, result: Result) -> float:
        """Return the points that an exercise is worth."""
        return self.points.get(result.exercise, 1.0)

    def reached(self, result: Result) -> float:
        """Return the points that an exercise has brought."""
        return self.of(result) if result.result == "passed" else 0.0

    @property
    def sum(self) -> float:
        """The points of all exercises that have passed."""
        return sum(map(self.reached, self.results))

    @property
    def most(self) -> float:
        """The points that there are."""
        return sum(self.points.values()) or sum(map(self.of, self.results))

    @property
    def passed(self) -> int:
        """How many exercises have passed."""
        return sum(each.result == "passed" for each in self.results)

    @property
    def is_full(self) -> bool:
        """Whether all exercises have passed."""
        return not self.fault and self.passed == len(self.results)

    @property
    def missing(self) -> str:
        """Which exercises have not passed."""
        return self.fault or ", ".join(
            f"{each.exercise} {each.result}"
            for each in self.results
            if each.result != "passed"
        )


def _columns():
    return shutil.get_terminal_size((79, 24)).columns


def _print(head, text):
    lines = textwrap.wrap(text, max(_columns() - len(head), 20)) or [""]
    print((head + lines[0]).rstrip())
    for line in lines[1:]:
        print(" " * len(head) + line)


def print_results(grade: Grade) -> None:
    """Print a table of the exercises of one submission."""
    names = [each.exercise for each in grade.results]
    width = max(map(len, ["exercise", *names])) + 2
    print(f"{'exercise':{width}}result    what")
    for each in grade.results:
        _print(f"{each.exercise:{width}}{each.result:10}", each.what)
    print(f"\n{grade.passed} of {len(grade.results)} exercises passed", end="")
    print(f", {_of(grade)} points" if grade.points else "")


def _of(grade):
    return f"{grade.sum:g} of {grade.most:g}"


class ClassTable:
    """A table of submissions, printed as they are graded."""

    def __init__(self, paths: Sequence[Path]):
        names = [path.as_posix() for path in paths]
        self._width = max(map(len, ["submission", *names])) + 2
        print(f"{'submission':{self._width}}passed   points     not passed")

    def print(self, grade: Grade) -> None:
        """Print the line of a submission."""
        passed = f"{grade.passed} of {len(grade.results)}"
        head = f"{grade.name:{self._width}}{passed:9}{_of(grade):11}"
        _print(head, grade.missing)

    def print_sum(self, grades: Sequence[Grade]) -> None:
        """Print what the class has reached."""
        full = sum(each.is_full for each in grades)
        print(f"\n{full} of {len(grades)} submissions pass all exercises")


def write_json(path: Path, grades: Sequence[Grade]) -> None:
    """Write all that is known, with the messages of the checks."""
    text = json.dumps(
        [
            {
                "submission": grade.name,
                "points": grade.sum,
                "of": grade.most,
                "fault": grade.fault,
                "exercises": [
                    {
                        "exercise": each.exercise,
                        "result": each.result,
                        "what": each.what,
                        "points": grade.reached(each),
                        "of": grade.of(each),
                        "seconds": round(each.seconds, 3),
                    }
                    for each in grade.results
                ],
            }
            for grade in grades
        ],
        indent=2,
        ensure_ascii=False,
    )
    path.write_text(f"{text}\n", "utf-8")


def write_csv(path: Path, grades: Sequence[Grade]) -> None:
    """Write a row for each submission and a column for each exercise."""
    names = dict.fromkeys(
        each.exercise for grade in grades for each in grade.results
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["submission", *names, "points", "of", "not passed"])
        for grade in grades:
            reached = {r.exercise: grade.reached(r) for r in grade.results}
            points = [_number(reached.get(name)) for name in names]
            sums = map(_number, [grade.sum, grade.most])
            rows.writerow([grade.name, *points, *sums, grade.missing])


def _number(points):
    return "" if points is None else f"{points:g}"


def write_junit(path: Path, grades: Sequence[Grade]) -> None:
    """Write a suite for each submission, as JUnit does."""
    suites = ElementTree.Element("testsuites")
    for grade in grades:
        suite = ElementTree.SubElement(suites, "testsuite", name=grade.name)
        if grade.fault:
            _case(suite, grade.name, Result("run", "not run", grade.fault))
        for each in grade.results:
            _case(suite, grade.name, each)
        suite.set("tests", str(len(suite)))
        for kind in _KINDS.values():
            count = sum(case.find(kind) is not None for case in suite)
            suite.set(f"{kind}s", str(count))
    ElementTree.indent(suites)
    tree = ElementTree.ElementTree(suites)
    tree.write(path, "utf-8", xml_declaration=True)


_KINDS = {"failed": "failure", "not run": "error"}
# What XML cannot hold.
_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _case(suite, submission, result):
    case = ElementTree.SubElement(
        suite,
        "testcase",
        classname=submission,
        name=result.exercise,
        time=f"{result.seconds:.3f}",
    )
    if kind := _KINDS.get(result.result):
        message = _NO_TEXT.sub("�", result.what)
        ElementTree.SubElement(case, kind, message=message)


WRITERS: dict[str, Callable[[Path, Sequence[Grade]], None]] = {
    "json": write_json,
    "csv": write_csv,
    "junit": write_junit,
}
