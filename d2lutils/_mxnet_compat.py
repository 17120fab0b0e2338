"""Let MXNet 1.9.1 be imported beside today's NumPy and Python.

MXNet is retired; its last release looks up names at import that NumPy has
removed since, though it computes with hardly any of them. They are stood in
for while it is imported, and only then.
"""

import sys
import warnings
from contextlib import contextmanager
from types import ModuleType

import numpy as np


def _removed(*_args, **_kwargs):
    """Stand in for a function that NumPy has removed."""
    raise NotImplementedError("NumPy has removed this function")


STAND_INS = {
    "bool": np.bool_,
    "PZERO": 0.0,
    "NZERO": -0.0,
    "NaN": np.nan,
    "NAN": np.nan,
    "Inf": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    **dict.fromkeys(
        ("alltrue", "in1d", "msort", "trapz", "sometrue", "product", "round_")
        + ("mirr", "npv", "pmt", "ppmt", "pv", "rate"),
        _removed,
    ),
}


@contextmanager
def old_numpy_names():
    """Give `numpy` the names of `STAND_INS` it lacks, inside a `with` block.

    They are gone after the block, also when it raises; a name that NumPy has
    itself is never touched.
    """
    # Not hasattr: NumPy 1.26 warns when it is asked for `bool`.
    absent = STAND_INS.keys() - vars(np).keys()
    for name in absent:
        setattr(np, name, STAND_INS[name])
    try:
        yield
    finally:
        for name in absent:
            delattr(np, name)
