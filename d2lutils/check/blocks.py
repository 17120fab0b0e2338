"""The book's blocks in NumPy, and their usual distortions."""

import numpy as np

from .reference import relu


def residual_branch(
    X, weights, training, channels, stride=1, inner=relu, same=False
):
    """Return the residual branch of a basic block.

    `same` pads as Keras does with padding="same" and an even side.
    """
    if same and stride == 2:
        padded = np.pad(X, ((0, 0), (0, 0), (0, 1), (0, 1)))
        Y = weights.conv(padded, channels, 3, stride)
    else:
        Y = weights.conv(X, channels, 3, stride, padding=1)
    Y = inner(weights.batch_norm(Y, training))
    Y = weights.conv(Y, channels, 3, padding=1)
    return weights.batch_norm(Y, training)


def basic(
    X,
    weights,
    training,
    channels=None,
    stride=1,
    before=None,
    after=relu,
    projected=None,
    normalised=True,
    **branch,
):
    """Return the basic block, or one of its usual distortions."""
    channels = channels or X.shape[1]
    Y = residual_branch(X, weights, training, channels, stride, **branch)
    if projected is None:
        projected = stride != 1 or channels != X.shape[1]
    if projected:
        X = weights.conv(X, channels, 1, stride)
        X = weights.batch_norm(X, training) if normalised else X
    return after((before(Y) if before else Y) + X)


def plain(X, weights, training, channels, stride, last=True, inner=True):
    """Return the basic block without its shortcut."""
    Y = weights.conv(X, channels, 3, stride, padding=1)
    Y = weights.batch_norm(Y, training)
    Y = weights.conv(relu(Y) if inner else Y, channels, 3, padding=1)
    Y = weights.batch_norm(Y, training)
    return relu(Y) if last else Y


def bottleneck_block(channels, out_channels, stride=1, early=False, groups=1):
    """Return a reference; `early`: the stride is on the first 1×1."""
    first, second = (stride, 1) if early else (1, stride)

    def block(X, weights, training):
        Y = relu(
            weights.batch_norm(weights.conv(X, channels, 1, first), training)
        )
        Y = weights.conv(Y, channels, 3, second, padding=1, groups=groups)
        Y = relu(weights.batch_norm(Y, training))
        Y = weights.batch_norm(weights.conv(Y, out_channels, 1), training)
        if stride != 1 or X.shape[1] != out_channels:
            X = weights.conv(X, out_channels, 1, stride)
            X = weights.batch_norm(X, training)
        return relu(Y + X)

    return block
