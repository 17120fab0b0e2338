"""The frameworks' defaults, which `convolutional_blocks.md` names."""

import importlib

import numpy as np

SKIPPED = ()


def convolution_at_one_place(book):
    """Return how far `convolve` is from the sum of its definition."""
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(2, 3, 9, 9)), rng.normal(size=(4, 3, 3, 3))
    bias = rng.normal(size=4)
    Y = book.convolve(X, W, bias, 2, 1)
    term = sum(
        W[1, c, u, v] * X[0, c, 4 + u - 1, 6 + v - 1]
        for c in range(3)
        for u in range(3)
        for v in range(3)
    )
    return abs(Y[0, 1, 2, 3] - term - bias[1])


def measure(book, backend):
    name = f"specifics.{backend.row.module}"
    backend.set_seed(0)
    defaults = importlib.import_module(name).defaults(book.convolve)
    return {"the sum": convolution_at_one_place(book), **defaults}
