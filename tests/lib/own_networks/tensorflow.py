"""Networks in TensorFlow, as readers write them."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(6, 3, padding="same")
        self.bn = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.scale = self.add_weight(shape=(1,), initializer="ones")

    def call(self, X, training=None):
        Y = self.bn(self.conv(X), training=training)
        return tf.nn.relu(X + self.scale * Y)


class Subclassed(keras.Model):
    """Every kind of layer with weights that the three have in common."""

    def __init__(self):
        super().__init__()
        self.stem = layers.Conv2D(6, 3, strides=2)
        self.blocks = [Block(), Block()]
        self.depthwise = layers.DepthwiseConv2D(3)
        self.grouped = layers.Conv2D(4, 1, groups=2, use_bias=False)
        self.up = layers.Conv2DTranspose(5, 2, strides=2)
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.hidden = layers.Dense(7, use_bias=False)
        self.head = layers.Dense(3)

    def call(self, X, training=None):
        X = self.stem(X)
        for block in self.blocks:
            X = block(X, training=training)
        X = self.up(self.grouped(self.depthwise(X)))
        X = self.norm(tf.reduce_mean(X, [1, 2]))
        return self.head(tf.nn.relu(self.hidden(X)))


class Nested(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = keras.Sequential(
            [
                keras.Sequential([layers.Conv2D(6, 1), layers.ReLU()]),
                keras.Sequential([Block(), keras.Sequential([Block()])]),
            ]
        )
        self.heads = {
            "a": layers.Dense(2),
            "b": layers.Dense(2, use_bias=False),
        }

    def call(self, X, training=None):
        X = tf.reduce_mean(self.body(X, training=training), [1, 2])
        return self.heads["a"](X) + self.heads["b"](X)


class Shared(keras.Model):
    def __init__(self):
        super().__init__()
        self.stem = layers.Conv2D(6, 3)
        self.first = self.second = Block()

    def call(self, X, training=None):
        X = self.first(self.stem(X), training=training)
        return self.second(X, training=training)


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(4, 1, use_bias=False),
            layers.Flatten(),
            layers.Dense(5),
            layers.Dense(2, use_bias=False),
        ]
    )


def padded():
    return keras.Sequential(
        [
            layers.ZeroPadding2D(1),
            layers.Conv2D(6, 3),
            layers.BatchNormalization(),
            layers.Conv2D(6, 3, use_bias=False),
            layers.Dense(2),
        ]
    )


class Row(keras.Sequential):
    """A sequence of its own kind, whose layers have automatic names."""

    def __init__(self):
        super().__init__([layers.Conv2D(6, 3), layers.Conv2D(6, 3), Block()])


def functional():
    X = keras.Input((8, 8, 3))
    Y = layers.Conv2D(6, 3, name="stem")(X)
    block = Block()
    Y = layers.add([block(Y), layers.Conv2D(6, 1)(Y)])
    Y = keras.Sequential([layers.Conv2D(6, 1), layers.ReLU()])(block(Y))
    Y = layers.GlobalAveragePooling2D()(Y)
    return keras.Model(X, layers.Dense(2, use_bias=False)(Y))


class WithGraph(keras.Model):
    """A functional network whose layers are attributes as well."""

    def __init__(self):
        X = keras.Input((8, 8, 3))
        conv1 = layers.Conv2D(6, 3)
        fc = layers.Dense(2)
        super().__init__(X, fc(layers.Conv2D(6, 1)(conv1(X))))
        self.conv1, self.fc = conv1, fc


def nested_functional():
    X = keras.Input((8, 8, 3))
    return keras.Model(X, layers.Dense(2)(functional()(X)))


class OwnVariables(layers.Layer):
    def __init__(self):
        super().__init__()
        self.factors = [self.add_weight(shape=(3,)) for _ in range(2)]
        self.plain = tf.Variable([1.0, 2.0, 3.0])
        self.kernel = self.add_weight(shape=(3, 3), name="kernel")
        self.one = self.add_weight(shape=())

    def call(self, X):
        return X * self.factors[0] * self.factors[1] * self.plain


def recurrent():
    return keras.Sequential(
        [layers.Reshape((64, 3)), layers.Bidirectional(layers.LSTM(4))]
    )


def attention():
    X = keras.Input((8, 8, 3))
    Y = layers.Reshape((64, 3))(X)
    Y = layers.MultiHeadAttention(2, 4)(Y, Y)
    Y = layers.Dropout(0.5)(layers.GroupNormalization(1)(Y))
    return keras.Model(X, layers.Conv1D(2, 3)(Y))


def wrapped():
    """Return layers around layers, whose variables they show as well."""
    return keras.Sequential(
        [
            layers.SpectralNormalization(layers.Conv2D(6, 3)),
            layers.TimeDistributed(layers.Dense(2)),
        ]
    )


def bfloat16():
    return keras.Sequential(
        [layers.Conv2D(6, 3, dtype="bfloat16"), layers.Dense(2)]
    )


def compiled():
    net = sequential()
    net.compile("adam", "mse", metrics=["mae"])
    return net


NETWORKS = {
    "sequential": sequential,
    "subclassed": Subclassed,
    "nested": Nested,
    "shared": Shared,
    "padded": padded,
    "row": Row,
    "functional": functional,
    "with a graph": WithGraph,
    "nested functional": nested_functional,
    "own variables": OwnVariables,
    "recurrent": recurrent,
    "attention": attention,
    "wrapped": wrapped,
    "bfloat16": bfloat16,
    "compiled": compiled,
}


def _variables(net):
    found = list(net.weights)
    if isinstance(net, OwnVariables):
        found.append(net.plain)
    return found


def values(net):
    """Return all that the network has learned, as the framework tells it."""
    return [tf.cast(x.numpy(), "float64").numpy() for x in _variables(net)]


def fill(net, rng):
    """Give every variable new numbers, by the framework's own means."""
    for variable in _variables(net):
        new = rng.uniform(0.5, 1, variable.shape)
        variable.assign(tf.cast(new, variable.dtype))


