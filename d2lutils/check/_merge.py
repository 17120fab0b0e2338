"""Say what a matrix does instead of adding x and g(x)."""

import numpy as np

from ._answer import Wrong


def compare(c, matrix):
    """Raise `Wrong` unless the matrix is that of x + g(x), to 0.1 %.

    Args:
        c: The number of channels of x.
        matrix: An array (c, 2c).
    """
    right = np.hstack([np.eye(c), np.eye(c)])
    if np.allclose(matrix, right, atol=1e-3):
        return
    if np.allclose(matrix, right / 2, atol=1e-3):
        raise Wrong("the layer averages the two halves instead of adding them")
    for part, name in ((slice(c), "g(x)"), (slice(c, None), "x")):
        if np.allclose(matrix[:, part], np.eye(c), atol=1e-3) and not np.any(
            np.delete(matrix, np.arange(2 * c)[part], axis=1)
        ):
            raise Wrong(f"the layer leaves out {name}")
    row = int((abs(matrix - right) > 1e-3).any(axis=1).argmax())
    used = np.flatnonzero(abs(matrix[row]) > 1e-3)
    if len(used) > 4 or not np.allclose(matrix[row, used], 1, atol=1e-3):
        raise Wrong(
            f"with `channels = {c}`, row {row} of the layer's matrix has "
            "entries other than 0 and 1, or too many of them"
        )
    words = [
        f"channel {i % c} of {'x' if i < c else 'g(x)'}" for i in used.tolist()
    ]
    raise Wrong(
        f"with `channels = {c}`, channel {row} of the output is made of "
        + (" and ".join(words) or "nothing")
    )
