"""The part of training that is the same in every framework.

A backend supplies an `Engine`, which trains one network on one device.
"""

import dataclasses
import math
import numbers
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from d2lutils import checkpoint as checkpoints
from d2lutils import data
from d2lutils.data import check_positive_int
from d2lutils.progress import Progress, summary
from d2lutils.schedules import SCHEDULES, learning_rate

History = dict[str, list[float]]
"""What a run returns: lists with one entry an epoch, under `HISTORY`."""

HISTORY = (
    "train_loss",
    "train_acc",
    "test_acc",
    "seconds",
    "examples_per_sec",
)
MOMENTUM = {"sgd": 0.0, "momentum": 0.9}
"""Optimizer → momentum: plain gradient descent, and that of He et al."""

SINGLE = "; these are single examples, to be made into batches"


@dataclass(frozen=True)
class Options:
    """What to train like; `d2lutils.torch.fit` explains each.

    Raises:
        ValueError: A value is not valid; it is named.
    """

    num_epochs: int
    lr: float
    optimizer: str = "sgd"
    weight_decay: float = 0.0
    schedule: str = "constant"
    label_smoothing: float = 0.0
    mixed_precision: bool = False
    checkpoint: str | os.PathLike | None = None
    seed: int | None = None

    def __post_init__(self):
        check_positive_int("num_epochs", self.num_epochs)
        check_number("lr", self.lr, positive=True)
        check_number("weight_decay", self.weight_decay)
        check_number("label_smoothing", self.label_smoothing, below=1)
        check_name("optimizer", self.optimizer, MOMENTUM)
        check_name("schedule", self.schedule, SCHEDULES)
        path = self.checkpoint
        if path is not None and not isinstance(path, (str, os.PathLike)):
            raise ValueError(f"checkpoint must be a path, not {path!r}")
        if self.seed is not None:
            is_integer = isinstance(self.seed, numbers.Integral)
            if not is_integer or self.seed < 0:
                raise ValueError(
                    f"seed must be an integer ≥ 0, not {self.seed!r}"
                )

    @property
    def momentum(self) -> float:
        """The factor of the velocity in the next one."""
        return MOMENTUM[self.optimizer]


class Engine(Protocol):
    """What trains one network of a framework on one device."""

    rank: int
    """This process's number among those that train together."""

    size: int
    """How many processes train together."""

    def seed(self, seed: int) -> None:
        """Seed what the framework draws from."""

    def start(self) -> None:
        """Begin an epoch: training mode, sums set to zero."""

    def step(self, X: Any, y: Any, lr: float) -> None:
        """Train on one batch, without waiting for it.

        It adds to the sums, on the device, and takes only this process's
        share of the batch.

        Raises:
            ValueError: The batch is not such as can be trained on.
        """

    def sums(self) -> tuple[float, int, int]:
        """Wait for the device, and tell how the epoch went.

        Returns:
            The sum of the examples' losses, how many were classified
            correctly, and how many steps had gone by when the loss was last
            finite.

        Raises:
            ValueError: Some label of the epoch was out of range.
        """

    def evaluate(self, data_iter: Iterable) -> float:
        """Return the accuracy on some batches, in evaluation mode."""

    def state(self) -> dict[str, np.ndarray]:
        """Return all that training changes: name → array."""

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `state` returned."""


def in_float32(options: Options, device: str) -> Options:
    """Give mixed precision up, in favour of float32, and say so.

    Args:
        options: The options that ask for it.
        device: The name of the device that has no bfloat16.
    """
    print(f"mixed_precision: {device} has no bfloat16; float32 is used")
    return dataclasses.replace(options, mixed_precision=False)


def check_iterables(
    train_iter: Iterable, test_iter: Iterable, options: Options
) -> None:
    """Raise a ValueError unless both iterables can be trained with."""
    for name, batches in ("train_iter", train_iter), ("test_iter", test_iter):
        if num_batches(batches) == 0:
            raise ValueError(f"{name} is empty")
        if hasattr(batches, "__next__"):
            raise ValueError(
                f"{name} can be gone through only once; a list of its batches "
                "will do, or an object whose __iter__ starts again"
            )
    if options.schedule != "constant" and num_batches(train_iter) is None:
        raise ValueError(
            f"train_iter has no len, and so no schedule {options.schedule}"
        )


def check_name(name, value, known):
    """Raise a ValueError unless a value is one of the known names."""
    if value not in known:
        names = ", ".join(known)
        raise ValueError(f"{name} is {value!r}, not one of {names}")


def check_number(name, value, positive=False, below=math.inf):
    """Raise a ValueError unless a value is at least 0 and below a bound."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value < below or (positive and value == 0):
        kind = "a positive number" if positive else "a number, at least 0"
        if below < math.inf:
            kind += f" and below {below}"
        raise ValueError(f"{name} must be {kind}, not {value!r}")


