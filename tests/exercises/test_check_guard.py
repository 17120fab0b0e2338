"""Whatever a reader's code does ends in a sentence, and quickly."""

import ast
import json
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from selection import ENVIRONMENT

from d2lutils import check
from d2lutils.check import guard, values
from d2lutils.check.answer import Wrong
from d2lutils.check.answer import exercise as make_check
from d2lutils.check.catalogue import EXERCISES, catalogue
from d2lutils.check.functions import same_results
from d2lutils.frameworks import FRAMEWORKS


@pytest.fixture
def exercise(capsys):
    """Make a check of a body; calling it returns what it prints."""

    def make(body):
        made = make_check(label="ex", hint="Look.", why="So.")(body)

        def call(*args, **kwargs):
            assert made(*args, **kwargs) is None
            out, err = capsys.readouterr()
            assert err == ""
            assert "Traceback" not in out
            return " ".join(out.split())

        return call

    return make


@pytest.fixture
def three(exercise):
    """The check of a function that should return 3."""

    def three(answer):
        """Check that the answer returns 3."""
        values.integer("answer", values.plain(answer()), 3)

    return exercise(three)


def test_right_answer(three):
    assert three(lambda: 3) == "✓ three: right. So."


def test_wrong_answer(three):
    assert three(lambda: 4) == "✗ three: `answer` is too large. Hint: Look."


def test_hint_of_a_recognised_mistake(exercise):
    def body(answer):
        raise Wrong("it is off.", "Count again.")

    assert exercise(body)(0) == "✗ body: it is off. Hint: Count again."


@pytest.mark.parametrize("answer", [..., [1, ...], {"a": (2, [...])}])
def test_untouched_value(three, answer):
    said = three(answer)
    assert said == "✗ three: not answered yet: `...` waits for your answer."


def untouched():
    """Return 3."""
    ...


def returns_ellipsis():
    return ...


def half_done():
    value = ...
    return value


class Empty:
    def __call__(self): ...


@pytest.mark.parametrize(
    "answer", [untouched, returns_ellipsis, half_done, Empty()]
)
def test_untouched_code(three, answer):
    assert three(answer).startswith("✗ three: not answered yet: ")
    assert "Hint" not in three(answer)


def left_over():
    """Return 3."""
    ...
    return 3


def test_right_answer_may_have_dots_left_over(three):
    assert three(left_over) == "✓ three: right. So."


def test_indexing_with_dots_is_no_gap(three):
    assert "too small" in three(lambda: int(np.zeros(2)[..., 0]))


def divides():
    return 1 / 0


def test_exception_names_type_message_and_line_of_the_readers_code(three):
    said = three(divides)
    line = divides.__code__.co_firstlineno + 1
    assert said == (
        "✗ three: your code raises ZeroDivisionError: division by zero "
        f"(line {line}, `return 1 / 0`). Hint: Look."
    )


def test_exception_without_the_readers_code(three):
    assert three("text") == (
        "✗ three: your answer cannot be used as it is: TypeError: 'str' "
        "object is not callable. Hint: Look."
    )


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, MemoryError])
def test_exceptions_of_any_kind(three, error):
    def answer():
        raise error("enough")

    assert f"your code raises {error.__name__}: enough" in three(answer)


def test_interrupt(three):
    def answer():
        raise KeyboardInterrupt

    assert "interrupted" in three(answer)


def test_recursion(three):
    def answer():
        return answer()

    assert "RecursionError" in three(answer)


def spins():
    while True:
        pass


@pytest.mark.parametrize("answer", [spins, lambda: time.sleep(60)])
def test_function_that_hangs(three, answer, monkeypatch):
    monkeypatch.setenv("D2L_CHECK_SECONDS", "0.2")
    start = time.monotonic()
    said = three(answer)
    assert time.monotonic() - start < 4
    assert re.search(r"your code takes more than (0\.2|2\.4) seconds", said)
    assert "the machine may be slow or busy" in said
    assert "D2L_CHECK_SECONDS to more than 0.2" in said


