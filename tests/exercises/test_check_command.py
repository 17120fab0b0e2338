"""`python -m d2lutils.check FILE` runs a reader's file and prints a table."""

import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from selection import ENVIRONMENT

from d2lutils import check
from d2lutils.check import runner
from d2lutils.check.__main__ import main

# Checks of its own, so that no answer of the book stands here.
SET_UP = """\
from d2lutils import check
from d2lutils.check.answer import Wrong, exercise


def make(name):
    def body(answer):
        if answer() != 3:
            raise Wrong("`answer` is not right")
    body.__name__ = name
    return exercise(label=name, hint="Look.", why="So.")(body)


check.one, check.two, check.three = map(make, ["one", "two", "three"])
"""


def notebook(folder, *sources):
    cells = [new_markdown_cell("# Exercises"), new_code_cell(SET_UP)]
    cells += [new_code_cell(source) for source in sources]
    path = folder / "answers.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def run(path, *options):
    return subprocess.run(
        [sys.executable, "-m", "d2lutils.check", str(path), *options],
        env={**ENVIRONMENT, "COLUMNS": "79", "D2L_CHECK_SECONDS": "1"},
        capture_output=True,
        text=True,
    )


def table(done):
    """Return exercise → its line, or lines in one."""
    found, last = {}, None
    for line in done.stdout.split("\n\n")[0].splitlines()[1:]:
        if not line.startswith(" "):
            last, _, line = line.partition(" ")
            found[last] = ""
        found[last] += " " + line.strip()
    return {name: text.strip() for name, text in found.items()}


def test_all_right(tmp_path):
    path = notebook(tmp_path, "check.one(lambda: 3)", "check.two(lambda: 3)")
    done = run(path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert table(done) == {"one": "passed", "two": "passed"}
    assert done.stdout.endswith("2 of 2 exercises passed\n")


def test_one_failing_cell_does_not_stop_the_others(tmp_path):
    path = notebook(
        tmp_path,
        "check.one(...)",
        "1 / 0\ncheck.two(lambda: 3)",
        "this is no Python",
        "if False:\n    check.four(1)",
        "check.three(lambda: 3)",
    )
    done = run(path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert table(done) == {
        "one": "failed    not answered yet: `...` waits for your answer.",
        "two": "not run   the cell raises ZeroDivisionError: division by zero",
        "four": "not run   the cell ends before the check is called",
        "three": "passed",
    }
    assert done.stdout.endswith("1 of 4 exercises passed\n")


def test_the_last_call_counts(tmp_path):
    path = notebook(
        tmp_path,
        "check.one(lambda: 4)",
        "check.one(lambda: 3)",
        "check.two(lambda: 3)",
        "check.two(lambda: 4)",
    )
    assert table(run(path)) == {
        "one": "passed",
        "two": "failed    `answer` is not right. Look.",
    }


def test_answers_and_cells_that_hang(tmp_path):
    path = notebook(
        tmp_path,
        "def hang():\n    while True:\n        pass\n\n\ncheck.one(hang)",
        "import time\ntime.sleep(60)\ncheck.two(lambda: 3)",
        "check.three(lambda: 3)",
    )
    start = time.monotonic()
    found = table(run(path, "--cell-seconds", "3"))
    assert time.monotonic() - start < 20
    assert "takes more than 1 seconds here" in found["one"]
    assert found["two"] == "not run   the cell takes more than 3 seconds"
    assert found["three"] == "passed"


def test_time_for_the_whole_file_though_a_cell_takes_no_interrupt(tmp_path):
    stubborn = (
        "while True:\n    try:\n        time.sleep(1)\n"
        "    except KeyboardInterrupt:\n        pass"
    )
    path = notebook(
        tmp_path, f"import time\n{stubborn}", "check.one(lambda: 3)"
    )
    found = table(run(path, "--seconds", "2"))
    assert found == {"one": "not run   the time for the whole file is over"}


def test_process_that_dies(tmp_path):
    path = notebook(
        tmp_path,
        "check.one(lambda: 3)",
        "import os\nos._exit(1)",
        "check.two(lambda: 3)",
    )
    found = table(run(path, "--cell-seconds", "5"))
    assert found["one"] == "passed"
    assert found["two"].startswith("not run   the process")


def test_script_with_the_lines_of_the_file(tmp_path):
    path = tmp_path / "answers.py"
    lines = [
        SET_UP,
        "def answer():",
        "    return 1 / 0",
        "",
        "check.one(answer)",
        "1 / 0",
        "check.two(lambda: 3)",
    ]
    path.write_text("\n".join(lines))
    done = run(path)
    line = SET_UP.count("\n") + 3
    assert table(done) == {
        "one": "failed    your code raises ZeroDivisionError: division by "
        f"zero (line {line}, `return 1 / 0`).",
        "two": "passed",
    }


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("none.ipynb", None, "cannot be read: No such file"),
        ("broken.ipynb", "{", "is no Jupyter notebook"),
        ("broken.py", "x = (\n", "is no Python: line 1"),
        ("text.txt", "text", "is neither a notebook (.ipynb) nor a .py"),
        ("empty.py", "x = 3\n", "calls no check"),
        ("binary.py", b"\xff\xfe", "it is no text"),
    ],
)
def test_file_that_cannot_be_run(tmp_path, name, text, words):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run(path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"error: {path}") and words in done.stderr


def test_what_is_needed_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbclient", None)
    monkeypatch.delitem(sys.modules, "d2lutils.check.runner")
    monkeypatch.delattr(check, "runner")
    assert main(["x.py"]) == 2
    said = capsys.readouterr().err
    assert said.endswith('pip install "d2lutils[check]"\n')
    assert said.startswith("error: nbclient is not installed")


def test_checks_in_a_cell_with_magics():
    cell = new_code_cell(
        "%pip install x\ncheck.one(1)\nother.two(2)\ncheck.solved('x')"
    )
    assert runner.checks_in(cell) == ["one"]
    assert runner.checks_in(new_code_cell("check.one(")) == []
