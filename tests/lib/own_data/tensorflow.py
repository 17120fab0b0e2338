"""Batches and networks as readers of TensorFlow bring them."""

import math

import tensorflow as tf
from tensorflow import keras

TYPES = ("bfloat16", "int16")


def of_type(array, name):
    return tf.cast(array, name)


def single(X, y):
    """Return a data set of single examples, not of batches."""
    return tf.data.Dataset.from_tensor_slices((X, y))


class Sequence(keras.utils.PyDataset):
    def __init__(self, X, y, size):
        super().__init__()
        self.arrays, self.size = (X, y), size

    def __len__(self):
        return math.ceil(len(self.arrays[0]) / self.size)

    def __getitem__(self, i):
        part = slice(i * self.size, (i + 1) * self.size)
        return tuple(array[part] for array in self.arrays)


def generated(X, y, size):
    """Return a data set of which TensorFlow knows the types alone."""
    return tf.data.Dataset.from_generator(
        lambda: iter(list(Sequence(X, y, size))),
        output_types=(X.dtype, y.dtype),
    )


LOADERS = {
    "tf.data": lambda X, y, size: single(X, y).batch(size),
    "generator": generated,
    "PyDataset": Sequence,
}


def exhausted():
    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
