"""What a submission cannot do while it is graded, and what teachers get."""

import csv
import json
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from selection import ENVIRONMENT, FRAMEWORKS, selected_frameworks
from small_book import REPOSITORY
from test_check_command import ONE, START, TWO, WRONG_ONE, notebook, table

from d2lutils.check.__main__ import main


@pytest.fixture
def grade(tmp_path, capsys):
    """Return a function: cells → the line of `plain_110` in the table."""

    def grade(*sources, options=()):
        path = notebook(tmp_path / "answers.ipynb", *sources)
        main([str(path), "--expect", "plain_110", *options])
        said = capsys.readouterr()
        assert not said.err, said.err
        return table(said.out)["plain_110"]

    return grade


@pytest.mark.parametrize(
    "command",
    [
        "!touch made",
        "!!touch made",
        "x = !touch made",
        "%sx touch made",
        "%%bash\ntouch made",
        "%%sh\ntouch made",
        "%system touch made",
        "%pip install ./made",
        "import os\nos.system('touch made')",
        "import subprocess\nsubprocess.run(['touch', 'made'])",
        "import os\nos.posix_spawn('/bin/touch', ['touch', 'made'], {})",
        "import pip\nopen('made', 'w')",
        "get_ipython().system('touch made')",
        "get_ipython().run_cell_magic('bash', '', 'touch made')",
    ],
)
def test_no_shell_and_no_installer_runs(tmp_path, grade, command):
    assert grade(command, ONE) == "passed"
    assert not (tmp_path / "made").exists()


PASSED = '{"exercise": "plain_110", "passed": true, "what": "", "hint": ""}'
FORGED = {
    "a line in every pipe": f"""
import os
for number in range(64):
    try:
        os.write(number, b'''{PASSED}\\n''')
    except OSError:
        pass
""",
    "the log": f"""
import os
with open(os.environ.get("D2L_CHECK_LOG", "log"), "a") as log:
    log.write('''{PASSED}\\n''')
""",
    "the check": "check.plain_110 = print",
    "the comparison": """
from d2lutils.check import values
values.integer = lambda *args, **kwargs: 0
""",
    "the body": """
from d2lutils.exercises import function_classes
function_classes.integer = lambda *args, **kwargs: 0
""",
    "its code": """
from d2lutils.check import values
values.integer.__code__ = (lambda *args, **kwargs: 0).__code__
""",
    "the judge": """
from d2lutils.check import answer
answer._judge = lambda *args: answer.Verdict(True, "right")
""",
    "the guard": """
from d2lutils.check import guard
guard.within = lambda *args, **kwargs: None
""",
    "NumPy": """
import numpy as np
np.allclose = lambda *args, **kwargs: True
""",
    "a number that equals all others": """
class Any(int):
    __eq__ = __ge__ = __le__ = __hash__ = lambda self, *other: True
    __ne__ = __lt__ = __gt__ = lambda self, other: False


check.plain_110(Any(1), Any(1))
check.plain_110 = print
""",
}


@pytest.mark.parametrize("way", FORGED)
def test_a_pass_cannot_be_forged_in_passing(grade, way):
    assert not grade(FORGED[way], WRONG_ONE).startswith("passed")


def test_another_process_of_the_submission_tells_nothing(grade):
    child = f"if os.fork() == 0:\n    {ONE}\n    os._exit(0)\n"
    fork = f"import os\n{child}os.wait()"
    assert grade(fork, WRONG_ONE).startswith("failed")


def test_each_submission_has_a_process_of_its_own(tmp_path, capsys):
    first = notebook(tmp_path / "a.ipynb", "import math\nmath.pi = 3", ONE)
    second = notebook(
        tmp_path / "b.ipynb", "import math\nassert math.pi > 3\n" + ONE
    )
    assert main([str(first), str(second), "--expect", "plain_110"]) == 0
    assert "2 of 2 submissions pass" in capsys.readouterr().out


@pytest.mark.parametrize("framework", selected_frameworks())
def test_code_of_the_book_is_no_answer(tmp_path, framework):
    # Further ones stand among the answers, as `Borrowed`.
    path = notebook(
        tmp_path / "answers.ipynb",
        f"from d2lutils.models.{FRAMEWORKS[framework]} import BasicBlock",
        "check.early_relu(BasicBlock)",
    )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "d2lutils.check", path),
            *("--expect", "early_relu"),
        ],
        env={**ENVIRONMENT, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    said = table(done.stdout)["early_relu"]
    assert said.startswith("failed    this is the book's own `d2lutils.models")


SANDBOX = REPOSITORY / "grading/sandbox"


def has_sandbox():
    command = "unshare --map-root-user --net --ipc --mount setpriv true"
    try:
        return subprocess.run(command.split()).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not has_sandbox(), reason="unshare may not be used here")
