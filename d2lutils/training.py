"""The part of a training that is the same in every framework.

A backend supplies an *engine*, which knows one network on one device:

- `start()` begins an epoch: training mode, sums set to zero;
- `step(X, y, lr)` trains on one batch and adds to the sums, all on the
  device, without waiting for it;
- `sums()` waits and returns the losses' sum, the correct predictions, and
  how many steps had gone by when the loss was last finite;
- `rank` is this process's number among the `size` that train together;
- `state()` and `restore(arrays)` give and take all that a training changes,
  name → NumPy array.
"""

import math
import numbers
import time

from d2lutils import checkpoint as checkpoints
from d2lutils import data
from d2lutils.data import check_positive_int
from d2lutils.progress import Progress, summary
from d2lutils.scale import limit_epochs
from d2lutils.schedules import SCHEDULES, learning_rate

HISTORY = (
    "train_loss",
    "train_acc",
    "test_acc",
    "seconds",
    "examples_per_sec",
)
MOMENTUM = {"sgd": 0.0, "momentum": 0.9}
"""Optimizer → momentum: plain gradient descent, and that of He et al."""


def check_arguments(train_iter, test_iter, num_epochs, lr, options):
    """Raise a ValueError naming the first argument that is not valid.

    Args:
        train_iter: Batches to train on.
        test_iter: Batches to test on.
        num_epochs: A positive integer.
        lr: A positive number.
        options: The other arguments of `fit` by name.
    """
    for name, batches in ("train_iter", train_iter), ("test_iter", test_iter):
        if num_batches(batches) == 0:
            raise ValueError(f"{name} is empty")
        if hasattr(batches, "__next__"):
            raise ValueError(f"{name} can be gone through only once")
    check_positive_int("num_epochs", num_epochs)
    check_number("lr", lr, positive=True)
    check_number("weight_decay", options["weight_decay"])
    check_number("label_smoothing", options["label_smoothing"], below=1)
    for name, known in ("optimizer", MOMENTUM), ("schedule", SCHEDULES):
        if options[name] not in known:
            names = ", ".join(known)
            raise ValueError(
                f"{name} is {options[name]!r}, not one of {names}"
            )
    if options["schedule"] != "constant" and num_batches(train_iter) is None:
        raise ValueError(
            f"train_iter has no len, and so no schedule {options['schedule']}"
        )
    if options["seed"] is not None:
        seed = options["seed"]
        if not isinstance(seed, numbers.Integral) or seed < 0:
            raise ValueError(f"seed must be an integer ≥ 0, not {seed!r}")


