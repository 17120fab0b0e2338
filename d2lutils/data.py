"""Fashion-MNIST as NumPy arrays, and how to cut it into mini-batches.

No framework is imported here. The three backends take the images, the order
of the examples and the resizing matrix from this module, which is why their
batches are the same.
"""

import math
import numbers
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from d2lutils import assets, fetch
from d2lutils.scale import VARIABLE, current_scale

FASHION_MNIST_CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)

FULL_SIZE = (60_000, 10_000)  # training and test images

CHANNELS = (1, 3, 4)  # grey, colour, and colour with transparency

# The one piece of global state: it draws the order of the examples. It is
# apart from NumPy's global generator so that nothing else advances it.
_order = np.random.default_rng()


class FashionMNIST(NamedTuple):
    """Images, uint8 of shape (N, 28, 28); labels, int64 of shape (N,)."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and the order of the examples."""
    random.seed(seed)
    np.random.seed(seed)
    seed_order(seed)


def seed_order(seed: int) -> None:
    """Seed the order of the examples, and nothing else."""
    global _order
    _order = np.random.default_rng(seed)


@contextmanager
def kept_generators() -> Iterator[None]:
    """Leave Python's and NumPy's global generators as they were."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def draw_seed():
    """Return a seed, drawn as the order of the examples is."""
    return int(_order.integers(2**31))


def get_fashion_mnist_labels(labels):
    """Return the text labels, a list, of the class numbers `labels`."""
    return [FASHION_MNIST_CLASSES[int(i)] for i in labels]


def load_fashion_mnist(scale):
    """Return the data set, or the part of it that a scale asks for.

    Args:
        scale: A `d2lutils.scale.Scale`. All but `full` are taken from the
            sample in the package.

    Raises:
        d2lutils.fetch.DataNotFoundError: `full`, and no copy can be had.
    """
    if scale.train_images is None:
        contents = map(fetch.read_content, fetch.CONTENTS)
        arrays = [fetch.decode_idx(content) for content in contents]
    else:
        n, m = scale.train_images, scale.test_images
        limits = (n, n, m, m)
        arrays = [
            x[:k] for x, k in zip(assets.load_sample(), limits, strict=True)
        ]
    train_images, train_labels, test_images, test_labels = arrays
    # The bytes of the labels would overflow in arithmetic.
    return FashionMNIST(
        train_images,
        train_labels.astype(np.int64),
        test_images,
        test_labels.astype(np.int64),
    )


def load_for_batches(batch_size, resize, has_gpu):
    """Check a loader's arguments and return the data for the current scale.

    Prints one line if that is less than all the data.

    Raises:
        ValueError: An argument, or `D2L_SCALE`, is not valid.
    """
    check_positive_int("batch_size", batch_size)
    if resize is not None:
        check_positive_int("resize", resize)
    scale = current_scale(has_gpu).for_side(resize or 28)
    data = load_fashion_mnist(scale)
    counts = len(data.train_labels), len(data.test_labels)
    if counts != FULL_SIZE:
        print(
            f"{VARIABLE}={scale.name}, not full: {counts[0]:,} of "
            f"{FULL_SIZE[0]:,} training and {counts[1]:,} of "
            f"{FULL_SIZE[1]:,} test images"
        )
    return data


def as_examples(images, labels):
    """Return pictures and their classes as `Backend.batches` takes them.

    Args:
        images: Bytes, or floating-point numbers, of shape (N, H, W),
            (N, C, H, W) or (N, H, W, C), with 1, 3 or 4 channels.
        labels: N class numbers, of shape (N,) or (N, 1).

    Returns:
        Images of shape (N, C, H, W), uint8 or float32, and labels of shape
        (N,), int64.

    Raises:
        ValueError: They are something else; the message says what.
    """
    images, labels = _as_array("images", images), _as_array("labels", labels)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(
            f"images are {images.dtype}; they must be uint8, from 0 to 255, "
            "or floating-point numbers"
        )
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels are {labels.dtype}; they must be integers")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if images.size == 0 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"images have the shape {images.shape} and labels {labels.shape}; "
            "there must be at least one image, and a label for each"
        )
    images = _channels_first(images)
    if images.dtype != np.uint8:
        images = images.astype(np.float32, copy=False)
    # Not every framework takes an array whose axes were moved. What a reader
    # does to the arrays later is no matter of the batches.
    return images.copy(order="C"), labels.astype(np.int64)


def _as_array(name, values):
    try:
        array = np.asarray(values)
    except ValueError:  # what NumPy says of rows of different lengths
        array = None
    if array is None or array.dtype == object:
        raise ValueError(
            f"{name} do not make one array of numbers; pictures of different "
            "sizes must be resized before"
        )
    return array


def _channels_first(images):
    """Return images as (N, C, H, W)."""
    shape = images.shape
    if images.ndim == 3:
        return images[:, np.newaxis]
    if images.ndim == 4 and shape[1] in CHANNELS:
        if shape[3] not in CHANNELS:
            return images
    elif images.ndim == 4 and shape[3] in CHANNELS:
        return np.moveaxis(images, 3, 1)
    raise ValueError(
        f"images have the shape {shape}; it must be (N, height, width), "
        "(N, channels, height, width) or (N, height, width, channels) with "
        "1, 3 or 4 channels, and one of the two only"
    )


def check_positive_int(name, value):
    """Raise a ValueError naming the argument unless it is an integer > 0."""
    is_int = isinstance(value, numbers.Integral)
    if not is_int or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} must be a positive integer, not {value!r}")


def bilinear_matrix(n_in, n_out):
    """Return the matrix that resizes a row of pixels, bilinearly.

    `A @ image @ A.T` resizes an image of shape (n_in, n_in) as Pillow's
    bilinear filter does: pixels have their centres at halves, and where an
    image shrinks the filter widens, so that every pixel in has its say.

    Args:
        n_in: Pixels before.
        n_out: Pixels after.

    Returns:
        A float32 array of shape (n_out, n_in), each row of which sums to 1.
    """
    step = n_in / n_out
    centres = (np.arange(n_out) + 0.5) * step
    distances = np.arange(n_in) + 0.5 - centres[:, None]
    weights = np.maximum(0, 1 - np.abs(distances) / max(step, 1))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)


class Batches:
    """Mini-batches, as often as one likes to go through them.

    Args:
        num_examples: How many examples there are.
        batch_size: Examples in a batch; the last may have fewer.
        make_batch: Turns the numbers of some examples, int64, and whether
            to flip each, bool, into a batch.
        shuffle: Whether each pass draws a new order of all the examples.
        augment: Whether each pass draws for every example if it is flipped;
            else none is.
    """

    def __init__(
        self,
        num_examples,
        batch_size,
        make_batch,
        shuffle=False,
        augment=False,
    ):
        self.num_examples = num_examples
        self.batch_size = batch_size
        self.make_batch = make_batch
        self.shuffle = shuffle
        self.augment = augment

    def __len__(self):
        return math.ceil(self.num_examples / self.batch_size)

    def __iter__(self):
        order, flipped = self.draw()
        for start in range(0, self.num_examples, self.batch_size):
            part = slice(start, start + self.batch_size)
            yield self.make_batch(order[part], flipped[part])

    def draw(self):
        """Return the examples' numbers and flips, in the order of a pass."""
        order = np.arange(self.num_examples)
        flipped = np.zeros(self.num_examples, bool)
        if self.shuffle:
            order = _order.permutation(order)
        if self.augment:
            flipped = _order.random(self.num_examples) < 0.5
        return order, flipped
