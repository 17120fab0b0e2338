"""A script that only calls a check finds no prediction."""

import ast
import contextlib
import decimal
import fractions
import inspect
import io
import itertools
import random
import re

import exercise_answers
import numpy as np
import pytest
from test_exercises import STATEMENTS

from d2lutils import check
from d2lutils.check import attempts, values
from d2lutils.check.answer import exercise

CALLS = 50

FEW = {
    "certain",
    "changed_rows",
    "direct_path",
    "framework_tabs",
    "mistakes_found",
    "open_entries",
}
"""Checks of answers with so few possible values that who waits finds them."""

PREDICTED = {
    name: getattr(check, name)
    for name in check.__all__
    if STATEMENTS[getattr(check, name).label].body.startswith("*Predict.*")
}


def kept(*args, **kwargs):
    """Return what a check is called with."""
    return args, kwargs


class Recorder:
    def __getattr__(self, name):
        return kept


def right(name):
    """Return right answers to a check: argument → value."""
    module = getattr(check, name).__module__.rpartition(".")[2]
    space = {"check": Recorder(), "np": np}
    for code in exercise_answers.load(module)[name]["right"]:
        if isinstance(code, str):
            *lines, call = ast.parse(code).body
            exec("\n".join(map(ast.unparse, lines)), space)
            args, kwargs = eval(ast.unparse(call), space)
            names = inspect.signature(getattr(check, name)).parameters
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            return {key: values.plain(value) for key, value in given.items()}
    raise AssertionError(f"no right answer to {name} is code alone")


def _is_names(part):
    """Whether this is a list of words; how long, nobody tells."""
    kinds = list | tuple | set
    return isinstance(part, kinds) and all(isinstance(x, str) for x in part)


