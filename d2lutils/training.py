"""The part of a training that is the same in every framework."""

import math
import numbers
import time

from d2lutils.data import check_positive_int
from d2lutils.progress import Progress, summary
from d2lutils.scale import limit_epochs

HISTORY = (
    "train_loss",
    "train_acc",
    "test_acc",
    "seconds",
    "examples_per_sec",
)


def check_arguments(train_iter, test_iter, num_epochs, lr):
    """Raise a ValueError naming the first argument that is not valid."""
    for name, batches in ("train_iter", train_iter), ("test_iter", test_iter):
        if num_batches(batches) == 0:
            raise ValueError(f"{name} is empty")
        if hasattr(batches, "__next__"):
            raise ValueError(f"{name} can be gone through only once")
    check_positive_int("num_epochs", num_epochs)
    is_number = isinstance(lr, numbers.Real) and not isinstance(lr, bool)
    if not is_number or not math.isfinite(lr) or lr <= 0:
        raise ValueError(f"lr must be a positive number, not {lr!r}")


def num_batches(batches):
    """Return how many batches an iterable has; `None` if it cannot tell."""
    try:
        return len(batches)
    except TypeError:
        return None


def run(num_epochs, num_steps, has_gpu, train_epoch, test_accuracy):
    """Train, show the progress and return the history.

    Args:
        num_epochs: Epochs asked for; the scale may allow fewer.
        num_steps: Steps in an epoch, or `None`.
        has_gpu: Whether a GPU was found; sets the default scale.
        train_epoch: Called with a function to be called after each step;
            trains one epoch and returns three numbers: the sum of the
            examples' losses, the correct predictions and the examples.
        test_accuracy: Returns the accuracy on the test set.

    Returns:
        A dict of lists, one entry an epoch: `train_loss`, `train_acc` and
        `test_acc`; `seconds` and `examples_per_sec` of the training alone.

    Raises:
        ValueError: An epoch had no examples.
    """
    history = {name: [] for name in HISTORY}
    num_epochs = limit_epochs(num_epochs, has_gpu)
    with Progress(num_epochs, num_steps) as progress:
        for _ in range(num_epochs):
            start = time.perf_counter()
            loss, correct, count = train_epoch(progress.step)
            seconds = time.perf_counter() - start
            train_acc = accuracy(correct, count, "train_iter")
            history["train_loss"].append(loss / count)
            history["train_acc"].append(train_acc)
            history["test_acc"].append(test_accuracy())
            history["seconds"].append(seconds)
            history["examples_per_sec"].append(count / seconds)
            progress.epoch(history)
    return history


def accuracy(correct, count, name="data_iter"):
    """Return `correct / count`.

    Raises:
        ValueError: `count` is 0: the iterable called `name` had no examples.
    """
    if count == 0:
        raise ValueError(f"{name} is empty")
    return correct / count


def report(history, device):
    """Print how a training ended and how fast it was.

    Args:
        history: What `run` returned.
        device: The name of the device.
    """
    print(summary(history))
    pairs = zip(history["seconds"], history["examples_per_sec"], strict=True)
    examples = sum(seconds * rate for seconds, rate in pairs)
    rate = examples / sum(history["seconds"])
    print(f"{rate:.1f} examples/sec on {device}")
