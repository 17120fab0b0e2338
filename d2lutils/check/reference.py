"""The layers of a network in NumPy: what answers are compared with.

Images are (N, C, H, W), kernels (out, in, height, width), everywhere. All is
computed in double precision.
"""

import numpy as np

from d2lutils.backends.variable import canonical, values


def _pair(value):
    return tuple(value) if isinstance(value, list | tuple) else (value, value)


def conv2d(X, W, stride=1, padding=0, groups=1, dilation=1):
    """Return the convolution of X (N, C, H, W) with W (out, in, kh, kw).

    `stride`, `padding` and `dilation` are numbers or pairs (height, width).
    With `groups`, `in` is the number of channels of one group.
    """
    (sh, sw), (dh, dw) = _pair(stride), _pair(dilation)
    windows = _windows(X, W.shape[2:], padding, (dh, dw), 0.0)
    windows = windows[:, :, ::sh, ::sw]
    outputs = [
        np.einsum("nchwij,ocij->nohw", part, kernel, optimize=True)
        for part, kernel in zip(
            np.split(windows, groups, axis=1),
            np.split(np.asarray(W, np.float64), groups, axis=0),
            strict=True,
        )
    ]
    return np.concatenate(outputs, axis=1)


def _windows(X, size, padding, dilation, fill):
    """Return all windows of X: (N, C, H, W, kh, kw)."""
    (ph, pw), (dh, dw) = _pair(padding), dilation
    X = np.pad(
        np.asarray(X, np.float64),
        ((0, 0), (0, 0), (ph, ph), (pw, pw)),
        constant_values=fill,
    )
    span = (dh * (size[0] - 1) + 1, dw * (size[1] - 1) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(X, span, axis=(2, 3))
    return windows[..., ::dh, ::dw]


def max_pool(X, size, stride=None, padding=0):
    """Return the largest entry of each window."""
    sh, sw = _pair(size if stride is None else stride)
    windows = _windows(X, _pair(size), padding, (1, 1), -np.inf)
    return windows[:, :, ::sh, ::sw].max(axis=(4, 5))


def avg_pool(X, size, stride=None, padding=0):
    """Return the mean of each window; padding counts as zeros."""
    sh, sw = _pair(size if stride is None else stride)
    windows = _windows(X, _pair(size), padding, (1, 1), 0.0)
    return windows[:, :, ::sh, ::sw].mean(axis=(4, 5))


def global_avg_pool(X):
    """Return the mean of each channel: (N, C)."""
    return np.asarray(X, np.float64).mean(axis=(2, 3))


def relu(X):
    """Return X where it is positive, and zero elsewhere."""
    return np.maximum(X, 0)


def dense(X, W, bias=0.0):
    """Return X W^T + bias for W of shape (out, in)."""
    return np.asarray(X, np.float64) @ np.asarray(W, np.float64).T + bias


def batch_norm(X, gamma, beta, mean, var, training, eps=1e-5):
    """Return the batch normalisation of X (N, C, …), channel by channel.

    In training, the batch's own mean and (biased) variance take the place of
    the running ones.
    """
    axes = (0, *range(2, X.ndim))
    if training:
        mean, var = X.mean(axis=axes), X.var(axis=axes)
    shape = (1, -1, *[1] * (X.ndim - 2))
    gamma, beta, mean, var = (
        np.asarray(each, np.float64).reshape(shape)
        for each in (gamma, beta, mean, var)
    )
    return gamma * (X - mean) / np.sqrt(var + eps) + beta


def softmax_cross_entropy(logits, y):
    """Return the mean cross-entropy of logits (N, classes) and labels."""
    logits = np.asarray(logits, np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits).sum(axis=1))
    return float(np.mean(log_sum - logits[np.arange(len(y)), y]))


class Weights:
    """Hands a reference its weights, and remembers which it asked for.

    The values depend on the shape only, and are those that the answer's
    variables are filled with. `moves` maps canonical shapes to what is added
    to the parameters of that shape::

        def block(X, weights, training):
            Y = weights.conv(X, 64, 3, padding=1)
            Y = relu(weights.batch_norm(Y, training))
            return relu(Y + X)

    Attributes:
        trained: The shapes of the parameters, in the order of use.
        statistics: For each batch normalisation that was run in training,
            its running values before, the batch's mean and variance, and
            the number of entries that they were taken over.
    """

    def __init__(self, eps=1e-5, moves=None):
        self.eps, self.moves = eps, moves or {}
        self.trained = []
        self.statistics = []

    def array(self, *shape):
        """Return a parameter of any shape."""
        self.trained.append(shape)
        value = np.asarray(values(shape), np.float64)
        move = self.moves.get(canonical(shape))
        return value if move is None else value + move.reshape(shape)

    def conv(
        self,
        X,
        channels,
        size,
        stride=1,
        padding=0,
        groups=1,
        dilation=1,
        bias=False,
    ):
        """Return a convolution of X to `channels` with a kernel of `size`."""
        kernel = self.array(channels, X.shape[1] // groups, *_pair(size))
        Y = conv2d(X, kernel, stride, padding, groups, dilation)
        return Y + self.array(channels).reshape(-1, 1, 1) if bias else Y

    def dense(self, X, units, bias=True):
        """Return a fully connected layer of X (N, in) to `units`."""
        Y = dense(X, self.array(units, X.shape[1]))
        return Y + self.array(units) if bias else Y

    def batch_norm(self, X, training):
        """Return the batch normalisation of X."""
        channels = X.shape[1]
        gamma, beta = self.array(channels), self.array(channels)
        running = np.asarray(values((channels,)), np.float64)
        axes = (0, *range(2, X.ndim))
        self.statistics.append(
            {
                "running": running,
                "mean": X.mean(axis=axes),
                "variance": X.var(axis=axes),
                "count": X.size // channels,
            }
        )
        return batch_norm(X, gamma, beta, running, running, training, self.eps)