def pairs(name: str, batches: Iterable) -> Iterator[tuple[Any, Any]]:
    """Yield batches `X, y`.

    Args:
        name: What a reader calls the batches.
        batches: What may hold something else.

    Raises:
        ValueError: A batch is no pair; it says what it is.
    """
    if not hasattr(batches, "__iter__"):  # by number, it might have no end
        batches = map(batches.__getitem__, range(len(batches)))
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ValueError(
                f"{name}: a batch must be a pair X, y, and this one is "
                f"{_described(batch)}"
            )
        yield batch


def _described(value):
    # What is no pair of arrays, in words.
    if isinstance(value, Mapping):
        return f"a dictionary with the keys {', '.join(map(repr, value))}"
    kind = type(value)
    if isinstance(value, (tuple, list)):
        return f"a {kind.__name__} of {len(value)}"
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"of the type {module}{kind.__qualname__}"


def check_pair(name, X, y, type_name):
    """Raise a ValueError unless a batch is images and as many class numbers.

    Args:
        name: What a reader calls the batches.
        X: Images, or whatever else a network takes.
        y: Class numbers.
        type_name: Returns the type of an array's numbers, such as `float32`;
            `None` if it is no array of NumPy or of the framework.
    """
    kinds = type_name(X), type_name(y)
    for what, part, kind in zip("Xy", (X, y), kinds, strict=True):
        if kind is None:
            raise ValueError(
                f"{name}: {what} must be an array of NumPy or of the "
                f"framework, and is {_described(part)}"
                f"{SINGLE if isinstance(part, numbers.Number) else ''}"
            )
    if not kinds[0].startswith(("float", "bfloat", "int", "uint", "bool")):
        raise ValueError(f"{name}: X must be real numbers, not {kinds[0]}")
    if len(y.shape) != 1 or not len(X.shape) or X.shape[0] != y.shape[0]:
        remedy = {
            0: SINGLE,
            2: "; y.argmax(1) makes class numbers of one-hot labels",
        }
        raise ValueError(
            f"{name}: X has the shape {tuple(X.shape)} and the labels have "
            f"the shape {tuple(y.shape)}; they must be (N, …) and (N,)"
            f"{remedy.get(len(y.shape), '')}"
        )
    if not kinds[1].startswith(("int", "uint")):
        raise ValueError(f"{name}: labels must be integers, not {kinds[1]}")


def is_numbers(kind, num_axes):
    """Whether an input is to have the network's floating-point type.

    Integers without the axes of images may number words; they stay.

    Args:
        kind: The type of its numbers, such as `float32`.
        num_axes: How many axes it has.
    """
    small = kind in ("bool", "uint8", "int8")
    return num_axes == 4 or small or "float" in kind


def plain(array):
    """Return an array of NumPy as one that every framework can take."""
    if array.dtype.name == "bfloat16":  # NumPy has it from elsewhere
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def check_batches(
    first_scores, taken, type_name, numpy, train_iter, test_iter
):
    """Raise a ValueError unless a network fits the first batches.

    Args:
        first_scores: Returns a network's scores of the first of some images.
        taken: Returns the tensors to train on of `name, X, y`.
        type_name: Returns the type of an array's numbers: see `check_pair`.
        numpy: Turns a tensor into a NumPy array.
        train_iter: Batches `X, y` to train on.
        test_iter: Batches `X, y` to test on.

    Returns:
        The first images to train on.
    """
    shapes = {}  # of scores, by that of an image: equal ones cost once
    first = []
    for name, batches in ("train_iter", train_iter), ("test_iter", test_iter):
        given, y = first_pair(name, batches)
        X, y = taken(name, given, y)
        if not len(y):
            raise ValueError(f"{name}: the first batch has no examples")
        first.append(X)
        image = tuple(X.shape[1:])
        if image not in shapes:
            try:
                shapes[image] = tuple(first_scores(X).shape[1:])
            except Exception as error:
                if "int" not in type_name(X):
                    raise
                raise ValueError(
                    f"{name}: X is {type_name(X)}, which the network cannot "
                    "take; images and features are floating-point numbers"
                ) from error
        if len(shapes[image]) != 1:
            raise ValueError(
                f"{name}: for {len(X)} images the scores have the shape "
                f"{(len(X), *shapes[image])}; it must be (N, classes)"
            )
        y = numpy(y)
        check_labels(name, y.min(), y.max(), *shapes[image])
        kind = type_name(given)
        if len(X.shape) == 4 and "int" in kind and numpy(given[:1]).max() > 1:
            print(
                f"{name}: the images are {kind} and are taken as they are; "
                "networks learn better from X / 255"
            )
    return first[0]


