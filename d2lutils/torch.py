"""The book's utilities for PyTorch: `from d2lutils import torch as d2l`."""

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError(
        "PyTorch is not installed; this installs it: pip install torch"
    ) from None

from d2lutils import data, training, weights
from d2lutils.data import get_fashion_mnist_labels
from d2lutils.engines.torch import Engine, evaluation, first_scores
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
    """Seed Python, NumPy, PyTorch and the order of the examples."""
    data.set_seed(seed)
    torch.manual_seed(seed)


def numpy(X):
    """Return a tensor as a NumPy array of the same shape and type."""
    return X.detach().cpu().numpy()


def try_gpu(i=0):
    """Return the i-th GPU: of CUDA, else of Apple (MPS), else the CPU."""
    if torch.cuda.device_count() > i:
        return torch.device("cuda", i)
    if i == 0 and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def try_all_gpus():
    """Return a list of all GPUs, or of the CPU if there is none."""
    count = torch.cuda.device_count()
    return [try_gpu(i) for i in range(max(count, 1))]


def device_name(device):
    """Return the name of a device, with the model if it is of CUDA."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def _has_gpu():
    return try_gpu().type != "cpu"


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
        [0, 1], and int64 of shape (N,), on the device of `try_gpu`.

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
    # The bytes of all images fit on any device, and stay there.
    device = try_gpu()
    images = torch.from_numpy(images).to(device)
    labels = torch.from_numpy(labels).to(device)
    if resize is not None:
        A = data.bilinear_matrix(images.shape[1], resize)
        A = torch.from_numpy(A).to(device)

    def to_device(array):
        tensor = torch.from_numpy(array)
        if device.type == "cuda":  # from pinned memory a GPU need not wait
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)

    def make_batch(index, flipped):
        numbers = to_device(index)
        X = images[numbers]
        if flipped.any():
            X = torch.where(to_device(flipped)[:, None, None], X.flip(2), X)
        X = X.to(torch.float32) / 255
        if resize is not None:
            X = A @ (X @ A.T)
        return X.unsqueeze(1), labels[numbers]

    return data.Batches(len(labels), batch_size, make_batch, **draws)


def evaluate_accuracy(net, data_iter, device=None):
    """Return the fraction of examples that a network classifies rightly.

    It runs in evaluation mode and is left in the mode it was in.

    Args:
        net: A module that returns scores of shape (N, classes).
        data_iter: Batches `X, y`.
        device: Where to compute; where the parameters are with `None`.

    Raises:
        ValueError: `data_iter` is empty.
    """
    if device is None:
        parameter = next(net.parameters(), torch.empty(0))
        device = parameter.device
    correct, count = torch.zeros((), dtype=torch.int64, device=device), 0
    with evaluation(net):
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            correct += (net(X).argmax(dim=1) == y).sum()
            count += len(y)
    return training.accuracy(correct.item(), count)


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

    It is moved to the device, trained, and left there in evaluation mode.
    `D2L_SCALE` may allow fewer epochs; a line says so.

    Args:
        net: A module that returns scores of shape (N, classes).
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
    device = try_gpu() if device is None else torch.device(device)
    training.check_batches(first_scores(net), numpy, train_iter, test_iter)
    engine = Engine(net, device, options)
    history = training.run(
        engine,
        set_seed,
        train_iter,
        lambda: evaluate_accuracy(net, test_iter, device),
        num_epochs,
        lr,
        _has_gpu(),
        options,
    )
    net.eval()
    return history


def train_ch6(net, train_iter, test_iter, num_epochs, lr, device):
    """Train a network as *Dive into Deep Learning* does since chapter 6.

    Unlike there, the network is trained as it is: its parameters are not
    initialised again. See `fit` for the arguments and the errors raised.
    Prints the last epoch's loss and accuracies, and the speed.
    """
    history = fit(net, train_iter, test_iter, num_epochs, lr, device=device)
    training.report(history, device_name(torch.device(device)))


def _state(net):
    return {
        weights.canonical(name): tensor
        for name, tensor in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def get_weights(net):
    """Return a network's weights: torchvision's names → NumPy arrays."""
    return {name: numpy(X).copy() for name, X in _state(net).items()}


def set_weights(net, values):
    """Give a network weights under torchvision's names, in its layouts.

    Args:
        net: A module of this book.
        values: Name → array; convolutions (out, in, height, width). A
            `state_dict` of torchvision's network is one.

    Raises:
        ValueError: Entries are missing, surplus or misshapen; all of them
            are named, and the network is as it was.
    """
    state = _state(net)
    arrays = weights.check(values, {k: v.shape for k, v in state.items()})
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(torch.from_numpy(arrays[name]))


def save_weights(net, path):
    """Write a network's weights to a safetensors file."""
    weights.save(get_weights(net), path)


def load_weights(net, path):
    """Give a network the weights of a safetensors file; see `set_weights`."""
    set_weights(net, weights.load(path))
