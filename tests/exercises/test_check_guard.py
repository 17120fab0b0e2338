"""Whatever a reader's code does ends in a sentence, and quickly."""

import ast
import email.message
import functools
import importlib
import json
import random
import re
import subprocess
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from selection import ENVIRONMENT

from d2lutils import check
from d2lutils.check import attempts, guard, values
from d2lutils.check.answer import Wrong
from d2lutils.check.answer import exercise as make_check
from d2lutils.check.catalogue import EXERCISES, catalogue
from d2lutils.check.functions import same_results
from d2lutils.frameworks import FRAMEWORKS

PROGRAMS = Path(__file__).parents[1] / "lib/programs"


@pytest.fixture
def exercise(capsys):
    """Make a check of a body; calling it returns what it prints."""

    def make(body, **more):
        attempts.forget()
        made = make_check(label="ex", hint="Look.", why="So.", **more)(body)

        def call(*args, **kwargs):
            made(*args, **kwargs)
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
    assert three(lambda: 4) == "✗ three: `answer` is not right. Hint: Look."


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


def off_by_one():
    """Return 3."""
    ...
    return 4


def test_dots_left_over_hide_no_diagnosis(three):
    line = off_by_one.__code__.co_firstlineno + 2
    assert three(off_by_one) == (
        f"✗ three: `answer` is not right (`...` still stands in line {line}). "
        "Hint: Look."
    )


def test_class_whose_methods_are_half_done_is_not_answered(three):
    class Half:
        def __init__(self):
            self.value = 3

        def __call__(self): ...

    line = Half.__call__.__code__.co_firstlineno
    assert three(Half()) == (
        f"✗ three: not answered yet: `...` still stands in line {line}."
    )


def around(function):
    """Return a function as a decorator of a package's does."""
    space = {"function": function, "wraps": functools.wraps(function)}
    text = "@wraps\ndef inner(*args): return function(*args)"
    exec(compile(text, functools.__file__, "exec"), space)
    return space["inner"]


class Method:
    """A method of which only an object of a package is to be seen."""

    def __init__(self, function):
        self.python_function = function

    def __get__(self, instance, kind=None):
        return functools.partial(self.python_function, instance)


@pytest.mark.parametrize(
    "decorator", [around, Method, classmethod, lambda f: property(around(f))]
)
def test_class_whose_only_method_is_decorated_is_not_empty(decorator):
    def body(self):
        return 4

    kind = type("Kind", (), {"body": decorator(body)})
    kind.__module__ = "__main__"
    assert guard.untouched([kind]) == ""
    empty = type("Kind", (), {"expansion": 1})
    empty.__module__ = "__main__"
    assert guard.untouched([empty]) == "`Kind` is still empty"


@pytest.mark.parametrize("decorator", [around, Method, classmethod])
def test_dots_in_a_decorated_method_are_seen(decorator):
    def body(self): ...

    kind = type("Kind", (), {"body": decorator(body)})
    assert "still stands" in guard.untouched([kind])


def test_right_answer_may_have_dots_left_over(three):
    assert three(left_over) == "✓ three: right. So."


def test_indexing_with_dots_is_no_gap(three):
    said = three(lambda: int(np.zeros(2)[..., 0]))
    assert said.startswith("✗ three: `answer` is not right. Hint")


def divides():
    return 1 / 0


def test_exception_names_type_message_and_line_of_the_readers_code(three):
    said = three(divides)
    line = divides.__code__.co_firstlineno + 1
    assert said == (
        "✗ three: your code raises ZeroDivisionError: division by zero "
        f"(line {line}, `return 1 / 0`)."
    )


@pytest.mark.parametrize(
    "error, helps",
    [
        ("The size of tensor a (8) must match the size of tensor b (4)", True),
        ("Incompatible shapes: [2,8,8,4] vs. [2,4,4,4] [Op:AddV2]", True),
        ("expected scalar type Double but found Float", False),
        ("Input type (double) and weight sizes (float) differ", False),
        ("name 'X' is not defined", False),
    ],
)
def test_hint_of_an_exception_only_where_shapes_do_not_fit(
    three, error, helps
):
    def answer():
        raise RuntimeError(error)

    assert ("Hint: Look." in three(answer)) == helps


def test_hints_grow_stronger_and_begin_anew(exercise):
    def body(n):
        values.integer("n", n, 3)

    called = exercise(body, second_hint="Count.")
    assert called(4).endswith("Hint: Look.")
    assert "Hint" not in called("4")  # of a wrong kind: no try
    assert called(5).endswith("Hint: Count.")
    assert called(6).endswith("Hint: Count.")
    attempts.forget()
    assert called(3).startswith("✓")
    assert called(4).endswith("Hint: Look.")


def test_predictions_are_judged_with_pauses(exercise, monkeypatch):
    def body(n):
        values.integer("n", n, 3)

    now = [100.0]
    monkeypatch.setattr(attempts.time, "monotonic", lambda: now[0])
    called = exercise(body)
    for wrong in (4, 5, 6):
        assert "`n` is not right" in called(wrong)
    for n in (3, 7):
        assert called(n) == (
            "✗ body: 3 predictions were wrong; the next one is judged in 30 "
            "seconds. Hint: Work it out on paper meanwhile."
        )
    now[0] += attempts.PAUSE
    assert called(3).startswith("✓ body: right.")
    assert "`n` is not right" in called(8)


