"""Networks of Keras as the checks see them: NumPy in, NumPy out, NCHW."""

from contextlib import contextmanager

import numpy as np
import tensorflow as tf
from tensorflow import keras

from .variables import Variable

NAME = "TensorFlow"
UNBIASED_VARIANCE = False

_TO_CHANNELS_LAST = (0, 2, 3, 1)
_TO_CHANNELS_FIRST = (0, 3, 1, 2)
_KERNELS = {  # dimensions → the axes that make it (out, in, height, width)
    2: (1, 0),
    3: (2, 1, 0),
    4: (3, 2, 0, 1),
}


class _Function(keras.layers.Layer):
    """A function of X, with the layers that it uses.

    As a layer, it tells them by itself whether they are being trained.
    """

    def __init__(self, function, parts):
        super().__init__()
        self.parts = list(parts)
        self.function = function

    def call(self, X):
        return self.function(X)


def is_network(value):
    """Whether this is a layer or model of Keras."""
    return isinstance(value, keras.layers.Layer)


def wrap(function, parts):
    """Return a function of X as a network that has `parts`."""
    return _Function(function, parts)


def to_numpy(value):
    """Return a tensor as an array; what is none, unchanged."""
    if isinstance(value, tf.TensorShape):
        return tuple(value)
    if tf.is_tensor(value) or isinstance(value, keras.Variable):
        return np.asarray(value)
    return value


def shown(shape):
    """Return the shape of images, given as NCHW, in this framework's way."""
    if len(shape) != 4:
        return tuple(shape)
    return tuple(shape[axis] for axis in _TO_CHANNELS_LAST)


def tensor(array):
    """Return an array as a tensor of float32, with its axes as they are."""
    return tf.constant(np.asarray(array, np.float32))


def _images(X):
    return tensor(np.transpose(X, _TO_CHANNELS_LAST) if X.ndim == 4 else X)


def _array(value):
    value = to_numpy(value)
    if isinstance(value, np.ndarray) and value.ndim == 4:
        return value.transpose(_TO_CHANNELS_FIRST)
    return value


@contextmanager
def _all_digits():
    """Keep a GPU from rounding factors to ten bits (TensorFloat-32)."""
    config = tf.config.experimental
    before = config.tensor_float_32_execution_enabled()
    config.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        config.enable_tensor_float_32_execution(before)


def forward(net, X, training):
    """Return what a network computes, in training or evaluation mode."""
    with _all_digits():
        return _array(net(_images(X), training=training))


def input_gradient(net, X, weight, training):
    """Return the gradient of sum(weight · net(X)) by X."""
    inputs = _images(X)
    with _all_digits():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = net(inputs, training=training)
            total = tf.reduce_sum(output * _images(weight))
        return _array(tape.gradient(total, inputs))


def parameters(net):
    """Return the trained variables of a network that has seen an input."""
    depthwise = {
        id(layer.kernel)
        for layer in net._flatten_layers()
        if isinstance(layer, keras.layers.DepthwiseConv2D)
    }
    return [
        _variable(
            variable,
            "bias" if variable.name == "bias" else "weight",
            id(variable) in depthwise,
        )
        for variable in net.trainable_weights
    ]


def state(net):
    """Return the running statistics of a network."""
    kinds = {"moving_mean": "mean", "moving_variance": "variance"}
    return [
        _variable(variable, kinds[variable.name])
        for variable in net.non_trainable_weights
        if variable.name in kinds
    ]


def _variable(variable, kind, depthwise=False):
    rank = len(variable.shape)
    axes = (2, 3, 0, 1) if depthwise else _KERNELS.get(rank, range(rank))
    if "kernel" not in variable.name:
        axes = range(rank)
    axes = tuple(axes)
    shape = tuple(variable.shape[axis] for axis in axes)
    return Variable(
        variable.path.removeprefix("_function/"),
        # (channels, multiplier, …) is one filter on each channel.
        (shape[0] * shape[1], 1, *shape[2:]) if depthwise else shape,
        kind,
        lambda: np.asarray(variable).transpose(axes),
        lambda array: variable.assign(
            array.reshape(shape).transpose(np.argsort(axes))
        ),
    )
