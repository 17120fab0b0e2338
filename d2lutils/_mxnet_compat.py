"""Let MXNet 1.9.1 be imported beside today's NumPy and Python.

MXNet is retired. Its last release looks up names at import that NumPy has
removed since, though it computes with hardly any of them. They are stood in
for while it is imported, and only then.
"""

import importlib
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
    "Inf": np.inf,
    "NAN": np.nan,
    "NINF": -np.inf,
    "NZERO": -0.0,
    "NaN": np.nan,
    "PINF": np.inf,
    "PZERO": 0.0,
    "alltrue": _removed,
    "in1d": _removed,
    "msort": _removed,
    "product": _removed,
    "round_": _removed,
    "sometrue": _removed,
    "trapz": _removed,
    # These went to the package numpy-financial.
    "mirr": _removed,
    "npv": _removed,
    "pmt": _removed,
    "ppmt": _removed,
    "pv": _removed,
    "rate": _removed,
}

# Modules of MXNet whose functions go on to use `_np.bool`, such as
# assignment to `X[mask]`.
USES_BOOL = (
    "mxnet.ndarray.numpy._op",
    "mxnet.numpy.multiarray",
    "mxnet.symbol.numpy._symbol",
)


@contextmanager
def stand_ins():
    """Give NumPy the names of `STAND_INS` that it lacks, for a `with` block.

    They are gone after it, also when it raises. A name that NumPy has of its
    own is not touched.
    """
    # Not hasattr: NumPy 1.26 warns when asked for `bool`.
    absent = STAND_INS.keys() - vars(np).keys()
    for name in absent:
        setattr(np, name, STAND_INS[name])
    try:
        yield
    finally:
        for name in absent:
            delattr(np, name)


@contextmanager
def importable():
    """Make `import mxnet` work inside a `with` block.

    Raises:
        ModuleNotFoundError: Python has no `distutils` any more (from 3.12
            on), and setuptools, which has, is not installed.
    """
    if sys.version_info >= (3, 12):
        importlib.import_module("setuptools")
    with stand_ins(), warnings.catch_warnings():
        # It compares versions by setuptools' old classes.
        warnings.filterwarnings("ignore", "distutils Version classes")
        yield
    if "bool" in vars(np):  # NumPy 2 has it back
        return
    for name in USES_BOOL:
        view = ModuleType("numpy", "NumPy as MXNet knows it.")
        vars(view).update(vars(np), bool=np.bool_)
        importlib.import_module(name)._np = view
