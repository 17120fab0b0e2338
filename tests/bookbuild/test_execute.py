"""Notebooks are executed in kernels of their own, and told when they fail."""

import importlib.metadata
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from small_book import SmallBook, cell, line_of, step

from bookbuild import __main__ as command_line
from bookbuild.derive import is_setup
from d2lutils import frameworks
from d2lutils.frameworks import FRAMEWORKS

WHO = step("import os\n\nprint('{fw}', os.getpid())")


@pytest.fixture
def book(tmp_path):
    made = SmallBook(tmp_path)
    made.toc("intro", "waves")
    made.chapter("intro", WHO)
    made.chapter("waves", WHO)
    return made


def outputs(book, framework, name):
    """Return what a chapter printed in one framework."""
    path = book.project.executed(framework, name)
    notebook = nbformat.read(path, as_version=4)
    return "".join(
        output.text
        for each in notebook.cells
        if each.cell_type == "code" and not is_setup(each)
        for output in each.outputs
    )


def snapshot(book):
    """Return path → content of everything that was executed."""
    folder = book.root / "_build/executed"
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_notebook_runs_in_a_kernel_of_its_own(book):
    assert book.executed() == {
        f"{framework}/{name}"
        for framework in FRAMEWORKS
        for name in ("intro", "waves")
    }
    said = [
        outputs(book, framework, name).split()
        for framework in FRAMEWORKS
        for name in ("intro", "waves")
    ]
    assert [framework for framework, _ in said] == [
        *["pytorch"] * 2,
        *["tensorflow"] * 2,
        *["mxnet"] * 2,
    ]
    assert len({process for _, process in said}) == 6


def test_only_the_frameworks_asked_for_are_executed(book):
    book.succeed("derive")
    *lines, total = book.succeed("execute", FRAMEWORKS="mxnet, pytorch")
    assert {line.split()[1] for line in lines} == {
        "pytorch/intro",
        "mxnet/intro",
        "pytorch/waves",
        "mxnet/waves",
    }
    assert total == "4 notebooks executed at scale demo"
    assert not (book.root / "_build/executed/tensorflow").exists()


def meeting(seconds):
    """Return a cell that says whether another notebook was there with it."""
    return step(
        f"""
from pathlib import Path
import os
import time

folder, others = Path(os.environ["MEETING"]), set()
(folder / "{{fw}}").touch()
end = time.monotonic() + {seconds}
while not others and time.monotonic() < end:
    others = {{x.name for x in folder.iterdir()}} - {{"{{fw}}"}}
    time.sleep(0.05)
time.sleep(1)
(folder / "{{fw}}").unlink()
print("together" if others else "alone")
"""
    )


@pytest.mark.parametrize(
    "scale, seconds, expected",
    [("demo", 60, "together"), ("full", 1, "alone")],
)
def test_two_notebooks_share_the_machine_but_where_speed_counts(
    book, tmp_path_factory, scale, seconds, expected
):
    folder = tmp_path_factory.mktemp("meeting")
    book.toc("intro")
    book.chapter("intro", meeting(seconds))
    (book.root / "chapters/waves.md").unlink()
    book.succeed("derive")
    book.succeed(
        "execute",
        D2L_SCALE=scale,
        FRAMEWORKS="pytorch mxnet",
        MEETING=str(folder),
    )
    assert outputs(book, "pytorch", "intro").strip() == expected
    assert outputs(book, "mxnet", "intro").strip() == expected