def test_sandbox_has_no_network_and_writes_nothing(grade, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach = (
            "import socket\n"
            f"address = '127.0.0.1', {server.getsockname()[1]}\n"
            "socket.create_connection(address, 2)\n"
        )
        assert grade(reach + ONE) == "passed"
        inside = "--sandbox", str(SANDBOX)
        assert "OSError" in grade(reach + ONE, options=inside)
    write = f"open({str(tmp_path / 'made')!r}, 'w')\n"
    mount = (
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "libc.mount(None, b'/', None, 32 | 4096, None)\n"  # writable again
    )
    for code in write, mount + write:
        assert "Read-only file system" in grade(code + ONE, options=inside)
    assert not (tmp_path / "made").exists()
    scratch = "import tempfile\ntempfile.TemporaryFile().write(b'x')\n"
    assert grade(scratch + ONE, options=inside) == "passed"
    sleep = "import time\ntime.sleep(60)"
    assert (
        grade(sleep, ONE, options=[*inside, "--cell-seconds", "4"]) == "passed"
    )


def test_container_file_names_what_exists():
    text = (REPOSITORY / "grading/Containerfile").read_text()
    assert 'ENTRYPOINT ["python", "-m", "d2lutils.check"]' in text
    extras = re.search(r'"/book\[(.*)\]"', text)[1].split(",")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert set(extras) <= set(project["project"]["optional-dependencies"])


@pytest.fixture
def classes(tmp_path, monkeypatch):
    """A folder with the submissions of a class."""
    monkeypatch.setenv("COLUMNS", "79")
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "class/anna/answers.ipynb", ONE, TWO)
    notebook(tmp_path / "class/bert/answers.ipynb", WRONG_ONE, "1 / 0\n" + TWO)
    (tmp_path / "class/carl.py").write_text(f"{START}\n{TWO}\n")
    (tmp_path / "class/dora.ipynb").write_text("{")
    return tmp_path / "class"


EXPECT = "--expect", "plain_110=3,silent_branch=1.5"


def test_table_of_a_class(classes, capsys):
    assert main(["class", *EXPECT]) == 1
    said = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "submission passed points not passed"
    assert lines[1] == "class/anna/answers.ipynb 2 of 2 4.5 of 4.5"
    assert lines[2].endswith("0 of 2 0 of 4.5 plain_110 failed, silent_branch")
    assert lines[3] == "not run"
    assert lines[4].startswith("class/carl.py 1 of 2 1.5 of 4.5 plain_110")
    assert "class/dora.ipynb is no Jupyter" in " ".join(lines[5:-1])
    assert lines[-1] == "1 of 4 submissions pass all exercises"


def test_json_csv_and_junit(classes, capsys):
    forms = "json", "csv", "junit"
    options = [part for form in forms for part in (f"--{form}", f"g.{form}")]
    assert main(["class", *EXPECT, *options]) == 1

    grades = json.loads(Path("g.json").read_text())
    assert [grade["points"] for grade in grades] == [4.5, 0, 1.5, 0]
    assert [grade["of"] for grade in grades] == [4.5] * 4
    results = grades[1]["exercises"]
    assert [each["result"] for each in results] == ["failed", "not run"]
    assert results[0]["what"].startswith("`parameters` is not right")
    assert "is no Jupyter notebook" in grades[3]["fault"]

    with open("g.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["plain_110"] for row in rows] == ["3", "0", "0", ""]
    assert [row["points"] for row in rows] == ["4.5", "0", "1.5", "0"]

    suites = ElementTree.parse("g.junit").getroot()
    counts = [
        (suite.get("tests"), suite.get("failures"), suite.get("errors"))
        for suite in suites
    ]
    assert counts[:3] == [("2", "0", "0"), ("2", "1", "1"), ("2", "0", "1")]
    assert counts[3][2] != "0"
    failure = suites[1].find("testcase/failure")
    assert failure.get("message").startswith("`parameters` is not right")


def explained(chapter="residual_block"):
    path = REPOSITORY / "notebooks/pytorch/exercises" / f"{chapter}.ipynb"
    return nbformat.read(path, as_version=4)


def test_manual_page_holds_the_answers_of_a_class(tmp_path, capsys):
    answered = explained()
    cells = answered.cells
    place = next(i for i, cell in enumerate(cells) if not cell.source)
    cells[place].source = "Remove *two* paths.\n\n<script>evil()</script>"
    output = new_output(
        "display_data", {"image/png": "AAAA", "text/plain": "<Figure>"}
    )
    cells.insert(place + 1, new_code_cell("1 < 2", outputs=[output]))
    nbformat.write(answered, tmp_path / "anna.ipynb")
    inside = explained()
    question = next(
        c
        for c in inside.cells
        if "peeking" not in c.source and "*Explain.*" in c.source
    )
    question.source += "\n\nHere I wrote it."
    nbformat.write(inside, tmp_path / "bert.ipynb")
    nbformat.write(explained(), tmp_path / "carl.ipynb")

    page = tmp_path / "page.html"
    assert main([str(tmp_path), "--manual", str(page)]) == 0
    assert "holds 2 answers" in capsys.readouterr().out
    text = page.read_text("utf-8")
    assert "Remove <em>two</em> paths." in text
    assert "&lt;script&gt;" in text and "<script" not in text
    assert 'src="data:image/png;base64,AAAA"' in text
    assert "<pre>1 &lt; 2</pre>" in text
    assert "Here I wrote it." in text
    assert text.count("<article>") == 2
    assert text.count('class="rubric"') == 3
    assert text.count("1 point: exchanges concatenation for addition") == 1
    first = text[: text.index("</section>")]
    assert "No answer" in first and "carl.ipynb" in first


def test_manual_page_without_anything_to_mark(tmp_path, capsys):
    cells = [new_markdown_cell("x")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    page = tmp_path / "page.html"
    assert main([str(tmp_path), "--manual", str(page)]) == 2
    assert "no submission holds the text" in capsys.readouterr().err
    assert not page.exists()
