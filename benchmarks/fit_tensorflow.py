"""The function `fit`, against a bare loop, in TensorFlow."""

import tensorflow as tf

from benchmarks import compare
from d2lutils import tensorflow as d2l
from d2lutils.models.tensorflow import resnet18

PEERS = ()


def rows():
    """Measure; return the rows."""
    our_net, their_net = resnet18(), resnet18()
    return compare.fit_rows(
        d2l, our_net, their_net, "a bare loop with tf.function", bare_loop
    )


def bare_loop(net, train_iter, test_iter, lr):
    """Train for one epoch, count what is right, and do nothing else."""
    optimizer = tf.keras.optimizers.SGD(lr)
    loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    # For batches of any size, of which the last is smaller.
    @tf.function(input_signature=train_iter.element_spec)
    def step(X, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, net(X, training=True))
        variables = net.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)

    @tf.function(input_signature=test_iter.element_spec)
    def count_correct(X, y):
        predictions = tf.argmax(net(X, training=False), 1, y.dtype)
        return tf.math.count_nonzero(predictions == y)

    for X, y in train_iter:
        step(X, y)
    correct = 0
    for X, y in test_iter:
        correct += int(count_correct(X, y))
