"""Checks for the book's exercises: `from d2lutils import check`.

Each exercise of the book that can be checked names its check, and what to
hand over::

    check.bottleneck(Bottleneck)

It says whether the answer is right; if not, what differs, and a hint. It
never shows the solution. What it returns is true if the answer is right.
The call is the same in all frameworks, and importing this imports none of
them.

`check.solved("bottleneck")` shows which exercises of a chapter are solved.

The checks themselves stand in `d2lutils.exercises`, a module for each
chapter, which is loaded when one of its checks is asked for.
"""

import difflib
import importlib
from collections.abc import Callable

from .answer import Verdict
from .catalogue import catalogue
from .progress import solved

_MODULES = catalogue()

__all__ = sorted(_MODULES)


def __dir__() -> list[str]:
    return sorted([*__all__, solved.__name__])


def __getattr__(name: str) -> Callable[..., Verdict]:
    if name in _MODULES:
        module = importlib.import_module(
            f"d2lutils.exercises.{_MODULES[name]}"
        )
        return getattr(module, name)
    close = difflib.get_close_matches(name, __all__, 1)
    more = f"; did you mean {close[0]!r}?" if close else ""
    raise AttributeError(f"no exercise is called {name!r}{more}")
