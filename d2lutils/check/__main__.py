"""Grade notebooks and scripts: `python -m d2lutils.check PATH ...`."""

import argparse
import sys
from pathlib import Path


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m d2lutils.check",
        description="Execute notebooks and Python files, each in a process "
        "of its own, and print what the checks of their exercises say. The "
        "exit status is 0 if all exercises pass, 1 if not, and 2 if nothing "
        "can be run.",
        epilog="What stands in a file is read as well: @FILE, one argument "
        "to a line.",
        fromfile_prefix_chars="@",
    )
    add = parser.add_argument
    add(
        "paths",
        nargs="+",
        metavar="PATH",
        help="a notebook (.ipynb), a .py file, a folder of them, or a "
        "pattern such as 'class/*/answers.ipynb'",
    )
    add(
        "--expect",
        action="append",
        default=[],
        metavar="CHECK[=POINTS],...",
        help="the exercises to grade, and the points of each if it is not 1; "
        "without this, all of the chapters that a file names",
    )
    add(
        "--chapter",
        action="append",
        default=[],
        metavar="NAME",
        help="grade all exercises of a chapter, such as residual_block",
    )
    for form in "json", "csv", "junit":
        add(f"--{form}", type=Path, metavar="FILE", help=f"write {form} too")
    add(
        "--manual",
        type=Path,
        metavar="FILE",
        help="execute nothing; collect the answers to the exercises that ask "
        "to explain, with the rubrics, in an HTML page for marking",
    )
    add(
        "--sandbox",
        default="",
        metavar="COMMAND",
        help="start the process of each submission with this command, such "
        "as the grading/sandbox of the book's repository",
    )
    limits = "cell", 60, "exercise", 120, "file", 600
    for name, default in zip(limits[::2], limits[1::2], strict=True):
        option = "--seconds" if name == "file" else f"--{name}-seconds"
        add(
            option,
            dest=name,
            type=float,
            default=default,
            metavar="SECONDS",
            help=f"how long each {name} may take (default: %(default)s)",
        )
    return parser


def main(arguments=None):
    """Run the checks of files; return the exit status."""
    try:
        from . import grading
    except ModuleNotFoundError as error:
        return _fail(
            f"{error.name} is not installed; this installs what is needed: "
            'pip install "d2lutils[check]"'
        )
    options = _parser().parse_args(arguments)
    try:
        return grading.grade(options)
    except grading.UsageError as error:
        return _fail(error)


def _fail(message):
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
