"""What readers call, written once for all frameworks.

`d2lutils.torch` and its siblings bind these functions to their backend. A
docstring's words in braces are the framework's own.
"""

import dataclasses
import functools
import inspect
import os
import random
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import numpy as np

from d2lutils import d2l_names, data, training, weights
from d2lutils.backends import Backend, Device, Network, Tensor
from d2lutils.scale import limit_epochs

P = ParamSpec("P")
R = TypeVar("R")


def bind(
    function: Callable[Concatenate[Backend, P], R],
    backend: Backend,
    module: str,
) -> Callable[P, R]:
    """Return a function of this module as a framework's own.

    Args:
        function: Takes a backend first.
        backend: The backend that it is to take.
        module: The name of the module that it will belong to.
    """

    @functools.wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(backend, *args, **kwargs)

    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())[1:]
    bound.__signature__ = signature.replace(parameters=parameters)
    bound.__annotations__ = {  # `wraps` shares the function's dictionary
        name: type_
        for name, type_ in function.__annotations__.items()
        if name != "backend"
    }
    bound.__doc__ = filled(inspect.getdoc(function), backend.words)
    bound.__module__ = module
    return bound


def filled(text: str, words: Mapping[str, str]) -> str:
    """Return a docstring with a framework's words in place of the braces.

    Lines that become too long are broken.
    """
    lines = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if indent:  # the line of an argument
            indent += "    " * bool(re.match(r" +\w+: ", line))
        lines += textwrap.wrap(
            line.format(**words), 75, subsequent_indent=indent
        ) or [""]
    return "\n".join(lines)


def refuse(backend: Backend, name: str) -> NoReturn:
    """Say what to use in place of a name of the package d2l.

    Raises:
        AttributeError: Always: a module calls this for what it has not.
    """
    module = f"d2lutils.{backend.row.module}"
    fault = f"module {module!r} has no attribute {name!r}"
    if name in d2l_names.INSTEAD:
        instead = d2l_names.INSTEAD[name].format(
            module=backend.row.module, framework=backend.row.name
        )
        raise AttributeError(f"{fault}, a name of d2l: {instead}")
    if not name.startswith("_"):
        fault += (
            '; if it is a name of d2l, the page "Coming from d2l" says what '
            "there is here"
        )
    # With these two Python adds "Did you mean", if a name is much like it.
    raise AttributeError(fault, name=name, obj=sys.modules[module])


def set_seed(backend: Backend, seed: int) -> None:
    """Seed Python, NumPy, {framework} and the order of the examples."""
    backend.set_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    data.seed_order(seed)


def numpy(backend: Backend, X: Tensor) -> np.ndarray:
    """Return a tensor as a NumPy array of the same shape and type.

    What NumPy has no type for, such as PyTorch's bfloat16, becomes float32.
    """
    return backend.numpy(X)


def try_gpu(backend: Backend, i: int = 0) -> Device:
    """Return {try_gpu}."""
    return backend.try_gpu(i)


def try_all_gpus(backend: Backend) -> list[Device]:
    """Return a list of all GPUs, or of the CPU if there is none."""
    return [backend.try_gpu(i) for i in range(max(backend.num_gpus(), 1))]


def device_name(backend: Backend, device: Device) -> str:
    """Return the name of a device{name}."""
    return backend.device_name(device)