def waits():
    time.sleep(0.5)
    return 3


@pytest.mark.parametrize("in_thread", [False, True])
def test_waiting_for_a_busy_machine_does_not_count(in_thread):
    """As does a process that others keep from computing."""
    found = []

    def call():
        found.append(guard.within(0.1, waits))

    if in_thread:
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    else:
        call()
    assert found == [3]


def test_function_that_hangs_where_there_is_no_alarm(three, monkeypatch):
    monkeypatch.setenv("D2L_CHECK_SECONDS", "0.2")
    said = []
    thread = threading.Thread(target=lambda: said.append(three(spins_briefly)))
    thread.start()
    thread.join(5)
    assert re.search(r"takes more than (0\.2|2\.4) seconds", said[0])


def spins_briefly():
    end = time.monotonic() + 4
    while time.monotonic() < end:
        pass


def test_alarm_of_others_survives():
    import signal

    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        assert guard.within(5, lambda: 3) == 3
        time.sleep(0.4)
        assert rung == [1]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_wrong_call(three):
    said = three()
    assert "the check is called as `check.three(answer)`" in said
    assert "missing a required argument: 'answer'" in said


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "has to be a whole number, not the NoneType `None`"),
        ("3", "has to be a whole number, not the str `'3'`"),
        (True, "has to be a whole number, not the bool `True`"),
        (3.5, "has to be a whole number, not 3.5"),
        (float("nan"), "`n` is nan"),
        (300, "too large, by a factor of about 100"),
        (-3, "has the wrong sign"),
        (4, "`n` counts the biases"),
        (np.array([3, 3]), "has to be a whole number"),
    ],
)
def test_integer(exercise, value, words):
    def body(n):
        values.integer("n", n, 3, {4: "`n` counts the biases"})

    assert words in exercise(body)(value)


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.array(3)])
def test_integers_of_all_kinds(value):
    assert values.integer("n", value, 3) == 3


@pytest.mark.parametrize(
    "value, words",
    [
        ((2, 8, 8), "`s` has too few entries: 3"),
        ((2, 8, 7, 8), "`s[2]` is too small (height)"),
        (8, "has to be a tuple of 4 numbers, not the int `8`"),
        ((2, "8", 8, 8), "`s[1]` has to be a number"),
        ((2, 8, 4, 4), "the stride is missing"),
    ],
)
def test_shape(value, words):
    mistakes = {(2, 8, 4, 4): "the stride is missing"}
    with pytest.raises(Wrong) as wrong:
        values.shape(
            "s", value, (2, 8, 8, 8), mistakes, ["N", "C", "height", "W"]
        )
    assert words in wrong.value.what


def test_array_tells_the_shape_first_and_then_the_entry():
    right = np.arange(6.0).reshape(2, 3)
    for value, words in [
        (right.T, "has the shape (3, 2): entry 0 differs"),
        (right[0], "it should have 2 axes"),
        (
            right + np.array([0, 0, 1]),
            "2 of the 6 entries of `a` differ; the first is `a[0, 2]`",
        ),
        ("text", "has to be an array of numbers"),
        (None, "has to be an array of numbers"),
    ]:
        with pytest.raises(Wrong) as wrong:
            values.array("a", value, right)
        assert words in wrong.value.what
    values.array("a", right + 1e-4, right)


def test_choice_and_boolean():
    assert values.choice("c", " Later ", "later", {"first": "no"}) == "later"
    for value, words in [("first", "no"), ("x", 'one of "first", "later"')]:
        with pytest.raises(Wrong) as wrong:
            values.choice("c", value, "later", {"first": "no"})
        assert words in wrong.value.what
    with pytest.raises(Wrong, match="True or False"):
        values.boolean("b", 1, True, "no")