@pytest.mark.parametrize("scale, share", [("demo", 2), ("full", 1)])
def test_notebooks_share_the_processors(book, monkeypatch, scale, share):
    names = "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"
    for name in names:  # the tests' own settings are not the book's
        monkeypatch.delenv(name, raising=False)
    code = f"import os\n\nprint(*map(os.environ.get, {names}))"
    book.chapter("intro", step(code))
    book.succeed("derive")
    book.succeed("execute", D2L_SCALE=scale, FRAMEWORKS="tensorflow")
    threads = str(max(1, os.cpu_count() // share))
    assert outputs(book, "tensorflow", "intro").split() == [threads] * 2
    book.chapter("intro", step(code), step("pass"))
    book.succeed("derive")
    book.succeed("execute", OMP_NUM_THREADS="7", FRAMEWORKS="tensorflow")
    assert outputs(book, "tensorflow", "intro").split()[0] == "7"


def test_a_notebook_runs_in_an_empty_folder_with_scale_and_own_package(book):
    book.write("d2lutils/torch.py", "where = __file__")
    book.chapter(
        "intro",
        cell(
            "import os\n\nfrom d2lutils import torch\n\n"
            "print(os.listdir(), os.environ['D2L_SCALE'], torch.where)",
            "pytorch",
        ),
        cell("pass", "tensorflow"),
        cell("pass", "mxnet"),
    )
    book.succeed("derive")
    book.succeed("execute", D2L_SCALE="smoke", FRAMEWORKS="pytorch")
    printed = outputs(book, "pytorch", "intro").strip()
    assert printed == f"[] smoke {book.root / 'd2lutils/torch.py'}"


def test_a_cell_that_raises_is_named_and_shown(book):
    text = book.chapter(
        "waves",
        step("x = 1"),
        "Words.",
        cell("y = 0"),
        step("if '{fw}' == 'tensorflow':\n    print(x / y)  # {fw}"),
    )
    book.succeed("derive")
    (message,) = book.faults("execute")
    line = line_of(text, "print(x / y)  # tensorflow") - 1
    head = message.splitlines()[0]
    assert head == (
        f"chapters/waves.md:{line}: [tensorflow] code cell 3 raised "
        "ZeroDivisionError: division by zero"
    )
    assert "print(x / y)" in message and "Traceback" in message


def test_a_failure_keeps_earlier_outputs_and_leaves_nothing_half_done(book):
    book.executed(FRAMEWORKS="pytorch tensorflow")
    before = snapshot(book)
    assert len(before) == 4
    book.chapter("intro", WHO, step("assert '{fw}' != 'tensorflow'"))
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS="pytorch tensorflow")
    assert "[tensorflow] code cell 2 raised AssertionError" in message
    after = snapshot(book)
    assert set(after) == set(before)
    changed = {str(path) for path in before if before[path] != after[path]}
    # The good outputs of PyTorch are new, those of TensorFlow the last good.
    assert changed == {"pytorch/intro.ipynb"}


def test_what_failed_is_executed_again(book):
    book.executed(FRAMEWORKS="mxnet")
    book.chapter("waves", step("assert '{fw}' != 'mxnet'"))
    book.succeed("derive")
    for _ in range(2):
        (message,) = book.faults("execute", FRAMEWORKS="mxnet")
        assert "[mxnet] code cell 1 raised AssertionError" in message
    book.chapter("waves", step("assert '{fw}' != 'jax'"))
    assert book.executed(FRAMEWORKS="mxnet") == {"mxnet/waves"}


def test_an_error_that_is_the_lesson_is_no_failure(book):
    book.chapter("intro", step("1 / 0", "raises-exception"), step("print(2)"))
    assert "mxnet/intro" in book.executed(FRAMEWORKS="mxnet")
    notebook = nbformat.read(
        book.project.executed("mxnet", "intro"), as_version=4
    )
    error, printed = (each.outputs[0] for each in notebook.cells[-2:])
    assert error.ename == "ZeroDivisionError"
    assert printed.text == "2\n"


def test_a_kernel_that_dies_is_told_with_its_cell(book):
    text = book.chapter(
        "intro", step("import os"), step("'{fw}' == 'pytorch' and os._exit(3)")
    )
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS="pytorch")
    line = line_of(text, "'pytorch' == 'pytorch'")
    assert message == (
        f"chapters/intro.md:{line}: [pytorch] code cell 2 killed its kernel"
    )
    assert not book.project.executed("pytorch", "intro").exists()


def test_a_kernel_that_dies_is_told_with_its_last_words(book):
    # pytest keeps a kernel from catching what is written to this descriptor.
    book.chapter(
        "intro", step("import os\n\nos.write(2, b'{fw} fell')\nos._exit(3)")
    )
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS="pytorch")
    assert message.endswith("code cell 1 killed its kernel\npytorch fell")


def test_what_a_kernel_says_as_it_ends_is_not_shown(book):
    book.chapter(
        "intro", step("import os\n\nos.write(2, b'{fw} fell')\n1 / 0")
    )
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS="pytorch")
    assert "raised ZeroDivisionError: division by zero" in message


def test_a_kernel_that_dies_stops_what_runs_beside_it(book):
    book.chapter(
        "intro",
        cell("import os\n\nos._exit(3)", "pytorch"),
        cell("pass", "tensorflow"),
        cell("import time\n\ntime.sleep(600)", "mxnet"),
    )
    book.succeed("derive")
    start = time.monotonic()
    (message,) = book.faults("execute", FRAMEWORKS="pytorch mxnet")
    assert time.monotonic() - start < 120
    assert message.endswith("[pytorch] code cell 1 killed its kernel")


def test_what_runs_beside_a_cell_that_raises_comes_to_its_end(book):
    book.chapter(
        "intro",
        cell("1 / 0", "pytorch"),
        cell("pass", "tensorflow"),
        cell("import time\n\ntime.sleep(5)\nprint(1)", "mxnet"),
    )
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS="pytorch mxnet")
    assert "[pytorch] code cell 1 raised ZeroDivisionError" in message
    assert outputs(book, "mxnet", "intro") == "1\n"
    assert not book.project.executed("mxnet", "waves").exists()


