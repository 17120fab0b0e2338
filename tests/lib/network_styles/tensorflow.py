"""A residual block in TensorFlow."""

import tensorflow as tf
from tensorflow import keras

relu = tf.nn.relu
DEFAULT_MOMENTUM = 0.01


def batch_norm(channels):
    return keras.layers.BatchNormalization()


def layers(padding=1, bias=False, width=4, norm=batch_norm):
    return [
        keras.layers.Conv2D(width, 1, use_bias=bias),
        norm(width),
        keras.layers.ReLU(),
        keras.layers.ZeroPadding2D(padding),
        keras.layers.Conv2D(8, 3, use_bias=False),
        norm(8),
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


class Normalisation(keras.layers.Layer):
    """As in d2l: the statistics are variables of TensorFlow's."""

    def __init__(self, channels):
        super().__init__()
        shape = (1, 1, 1, channels)
        self.gamma = self.add_weight(shape, "ones", name="gamma")
        self.beta = self.add_weight(shape, "zeros", name="beta")
        self.moving_mean = tf.Variable(tf.zeros(shape), trainable=False)
        self.moving_var = tf.Variable(tf.ones(shape), trainable=False)

    def call(self, X, training=None):
        if not training:
            return self.normalise(X, self.moving_mean, self.moving_var)
        mean, var = tf.nn.moments(X, (0, 1, 2), keepdims=True)
        self.keep(mean, var)
        return self.normalise(X, mean, var)

    def keep(self, mean, var):
        self.moving_mean.assign(0.9 * self.moving_mean + 0.1 * mean)
        self.moving_var.assign(0.9 * self.moving_var + 0.1 * var)

    def normalise(self, X, mean, var):
        return self.gamma * (X - mean) / tf.sqrt(var + 1e-5) + self.beta


class InWeights(Normalisation):
    """The same with weights that Keras knows, under other names."""

    def __init__(self, channels):
        super().__init__(channels)
        shape = (1, 1, 1, channels)
        del self.moving_mean, self.moving_var
        self.moving_mean = self.add_weight(
            shape, "zeros", trainable=False, name="mu"
        )
        self.moving_var = self.add_weight(
            shape, "ones", trainable=False, name="s"
        )


NORMS = Normalisation, InWeights


class Unkept(Normalisation):
    def call(self, X):
        return super().call(X, training=True)

    def keep(self, mean, var):
        pass


class Inside(keras.layers.Layer):
    def call(self, X):
        return relu(sequence(*layers())(X) + X)


class Kept(keras.layers.Layer):
    def call(self, X):
        self.body = sequence(*layers())
        return relu(self.body(X) + X)


INSIDE = Inside, Kept


class Twice(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.BatchNormalization()
        self.first = keras.layers.Conv2D(8, 1, use_bias=False)
        self.last = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)

    def call(self, X):
        return self.norm(self.last(relu(self.norm(self.first(X)))))


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
    drawn = tf.random.uniform((3,)), keras.random.uniform((3,))
    return tf.stack(drawn).numpy()


def settings():
    return (
        keras.config.floatx(),
        keras.config.dtype_policy().name,
        keras.config.image_data_format(),
    )


def disturb():
    keras.utils.set_random_seed(0)
    draw()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")


def in_double():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        return Block()
    finally:
        keras.config.set_floatx(before)


def rounds_factors():
    return tf.config.experimental.tensor_float_32_execution_enabled()
