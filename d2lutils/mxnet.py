"""The book's utilities for MXNet: `from d2lutils import mxnet as d2l`.

MXNet is retired. Its last release, 1.9.1, cannot be imported beside today's
NumPy by itself: import this module first, then `mxnet`.
"""

import os

from d2lutils import _mxnet_compat

# MXNet takes one thread for every two processors, for it counts on each core
# having two. Where it has not, half of the machine would be idle.
os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))
try:
    with _mxnet_compat.importable():
        import mxnet
except ModuleNotFoundError as error:
    if error.name not in ("mxnet", "requests", "setuptools"):
        raise
    raise ImportError(
        f"{error.name} is not installed; this installs MXNet and what it "
        'needs: pip install --no-deps mxnet==1.9.1 "graphviz<0.9" requests '
        "setuptools"
    ) from None

from mxnet import autograd, gluon, init, np, npx

from d2lutils import data, training, weights
from d2lutils.data import get_fashion_mnist_labels
from d2lutils.engines.mxnet import Engine, num_correct
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

npx.set_np()


def set_seed(seed):
    """Seed Python, NumPy, MXNet and the order of the examples."""
    data.set_seed(seed)
    mxnet.random.seed(seed)


def numpy(X):
    """Return a tensor as a NumPy array of the same shape and type."""
    return X.asnumpy()


def try_gpu(i=0):
    """Return the i-th GPU, else the CPU."""
    return npx.gpu(i) if npx.num_gpus() > i else npx.cpu()


def try_all_gpus():
    """Return a list of all GPUs, or of the CPU if there is none."""
    return [try_gpu(i) for i in range(max(npx.num_gpus(), 1))]


def device_name(device):
    """Return the name of a device."""
    # str(cpu) would be "cpu(0)".
    return "cpu" if device.device_type == "cpu" else str(device)