class InSet(keras.Model):
    def __init__(self):
        super().__init__()
        self.stem = layers.Conv2D(6, 1)
        self.blocks = {Block()}

    def call(self, X):
        return next(iter(self.blocks))(self.stem(X))


class TwoOfAName(keras.Model):
    def __init__(self):
        super().__init__()
        self.shortcut = layers.Conv2D(6, 1)
        self.downsample = layers.Conv2D(6, 1)

    def call(self, X):
        return self.shortcut(X) + self.downsample(X)


class InObject(keras.Model):
    class Parts:
        def __init__(self):
            self.stem = layers.Conv2D(6, 1)

    def __init__(self):
        super().__init__()
        self.parts = self.Parts()
        self.head = layers.Dense(2)

    def call(self, X):
        return self.head(self.parts.stem(X))


class InModule(keras.Model):
    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable([1.0, 2.0, 3.0])

    def __init__(self):
        super().__init__()
        self.module = self.Scale()
        self.head = layers.Dense(2)

    def call(self, X):
        return self.head(X * self.module.scale)


def seen(net):
    net(tf.zeros((1, 8, 8, 3)))
    return net


HIDING = {
    "parts": lambda: seen(InObject()),
    "module": lambda: seen(InModule()),
    "in_set": lambda: seen(InSet()),
    "downsample.weight": lambda: seen(TwoOfAName()),
}


def unmade():
    """Return a network that has not seen an input."""
    return keras.Sequential([layers.Conv2D(4, 1), layers.Dense(2)])


TENSORS = {
    "variable": tf.Variable,
    "of Keras": keras.Variable,
    "bfloat16": lambda w: tf.cast(w, tf.bfloat16),
    "bfloat16 in NumPy": lambda w: tf.cast(w, tf.bfloat16).numpy(),
    "half": lambda w: tf.cast(w, tf.float16),
    "double": lambda w: tf.cast(w, tf.float64),
}
