"""Grade a class: find its submissions, run them, give points."""

import argparse
import glob
import sys
from collections.abc import Iterator
from pathlib import Path

from . import manual, reports, runner, submission
from .catalogue import catalogue
from .reports import Grade


class UsageError(Exception):
    """Nothing can be graded as it was asked; says why."""


def grade(options: argparse.Namespace) -> int:
    """Grade submissions and print a table; return the exit status.

    Raises:
        UsageError: A path or a name is wrong, or no file can be run.
    """
    points = {**_chapters(options.chapter), **_expected(options.expect)}
    paths = list(dict.fromkeys(files(options.paths)))
    if options.manual:
        return _collect(options, paths)
    limits = runner.Limits(options.cell, options.exercise, options.file)
    table = reports.ClassTable(paths) if len(paths) > 1 else None
    grades = []
    for path in paths:
        grades.append(_grade(path, points, limits, options.sandbox))
        if table:
            table.print(grades[-1])
    faults = [each.fault for each in grades if each.fault]
    if len(faults) == len(grades):
        raise UsageError(faults[0])
    if table:
        table.print_sum(grades)
    else:
        reports.print_results(grades[0])
    for form, write in reports.WRITERS.items():
        if path := getattr(options, form):
            write(path, grades)
    return int(not all(each.is_full for each in grades))


def _grade(path, points, limits, sandbox):
    try:
        notebook = submission.read(path)
    except submission.FileError as error:
        return Grade(path, points, fault=str(error))
    expected = points or submission.expected(notebook, path.stem)
    if not expected:
        fault = f"{path} calls no check of the book's"
        return Grade(path, points, fault=fault)
    try:
        results = runner.run(notebook, path.parent, expected, limits, sandbox)
    except runner.StartError as error:
        raise UsageError(str(error)) from None
    if points:
        results = [each for each in results if each.exercise in points]
    return Grade(path, points, results)


def _collect(options, paths):
    """Write the page of answers in prose; execute nothing."""
    submissions = {}
    for path in paths:
        try:
            submissions[path.as_posix()] = submission.read(path)
        except submission.FileError as error:
            print(f"error: {error}", file=sys.stderr)
    try:
        count = manual.write(options.manual, submissions, options.chapter)
    except LookupError as error:
        raise UsageError(error.args[0]) from None
    print(f"{options.manual} holds {count} answers to mark")
    return int(len(submissions) < len(paths))


def _chapters(names):
    found = {}
    for name in names:
        checks = submission.of_chapters([name])
        if not checks:
            known = ", ".join(sorted(set(catalogue().values())))
            raise UsageError(
                f"{name!r} is no chapter with exercises to check; those are "
                f"{known}"
            )
        found |= dict.fromkeys(checks, 1.0)
    return found


def _expected(texts):
    found = {}
    for part in ",".join(texts).split(","):
        name, equals, points = part.strip().partition("=")
        if not name:
            continue
        if name not in catalogue():
            raise UsageError(f"no exercise is called {name!r}")
        try:
            found[name] = float(points) if equals else 1.0
        except ValueError:
            raise UsageError(
                f"the points of {name} are a number, not {points!r}"
            ) from None
    return found


def files(texts) -> Iterator[Path]:
    """Yield the files that paths, folders and patterns stand for."""
    for text in texts:
        path = Path(text)
        if path.is_dir():
            found = _handed_in(path.rglob("*"), path)
        elif glob.has_magic(text) and not path.exists():
            found = map(Path, sorted(glob.glob(text, recursive=True)))
        else:
            found = [path]
        count = 0
        for count, each in enumerate(found, 1):  # noqa: B007
            yield each
        if not count:
            raise UsageError(f"{text} holds no notebook (.ipynb) and no .py")


def _handed_in(paths, folder):
    for path in sorted(paths):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "__")) for part in inside)
        if path.suffix.lower() in (".ipynb", ".py") and not hidden:
            yield path
