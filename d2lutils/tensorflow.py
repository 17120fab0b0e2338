"""The book's utilities for TensorFlow.

`from d2lutils import tensorflow as d2l`
"""

import os
from contextlib import nullcontext

from d2lutils import _quiet

# Information and warnings of the C++ code are not for a page.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    # Two that TensorFlow 2.21 writes before it looks at that variable.
    with _quiet.dropped_lines(
        "All log messages before absl::InitializeLog()",
        "oneDNN custom operations are on.",
    ):
        import tensorflow as tf
except ModuleNotFoundError as error:
    if error.name != "tensorflow":
        raise
    raise ImportError(
        "TensorFlow is not installed; this installs it: pip install tensorflow"
    ) from None

from d2lutils import _tensorflow_weights, data, training, weights
from d2lutils.data import get_fashion_mnist_labels
from d2lutils.engines.tensorflow import (
    Engine,
    compiled,
    num_correct,
    precision,
)
from d2lutils.plot import (
    plot,
    plt,
    set_figsize,
    show_images,
    use_svg_display,
)

__all__ = [
    "device_name",
    "evaluate_accuracy",
    "fit",
    "get_fashion_mnist_labels",
    "get_weights",
    "load_data_fashion_mnist",
    "load_weights",
    "numpy",
    "plot",
    "plt",
    "save_weights",
    "set_figsize",
    "set_seed",
    "set_weights",
    "show_images",
    "train_ch6",
    "try_all_gpus",
    "try_gpu",
    "use_svg_display",
]


def set_seed(seed):
    """Seed Python, NumPy, TensorFlow and the order of the examples."""
    data.set_seed(seed)
    tf.keras.utils.set_random_seed(seed)


def numpy(X):
    """Return a tensor as a NumPy array of the same shape and type."""
    return X.numpy()


def try_gpu(i=0):
    """Return the context `tf.device` of the i-th GPU, else of the CPU."""
    return tf.device(f"/GPU:{i}" if _num_gpus() > i else "/CPU:0")


def try_all_gpus():
    """Return a list of all GPUs' contexts, or of the CPU's if none."""
    return [try_gpu(i) for i in range(max(_num_gpus(), 1))]


def device_name(device):
    """Return the name of a device, with the model if it is a GPU."""
    with device:
        # Not an integer: these stay on the CPU.
        name = tf.constant(0.0).device.rpartition("/device:")[2]
    if name == "CPU:0":
        return "cpu"
    gpu = tf.config.list_physical_devices("GPU")[int(name.split(":")[1])]
    details = tf.config.experimental.get_device_details(gpu)
    return f"{name} ({details.get('device_name', 'unknown')})"


def _num_gpus():
    return len(tf.config.list_physical_devices("GPU"))


def load_data_fashion_mnist(batch_size, resize=None, augment=False):
    """Return mini-batches of Fashion-MNIST for training and for testing.

    Both can be gone through again and again and know their `len`. Training
    examples come in a new order each time, test examples as they are.
    `D2L_SCALE` may take part of the data only; a line says so.

    Args:
        batch_size: Examples in a batch.
        resize: Height and width to resize the images to, bilinearly; they
            stay 28×28 with `None`.
        augment: Whether each training image is flipped left to right, or
            not, at random and anew each time.

    Returns:
        Two `tf.data.Dataset`s of batches `X, y`: float32 of shape
        (N, H, W, 1) in [0, 1], and int32 of shape (N,).

    Raises:
        ValueError: An argument, or `D2L_SCALE`, is not valid.
        d2lutils.files.DataNotFoundError: No copy of the data can be had.
    """
    arrays = data.load_for_batches(batch_size, resize, _num_gpus() > 0)
    return (
        _batches(
            *arrays[:2], batch_size, resize, shuffle=True, augment=augment
        ),
        _batches(*arrays[2:], batch_size, resize),
    )


def _batches(images, labels, batch_size, resize, **draws):
    # tf.data works on the CPU: there it wants the arrays too.
    with tf.device("/CPU:0"):
        images = tf.constant(images)
        labels = tf.constant(labels, tf.int32)
        if resize is not None:
            A = tf.constant(data.bilinear_matrix(images.shape[1], resize))

    def make_batch(index, flipped):
        X = tf.gather(images, index)
        if batches.augment:
            X = tf.where(flipped[:, None, None], tf.reverse(X, [2]), X)
        X = tf.cast(X, tf.float32) / 255
        if resize is not None:
            X = A @ (X @ tf.transpose(A))
        return X[..., tf.newaxis], tf.gather(labels, index)

    batches = data.Batches(len(labels), batch_size, make_batch, **draws)

    def one_pass(order, flipped):
        starts = tf.data.Dataset.range(0, len(labels), batch_size)
        return starts.map(
            lambda start: make_batch(
                order[start : start + batch_size],
                flipped[start : start + batch_size],
            ),
            num_parallel_calls=os.cpu_count(),
        )

    # Python is asked once in a pass, not for every batch.
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([batches.draw()]),
        output_signature=(
            tf.TensorSpec((len(labels),), tf.int64),
            tf.TensorSpec((len(labels),), tf.bool),
        ),
    ).flat_map(one_pass)
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(len(batches))
    )
    # To find better numbers takes longer than a pass.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


