"""Tell what checks load; `test_check_guard.py` runs it by itself."""

import sys

from d2lutils import check
from d2lutils.frameworks import FRAMEWORKS


def told(words, names):
    print(f"{words}:", ", ".join(sorted(names)) or "nothing")


def chapters():
    start = "d2lutils.exercises."
    return {x.removeprefix(start) for x in sys.modules if x.startswith(start)}


told("loaded at first", chapters())
assert check.silent_branch
told("loaded for silent_branch", chapters())
for name in check.__all__:
    getattr(check, name)
modules = {row.module for row in FRAMEWORKS.values()}
backends = {f"d2lutils.backends.{module}" for module in modules}
heavy = {"keras", "nbclient"} | modules | backends
told("imported", heavy & set(sys.modules))
check.residual_block(lambda X: X)
