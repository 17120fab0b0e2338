"""Assign to masks of MXNet, which looks up `numpy.bool` for it."""

import d2lutils.mxnet  # noqa: F401, I001  # it makes MXNet importable
from mxnet import np

X = np.array([1.0, -1.0])
X[X < 0] = 5
X[np.array([0])] = 7
assert X.tolist() == [7, 5]
assert np.full((1,), True).dtype == bool