def evaluate_accuracy(net, data_iter, device=None):
    """Return the fraction of examples that a network classifies rightly.

    It runs in evaluation mode.

    Args:
        net: A model that returns scores of shape (N, classes).
        data_iter: Batches `X, y`.
        device: Where to compute, a context such as `try_gpu()` returns;
            where TensorFlow prefers to with `None`.

    Raises:
        ValueError: `data_iter` is empty.
    """
    with nullcontext() if device is None else device:
        return _accuracy(compiled(_counter(net), data_iter), data_iter)


def _counter(net):
    """Return a function that counts the right predictions in a batch."""

    def count_correct(X, y):
        return num_correct(net(X, training=False), y)

    return count_correct


def _accuracy(count_correct, batches):
    correct, count = tf.constant(0, tf.int64), 0
    for X, y in batches:
        correct += count_correct(X, y)
        count += len(y)
    return training.accuracy(int(correct), count)


def fit(
    net,
    train_iter,
    test_iter,
    num_epochs,
    lr,
    *,
    device=None,
    optimizer="sgd",
    weight_decay=0.0,
    schedule="constant",
    label_smoothing=0.0,
    mixed_precision=False,
    checkpoint=None,
    seed=None,
):
    """Train a network, as it is, by gradient descent on the cross-entropy.

    `D2L_SCALE` may allow fewer epochs; a line says so.

    Args:
        net: A model that returns scores of shape (N, classes), or a
            function without arguments that makes one on the device. To keep
            the trained model, pass a model.
        train_iter: Batches `X, y` to train on, anew each epoch.
        test_iter: Batches to measure the accuracy on after each epoch.
        num_epochs: How many times to go through `train_iter`.
        lr: The learning rate.
        device: Where to train, a context such as `try_gpu()`, which is
            taken with `None`, returns.
        optimizer: `"sgd"`, or `"momentum"`: SGD with momentum 0.9.
        weight_decay: The factor of the weights in their own gradient.
        schedule: How the learning rate goes on: `"constant"`, `"cosine"`,
            `"step"` or `"one_cycle"`; see `d2lutils.schedules`.
        label_smoothing: The share of each target that is spread over all
            classes alike (Szegedy et al., 2016, section 7).
        mixed_precision: Compute in bfloat16 where that is safe; the
            weights stay float32.
        checkpoint: A file to write after each epoch. If it is there, the
            training goes on from it and ends as if it had never stopped.
        seed: Determines the order of the examples and all else that is
            drawn in training; `None` draws one as `set_seed` says.

    Returns:
        A dictionary of lists with one entry an epoch. Its keys are
        `train_loss`, `train_acc` and `test_acc`, and of the training alone
        `seconds` and `examples_per_sec`.

    Raises:
        ValueError: An argument, the checkpoint or `D2L_SCALE` is not valid.
        FloatingPointError: The loss became infinite or NaN; the last
            checkpoint is kept.
    """
    options = {
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "label_smoothing": label_smoothing,
        "mixed_precision": mixed_precision,
        "checkpoint": checkpoint,
        "seed": seed,
    }
    training.check_arguments(train_iter, test_iter, num_epochs, lr, options)
    with try_gpu() if device is None else device:
        if not isinstance(net, tf.keras.layers.Layer):
            net = net()
        # This makes the variables that the network does not have yet.
        training.check_batches(
            lambda X: net(X[:1], training=False), numpy, train_iter, test_iter
        )
        with precision(net, mixed_precision):
            count_correct = compiled(_counter(net), test_iter)
            return training.run(
                Engine(net, train_iter, options),
                set_seed,
                train_iter,
                lambda: _accuracy(count_correct, test_iter),
                num_epochs,
                lr,
                _num_gpus() > 0,
                options,
            )


def train_ch6(net, train_iter, test_iter, num_epochs, lr, device):
    """Train a network as *Dive into Deep Learning* does since chapter 6.

    Unlike there, the network is trained as it is and nothing is returned.
    See `fit` for the arguments and the errors raised. Prints the last
    epoch's loss and accuracies, and the speed.
    """
    history = fit(net, train_iter, test_iter, num_epochs, lr, device=device)
    training.report(history, device_name(device))


def get_weights(net):
    """Return a network's weights: torchvision's names → NumPy arrays."""
    state = _tensorflow_weights.state(net).items()
    return {
        name: variable.numpy().transpose(axes)
        for name, (variable, axes) in state
    }


def set_weights(net, values):
    """Give a network weights under torchvision's names, in its layouts.

    Args:
        net: A model of this book.
        values: Name → array; convolutions (out, in, height, width). A
            `state_dict` of torchvision's network is one.

    Raises:
        ValueError: Entries are missing, surplus or misshapen; all of them
            are named, and the network is as it was.
    """
    state = _tensorflow_weights.state(net)
    shapes = {
        name: [variable.shape[axis] for axis in axes]
        for name, (variable, axes) in state.items()
    }
    arrays = weights.check(values, shapes)
    for name, (variable, axes) in state.items():
        back = [axes.index(axis) for axis in range(len(axes))]
        variable.assign(arrays[name].transpose(back))


def save_weights(net, path):
    """Write a network's weights to a safetensors file."""
    weights.save(get_weights(net), path)


def load_weights(net, path):
    """Give a network the weights of a safetensors file; see `set_weights`."""
    set_weights(net, weights.load(path))
