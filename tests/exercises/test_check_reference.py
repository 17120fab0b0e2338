"""What networks are compared with, and in which words."""

import numpy as np
import pytest

from d2lutils.backends.variable import canonical, describe, values
from d2lutils.check import reference


def test_values_depend_on_the_canonical_shape_only():
    assert canonical((8, 4, 1, 1)) == canonical((8, 4)) == (8, 4)
    assert np.array_equal(values((8, 4, 1, 1))[:, :, 0, 0], values((8, 4)))
    assert not np.array_equal(values((4, 8)).ravel(), values((8, 4)).ravel())
    assert (values((64,)) >= 0.5).all() and (values((64,)) <= 1.5).all()
    assert 0.9 < values((64, 32, 3, 3)).std() / np.sqrt(2 / 288) < 1.1


def test_convolution_by_hand():
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(2, 4, 7, 6)), rng.normal(size=(6, 2, 3, 2))
    Y = reference.conv2d(
        X, W, stride=(2, 1), padding=(1, 2), groups=2, dilation=(1, 2)
    )
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (2, 2)))
    assert Y.shape == (2, 6, 4, 8)
    n, o, i, j = 1, 4, 2, 3
    window = padded[n, 2:4, 2 * i : 2 * i + 3, j : j + 3 : 2]
    assert np.isclose(Y[n, o, i, j], (window * W[o]).sum())


def test_other_layers_by_hand():
    X = np.arange(16.0).reshape(1, 1, 4, 4)
    assert reference.max_pool(X, 2).ravel().tolist() == [5, 7, 13, 15]
    assert reference.avg_pool(X, 2).ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert reference.max_pool(-X, 3, 2, padding=1)[0, 0, 0, 0] == 0
    assert reference.global_avg_pool(X).tolist() == [[7.5]]
    loss = reference.softmax_cross_entropy([[0.0, 0.0], [0, 1000]], [0, 1])
    assert np.isclose(loss, np.log(2) / 2)
    Y = reference.batch_norm(X, 2, 1, 0, 1, training=True, eps=0)
    assert np.isclose(Y.mean(), 1) and np.isclose(Y.std(), 2)
    Y = reference.batch_norm(X, 2, 1, 3, 4, training=False, eps=0)
    assert np.allclose(Y, X - 2)


@pytest.mark.parametrize(
    "shape, words",
    [
        ((), "a single number"),
        ((64,), "a vector of shape (64,)"),
        ((8, 4, 1, 1), "a 1×1 convolution or dense layer with 8 outputs"),
        ((8, 1, 3, 3), "a 3×3 convolution with 8 filters over 1 channel"),
        ((2, 3, 4), "an array of shape (2, 3, 4)"),
    ],
)
def test_shapes_in_words(shape, words):
    assert words in describe(shape)
