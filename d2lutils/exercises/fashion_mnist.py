"""The checks of the chapter on the data."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from d2lutils.check.answer import Unanswered, Wrong, exercise
from d2lutils.check.compare import array, function, number, same_results
from d2lutils.check.recognise import backend_of


@exercise(
    label="ex-fashion-mnist-groups",
    hint="For each group, ask how often its images occur, and how often the "
    "guess is right when they do.",
    second_hint="A group of k classes is met with probability k / 10, and the "
    "guess within it is right with probability 1 / k. Add up over the four "
    "groups.",
    why="An accuracy means little without a baseline to compare it with. "
    "This classifier cannot tell a sneaker from a sandal and is still four "
    "times as good as guessing: the coarse question is easy, and a network "
    "owes much of its accuracy to it. Two good networks differ in their "
    "mistakes within the groups. Read on in `The Data: Fashion-MNIST`, "
    "`Balance`.",
    read="fashion_mnist#balance",
)
def group_guess(accuracy: float) -> None:
    """Check the accuracy of guessing within a group, to 0.1 %."""
    number(
        "accuracy",
        accuracy,
        0.4,
        {
            40: "`accuracy` is in per cent; hand in a number between 0 and 1",
            0.1: "`accuracy` is that of a guess among all classes, as if the "
            "group were not known",
            0.25: "`accuracy` is how often a guess *of the group* is right, "
            "but the group is known",
            (1 / 3 + 1 + 1 + 1 / 5) / 4: "`accuracy` averages over the "
            "groups as if they were equally frequent, but they hold "
            "different numbers of classes",
        },
    )


@exercise(
    label="ex-fashion-mnist-resize",
    hint="Draw a line from 0 to 1, mark the two old centres and the four new "
    "ones, and measure how far each new one is on the way from one old "
    "centre to the other.",
    second_hint="The old centres are half an image apart. The new pixel at "
    "3/8 is a quarter of that distance from the one at 1/4: how much weight "
    "does it give to each? The one at 1/8 lies outside of both.",
    why="Resizing is multiplication by such a matrix; the loader's has 96 "
    "rows and 28 columns. Libraries differ in whether they align centres or "
    "corners. The shapes are the same but the pixels are not, so use a "
    "trained network with the resizing it was trained with. Read on in "
    "`The Data: Fashion-MNIST`, `Enlarging the Images`.",
    read="fashion_mnist#enlarging-the-images",
)
def resize_matrix(A: ArrayLike) -> None:
    """Check the matrix that resizes 2 pixels to 4, entries to 0.001."""
    right = np.array([[4, 0], [3, 1], [1, 3], [0, 4]]) / 4
    mistakes = [
        (
            np.array([[3, 0], [2, 1], [1, 2], [0, 3]]) / 3,
            "`A` aligns the corners: its first and last new pixels are where "
            "the old ones are, but the exercise aligns the centres",
        ),
        (
            [[1, 0], [1, 0], [0, 1], [0, 1]],
            "`A` repeats each pixel: that is the nearest neighbour, not "
            "interpolation",
        ),
        (
            [[1.25, -0.25], [0.75, 0.25], [0.25, 0.75], [-0.25, 1.25]],
            "`A` extrapolates beyond the outermost centres, where the "
            "outermost value should be repeated",
        ),
        (
            [[0.75, 0], [0.75, 0.25], [0.25, 0.75], [0, 0.75]],
            "`A` assumes zeros outside the image: its outer rows do not sum "
            "to 1",
        ),
        (
            right.T,
            "`A` has a row for each old pixel; it should have one for each "
            "new pixel",
        ),
    ]
    try:
        array("A", A, right, 1e-3, mistakes)
    except Wrong as wrong:
        sums = _row_sums(A)
        known = any(wrong.what == words for _, words in mistakes)
        if known or sums is None or np.allclose(sums, 1, atol=1e-3):
            raise
        row = int(np.argmax(abs(sums - 1) > 1e-3))
        raise Wrong(
            f"the weights in `A[{row}]` sum to {sums[row]:.3g}: an image of "
            "a single grey value would change"
        ) from None


def _row_sums(matrix):
    try:
        matrix = np.asarray(matrix, float)
    except (TypeError, ValueError):
        return None
    return matrix.sum(axis=1) if matrix.shape == (4, 2) else None


def _means(images, labels):
    return np.stack([images[labels == c].mean(axis=0) for c in range(10)])


def _of_all(images, labels):
    return np.stack([images.mean(axis=0)] * 10)


def _over_all(images, labels):
    return _sums(images, labels) / len(labels)


def _sums(images, labels):
    return np.stack([images[labels == c].sum(axis=0) for c in range(10)])


def _evenly(images, labels):
    return _sums(images, labels) * 10 / len(labels)


def _greys(images, labels):
    return np.stack([images[labels == c].mean() for c in range(10)])


@exercise(
    label="ex-fashion-mnist-means",
    hint="`labels == c` is a Boolean array and can be used as an index.",
    second_hint="Select the images of class c with `images[labels == c]` and "
    "take their mean over the first axis only; stack the ten results.",
    why="A classifier that knows only the ten means is a baseline for every "
    "network after it. The next exercise shows how good it is. Averages over "
    "some of the axes return later in this book: batch normalisation takes "
    "them for each channel. Read on in `Convolutional Blocks`.",
    read="convolutional_blocks#batch-normalisation",
)
def mean_images(mean_images: Callable) -> None:
    """Check a function that averages images by class, to 0.1 %."""
    rng = np.random.default_rng(1)
    cases = []
    for counts in ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [3] * 10):
        labels = rng.permutation(np.repeat(np.arange(10), counts))
        images = rng.random((len(labels), 28, 28), np.float32)
        images[:, :14] += labels[:, None, None]  # no two classes alike
        cases.append((images, labels))
    drawn = []
    for kind, most in (np.float32, 1), (np.uint8, 256), (np.uint8, 256):
        labels = rng.permutation(np.repeat(range(10), rng.integers(1, 13, 10)))
        images = (most * rng.random((len(labels), 28, 28))).astype(kind)
        drawn.append((images, labels))
    function("mean_images", mean_images)
    same_results(
        "mean_images",
        mean_images,
        _means,
        cases,
        mistakes=[
            (
                _of_all,
                "all ten images are the mean of all images: the labels make "
                "no difference",
            ),
            (
                _over_all,
                "the sum over a class is divided by the number of all "
                "examples, not by that of the class",
            ),
            (
                _sums,
                "these are the sums over each class, not yet the means",
            ),
            (
                _evenly,
                "the classes are assumed to be equally frequent; here they "
                "are not",
            ),
            (
                _greys,
                "the mean is taken over the pixels, too: one number per "
                "class, not an image",
            ),
        ],
        more=drawn,
    )


def _passes(batches, backend, count, size, passes):
    """Return what each call yields: lists of (images, labels) in NumPy."""
    for _ in range(passes):
        numbers = np.arange(count, dtype=np.float32)
        images = np.tile(numbers[:, None, None, None], (1, 1, 28, 28))
        images, labels = backend.images(images), backend.tensor(numbers)
        yielded = batches(images, labels, size)
        if yielded is ...:
            raise Unanswered
        if yielded is None:
            raise Wrong("`batches` returns None: it has to yield batches")
        pairs = []
        for batch in yielded:
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise Wrong("a batch has to be a pair: images and labels")
            pairs.append(tuple(np.asarray(backend.numpy(x)) for x in batch))
        yield pairs


def _check_pass(pairs, count, size):
    """Compare one pass; return the order of the examples."""
    for index, (images, labels) in enumerate(pairs):
        if len(images) != len(labels):
            raise Wrong(
                f"batch {index} has {len(images)} images and {len(labels)} "
                "labels"
            )
    sizes = [len(labels) for _, labels in pairs]
    order = np.concatenate([labels for _, labels in pairs] or [[]])
    if len(order) < count and sizes == [size] * (count // size):
        raise Wrong(
            f"of {count} examples in batches of {size} the last "
            f"{count % size} are missing",
            "The last batch may be smaller, but it counts as well.",
        )
    seen, times = np.unique(order, return_counts=True)
    if len(order) != count:
        few = "few" if len(order) < count else "many"
        raise Wrong(f"a pass has too {few} examples: {len(order)}")
    if len(seen) != count:
        raise Wrong(
            f"example {int(seen[times.argmax()])} comes {times.max()} times "
            "in one pass, and others do not occur"
        )
    wanted = [size] * (count // size) + [count % size] * (count % size > 0)
    if sizes != wanted:
        raise Wrong(f"{count} examples come in batches of {sizes}")
    images = np.concatenate([images for images, _ in pairs])
    shown = images.reshape(count, -1)[:, 0]
    if not np.array_equal(np.sort(shown), np.arange(count)):
        raise Wrong("each label occurs once, but not each image")
    if wrong := int((shown != order).sum()):
        raise Wrong(
            f"{wrong} of {count} images have the label of another image"
        )
    return order


@exercise(
    label="ex-fashion-mnist-shuffle",
    hint="Follow one image and its label through the function. What decides "
    "where each of them goes?",
    second_hint="Draw one random order, and index both the images and the "
    "labels with it.",
    why="This bug changes no shape and raises no error; only the loss, which "
    "stays at log 10, gives it away. So compare the loss of every new "
    "network with the log of the number of classes, and look at a few images "
    "with their labels *as the network gets them*. Read on in "
    "`The Data: Fashion-MNIST`, `The Order of the Examples`.",
    read="fashion_mnist#the-order-of-the-examples",
)
def shuffled_batches(batches: Callable) -> None:
    """Check a function that yields shuffled batches."""
    function("batches", batches)
    backend = backend_of(batches)
    for count, size, passes in (23, 5, 2), (16, 16, 2), (122, 6, 10):
        orders = [
            _check_pass(pairs, count, size)
            for pairs in _passes(batches, backend, count, size, passes)
        ]
    _check_orders(np.stack([np.arange(count), *orders]).astype(int), size)


def _check_orders(orders, size):
    """Raise `Wrong` unless all orders are unlike each other.

    The bounds are so far from what independent random orders have that they
    meet one of them once in a million checks.

    Args:
        orders: Of the same examples: first as they are, then pass by pass.
        size: Examples in a batch.
    """
    count = orders.shape[1]
    places = np.argsort(orders, axis=1)  # where each example is
    if any((order == orders[0]).all() for order in orders[1:]):
        raise Wrong(
            "images and labels belong together, but nothing is shuffled"
        )
    if (orders[1] == orders[2]).all():
        raise Wrong(
            "images and labels belong together, but every pass has the same "
            "order",
            "If you set a seed before each pass, all passes are alike.",
        )
    followers = [
        np.where(place + 1 < count, np.roll(order, -1)[place], -1)
        for order, place in zip(orders, places, strict=True)
    ]
    for i, j in itertools.combinations(range(len(orders)), 2):
        where = "in the data set" if i == 0 else "in another pass"
        if (together := _together(places[i] // size, places[j] // size)) > 0.2:
            raise Wrong(
                f"{together:.0%} of the examples that share a batch are "
                f"neighbours {where}, too"
                if i == 0
                else f"{together:.0%} of the examples that share a batch "
                "share one in another pass, too",
                "Every example has to find its place independently of the "
                "others.",
            )
        same = (places[i] == places[j]).mean()
        if same > 0.15:
            raise Wrong(
                f"{same:.0%} of the examples have the place that they have "
                + where
            )
        steps = (followers[i] == followers[j]).mean()
        if steps > 0.15:
            raise Wrong(
                f"{steps:.0%} of the examples are followed by the same one "
                + where
            )
    mixed = np.corrcoef(places)[0, 1:]
    if mixed.mean() > 0.17:
        raise Wrong(
            "the order is random, but examples hardly leave the place that "
            "they have in the data set: those from its beginning come early"
        )
    span = places[1:].max(axis=0) - places[1:].min(axis=0)
    if span.min() < 0.1 * count:
        raise Wrong(
            f"the order is random, but example {span.argmin()} of {count} "
            "hardly moves from one pass to another"
        )
    # Every second one, every third and so on has to come everywhere.
    for step in range(2, 5):
        for first in range(step):
            part = places[1:, first::step]
            if part.max() - part.min() < 0.75 * count:
                raise Wrong(
                    "the examples are shuffled within parts of the data set "
                    "only"
                )


def _together(batches, others):
    """Return how many of the pairs in a batch are together elsewhere, too."""
    first, second = np.triu_indices(len(batches), 1)
    pairs = batches[first] == batches[second]
    return (others[first] == others[second])[pairs].mean()