def check_number(name, value, positive=False, below=math.inf):
    """Raise a ValueError unless a value is at least 0 and below a bound."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < below or (positive and value == 0):
        kind = "a positive number" if positive else "a number, at least 0"
        if below < math.inf:
            kind += f" and below {below}"
        raise ValueError(f"{name} must be {kind}, not {value!r}")


def check_batches(first_scores, numpy, train_iter, test_iter):
    """Raise a ValueError unless a network fits the first batches.

    Args:
        first_scores: Returns a network's scores of the first of some images.
        numpy: Turns a tensor into a NumPy array.
        train_iter: Batches `X, y` to train on.
        test_iter: Batches `X, y` to test on.
    """
    shapes = {}  # of scores, by that of an image: equal ones cost once
    for name, batches in ("train_iter", train_iter), ("test_iter", test_iter):
        for X, y in batches:
            image = tuple(X.shape[1:])
            if image not in shapes:
                shapes[image] = tuple(first_scores(X).shape[1:])
            if len(shapes[image]) != 1 or y.shape != (len(X),):
                raise ValueError(
                    f"{name}: for {len(X)} images the scores have the shape "
                    f"{(len(X), *shapes[image])} and the labels "
                    f"{tuple(y.shape)}; they must be (N, classes) and (N,)"
                )
            _check_labels(name, numpy(y), *shapes[image])
            break


def _check_labels(name, y, num_classes):
    if y.dtype.kind not in "iu":
        raise ValueError(f"{name}: labels must be integers, not {y.dtype}")
    wrong = y[(y < 0) | (y >= num_classes)]
    if len(wrong):
        raise ValueError(
            f"{name}: the label {wrong[0]} is out of range; the network has "
            f"{num_classes} classes, 0 to {num_classes - 1}"
        )


def num_batches(batches):
    """Return how many batches an iterable has; `None` if it cannot tell."""
    try:
        return len(batches)
    except TypeError:
        return None


def run(
    engine,
    set_seed,
    train_iter,
    test_accuracy,
    num_epochs,
    lr,
    has_gpu,
    options,
):
    """Train, show the progress and return the history.

    Each epoch begins with a seed of its own, made from `seed` and the
    epoch's number. So an epoch is the same whether the process has trained
    those before it or has read a checkpoint.

    Args:
        engine: See the module's docstring.
        set_seed: Seeds everything that a training draws from.
        train_iter: Batches `X, y`.
        test_accuracy: Returns the accuracy on the test set.
        num_epochs: Epochs asked for; the scale may allow fewer.
        lr: The largest learning rate.
        has_gpu: Whether a GPU was found; sets the default scale.
        options: `fit`'s `optimizer`, `weight_decay`, `schedule`,
            `checkpoint` and `seed`.

    Returns:
        A dict of lists, one entry an epoch: `train_loss`, `train_acc` and
        `test_acc`; `seconds` and `examples_per_sec` of the training alone.

    Raises:
        ValueError: An epoch had no examples, or the checkpoint does not fit.
        FloatingPointError: The loss became infinite or NaN.
    """
    num_epochs = limit_epochs(num_epochs, has_gpu)
    settings = {
        "num_epochs": num_epochs,
        "num_batches": num_batches(train_iter),
        "lr": float(lr),
        **{
            k: v for k, v in options.items() if k not in ("checkpoint", "seed")
        },
    }
    path, seed = options["checkpoint"], options["seed"]
    history = {name: [] for name in HISTORY}
    saved = None if path is None else checkpoints.load(path)
    if saved is not None:
        arrays, record = saved
        _check_checkpoint(path, engine.state(), arrays, record, settings, seed)
        engine.restore(arrays)
        history, seed = record["history"], record["seed"]
    elif seed is None:
        seed = data.draw_seed()
    done = len(history["train_loss"])
    with Progress(num_epochs, num_batches(train_iter)) as progress:
        if done:
            print(f"{path}: {done} of {num_epochs} epochs were done before")
            progress.epoch(history)
        for epoch in range(done, num_epochs):
            set_seed(_epoch_seed(seed, epoch))
            start = time.perf_counter()
            try:
                loss, correct, count = train_epoch(
                    engine, train_iter, _rate(settings, epoch), progress.step
                )
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"epoch {epoch + 1}: {error}"
                ) from None
            seconds = time.perf_counter() - start
            train_acc = accuracy(correct, count, "train_iter")
            history["train_loss"].append(loss / count)
            history["train_acc"].append(train_acc)
            history["seconds"].append(seconds)
            history["examples_per_sec"].append(count / seconds)
            history["test_acc"].append(test_accuracy())
            if path is not None and engine.rank == 0:
                record = {
                    "history": history,
                    "seed": int(seed),
                    "settings": settings,
                }
                checkpoints.save(path, engine.state(), record)
            progress.epoch(history)
    return history


def train_epoch(engine, train_iter, rate, after_step):
    """Train for one epoch.

    Args:
        engine: See the module's docstring.
        train_iter: Batches `X, y`.
        rate: The learning rate as a function of the step, counted from 0.
        after_step: Called after each step.

    Returns:
        The sum of the losses, the correct predictions and the examples.

    Raises:
        ValueError: A batch has fewer examples than there are processes.
        FloatingPointError: The loss became infinite or NaN.
    """
    engine.start()
    steps = count = 0
    for X, y in train_iter:
        if len(y) < engine.size:
            raise ValueError(
                f"train_iter: a batch of {len(y)} cannot be shared by "
                f"{engine.size} processes; choose another batch size"
            )
        engine.step(X, y, rate(steps))
        steps, count = steps + 1, count + len(y)
        after_step()
    # Read once: a reading after each step would make a GPU wait for Python.
    loss, correct, finite_steps = engine.sums()
    if finite_steps < steps:
        raise FloatingPointError(
            f"the loss is no longer finite: step {finite_steps + 1} of "
            f"{steps}, learning rate {rate(finite_steps):.3g}; a smaller one "
            "may help"
        )
    return loss, correct, count


def _rate(settings, epoch):
    """Return the learning rate as a function of the step of an epoch."""
    lr, per_epoch = settings["lr"], settings["num_batches"]
    if settings["schedule"] == "constant":
        return lambda step: lr
    total = settings["num_epochs"] * per_epoch
    return lambda step: learning_rate(
        settings["schedule"], lr, epoch * per_epoch + step, total
    )


def _epoch_seed(seed, epoch):
    # The first epoch's is the seed itself. Seeds that lie close together, as
    # people choose them, have no epochs in common.
    return (seed + 65_537 * epoch) % 2**32


def _check_checkpoint(path, state, arrays, record, settings, seed):
    """Raise a ValueError unless a checkpoint belongs to this training."""
    expected = {name: array.shape for name, array in state.items()}
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        names = sorted(
            name
            for name in expected.keys() | found.keys()
            if expected.get(name) != found.get(name)
        )
        raise ValueError(
            f"checkpoint {path} is of another network or optimizer: "
            f"{', '.join(names[:5])} and {max(len(names) - 5, 0)} more differ"
        )
    settings = settings | {"seed": record["seed"] if seed is None else seed}
    old = record["settings"] | {"seed": record["seed"]}
    faults = [
        f"{name} was {old.get(name)!r} and is {value!r}"
        for name, value in settings.items()
        if old.get(name) != value
    ]
    if faults:
        raise ValueError(
            f"checkpoint {path} is of another training: {'; '.join(faults)}"
        )


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