def _has_gpu():
    return npx.num_gpus() > 0


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
        Two iterables of batches `X, y`: float32 of shape (N, 1, H, W) in
        [0, 1], and int32 of shape (N,), on the CPU.

    Raises:
        ValueError: An argument, or `D2L_SCALE`, is not valid.
        d2lutils.files.DataNotFoundError: No copy of the data can be had.
    """
    arrays = data.load_for_batches(batch_size, resize, _has_gpu())
    return (
        _batches(
            *arrays[:2], batch_size, resize, shuffle=True, augment=augment
        ),
        _batches(*arrays[2:], batch_size, resize),
    )


def _batches(images, labels, batch_size, resize, **draws):
    if resize is not None:
        A = np.array(data.bilinear_matrix(images.shape[1], resize))

    def make_batch(index, flipped):
        # NumPy indexes bytes faster than MXNet does.
        X = images[index]
        X[flipped] = X[flipped, :, ::-1]
        X = np.array(X, dtype="float32", ctx=npx.cpu()) / 255
        if resize is not None:
            X = np.matmul(A, np.dot(X, A.T))
        y = np.array(labels[index], dtype="int32", ctx=npx.cpu())
        return np.expand_dims(X, 1), y

    return data.Batches(len(labels), batch_size, make_batch, **draws)


def evaluate_accuracy(net, data_iter, device=None):
    """Return the fraction of examples that a network classifies rightly.

    It runs in evaluation mode, as it does wherever no gradient is recorded.

    Args:
        net: A block that returns scores of shape (N, classes).
        data_iter: Batches `X, y`.
        device: Where to compute; where the parameters are with `None`.

    Raises:
        ValueError: `data_iter` is empty.
    """
    if device is None:
        parameters = list(net.collect_params().values())
        device = parameters[0].list_ctx()[0] if parameters else npx.cpu()
    correct, count = np.zeros((), ctx=device), 0
    with autograd.predict_mode():
        for X, y in data_iter:
            X, y = X.as_in_ctx(device), y.as_in_ctx(device)
            correct += num_correct(net(X), y)
            count += len(y)
    return training.accuracy(float(correct), count)


def _prepare(net, device):
    """Initialise the parameters that are not, and move all to `device`.

    With the device `None`, those that are initialised stay where they are.
    """
    for parameter in net.collect_params().values():
        try:
            devices = parameter.list_ctx()
        except RuntimeError:  # not initialised
            parameter.initialize(default_init=init.Xavier(), ctx=device)
        else:
            if device is not None and devices != [device]:
                parameter.reset_ctx(device)
    if isinstance(net, gluon.HybridBlock):
        net.hybridize()  # faster


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

    Only parameters that have not been initialised yet are (by Xavier's
    method). The network is moved to the device and stays there; a hybrid
    block is hybridized. `D2L_SCALE` may allow fewer epochs; a line says so.

    Args:
        net: A block that returns scores of shape (N, classes).
        train_iter: Batches `X, y` to train on, anew each epoch.
        test_iter: Batches to measure the accuracy on after each epoch.
        num_epochs: How many times to go through `train_iter`.
        lr: The learning rate.
        device: Where to train; `try_gpu()` with `None`.
        optimizer: `"sgd"`, or `"momentum"`: SGD with momentum 0.9.
        weight_decay: The factor of the weights in their own gradient.
        schedule: How the learning rate goes on: `"constant"`, `"cosine"`,
            `"step"` or `"one_cycle"`; see `d2lutils.schedules`.
        label_smoothing: The share of each target that is spread over all
            classes alike (Szegedy et al., 2016, section 7).
        mixed_precision: Not to be had with MXNet 1.9: it must be `False`.
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
    if mixed_precision:
        raise ValueError(
            "mixed_precision: MXNet 1.9 cannot train these networks in "
            "16 bits; leave it False"
        )
    device = try_gpu() if device is None else device
    _prepare(net, device)
    # This makes the parameters that the network does not have yet.
    training.check_batches(
        lambda X: net(X[:1].as_in_ctx(device)), numpy, train_iter, test_iter
    )
    return training.run(
        Engine(net, device, options),
        set_seed,
        train_iter,
        lambda: evaluate_accuracy(net, test_iter, device),
        num_epochs,
        lr,
        _has_gpu(),
        options,
    )


def train_ch6(net, train_iter, test_iter, num_epochs, lr, device):
    """Train a network as *Dive into Deep Learning* does since chapter 6.

    Unlike there, the network is trained as it is: parameters that have been
    initialised are not so again. See `fit` for the arguments and the errors
    raised. Prints the last epoch's loss and accuracies, and the speed.
    """
    history = fit(net, train_iter, test_iter, num_epochs, lr, device=device)
    training.report(history, device_name(device))


_MXNET_NAMES = {"gamma": "weight", "beta": "bias"}


def _state(net):
    _prepare(net, None)
    state = {}
    for name, parameter in net._collect_params_with_prefix().items():
        *path, last = name.split(".")
        path.append(_MXNET_NAMES.get(last, last))
        state[weights.canonical(".".join(path))] = parameter
    return state


def get_weights(net):
    """Return a network's weights: torchvision's names → NumPy arrays."""
    return {name: p.data().asnumpy() for name, p in _state(net).items()}


def set_weights(net, values):
    """Give a network weights under torchvision's names, in its layouts.

    Args:
        net: A block of this book.
        values: Name → array; convolutions (out, in, height, width). A
            `state_dict` of torchvision's network is one.

    Raises:
        ValueError: Entries are missing, surplus or misshapen; all of them
            are named, and the network is as it was.
    """
    state = _state(net)
    arrays = weights.check(values, {k: p.shape for k, p in state.items()})
    for name, parameter in state.items():
        parameter.set_data(np.array(arrays[name], dtype=parameter.dtype))


def save_weights(net, path):
    """Write a network's weights to a safetensors file."""
    weights.save(get_weights(net), path)


def load_weights(net, path):
    """Give a network the weights of a safetensors file; see `set_weights`."""
    set_weights(net, weights.load(path))
