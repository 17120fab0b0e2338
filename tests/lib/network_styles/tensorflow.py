"""A residual block in TensorFlow."""

import tensorflow as tf
from tensorflow import keras

relu = tf.nn.relu
DEFAULT_MOMENTUM = 0.01


def layers(padding=1, bias=False, width=4):
    return [
        keras.layers.Conv2D(width, 1, use_bias=bias),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.ZeroPadding2D(padding),
        keras.layers.Conv2D(8, 3, use_bias=False),
        keras.layers.BatchNormalization(),
    ]


def sequence(*parts):
    return keras.Sequential(list(parts))


class Block(keras.layers.Layer):
    def __init__(self, last=True, **options):
        super().__init__()
        self.body = sequence(*layers(**options))
        self.last = last

    def call(self, X):
        Y = self.body(X)
        return relu(Y + X) if self.last else relu(Y) + X


class Still(Block):
    def call(self, X):
        return relu(self.body(X, training=False) + X)


def functional():
    X = Y = keras.Input((None, None, 8))
    for layer in layers():
        Y = layer(Y)
    return keras.Model(X, keras.layers.ReLU()(keras.layers.add([Y, X])))


STYLES = (functional,)


def lazy():
    return sequence(keras.layers.Conv2D(4, 1))


def first_kernel(net):
    return net.body.layers[0].kernel.numpy()


def cut(X):
    return tf.stop_gradient(X)


def through_numpy(X):
    return tf.constant(X.numpy())


def without_gradients(net):
    return lambda X: tf.stop_gradient(net(tf.stop_gradient(X)))


def halves(body):
    return sequence(*body.layers[:3]), sequence(*body.layers[3:])


def state(net):
    return {variable.path: variable.numpy() for variable in net.variables}


def draw():
    return tf.random.uniform((3,)).numpy()


def disturb():
    tf.random.set_seed(0)
    draw()
    keras.config.set_floatx("float64")


def in_double():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        return Block()
    finally:
        keras.config.set_floatx(before)


def rounds_factors():
    return tf.config.experimental.tensor_float_32_execution_enabled()
