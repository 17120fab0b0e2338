"""Notice that a submission has replaced what judges it."""

import builtins
import inspect
import math
import sys

import numpy as np

_OURS = "d2lutils.check", "d2lutils.exercises"


class Intact:
    """What judges, as it was before the submission's first line ran."""

    def remember(self) -> None:
        """Take all that is loaded now as what it should be."""
        modules = [builtins, math, np, np.linalg]
        modules += [
            module
            for name, module in sys.modules.items()
            if f"{name}.".startswith(tuple(f"{each}." for each in _OURS))
        ]
        self._before = [(each, _parts(each)) for each in modules]

    def changes(self) -> str:
        """Return which of it has been replaced, in a sentence, or ""."""
        for module, before in self._before:
            now = _parts(module)
            for name, part in before.items():
                if now.get(name) is not part:
                    place = f"{module.__name__}.{name}"
                    return f"the submission replaces `{place}`"
        return ""


def _parts(module):
    """Return name → function, class, method, code or module, of a module."""
    found = {}
    for name, value in list(vars(module).items()):
        if not (callable(value) or inspect.ismodule(value)):
            continue
        if type(value).__module__ == "_sitebuiltins":  # IPython has its own
            continue
        found[name] = value
        if inspect.isclass(value) and value.__module__ == module.__name__:
            parts = {f"{name}.{k}": v for k, v in vars(value).items()}
            found |= {k: v for k, v in parts.items() if callable(v)}
    codes = {
        f"{name}.__code__": value.__code__
        for name, value in found.items()
        if inspect.isfunction(value)
    }
    return found | codes
