"""The frameworks' defaults, which `convolutional_blocks.md` names."""

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


def pytorch(book):
    nn, numpy = book.nn, book.d2l.numpy
    norm = nn.BatchNorm2d(1)
    book.d2l.set_seed(0)
    layer = nn.Conv2d(16, 16, 3)
    try:
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
        same = ""
    except ValueError as error:
        same = str(error)
    return {
        "batch norm": [norm.eps, norm.momentum, norm.training],
        "largest weight": abs(numpy(layer.weight)).max(),
        "bound": 1 / np.sqrt(9 * 16),
        "largest bias": abs(numpy(layer.bias)).max(),
        "same": same,
    }


def tensorflow(book):
    layers = book.layers
    norm = layers.BatchNormalization()
    book.d2l.set_seed(0)
    layer = layers.Conv2D(16, 3)
    layer.build((None, 9, 9, 16))
    W, b = layer.get_weights()
    X = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)
    same = layers.Conv2D(4, 3, 2, padding="same")
    Y = same(X).numpy()
    kernel, bias = same.get_weights()
    padded = np.pad(X, ((0, 0), (0, 1), (0, 1), (0, 0))).transpose(0, 3, 1, 2)
    by_hand = book.convolve(padded, kernel.transpose(3, 2, 0, 1), bias, 2)
    return {
        "batch norm": [norm.epsilon, norm.momentum, False],
        "largest weight": abs(W).max(),
        "bound": np.sqrt(6 / (9 * 32)),
        "largest bias": abs(b).max(),
        "same": abs(by_hand.transpose(0, 2, 3, 1) - Y).max(),
    }


def mxnet(book):
    nn, numpy = book.nn, book.d2l.numpy
    norm = nn.BatchNorm()
    book.d2l.set_seed(0)
    layer = nn.Conv2D(16, 3, in_channels=16)
    layer.initialize()
    moved = nn.BatchNorm(in_channels=1)
    moved.initialize()
    with book.autograd.record():
        Y = moved(book.mx.np.ones((2, 1, 3, 3)))
    forward = float(moved.running_mean.data())
    Y.backward()
    return {
        "batch norm": [norm._kwargs["eps"], norm._kwargs["momentum"], False],
        "largest weight": abs(numpy(layer.weight.data())).max(),
        "bound": 0.07,
        "largest bias": abs(numpy(layer.bias.data())).max(),
        "forward": forward,
        "backward": float(moved.running_mean.data()),
    }


DEFAULTS = {"pytorch": pytorch, "tensorflow": tensorflow, "mxnet": mxnet}


def measure(book, backend):
    defaults = DEFAULTS[backend.row.key](book)
    return {"the sum": convolution_at_one_place(book), **defaults}
