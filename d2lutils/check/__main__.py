"""Run all checks of a notebook or script: `python -m d2lutils.check FILE`."""

import argparse
import shutil
import sys
import textwrap
from pathlib import Path

_PARSER = argparse.ArgumentParser(
    prog="python -m d2lutils.check",
    description="Execute a notebook, or a Python file, in a process of its "
    "own, and print a table of what its checks say. The exit status is 0 if "
    "all pass, 1 if not, 2 if the file cannot be run.",
)
_PARSER.add_argument("file", help="a notebook (.ipynb) or a .py file")
_PARSER.add_argument(
    "--cell-seconds",
    type=float,
    default=60,
    help="how long a cell may take (default: %(default)s)",
)
_PARSER.add_argument(
    "--seconds",
    type=float,
    default=600,
    help="how long the whole file may take (default: %(default)s)",
)


def main(arguments=None):
    """Run the checks of a file; return the exit status."""
    try:
        from . import runner
    except ModuleNotFoundError as error:
        return _fail(
            f"{error.name} is not installed; this installs what is needed: "
            'pip install "d2lutils[check]"'
        )
    options = _PARSER.parse_args(arguments)
    path = Path(options.file)
    try:
        notebook = runner.read(path)
    except runner.FileError as error:
        return _fail(error)
    results = runner.run(
        notebook, path.resolve().parent, options.cell_seconds, options.seconds
    )
    if not results:
        return _fail(f"{path} calls no check")
    _table(results)
    passed = sum(result.result == "passed" for result in results)
    print(f"\n{passed} of {len(results)} exercises passed")
    return int(passed < len(results))


def _table(results):
    width = max(len("exercise"), *(len(r.exercise) for r in results)) + 2
    room = max(shutil.get_terminal_size((79, 24)).columns - width - 10, 20)
    print(f"{'exercise':{width}}result    what")
    for result in results:
        head = f"{result.exercise:{width}}{result.result:10}"
        lines = textwrap.wrap(result.what, room) or [""]
        print((head + lines[0]).rstrip())
        for line in lines[1:]:
            print(" " * len(head) + line)


def _fail(message):
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
