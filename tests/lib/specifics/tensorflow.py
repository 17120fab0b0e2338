"""What only TensorFlow has."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import applications, layers


def parts(net):
    """Return the parts of a network, with their names."""
    return [(layer.name, layer) for layer in net.layers]


def grouped(channels, groups):
    """Return a 3×3 convolution in groups, without biases."""
    return layers.Conv2D(
        channels, 3, padding="same", groups=groups, use_bias=False
    )


def zoo():
    """Describe the first block of the second stage in Keras' ResNet-50."""
    net = applications.ResNet50(weights=None)
    parts = [net.get_layer(f"conv3_block1_{i}_conv") for i in range(4)]
    return {
        "strides": [part.strides for part in parts[1:3]],
        "biases": [part.use_bias for part in parts],
        "epsilon": net.get_layer("conv3_block1_1_bn").epsilon,
    }


def copies(net, folder):
    """Return what Keras itself makes of a network: kind → network.

    Args:
        net: A network that has seen an input.
        folder: Where files may be written.
    """
    net.save(folder / "net.keras")
    X = tf.zeros((1, 28, 28, 1))
    inside = keras.Sequential([keras.Input((28, 28, 1)), net])
    inside.save(folder / "inside.keras")
    clone = keras.models.clone_model(net)
    clone(X)
    clone.set_weights(net.get_weights())
    return {
        "load_model": keras.models.load_model(folder / "net.keras"),
        "inside": keras.models.load_model(folder / "inside.keras").layers[0],
        "clone_model": clone,
    }


def checkpointed(net, folder, images):
    """Train a network for an epoch; return what Keras has stored of it."""
    path = folder / "checkpoint.keras"
    net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    X, y = images.transpose(0, 2, 3, 1), np.arange(len(images))
    store = keras.callbacks.ModelCheckpoint(path)
    net.fit(X, y, callbacks=[store], verbose=0)
    return keras.models.load_model(path)


def rounded(x):
    """Return an array as bfloat16 has it."""
    return tf.cast(tf.cast(x, tf.bfloat16), tf.float32).numpy()


def defaults(convolve):
    """Measure what layers are like unless one says otherwise."""
    norm, layer = layers.BatchNormalization(), layers.Conv2D(16, 3)
    layer.build((None, 9, 9, 16))
    W, b = layer.get_weights()
    X = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)
    same = layers.Conv2D(4, 3, 2, padding="same")
    Y = same(X).numpy()
    kernel, bias = same.get_weights()
    padded = np.pad(X, ((0, 0), (0, 1), (0, 1), (0, 0))).transpose(0, 3, 1, 2)
    by_hand = convolve(padded, kernel.transpose(3, 2, 0, 1), bias, 2)
    norm(tf.ones((2, 3, 3, 1)))
    assert not np.any(norm.moving_mean)  # it is not in training mode
    with tf.GradientTape() as tape:
        ones = norm(tf.ones((2, 3, 3, 1)), training=True)
    forward = norm.moving_mean.numpy().item()
    tape.gradient(ones, norm.trainable_variables)
    return {
        "batch norm": [norm.epsilon, norm.momentum, False],
        "forward": forward,
        "backward": norm.moving_mean.numpy().item(),
        "largest weight": abs(W).max(),
        "bound": np.sqrt(6 / (9 * 32)),
        "largest bias": abs(b).max(),
        "same": abs(by_hand.transpose(0, 2, 3, 1) - Y).max(),
    }