def load_data_fashion_mnist(
    backend: Backend,
    batch_size: int,
    resize: int | None = None,
    augment: bool = False,
) -> tuple[Iterable, Iterable]:
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
        Two {batches} of batches `X, y`: float32 of shape {images} in
        [0, 1], and {label_type} of shape (N,), {place}.

    Raises:
        ValueError: An argument, or `D2L_SCALE`, is not valid.
        d2lutils.fetch.DataNotFoundError: No copy of the data can be had.
    """
    has_gpu = backend.num_gpus() > 0
    images, labels, test_images, test_labels = data.load_for_batches(
        batch_size, resize, has_gpu
    )
    return (
        backend.batches(
            images[:, None], labels, batch_size, resize, True, augment
        ),
        backend.batches(test_images[:, None], test_labels, batch_size, resize),
    )


def load_array(
    backend: Backend,
    data_arrays: tuple[Any, Any],
    batch_size: int,
    is_train: bool = True,
    resize: int | None = None,
    augment: bool = False,
) -> Iterable:
    """Return mini-batches of your own images, like those of Fashion-MNIST.

    The same arrays make the same batches in every framework.

    Args:
        data_arrays: A pair `images, labels`. Images have the shape
            (N, H, W), (N, C, H, W) or (N, H, W, C), with 1, 3 or 4
            channels. Bytes are divided by 255, floating-point numbers taken
            as they are. Labels are N integers.
        batch_size: Examples in a batch; the last may have fewer.
        is_train: Whether the examples come in a new order in each pass.
        resize: Height and width to resize the images to, bilinearly; they
            keep their size with `None`.
        augment: Whether each image is flipped left to right, or not, at
            random and anew in each pass.

    Returns:
        What `load_data_fashion_mnist` returns two of: batches `X, y`, with
        as many channels as the images have.

    Raises:
        ValueError: An argument is not valid.
    """
    data.check_positive_int("batch_size", batch_size)
    if resize is not None:
        data.check_positive_int("resize", resize)
    if len(data_arrays) != 2:
        raise ValueError(
            f"data_arrays must be a pair of images and labels, not "
            f"{len(data_arrays)} arrays"
        )
    images, labels = data.as_examples(*map(backend.numpy, data_arrays))
    return backend.batches(
        images, labels, batch_size, resize, is_train, augment
    )


def evaluate_accuracy(
    backend: Backend,
    net: Network,
    data_iter: Iterable,
    device: Device | None = None,
) -> float:
    """Return the fraction of examples that a network classifies correctly.

    It runs in evaluation mode and is left in the mode it was in.

    Args:
        net: {network} that returns scores of shape (N, classes).
        data_iter: Batches `X, y`.
        device: Where to compute, {device}; {preferred} with `None`.

    Raises:
        ValueError: `data_iter` is empty, or is no batches `X, y`.
    """
    return backend.evaluate_accuracy(net, data_iter, device)


def fit(
    backend: Backend,
    net: Network,
    train_iter: Iterable,
    test_iter: Iterable,
    num_epochs: int,
    lr: float,
    *,
    device: Device | None = None,
    optimizer: str = "sgd",
    weight_decay: float = 0.0,
    schedule: str = "constant",
    label_smoothing: float = 0.0,
    mixed_precision: bool = False,
    checkpoint: str | os.PathLike | None = None,
    seed: int | None = None,
) -> training.History:
    """Train a network, as it is, by gradient descent on the cross-entropy.

    {prepared}
    `D2L_SCALE` may allow fewer epochs; a line says so.

    Args:
        net: {network} that returns scores of shape (N, classes).
        train_iter: Batches `X, y` to train on, anew each epoch: images of
            shape {images} and class numbers of shape (N,), such as
            `load_data_fashion_mnist` returns. NumPy's arrays will do; images
            get the network's floating-point type, and labels may be integers
            of any size.
        test_iter: Batches to measure the accuracy on after each epoch.
        num_epochs: How many times to go through `train_iter`.
        lr: The learning rate.
        device: Where to train, {device}; `try_gpu()` with `None`.
        optimizer: `"sgd"`, or `"momentum"`: SGD with momentum 0.9. The
            velocity is multiplied by the learning rate, so a step of a new
            rate moves by the new one.
        weight_decay: The factor of the weights in their own gradient.
        schedule: How the learning rate goes on: `"constant"`, `"cosine"`,
            `"step"` or `"one_cycle"`; see `d2lutils.schedules`.
        label_smoothing: The share of each target that is spread over all
            classes alike (Szegedy et al., 2016, section 7).
        mixed_precision: {precision}
        checkpoint: A file to write after each epoch. If it is there, the
            run goes on from it and ends as if it had never stopped.
        seed: Determines the order of the examples and whatever {framework}
            draws during the run; `None` draws one as `set_seed` says.
            Python's and NumPy's global generators are neither used nor
            changed.

    Returns:
        A dictionary of lists with one entry an epoch. Its keys are
        `train_loss`, `train_acc` and `test_acc`, and of the training alone
        `seconds` and `examples_per_sec`.

    Raises:
        ValueError: An argument, a batch, the checkpoint or `D2L_SCALE` is
            not valid. A label that is out of range is noticed after its
            epoch at the latest.
        FloatingPointError: The loss became infinite or NaN; the last
            checkpoint is kept.
        MemoryError: The device has not enough memory.
    """
    options = training.Options(
        num_epochs=num_epochs,
        lr=lr,
        optimizer=optimizer,
        weight_decay=weight_decay,
        schedule=schedule,
        label_smoothing=label_smoothing,
        mixed_precision=mixed_precision,
        checkpoint=checkpoint,
        seed=seed,
    )
    training.check_iterables(train_iter, test_iter, options)
    num_epochs = limit_epochs(num_epochs, backend.num_gpus() > 0)
    options = dataclasses.replace(options, num_epochs=num_epochs)
    with (
        training.explaining(backend.explained),
        backend.engine(net, device, train_iter, test_iter, options) as engine,
    ):
        return training.fit(engine, train_iter, test_iter, options)


def train_ch6(
    backend: Backend,
    net: Network,
    train_iter: Iterable,
    test_iter: Iterable,
    num_epochs: int,
    lr: float,
    device: Device,
) -> None:
    """Train a network as *Dive into Deep Learning* does since chapter 6.

    Unlike there, the network is trained as it is: its parameters are not
    initialised again. See `fit` for the arguments and the errors raised.
    Prints the last epoch's loss and accuracies, and the speed.
    """
    history = fit(
        backend, net, train_iter, test_iter, num_epochs, lr, device=device
    )
    training.report(history, backend.device_name(device))


def get_weights(backend: Backend, net: Network) -> dict[str, np.ndarray]:
    """Return a network's weights: torchvision's names → NumPy arrays.

    Layers of other kinds than convolutions, fully connected layers,
    embeddings and normalisations keep {framework}'s own names and layouts.
    An array that a network has under two names is there twice; bfloat16
    becomes float32.

    Args:
        net: {network}, of this book or of your own.

    Raises:
        ValueError: Weights would be lost, have no name of their own or are
            not made yet; the message names them.
    """
    return backend.get_weights(_checked(backend, net))


def set_weights(
    backend: Backend, net: Network, values: Mapping[str, Any]
) -> None:
    """Give a network weights under torchvision's names, in its layouts.

    Args:
        net: {network}, of this book or of your own.
        values: Name → array or tensor; convolutions (out, in, height,
            width). A `state_dict` of torchvision's network is one, on any
            device and in any type.

    Raises:
        ValueError: Entries are missing, surplus or misshapen, and the
            message names up to ten of each kind; or it is no dictionary of
            arrays. The network is as it was.
    """
    backend.set_weights(_checked(backend, net), values)


def save_weights(
    backend: Backend, net: Network, path: str | os.PathLike
) -> None:
    """Write a network's weights to a safetensors file; see `get_weights`."""
    weights.save(backend.get_weights(_checked(backend, net)), path)


def load_weights(
    backend: Backend, net: Network, path: str | os.PathLike
) -> None:
    """Give a network the weights of a safetensors file; see `set_weights`.

    Raises:
        ValueError: It is a file of another kind, or damaged; the message
            says how to read it, if that is known.
    """
    backend.set_weights(_checked(backend, net), weights.load(path))


def _checked(backend: Backend, net: Network) -> Network:
    """Return a network of this framework, or say what else it is."""
    if not backend.is_network(net):
        name = backend.words["framework"]
        raise ValueError(f"net is no network of {name}, but {net!r:.80}")
    return net
