"""Training steps, against Keras's own networks, in TensorFlow."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from benchmarks import compare
from d2lutils.backends.tensorflow import Engine
from d2lutils.models.tensorflow import resnet18, resnet50
from d2lutils.training import Options

BATCH, SIZE, LR = 64, 96, 0.01
SHAPE = (SIZE, SIZE, 3)
PEERS = ()


def rows():
    """Measure; return the rows."""
    X = tf.random.uniform((BATCH, *SHAPE))
    y = tf.random.uniform((BATCH,), maxval=10, dtype=tf.int32)
    work = f"{SIZE} px, batch {BATCH}, float32"
    return [
        compare.speed(
            f"training step of ResNet-18, {work}",
            "a plain Keras network, train_on_batch, without XLA",
            "≥ 0.95",
            BATCH,
            engine_step(resnet18(in_channels=3), X, y),
            keras_step(plain_resnet18(), X, y),
            runs=31,
        ),
        compare.speed(
            f"training step of ResNet-50, {work}",
            "keras.applications.ResNet50, train_on_batch, without XLA",
            None,
            BATCH,
            engine_step(resnet50(in_channels=3), X, y),
            keras_step(
                keras.applications.ResNet50(
                    weights=None,
                    input_shape=SHAPE,
                    classes=10,
                    classifier_activation=None,
                ),
                X,
                y,
            ),
            runs=9,
        ),
    ]


def engine_step(net, X, y):
    """Return a function that takes one step as `fit` does."""
    net(X[:1])  # makes the variables
    engine = Engine(net, [(X, y)], Options(num_epochs=1, lr=LR))
    engine.start()

    def step():
        engine.step(X, y, LR)
        engine.sums()  # waits

    return step


def keras_step(net, X, y):
    """Return a function that takes one step as Keras does."""
    net.compile(
        keras.optimizers.SGD(LR),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # on a CPU compiled code is slower
    )

    def step():
        net.train_on_batch(X, y)

    return step


def plain_resnet18():
    """Return ResNet-18 as one writes it in Keras, padding "same"."""
    X = inputs = keras.Input(SHAPE)
    X = layers.ReLU()(conv_bn(X, 64, 7, 2))
    X = layers.MaxPooling2D(3, 2, padding="same")(X)
    for channels in (64, 128, 256, 512):
        for index in range(2):
            stride = 2 if index == 0 and channels > 64 else 1
            Y = layers.ReLU()(conv_bn(X, channels, 3, stride))
            Y = conv_bn(Y, channels, 3, 1)
            if stride == 2:
                X = conv_bn(X, channels, 1, stride)
            X = layers.ReLU()(layers.Add()([Y, X]))
    X = layers.GlobalAveragePooling2D()(X)
    return keras.Model(inputs, layers.Dense(10)(X))


def conv_bn(X, channels, kernel_size, stride):
    """Apply a convolution and batch normalisation."""
    X = layers.Conv2D(
        channels, kernel_size, stride, padding="same", use_bias=False
    )(X)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(X)