def first_pair(name, batches):
    """Return the first batch `X, y`.

    Raises:
        ValueError: There is none, or it is no pair.
    """
    for pair in pairs(name, batches):
        return pair
    raise ValueError(f"{name} is empty")


def check_labels(name, lowest, highest, num_classes):
    """Raise a ValueError unless class numbers are in range.

    Args:
        name: What a reader calls the batches.
        lowest: The lowest class number.
        highest: The highest.
        num_classes: How many scores a network has.
    """
    if lowest < 0 or highest >= num_classes:
        raise ValueError(
            f"{name}: the label {lowest if lowest < 0 else highest} is out of "
            f"range; the network has {num_classes} classes, 0 to "
            f"{num_classes - 1}"
        )


@contextmanager
def explaining(explained: Callable[[Exception], Exception | None]):
    """Raise an error that says what to do in place of a framework's own.

    Args:
        explained: Returns that error, if there is one for an error.
    """
    try:
        yield
    except Exception as error:
        if (better := explained(error)) is None:
            raise
        raise better from error


def out_of_memory():
    """Return the error that a device has not enough memory."""
    return MemoryError(
        "the device is out of memory; a smaller batch_size, images of a "
        "smaller size (resize), or mixed_precision=True need less"
    )


def num_batches(batches):
    """Return how many batches an iterable has; `None` if it cannot tell."""
    try:
        return len(batches)
    except TypeError:
        return None


def fit(
    engine: Engine,
    train_iter: Iterable,
    test_iter: Iterable,
    options: Options,
) -> History:
    """Train, show the progress and return the history.

    Each epoch begins with a seed of its own, made from the run's and the
    epoch's number, for the order of the examples and for whatever the
    framework draws. So an epoch is the same whether this process has trained
    those before it or has read a checkpoint. The global generators of Python
    and of NumPy are the reader's, and left alone.

    Raises:
        ValueError: An epoch had no examples, a batch is not such as can be
            trained on, or the checkpoint does not fit or cannot be written.
        FloatingPointError: The loss became infinite or NaN.
    """
    settings = _settings(options, train_iter)
    history, seed = _resume(engine, options, settings)
    done = len(history["train_loss"])
    with Progress(options.num_epochs, num_batches(train_iter)) as progress:
        if done:
            print(
                f"{options.checkpoint}: {done} of {options.num_epochs} epochs "
                "were done before"
            )
            progress.epoch(history)
        for epoch in range(done, options.num_epochs):
            rate = _rate(options, num_batches(train_iter), epoch)
            _set_seed(engine, _epoch_seed(seed, epoch))
            start = time.perf_counter()
            try:
                loss_sum, correct, count = train_epoch(
                    engine,
                    pairs("train_iter", train_iter),
                    rate,
                    progress.step,
                )
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"epoch {epoch + 1}: {error}"
                ) from None
            seconds = time.perf_counter() - start
            train_acc = accuracy(correct, count, "train_iter")
            history["train_loss"].append(loss_sum / count)
            history["train_acc"].append(train_acc)
            history["seconds"].append(seconds)
            history["examples_per_sec"].append(count / seconds)
            history["test_acc"].append(engine.evaluate(test_iter))
            if options.checkpoint is not None and engine.rank == 0:
                record = {
                    "history": history,
                    "seed": int(seed),
                    "settings": settings,
                }
                checkpoints.save(options.checkpoint, engine.state(), record)
            progress.epoch(history)
    return history