def test_who_reads_a_log_sees_every_prediction_judged(
    exercise, monkeypatch, tmp_path
):
    monkeypatch.setenv("D2L_CHECK_LOG", str(tmp_path / "log"))
    called = exercise(lambda n: values.integer("n", n, 3))
    assert all("is not right" in called(wrong) for wrong in range(4, 10))


def test_code_is_judged_as_often_as_one_likes(three):
    said = {three(lambda: 4) for _ in range(10)}
    assert said == {"✗ three: `answer` is not right. Hint: Look."}


def test_what_a_check_returns(capsys):
    made = make_check(label="", hint="Look.", why="So.")(
        lambda n: values.integer("n", n, 3)
    )
    assert made(3) and not made(4) and not made(...) and not made()
    assert bool(made(3)) is True
    assert repr(made(3)) == "right" and repr(made(4)) == "not right"


def test_where_to_read_on_is_on_the_packages_home_page(exercise, monkeypatch):
    fields = email.message.Message()
    fields["Project-URL"] = "Source, https://example.org/source"
    fields["Project-URL"] = "Homepage, https://someone.github.io/a-fork"
    monkeypatch.setattr(metadata, "metadata", lambda name: fields)
    said = exercise(lambda n: None, read="resnet18#stages")(3)
    address = "https://someone.github.io/a-fork/chapters/resnet18.html#stages"
    assert said.endswith(f"right. So. {address}")


def test_package_that_is_not_installed_links_nowhere(exercise, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    said = exercise(lambda n: None, read="resnet18#stages")(3)
    assert said.endswith("right. So.")


def test_exception_without_the_readers_code(three):
    assert three("text") == (
        "✗ three: your answer cannot be used as it is: TypeError: 'str' "
        "object is not callable."
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


@pytest.fixture
def imported(monkeypatch):
    """Import a module of `tests/lib/programs`, as if for the first time."""
    monkeypatch.syspath_prepend(PROGRAMS)

    def imported(name):
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    return imported


def test_no_alarm_leaves_half_a_module_behind(three, imported, monkeypatch):
    monkeypatch.setenv("D2L_CHECK_SECONDS", "0.1")
    found = []

    def answer():
        found.append(imported("slow_import").whole)
        spins()

    assert "your code takes more than" in three(answer)
    assert found == [True]


def test_limit_holds_in_what_a_module_calls_while_it_is_imported(imported):
    assert imported("limits_while_imported").stopped


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
        (Fraction(7, 2), "has to be a whole number, not 3.5"),
        (Decimal("NaN"), "`n` is nan"),
        (float("nan"), "`n` is nan"),
        (300, "`n` is too large: it has another power of ten"),
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
        ((2, 8, 7, 8), "`s[2]` is not right (height)"),
        (8, "has to be a tuple of 4 numbers, not the int `8`"),
        ((2, "8", 8, 8), "`s[1]` has to be a number"),
        ((2, 8, 4, 4), "the stride is missing"),
        (np.array([2, 8, 7, 8]), "`s[2]` is not right (height)"),
        (np.zeros((2, 8, 4, 4)), "the stride is missing"),
    ],
)
def test_shape(value, words):
    mistakes = {(2, 8, 4, 4): "the stride is missing"}
    with pytest.raises(Wrong) as wrong:
        values.shape(
            "s", value, (2, 8, 8, 8), mistakes, ["N", "C", "height", "W"]
        )
    assert words in wrong.value.what


@pytest.mark.parametrize(
    "value, words",
    [
        ([(1, 2)], "a list of 2 shapes, and its length is 1"),
        (np.zeros((3, 2)), "a list of 2 shapes, and its length is 3"),
        (8, "a list of 2 shapes, not the int `8`"),
        ([(1, 2), (2, 2)], "`s[1][0]` is not right (height)"),
        ([(1, 2), (4, 3)], "exchanged"),
    ],
)
def test_shapes(value, words):
    mistakes = {}, {(4, 3): "exchanged"}
    with pytest.raises(Wrong) as wrong:
        values.shapes("s", value, [(1, 2), (3, 4)], mistakes, ["height", "W"])
    assert words in wrong.value.what
    values.shapes("s", np.array([[1, 2], [3, 4]]), [(1, 2), (3, 4)], mistakes)


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
    assert lines[1]["message"] == "`answer` is not right"


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


def test_what_is_solved(capsys):
    attempts.forget()
    check.group_guess(0.4), check.resize_matrix([[0, 0]] * 4)
    check.mean_images(...)
    capsys.readouterr()
    check.solved("fashion_mnist")
    assert capsys.readouterr().out.splitlines() == [
        "1 of 4 exercises solved",
        "  ✓ group_guess",
        "  ✗ resize_matrix, 1 wrong so far",
        "  · mean_images, not answered yet",
        "  · shuffled_batches, not answered yet",
    ]
    with pytest.raises(ValueError, match="'fashion' is no chapter"):
        check.solved("fashion")