def test_ctrl_c_stops_all_kernels(book, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asleep")
    book.chapter(
        "intro",
        step(
            "import os, pathlib, time\n\n"
            "pathlib.Path(os.environ['ASLEEP'], '{fw}').touch()\n"
            "time.sleep(600)"
        ),
    )
    book.succeed("derive")
    process = subprocess.Popen(
        [sys.executable, "-m", "bookbuild", "execute"],
        cwd=book.root,
        env=book.environment(FRAMEWORKS="pytorch mxnet", ASLEEP=str(folder)),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and len(list(folder.iterdir())) < 2:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert told == "error: interrupted; what was done is kept\n"
    assert snapshot(book) == {}


def test_an_interrupted_execution_leaves_nothing_half_done(book, tmp_path):
    book.executed(FRAMEWORKS="pytorch")
    before = snapshot(book)
    assert len(before) == 2
    # The cell kills the process that executes it, and is to go with it.
    book.chapter(
        "intro",
        step(
            "import os, pathlib, time\n\n"
            "server = pathlib.Path(f'/proc/{os.getppid()}/stat')\n"
            "pathlib.Path(os.environ['ALIVE']).write_text(str(os.getpid()))\n"
            "os.kill(int(server.read_text().split()[3]), 9)\n"
            "time.sleep(600)"
        ),
    )
    book.succeed("derive")
    alive = tmp_path / "alive"
    done = book.run("execute", FRAMEWORKS="pytorch", ALIVE=str(alive))
    assert done.returncode == -signal.SIGKILL
    assert snapshot(book) == before
    kernel = Path("/proc", alive.read_text())
    end = time.monotonic() + 60
    while kernel.exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not kernel.exists()


def test_a_framework_is_imported_once_for_all_notebooks(book):
    book.write("d2lutils/torch.py", "import os\n\npid, seen = os.getpid(), []")
    code = (
        "import os, subprocess, sys\n\nfrom d2lutils import {module}\n\n"
        "ended = subprocess.run([sys.executable, '-c', 'exit(3)'])\n"
        "print({module}.pid, os.getpid(), ended.returncode, {module}.seen)\n"
        "{module}.seen.append(1)"
    )
    cells = [
        cell(code.format(module=row.module), key)
        for key, row in FRAMEWORKS.items()
    ]
    for name in "intro", "waves":
        book.chapter(name, *cells)
    book.succeed("derive")
    book.succeed("execute", FRAMEWORKS="pytorch")
    first, second = (
        outputs(book, "pytorch", name).split() for name in ("intro", "waves")
    )
    assert first[0] == second[0]
    assert len({first[0], first[1], second[1]}) == 3
    # Programs that a cell starts are waited for, and nothing is left behind.
    assert first[2:] == second[2:] == ["3", "[]"]


def test_a_kernel_shows_figures_of_a_framework_that_draws(book):
    book.write("d2lutils/torch.py", "from matplotlib import pyplot as plt")
    cells = (
        f"from d2lutils import {row.module}\n\n{row.module}.plt.plot([1, 2]);"
        for row in FRAMEWORKS.values()
    )
    book.chapter("intro", *map(cell, cells, FRAMEWORKS))
    book.succeed("derive")
    book.succeed("execute", FRAMEWORKS="pytorch")
    path = book.root / "_build/executed/pytorch/intro.ipynb"
    *_, last = nbformat.read(path, as_version=4).cells
    assert ["image/png" in output.data for output in last.outputs] == [True]


def test_a_module_that_cannot_be_imported_is_told_by_the_cell(book):
    book.write("d2lutils/torch.py", "raise OSError('broken')")
    text = book.chapter(
        "intro",
        cell("from d2lutils import torch", "pytorch"),
        cell("pass", "tensorflow"),
        cell("pass", "mxnet"),
    )
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS="pytorch")
    line = line_of(text, "from d2lutils import torch")
    assert message.startswith(
        f"chapters/intro.md:{line}: [pytorch] code cell 1 raised "
        "OSError: broken"
    )


@pytest.mark.parametrize("absent", FRAMEWORKS)
def test_an_absent_framework_is_told_in_one_sentence(
    book, absent, monkeypatch, capsys
):
    book.succeed("derive")
    module = {"pytorch": "torch"}.get(absent, absent)
    real = importlib.metadata.version

    def version(name):
        if name.startswith(module):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    # An earlier test in this process may have asked for the versions.
    afresh = frameworks._versions.__wrapped__
    monkeypatch.setattr(frameworks, "_versions", afresh)
    monkeypatch.setenv("FRAMEWORKS", absent)
    monkeypatch.chdir(book.root)
    assert command_line.main(["execute"]) == 1
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith(
        f"error: {FRAMEWORKS[absent].name} is not installed"
    )
    assert "`pip install " in message and module in message
    assert snapshot(book) == {}


@pytest.mark.parametrize("names", ["jax", "pytorch jax", "PyTorch", " , "])
def test_a_framework_that_there_is_not_is_refused(book, names):
    book.succeed("derive")
    (message,) = book.faults("execute", FRAMEWORKS=names)
    assert message.startswith("FRAMEWORKS: ")
    assert message.endswith("choose from pytorch, tensorflow, mxnet")


def test_notebooks_that_are_not_derived_are_not_executed(book):
    messages = book.faults("execute")
    assert len(messages) == 11  # six notebooks, four modules, the rubrics
    assert all(message.endswith("run `make derive`") for message in messages)


def test_faulty_sources_are_not_executed(book):
    book.chapter("intro", cell("x = 1", "pytorch"))
    (message,) = book.faults("execute")
    assert "missing tab" in message
    assert not os.path.exists(book.root / "_build")
