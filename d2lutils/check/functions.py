"""Compare answers that are functions of numbers or arrays."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .answer import Wrong, brief
from .values import array, by_how_much, close, integer, number, plain


def function(name: str, value: Any) -> Callable:
    """Return a function, or whatever else can be called."""
    if not callable(value):
        raise Wrong(
            f"`{name}` has to be a function, not the "
            f"{type(value).__name__} {brief(value)}: hand over its name, "
            "without calling it",
            "",
        )
    return value


def same_results(
    name: str,
    value: Any,
    reference: Callable,
    cases: Sequence[tuple],
    mistakes: Iterable[tuple[Callable, str]] = (),
    tolerance: float = 1e-3,
    more: Sequence[tuple] = (),
) -> None:
    """Compare a function of numbers or arrays with another, case by case.

    Each case is asked twice, the second time in the reverse order, so that
    chance, or what a call leaves behind, shows.

    Args:
        name: What the function is called.
        value: The answer: a function.
        reference: The right function; returns a number, or an array or
            list of numbers. A whole number is compared exactly.
        cases: Tuples of arguments for both.
        mistakes: Pairs of a wrong function and what to say of an answer
            that returns what it does, in all cases.
        tolerance: Relative to the right number, or to the largest entry.
        more: Further cases, asked where all others are right, so that an
            answer cannot be right for the first few only.
    """
    value = function(name, value)
    results = [_result(name, value, case) for case in cases]
    for wrong, words in mistakes:
        if all(
            np.shape(result) == np.shape(other)
            and close(np.asarray(result, float), other, tolerance)
            for result, other in (
                (result, np.asarray(wrong(*case), float))
                for result, case in zip(results, cases, strict=True)
            )
        ):
            raise Wrong(words)
    for case, result in zip(cases, results, strict=True):
        _compare(_call(name, case), result, reference(*case), tolerance)
    for case in more:
        results.append(_result(name, value, case))
        _compare(_call(name, case), results[-1], reference(*case), tolerance)
    for case, result in zip([*cases, *more][::-1], results[::-1], strict=True):
        again = _result(name, value, case)
        same_again(_call(name, case), result, again, tolerance)


def _compare(call, result, right, tolerance):
    if isinstance(right, int) and not isinstance(right, bool):
        integer(call, result, right, off=by_how_much)
    elif np.ndim(right) == 0:
        number(
            call, result, float(right), tolerance=tolerance, off=by_how_much
        )
    else:
        array(call, result, right, tolerance)


def same_again(call: str, first: Any, second: Any, tolerance: float) -> None:
    """Raise `Wrong` if the second result of the same call is another.

    Args:
        call: How the call is written.
        first: What it has returned.
        second: What it has returned later.
        tolerance: Relative to the largest entry.
    """
    if np.shape(first) != np.shape(second) or not close(
        np.asarray(first, float), second, tolerance
    ):
        raise Wrong(
            f"`{call}` is right at first, and something else when it is "
            "called again",
            "The result may depend on the arguments only: not on chance, and "
            "not on what an earlier call has left behind.",
        )


def _call(name, case):
    shown = ", ".join(
        repr(each) if np.ndim(each) == 0 else "…" for each in case
    )
    return f"{name}({shown})"


def _result(name, value, case):
    # A copy: the reference gets the case as it was.
    result = plain(value(*copy.deepcopy(case)))
    try:
        np.asarray(result, float)
    except (TypeError, ValueError):
        raise Wrong(
            f"`{_call(name, case)}` returns {brief(result)}, which is no "
            "number and no array of numbers",
            "",
        ) from None
    if result is None:
        what = f"`{_call(name, case)}` returns None: `return` is missing"
        raise Wrong(what, "")
    return result
