"""Compare answers that are values: numbers, shapes, arrays, choices.

Each function returns the answer as a plain value if it is right, and raises
`Wrong` if it is not. `mistakes` maps answers that usual mistakes lead to, to
the sentences that name the mistakes.
"""

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from d2lutils import backends

from .answer import Unanswered, Wrong, brief

Off = Callable[[str, float, float], str]
"""Says of a number that it is not the expected one."""


def plain(value: Any) -> Any:
    """Return a tensor as NumPy's array, or as a number where it is one."""
    if value is ...:
        raise Unanswered
    if backend := backends.of(value):
        value = backend.numpy(value)
    if isinstance(value, np.ndarray | np.generic) and value.ndim == 0:
        value = value.item()
    return value


def _number(name, value, wanted="a number"):
    value = plain(value)
    if isinstance(value, Decimal):
        value = Fraction(value) if value.is_finite() else float(value)
    if isinstance(value, Fraction):
        value = float(value) if value.denominator > 1 else int(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise Wrong(
            f"`{name}` has to be {wanted}, not the {type(value).__name__} "
            f"{brief(value)}",
            "",
        )
    if not math.isfinite(value):
        raise Wrong(f"`{name}` is {value}", "")
    return value


def _known(value, mistakes, tolerance):
    for mistake, words in dict(mistakes or {}).items():
        if math.isclose(value, mistake, rel_tol=tolerance, abs_tol=1e-12):
            raise Wrong(words)


def _off(name, value, expected):
    """Say that a number is off, and not where the right one lies.

    Who is told the side, or the factor, finds the number without a thought.
    """
    if value * expected < 0:
        return f"`{name}` has the wrong sign"
    words = f"`{name}` is not right"
    if value * expected > 0:
        power, right = (
            math.floor(math.log10(abs(each)) + 1e-9)
            for each in (value, expected)
        )
        if power != right:
            side = "large" if power > right else "small"
            return f"`{name}` is too {side}: it has another power of ten"
        if power > 1:
            words += ", although its power of ten is"
    return words


def by_how_much(name: str, value: float, expected: float) -> str:
    """Say by how much a number that the reader's code returns is off."""
    side = "large" if value > expected else "small"
    if value * expected > 0:
        factor = max(value / expected, expected / value)
        if factor >= 100:
            return f"`{name}` is too {side}, by a factor of 100 or more"
        if factor >= 1.5:
            shown = f"{factor:.1f}".removesuffix(".0")
            return f"`{name}` is too {side}, by a factor of about {shown}"
    elif value and expected:
        return f"`{name}` has the wrong sign"
    return f"`{name}` is too {side}"


def integer(
    name: str,
    value: Any,
    expected: int,
    mistakes: Mapping[float, str] | None = None,
    off: Off = _off,
) -> int:
    """Compare a whole number, exactly.

    Args:
        name: What the answer is called, as in the check's arguments.
        value: The answer. A float without a fraction will do.
        expected: The right answer.
        mistakes: Wrong number → what to say of it.
        off: What to say of another one; `by_how_much` where the reader's
            code returned it.
    """
    value = _number(name, value, "a whole number")
    if value != int(value):
        raise Wrong(f"`{name}` has to be a whole number, not {value!r}", "")
    value = int(value)
    if value != expected:
        _known(value, mistakes, 0)
        raise Wrong(off(name, value, expected))
    return value


def number(
    name: str,
    value: Any,
    expected: float,
    mistakes: Mapping[float, str] | None = None,
    tolerance: float = 1e-3,
    off: Off = _off,
) -> float:
    """Compare a number, to a tolerance relative to the right one.

    If zero is right, the tolerance is absolute: a computed zero is rounded.
    See `integer` for the arguments. Say the tolerance in the exercise.
    """
    value = _number(name, value)
    slack = 1e-12 if expected else tolerance
    if not math.isclose(value, expected, rel_tol=tolerance, abs_tol=slack):
        _known(value, mistakes, tolerance)
        raise Wrong(off(name, value, expected))
    return value


def sequence(
    name: str,
    value: Any,
    expected: Sequence[float],
    mistakes: Mapping[tuple, str] | None = None,
    tolerance: float = 0.0,
    entry: Sequence[str] | None = None,
) -> tuple[float, ...]:
    """Compare a list of numbers; say which entry is the first that is off.

    Args:
        name: What the answer is called.
        value: The answer: a list, tuple or array.
        expected: The right numbers.
        mistakes: Wrong tuple → what to say of it.
        tolerance: Relative; 0 for whole numbers.
        entry: Names for the entries, instead of "entry 0", "entry 1", ...
    """
    value = plain(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple | range):
        raise Wrong(
            f"`{name}` has to be a list or a tuple of {len(expected)} "
            f"numbers, not the {type(value).__name__} {brief(value)}",
            "",
        )
    value = tuple(_number(f"{name}[{i}]", v) for i, v in enumerate(value))
    for mistake, words in dict(mistakes or {}).items():
        if len(value) == len(mistake) and np.allclose(value, mistake):
            raise Wrong(words)
    if len(value) != len(expected):
        few = "few" if len(value) < len(expected) else "many"
        raise Wrong(f"`{name}` has too {few} entries: {len(value)}")
    for index, (given, right) in enumerate(zip(value, expected, strict=True)):
        if not math.isclose(given, right, rel_tol=tolerance, abs_tol=1e-12):
            place = f"{name}[{index}]"
            more = f" ({entry[index]})" if entry else ""
            raise Wrong(_off(place, given, right) + more)
    return value


def shape(
    name: str,
    value: Any,
    expected: Sequence[int],
    mistakes: Mapping[tuple, str] | None = None,
    axes: Sequence[str] | None = None,
) -> tuple[float, ...]:
    """Compare a shape; say which entry is the first that is off.

    Args:
        name: What the answer is called.
        value: The answer: a tuple, list, array of one axis, a framework's
            shape or a tensor, of which the shape is taken.
        expected: The right shape, in the order that the exercise asks for.
        mistakes: Wrong shape → what to say of it.
        axes: Names of the entries, such as ("channels", "height", "width").
    """
    value = plain(value)
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.ndim == 1 else value.shape
    if not isinstance(value, list | tuple):
        raise Wrong(
            f"`{name}` has to be a tuple of {len(expected)} numbers, not "
            f"the {type(value).__name__} {brief(value)}",
            "",
        )
    return sequence(name, tuple(value), expected, mistakes, entry=axes)


def shapes(
    name: str,
    value: Any,
    expected: Sequence[Sequence[int]],
    mistakes: Sequence[Mapping[tuple, str]],
    axes: Sequence[str] | None = None,
) -> None:
    """Compare several shapes, one after the other.

    Args:
        name: What the answer is called.
        value: The answer: a list, tuple or array of shapes.
        expected: The right shapes.
        mistakes: For each shape what `shape` takes.
        axes: Names of the entries of each shape.
    """
    value = plain(value)
    if isinstance(value, np.ndarray):
        value = list(value)
    if not isinstance(value, list | tuple):
        raise Wrong(
            f"`{name}` has to be a list of {len(expected)} shapes, not the "
            f"{type(value).__name__} {brief(value)}",
            "",
        )
    if len(value) != len(expected):
        raise Wrong(
            f"`{name}` has to be a list of {len(expected)} shapes, and its "
            f"length is {len(value)}"
        )
    for i, right in enumerate(expected):
        shape(f"{name}[{i}]", value[i], right, mistakes[i], axes)


def array(
    name: str,
    value: Any,
    expected: Any,
    tolerance: float = 1e-3,
    mistakes: Iterable[tuple[Any, str]] = (),
) -> np.ndarray:
    """Compare an array or tensor: first its shape, then its entries.

    Args:
        name: What the answer is called.
        value: The answer: a tensor, array or list of numbers.
        expected: The right array.
        tolerance: Largest error, relative to the largest right entry.
        mistakes: Pairs of a wrong array and what to say of it.
    """
    value, expected = plain(value), np.asarray(expected)
    try:
        if value is None:  # NumPy would make it nan
            raise TypeError
        value = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise Wrong(
            f"`{name}` has to be an array of numbers, not the "
            f"{type(value).__name__} {brief(value)}",
            "",
        ) from None
    for wrong, words in mistakes:
        wrong = np.asarray(wrong)
        if wrong.shape == value.shape and close(value, wrong, tolerance):
            raise Wrong(words)
    if value.shape != expected.shape:
        axis = next(
            (
                f": entry {i} differs"
                for i, (a, b) in enumerate(
                    zip(value.shape, expected.shape, strict=False)
                )
                if a != b and value.ndim == expected.ndim
            ),
            f": it should have {expected.ndim} axes",
        )
        raise Wrong(f"`{name}` has the shape {value.shape}{axis}")
    if not close(value, expected, tolerance):
        wrong = ~np.isclose(
            value, expected, rtol=0, atol=tolerance * _scale(expected)
        )
        place = ", ".join(str(i) for i in np.argwhere(wrong)[0])
        raise Wrong(
            f"{wrong.sum()} of the {wrong.size} entries of `{name}` differ; "
            f"the first is `{name}[{place}]`"
        )
    return value


def _scale(expected):
    return max(float(np.abs(expected).max(initial=0)), 1e-12)


def close(value: Any, expected: Any, tolerance: float) -> bool:
    """Whether all entries agree, relative to the largest right one."""
    return bool(
        np.allclose(value, expected, rtol=0, atol=tolerance * _scale(expected))
    )


def boolean(name: str, value: Any, expected: bool, words: str) -> bool:
    """Compare an answer of yes or no: True or False.

    Args:
        name: What the answer is called.
        value: The answer.
        expected: The right one.
        words: What to say of the wrong one.
    """
    value = plain(value)
    if not isinstance(value, bool):
        what = f"`{name}` has to be True or False, not {brief(value)}"
        raise Wrong(what, "")
    if value != expected:
        raise Wrong(words)
    return value


def choice(
    name: str,
    value: Any,
    right: str | Iterable[str],
    mistakes: Mapping[str, str],
) -> str:
    """Compare an answer that is one of a few words.

    Args:
        name: What the answer is called.
        value: The answer; case and blanks around it do not matter.
        right: The right word, or several that are.
        mistakes: Every other word that may be chosen → what to say of it.
    """
    rights = {right} if isinstance(right, str) else set(right)
    given = value.strip().lower() if isinstance(value, str) else value
    if given in rights:
        return given
    if isinstance(given, str) and given in mistakes:
        raise Wrong(mistakes[given])
    known = ", ".join(f'"{word}"' for word in sorted(rights | {*mistakes}))
    what = f"`{name}` has to be one of {known}, not {brief(value)}"
    raise Wrong(what, "")


def together(words: str, *comparisons: Callable[[], Any]) -> None:
    """Compare several answers, and do not tell which of them is wrong.

    Where an answer has two or three possible values, who is told which one
    is wrong knows the right one.

    Args:
        words: What to say if any is wrong.
        comparisons: Functions that raise `Wrong`. What they say of answers
            of a wrong kind is told as it is.
    """
    wrong = False
    for compare in comparisons:
        try:
            compare()
        except Wrong as fault:
            if fault.hint == "":
                raise
            wrong = True
    if wrong:
        raise Wrong(words)
