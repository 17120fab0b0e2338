"""Import d2lutils.mxnet, which may fail, and look at NumPy's names.

`python numpy_as_before.py`, or with the name of the error that is expected.
"""

import importlib
import sys

import numpy

from d2lutils._mxnet_compat import STAND_INS


def look():
    """Return what NumPy has under the names that are stood in for."""
    return {name: vars(numpy).get(name) for name in STAND_INS}


before, expected = look(), sys.argv[1:]
try:
    importlib.import_module("d2lutils.mxnet")
except ZeroDivisionError as error:
    raised = [type(error).__name__]
else:
    raised = []
assert raised == expected, raised
assert look() == before, look()