class Script:
    """Changes one number or word at a time, and minds what a check says."""

    def __init__(self, function, shape, seed):
        self.function, self.rng = function, random.Random(seed)
        self.shape, self.leaves = shape, []
        self._walk(shape, ())
        self.now = {path: kind() for path, kind in self.leaves}
        self.words, self.low, self.high = [], {}, {}
        self.todo = {path: [] for path, _ in self.leaves}
        self.tried = {path: set() for path, _ in self.leaves}

    def _walk(self, part, path):
        if _is_names(part):
            self.leaves.append((path, list))
            return
        if isinstance(part, dict):
            part = part.items()
        elif isinstance(part, list | tuple | np.ndarray):
            part = enumerate(part)
        else:
            kind = type(part) if isinstance(part, bool | str) else int
            self.leaves.append((path, kind))
            return
        for key, each in part:
            self._walk(each, (*path, key))

    def _filled(self, part, path=()):
        if path in self.now:
            return self.now[path]
        if isinstance(part, dict):
            return {k: self._filled(v, (*path, k)) for k, v in part.items()}
        return [self._filled(v, (*path, i)) for i, v in enumerate(part)]

    def found(self):
        """Whether one of the calls is told to be right."""
        for _ in range(CALLS):
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                if self.function(**self._filled(self.shape)):
                    return True
            self.learn(" ".join(said.getvalue().split()))
        return False

    def learn(self, said):
        """Change an entry by what a message says."""
        said = said.partition("Hint:")[0]
        for word in re.findall(r"[\"']([\w ,]+?)[\"']", said):
            if word not in self.words:
                self.words.append(word)
        named = re.search(r"`(\w+)((?:\[\d+\])*)`", said)
        path = None
        if named:
            places = map(int, re.findall(r"\d+", named[2]))
            path = (named[1], *places)
        mine = [p for p, _ in self.leaves if path and p[: len(path)] == path]
        path = (
            mine[0]
            if len(mine) == 1
            else self.rng.choice(mine or [p for p, _ in self.leaves])
        )
        value = self.now[path]
        if isinstance(value, bool):
            self.now[path] = not value
        elif isinstance(value, str):
            self.now[path] = self.rng.choice(self.words or ["a"])
        elif isinstance(value, list):
            words = [word for word in self.words if self.rng.random() < 0.5]
            self.now[path] = words if self.words else ["a"]
        else:
            self.now[path] = self._number(path, value, said)

    def _number(self, path, value, said):
        self.tried[path].add(value)
        todo = self.todo[path]
        numbers = [
            float(each.replace(",", ""))
            for each in re.findall(r"\d[\d,]*(?:\.\d+)?", said)
        ]
        for n in numbers:
            todo += [n, value * n, value + n, value - n, -n]
            todo += [value / n] if n else []
        if "sign" in said:
            todo.insert(0, -value)
        if "too large" in said:
            self.high[path] = min(value, self.high.get(path, value))
        if "too small" in said:
            self.low[path] = max(value, self.low.get(path, value))
        low, high = self.low.get(path), self.high.get(path)
        if low is not None and high is not None:
            todo.insert(0, (low + high) // 2)
        elif low is not None:
            todo.insert(0, 4 * value if value > 0 else 1)
        elif high is not None:
            todo.insert(0, value / 4)
        for each in itertools.chain(todo, range(200)):
            if each not in self.tried[path]:
                return each
        return 0


@pytest.mark.parametrize("name", PREDICTED)
def test_no_script_finds_a_prediction_in_fifty_calls(name, monkeypatch):
    monkeypatch.delenv("D2L_CHECK_LOG", raising=False)
    for seed in range(3):
        attempts.forget()
        assert not Script(PREDICTED[name], right(name), seed).found()


@pytest.mark.parametrize("name", sorted(PREDICTED.keys() - FEW))
def test_nor_one_that_waits(name, monkeypatch):
    monkeypatch.setattr(attempts, "PAUSE", 0.0)
    for seed in range(3):
        attempts.forget()
        assert not Script(PREDICTED[name], right(name), seed).found()


@pytest.mark.parametrize("name", PREDICTED)
def test_the_right_answer_is_found_right(name):
    attempts.forget()
    with contextlib.redirect_stdout(io.StringIO()):
        assert PREDICTED[name](**right(name))


def changed(part, number, numbers):
    """Return an answer with its numbers, and lists of them, changed."""
    if isinstance(part, dict):
        return {k: changed(v, number, numbers) for k, v in part.items()}
    if isinstance(part, np.ndarray):
        part = part.tolist()
    if isinstance(part, bool | str) or _is_names(part):
        return part
    if isinstance(part, list | tuple | range):
        return numbers([changed(each, number, numbers) for each in part])
    return number(part)


def only_rows(parts):
    """Return numbers as an array, and a list of arrays as it is."""
    return np.array(parts) if np.ndim(parts[0]) == 0 else parts


WRITTEN = {
    "fractions": (fractions.Fraction, list),
    "decimals": (decimal.Decimal, tuple),
    "NumPy's numbers": (np.float64, list),
    "arrays": (lambda n: n, np.array),
    "lists of arrays": (lambda n: n, only_rows),
}


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("name", PREDICTED)
def test_the_right_answer_in_numbers_of_another_kind(name, kind):
    attempts.forget()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        passed = PREDICTED[name](**changed(right(name), *WRITTEN[kind]))
    assert passed, said.getvalue()


def test_the_script_finds_what_a_check_gives_away(monkeypatch):
    monkeypatch.setattr(attempts, "PAUSE", 0.0)

    def telling(n):
        values.integer("n", n, 11_175_370, off=values.by_how_much)

    made = exercise(label="", hint="", why="")(telling)
    assert Script(made, {"n": 1}, 0).found()


def test_only_predictions_have_no_code_in_them():
    for name in check.__all__:
        kinds = getattr(check, name).__wrapped__.__annotations__.values()
        code = any("Callable" in str(kind) for kind in kinds)
        assert code != (name in PREDICTED), name
