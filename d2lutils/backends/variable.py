"""Variables of a network under a layout that all frameworks share.

A convolution's is (out, in, height, width), a dense layer's (out, in). Axes
of length one do not count: a 1×1 convolution is a dense layer.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variable:
    """One array of a network."""

    name: str
    shape: tuple[int, ...]
    kind: str  # weight, bias, mean or variance
    read: Callable[[], np.ndarray]
    write: Callable[[np.ndarray], None]
    arrange: Callable[[np.ndarray], np.ndarray] = np.asarray
    """Puts an array of the framework's layout, as a gradient, into this."""

    @property
    def key(self):
        """The shape by which variables are told apart."""
        return canonical(self.shape)

    def fill(self):
        """Give it the values that belong to its shape."""
        self.write(values(self.shape))


def canonical(shape):
    """Return a shape without its axes of length one."""
    return tuple(size for size in shape if size != 1)


def values(shape):
    """Return the array that every variable of this shape is filled with.

    Vectors lie between 0.5 and 1.5. Kernels are drawn from a normal
    distribution of variance 2 / fan-in, which keeps the size of the outputs.
    Networks that compute the same give the same numbers with it, whatever
    their variables are called and in whatever order they were made.
    """
    return _drawn(canonical(shape)).reshape(shape)


@functools.lru_cache(maxsize=64)
def _drawn(shape):
    rng = np.random.default_rng([len(shape), *shape])
    if len(shape) < 2:
        drawn = rng.uniform(0.5, 1.5, shape)
    else:
        drawn = rng.standard_normal(shape, np.float32)
        drawn *= math.sqrt(2 / math.prod(shape[1:]))
    drawn = np.asarray(drawn, np.float32)
    drawn.setflags(write=False)
    return drawn


def describe(shape):
    """Name a variable by what has such a shape."""
    key = canonical(shape)
    if len(key) == 0:
        return "a single number"
    if len(key) == 1:
        return f"a vector of shape ({key[0]},)"
    if len(shape) == 4 and len(canonical(shape[2:])) > 0:
        out, in_, height, width = shape
        return (
            f"a {height}×{width} convolution with {out} filters over "
            f"{in_} channel{'s' * (in_ != 1)}"
        )
    if len(key) == 2:
        return (
            f"a 1×1 convolution or dense layer with {key[0]} outputs and "
            f"{key[1]} inputs"
        )
    return f"an array of shape {tuple(shape)}"
