"""`python -m d2lutils.check PATH ...` runs submissions and prints tables."""

import json
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from selection import ENVIRONMENT

from d2lutils import check
from d2lutils.check import grading, submission
from d2lutils.check.__main__ import main

START = "from d2lutils import check"
ONE = "check.plain_110(18, 1727674)"
WRONG_ONE = "check.plain_110(18, 1727675)"
TWO = "check.silent_branch((0, 3), (-2, 3), (-2, 3))"
THREE = "check.num_blocks(lambda depth: 1 / 0)"
ALL = "plain_110,silent_branch,num_blocks"


def notebook(path, *sources):
    cells = [new_markdown_cell("# Exercises"), new_code_cell(START)]
    cells += [new_code_cell(source) for source in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def table(said):
    """Return exercise → its line, or lines in one."""
    found, last = {}, None
    for line in said.split("\n\n")[0].splitlines()[1:]:
        if not line.startswith(" "):
            last, _, line = line.partition(" ")
            found[last] = ""
        found[last] += " " + line.strip()
    return {name: text.strip() for name, text in found.items()}


@pytest.fixture
def grade(tmp_path, capsys, monkeypatch):
    """Return a function: cells → the exit status and the table."""
    monkeypatch.setenv("COLUMNS", "79")

    def grade(*sources, expect=ALL, options=()):
        path = notebook(tmp_path / "answers.ipynb", *sources)
        status = main([str(path), "--expect", expect, *options])
        return status, table(capsys.readouterr().out)

    return grade


def test_all_right_from_a_terminal(tmp_path):
    path = notebook(tmp_path / "answers.ipynb", ONE, TWO)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "d2lutils.check", path.name),
            *("--expect", "plain_110=2,silent_branch"),
        ],
        env={**ENVIRONMENT, "COLUMNS": "79"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = table(done.stdout)
    assert found == {"plain_110": "passed", "silent_branch": "passed"}
    assert done.stdout.endswith("2 of 2 exercises passed, 3 of 3 points\n")


def test_one_failing_cell_does_not_stop_the_others(grade):
    status, found = grade(
        WRONG_ONE,
        "1 / 0\n" + TWO,
        "if False:\n    check.reduction(1, 2)",
        THREE,
        expect=ALL + ",reduction,certain",
    )
    assert status == 1
    assert found["plain_110"].startswith("failed    `parameters` is not")
    assert found["silent_branch"] == (
        "not run   the cell raises ZeroDivisionError: division by zero"
    )
    assert found["num_blocks"].startswith("failed    your code raises Zero")
    assert found["reduction"] == (
        "not run   the cell ends before the check is called"
    )
    assert found["certain"] == "not run   its check is not called"


@pytest.mark.parametrize(
    "cell, why",
    [
        (ONE + "\nthis is no Python", "it is no Python: line 2: "),
        ("(\n" + ONE, "it is no Python: line "),
        ("# " + ONE, "its check is not called"),
        ("if False:\n    " + ONE, "the cell ends before the check is called"),
        ("exit()\n" + ONE, "the cell raises SystemExit"),
        ("raise KeyboardInterrupt\n" + ONE, "the cell raises Keyboard"),
    ],
)
def test_an_exercise_that_does_not_run_is_not_run(grade, cell, why):
    status, found = grade(cell, TWO, expect="plain_110,silent_branch")
    assert status == 1
    assert found["plain_110"].startswith(f"not run   {why}")
    assert found["silent_branch"] == "passed"


@pytest.mark.parametrize("suffix", [".ipynb", ".py"])
def test_what_the_chapter_asks_is_expected(tmp_path, capsys, suffix):
    path = tmp_path / f"answers{suffix}"
    if suffix == ".py":
        path.write_text(f"{START}\n{TWO}\n")
    else:
        notebook(path, TWO)
    assert main([str(path)]) == 1
    found = table(capsys.readouterr().out)
    homes = check.catalogue()
    assert set(found) == {
        name for name, home in homes.items() if home == "residual_block"
    }
    assert found.pop("silent_branch") == "passed"
    assert set(found.values()) == {"not run   its check is not called"}


def test_chapters_are_known_without_a_call():
    homes = check.catalogue()
    for text, name, chapters in [
        ("# check.plain_110(1, 2)", "x", {"function_classes"}),
        ("check.plain_110(", "x", {"function_classes"}),
        ("check.solved('bottleneck')", "x", {"bottleneck"}),
        ("from d2lutils.check import plain_110", "x", {"function_classes"}),
        ("1", "Anna_resnet_family", {"resnet_family"}),
        ("check.nothing(1)", "x", set()),
    ]:
        given = new_notebook(cells=[new_code_cell(text)])
        found = submission.expected(given, name)
        assert {homes[each] for each in found} == chapters


def test_the_last_call_counts(grade):
    wrong = TWO.replace("0", "1")
    _, found = grade(WRONG_ONE, ONE, TWO, wrong)
    assert found["plain_110"] == "passed"
    assert found["silent_branch"].startswith("failed")


def test_tries_count_by_cells_and_a_loop_finds_nothing(grade):
    _, found = grade(*4 * [WRONG_ONE], ONE, expect="plain_110")
    assert found == {"plain_110": "passed"}
    loop = "for n in range(1727600, 1727700):\n    check.plain_110(18, n)"
    _, found = grade(loop, expect="plain_110")
    assert "predictions were wrong" in found["plain_110"]


def test_answers_and_cells_that_hang(grade, monkeypatch):
    monkeypatch.setenv("D2L_CHECK_SECONDS", "1")
    hang = "def hang(depth):\n    while True:\n        pass\n\n\n"
    start = time.monotonic()
    _, found = grade(
        hang + "check.num_blocks(hang)",
        "import time\ntime.sleep(60)\n" + ONE,
        TWO,
        options=["--cell-seconds", "8"],
    )
    assert time.monotonic() - start < 60
    assert "1 seconds" in found["num_blocks"]
    assert found["plain_110"] == "not run   the cell takes more than 8 seconds"
    assert found["silent_branch"] == "passed"


def test_time_for_an_exercise(grade):
    sleep = "import time\ntime.sleep(2)"
    _, found = grade(
        sleep, sleep, sleep, ONE, TWO, options=["--exercise-seconds", "3"]
    )
    assert found["plain_110"] == "not run   the time for this exercise is over"
    assert found["silent_branch"] == "passed"


STUBBORN = """\
import time
while True:
    try:
        time.sleep(1)
    except KeyboardInterrupt:
        pass
"""


def test_time_for_the_whole_file_though_a_cell_takes_no_interrupt(grade):
    _, found = grade(STUBBORN, ONE, options=["--seconds", "2"])
    assert found["plain_110"] == (
        "not run   the time for the whole file is over"
    )


def test_process_that_dies_does_so_alone(grade):
    _, found = grade("import os\nos._exit(1)\n" + ONE, TWO)
    assert found["plain_110"] == "not run   the process died"
    assert found["silent_branch"] == "passed"


def test_script_with_the_lines_of_the_file(tmp_path, capsys):
    path = tmp_path / "answers.py"
    lines = [
        "from d2lutils import check; x = 1",
        "def answer(depth):",
        "    return x / 0",
        "",
        "check.num_blocks(answer)",
        "1 / 0",
        ONE,
    ]
    path.write_text("\n".join(lines))
    assert main([str(path), "--expect", ALL]) == 1
    found = table(capsys.readouterr().out)
    assert "(line 3, `return x / 0`)" in found["num_blocks"]
    assert found["plain_110"] == "passed"


def as_it_comes(path, kind):
    """Write an answer in one of the forms that people hand in."""
    text = f"{START}\n# é\n{ONE}\n"
    if kind == "coding cookie":
        path = path.with_suffix(".py")
        path.write_bytes(f"# coding: latin-1\n{text}".encode("latin-1"))
    elif kind == "BOM in a script":
        path = path.with_suffix(".py")
        path.write_bytes(text.encode("utf-8-sig"))
    elif kind == "capital letters":
        path = notebook(path, ONE)
        path = path.rename(path.with_suffix(".IPYNB"))
    elif kind == "BOM in a notebook":
        notebook(path, ONE)
        path.write_text(path.read_text("utf-8"), "utf-8-sig")
    elif kind == "no metadata":
        cell = {"cell_type": "code", "source": [f"{START}\n", ONE]}
        path.write_text(json.dumps({"cells": [cell]}))
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "coding cookie",
        "BOM in a script",
        "BOM in a notebook",
        "capital letters",
        "no metadata",
    ],
)
def test_files_as_they_come(tmp_path, capsys, kind):
    path = as_it_comes(tmp_path / "answers.ipynb", kind)
    assert main([str(path), "--expect", "plain_110"]) == 0
    assert table(capsys.readouterr().out) == {"plain_110": "passed"}