def train_epoch(
    engine: Engine,
    train_iter: Iterable,
    rate: Callable[[int], float],
    after_step: Callable[[], None],
) -> tuple[float, int, int]:
    """Train for one epoch.

    Args:
        engine: What takes a step.
        train_iter: Batches `X, y`.
        rate: The learning rate as a function of the step, counted from 0.
        after_step: Called after each step.

    Returns:
        The sum of the examples' losses, how many examples were classified
        correctly, and how many there were.

    Raises:
        ValueError: A batch has fewer examples than there are processes.
        FloatingPointError: The loss became infinite or NaN.
    """
    engine.start()
    steps = count = 0
    for X, y in train_iter:
        engine.step(X, y, rate(steps))
        steps, count = steps + 1, count + len(y)
        after_step()
    # Read once: a reading after each step would make a GPU wait for Python.
    loss_sum, correct, finite_steps = engine.sums()
    check_finite(finite_steps, steps, rate)
    return loss_sum, correct, count


def check_finite(finite_steps, steps, rate):
    """Raise a FloatingPointError unless the loss was finite to the end."""
    if finite_steps < steps:
        raise FloatingPointError(
            f"the loss is no longer finite: step {finite_steps + 1} of "
            f"{steps}, learning rate {rate(finite_steps):.3g}; a smaller one "
            "may help"
        )


def check_share(batch_size, num_processes):
    """Raise a ValueError unless each process has a share of a batch."""
    if batch_size < num_processes:
        raise ValueError(
            f"train_iter: a batch of {batch_size} cannot be shared by "
            f"{num_processes} processes; choose another batch size"
        )


def _rate(options, per_epoch, epoch):
    """Return the learning rate as a function of the step of an epoch."""
    if options.schedule == "constant":
        return lambda step: options.lr
    return lambda step: learning_rate(
        options.schedule,
        options.lr,
        epoch * per_epoch + step,
        options.num_epochs * per_epoch,
    )


def _set_seed(engine, seed):
    """Seed the order of the examples and what the framework draws from."""
    data.seed_order(seed)
    with data.kept_generators():  # some frameworks seed them, too
        engine.seed(seed)


def _epoch_seed(seed, epoch):
    # The first epoch's is the seed itself. Seeds that lie close together, as
    # people choose them, have no epochs in common.
    return (seed + 65_537 * epoch) % 2**32


def _settings(options, train_iter):
    """Return what two runs have to share to be the same, as JSON can hold."""
    return {
        "num_epochs": options.num_epochs,
        "num_batches": num_batches(train_iter),
        "lr": float(options.lr),
        "optimizer": options.optimizer,
        "weight_decay": options.weight_decay,
        "schedule": options.schedule,
        "label_smoothing": options.label_smoothing,
        "mixed_precision": options.mixed_precision,
    }


def _resume(engine, options, settings):
    """Go on from the checkpoint, if there is one.

    Returns:
        The history so far and the seed of the run.
    """
    path, seed = options.checkpoint, options.seed
    if path is not None and engine.rank == 0:  # the others only read
        checkpoints.check(path)
    saved = None if path is None else checkpoints.load(path)
    if saved is not None:
        arrays, record = saved
        _check_checkpoint(path, engine.state(), arrays, record, settings, seed)
        engine.restore(arrays)
        return record["history"], record["seed"]
    return (
        {name: [] for name in HISTORY},
        data.draw_seed() if seed is None else seed,
    )


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


def accuracy(correct: int, count: int, name: str = "data_iter") -> float:
    """Return `correct / count`.

    Raises:
        ValueError: `count` is 0: the iterable called `name` had no examples.
    """
    if count == 0:
        raise ValueError(f"{name} is empty")
    return correct / count


def report(history: History, device: str) -> None:
    """Print how a training ended and how fast it was.

    Args:
        history: What `fit` returned.
        device: The name of the device.
    """
    print(summary(history))
    pairs = zip(history["seconds"], history["examples_per_sec"], strict=True)
    examples = sum(seconds * rate for seconds, rate in pairs)
    rate = examples / sum(history["seconds"])
    print(f"{rate:.1f} examples/sec on {device}")