def test_same_results_names_the_first_case_that_differs():
    cases = [(1,), (2,), (3,)]
    same_results("f", lambda n: n * n, lambda n: n**2, cases)
    for answer, words in [
        (lambda n: n + (n > 1), "`f(2)` is too small"),
        (lambda n: 2 * n, "adds instead"),
        (lambda n: None, "`return` is missing"),
        (lambda n: "two", "no number"),
        (3, "has to be a function"),
    ]:
        with pytest.raises(Wrong) as wrong:
            same_results(
                "f",
                answer,
                lambda n: n**2,
                cases,
                [(lambda n: n + n, "adds instead")],
            )
        assert words in wrong.value.what


def test_cases_that_an_answer_changes_are_judged_as_they_were():
    def total(numbers):
        return sum(numbers.pop() for _ in range(len(numbers)))

    def negated(array):
        array *= -1
        return array

    same_results("total", total, sum, [([1, 2, 3],), ([],)])
    same_results("negated", negated, lambda X: -X, [(np.arange(3.0),)])


def test_random_numbers_go_on_as_without_the_check(three):
    def answer():
        random.seed(1)
        np.random.seed(1)
        return 3

    random.seed(0), np.random.seed(0)
    expected = random.random(), np.random.rand()
    random.seed(0), np.random.seed(0)
    three(answer)
    assert (random.random(), np.random.rand()) == expected


def test_log(three, tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_CHECK_LOG", str(tmp_path / "log"))
    three(lambda: 3), three(lambda: 4), three(...)
    lines = [json.loads(x) for x in (tmp_path / "log").open()]
    assert [x["passed"] for x in lines] == [True, False, False]
    assert {x["exercise"] for x in lines} == {"three"}
    assert lines[1]["message"] == "`answer` is too large"


def test_unknown_exercise():
    name = check.__all__[0]
    with pytest.raises(AttributeError, match=f"did you mean '{name}'"):
        getattr(check, name + "x")


CHECK = '@exercise(label="", hint="", why="")\ndef {}(answer): ...\n'


@pytest.mark.parametrize(
    "name, words", [("one", "two exercises"), ("values", "no exercise")]
)
def test_a_name_stands_for_one_exercise_only(tmp_path, name, words):
    Path(tmp_path, "a.py").write_text(CHECK.format("one"))
    Path(tmp_path, "b.py").write_text(CHECK.format("two") + "def help(): ...")
    assert catalogue(tmp_path) == {"one": "a", "two": "b"}
    Path(tmp_path, "c.py").write_text(CHECK.format(name))
    with pytest.raises(ValueError, match=words):
        catalogue(tmp_path)


def test_chapters_share_what_the_package_for_checks_holds():
    for path in EXERCISES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                assert "exercises" not in node.module, path


@pytest.fixture(scope="module")
def fresh():
    """What a fresh process tells that imports no framework."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("fresh_process.py")],
        env={**ENVIRONMENT, "PYTHONPATH": str(EXERCISES.parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_chapter_is_loaded_when_one_of_its_checks_is_asked_for(fresh):
    assert fresh[0] == "loaded at first: nothing"
    assert fresh[1] == "loaded for silent_branch: residual_block"


def test_checks_import_no_framework(fresh):
    assert fresh[2] == "imported: nothing"


def test_without_a_framework_the_check_says_so(fresh):
    said = " ".join(" ".join(fresh[3:]).split())
    assert "no framework is imported" in said
    assert all(row.name in said for row in FRAMEWORKS.values())


@pytest.mark.parametrize("folder", ["check", "exercises"])
def test_checks_have_no_list_of_frameworks(folder):
    rows = FRAMEWORKS.values()
    names = {name for row in rows for name in (row.key, row.module, row.name)}
    found = [
        f"{path.name}: {node.value}"
        for path in sorted((EXERCISES.parent / folder).glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    # The question there is which of the tabs a page shows.
    assert {text for text in found if "intro.py" not in text} == set()
