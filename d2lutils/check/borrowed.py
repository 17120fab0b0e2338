"""Tell an answer of the submission's own from one that the book has written.

What a chapter defines can be imported from `d2lutils.models`, and some of it
would pass a check of that chapter.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType

from . import guard

_PACKAGE = "d2lutils"

# In what the frameworks let a network compute.
_FORWARD = "call", "forward", "hybrid_forward"


def blame(check: Callable, args: Sequence, kwargs: Mapping) -> str:
    """Say which code of the book's an answer that passes is, or "".

    It is the book's if the check passes as well with a class or function of
    the book alone in place of the answer that consists of it or calls it.

    Args:
        check: It passes with these arguments.
        args: Answers, by their places.
        kwargs: Answers, by their names.
    """
    answers = {**dict(enumerate(args)), **kwargs}
    for place, answer in answers.items():
        for theirs in _behind(answer):
            name = f"{theirs.__module__}.{theirs.__qualname__}"
            if theirs is answer or _passes(check, answers, place, theirs):
                return (
                    f"this is the book's own `{name}`, not an answer of the "
                    "submission's own"
                )
    return ""


def _passes(check, answers, place, theirs):
    changed = {**answers, place: theirs}
    args = [v for k, v in changed.items() if isinstance(k, int)]
    kwargs = {k: v for k, v in changed.items() if isinstance(k, str)}
    try:
        guard.within(guard.seconds(), inspect.unwrap(check), *args, **kwargs)
    except (Exception, guard.TimeUp):
        return False
    return True


def _behind(answer) -> Iterator[Callable]:
    """Yield the book's definitions that an answer is, or is made of."""
    if isinstance(answer, functools.partial):
        yield from _behind(answer.func)
    elif inspect.ismethod(answer):
        yield from _behind(answer.__func__)
    elif _is_ours(answer):
        yield answer
    elif inspect.isclass(answer):
        own = {
            name: value
            for name, value in vars(answer).items()
            if inspect.isfunction(value)
        }
        if not any(_replaces(*each) for each in own.items()):
            yield from filter(_is_ours, answer.__mro__)
        for method in own.values():
            yield from _named_in(method, but=answer.__mro__)
    elif inspect.isfunction(answer):
        yield from _named_in(answer)


def _replaces(name, method):
    """Whether a method does other things than call the one of its base."""
    names = {*method.__code__.co_names}
    if name == "__init__":
        return bool(names - {"super", name})
    return name in _FORWARD and "super" not in names


def _is_ours(value):
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return False
    return value.__module__.partition(".")[0] == _PACKAGE


def _named_in(function, but=()) -> Iterator[Callable]:
    """Yield the book's definitions that a function names."""
    known = {**function.__globals__}
    for name, cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), strict=True
    ):
        try:
            known[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    names = [*function.__code__.co_names, *function.__code__.co_freevars]
    values = [known[name] for name in names if name in known]
    for module in [v for v in values if isinstance(v, ModuleType)]:
        if module.__name__.partition(".")[0] == _PACKAGE:
            found = [vars(module).get(name) for name in names]
            values += [value for value in found if value is not None]
    for value in values:
        if _is_ours(value) and value not in but:
            yield value