def test_colab_does_nothing_and_harms_nothing(grade):
    status, found = grade(
        "from google.colab import drive, files, userdata\n"
        "import google.colab.output\n"
        "drive.mount('/content/drive')\n"
        "files.download('x')\n"
        "assert files.upload() == {}\n"
        "assert userdata.get('token') == ''",
        "%tensorflow_version 2.x\n%%html\n<b>",
        ONE,
        expect="plain_110",
    )
    assert (status, found) == (0, {"plain_110": "passed"})


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("none.ipynb", None, "cannot be read: No such file"),
        ("broken.ipynb", "{", "is no Jupyter notebook"),
        ("text.txt", "text", "is neither a notebook (.ipynb) nor a .py"),
        ("empty.py", "x = 3\n", "calls no check"),
        ("binary.py", b"# \xff\n\xff", "cannot be read"),
        ("none/*.py", None, "holds no notebook (.ipynb) and no .py"),
    ],
)
def test_file_that_cannot_be_run(tmp_path, capsys, name, text, words):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main([str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert str(path) in said.err and words in said.err


@pytest.mark.parametrize(
    "options, words",
    [
        (["--expect", "plain110"], "no exercise is called 'plain110'"),
        (["--expect", "plain_110=much"], "are a number, not 'much'"),
        (["--chapter", "nothing"], "no chapter with exercises to check"),
        (["--sandbox", "no-such-program"], "'no-such-program' does not start"),
        (["--sandbox", "false"], "'false' starts it"),
    ],
)
def test_options_that_are_wrong(tmp_path, capsys, options, words):
    path = notebook(tmp_path / "answers.ipynb", ONE)
    assert main([str(path), *options]) == 2
    assert words in capsys.readouterr().err


def test_what_is_needed_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    for name in "grading", "manual":
        monkeypatch.delitem(sys.modules, f"d2lutils.check.{name}")
        monkeypatch.delattr(check, name)
    assert main(["x.py"]) == 2
    said = capsys.readouterr().err
    assert said.endswith('pip install "d2lutils[check]"\n')
    assert said.startswith("error: markdown_it is not installed")


def test_checks_in_a_cell_with_magics():
    code = "%pip install x\ncheck.plain_110(1)\nother.certain(2)\ncheck.x(1)"
    assert submission.checks_in(code) == ["plain_110"]
    assert submission.checks_in("check.plain_110(") == ["plain_110"]


def test_paths_are_files_folders_and_patterns(tmp_path):
    for name in "a/x.ipynb", "a/.ipynb_checkpoints/x.ipynb", "b/y.PY", "b/z":
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    both = [tmp_path / "a/x.ipynb", tmp_path / "b/y.PY"]
    for given, found in [
        ([tmp_path], both),
        ([tmp_path / "a"], both[:1]),
        ([tmp_path / "*/*.ipynb"], both[:1]),
        ([tmp_path / "b/y.PY", tmp_path / "a/x.ipynb"], both[::-1]),
    ]:
        assert list(grading.files(map(str, given))) == found
