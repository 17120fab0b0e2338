"""Answers to the exercises of the chapter on the data."""

from answer_code import in_each, replace, replace_each

BODY = """
def batches(images, labels, batch_size):
{first}
    for i in range(0, len(labels), batch_size):
        yield images[i:i + batch_size], labels[i:i + batch_size]


check.shuffled_batches(batches)
"""


def written(*firsts):
    """Return `batches` with other first lines, for each framework."""
    return in_each(*(BODY.format(first=first) for first in firsts))


APART = written(
    "    images = images[torch.randperm(len(images))]\n"
    "    labels = labels[torch.randperm(len(labels))]",
    "    images = tf.random.shuffle(images)\n"
    "    labels = tf.random.shuffle(labels)",
    "    images = images[np.random.permutation(len(images))]\n"
    "    labels = labels[np.random.permutation(len(labels))]",
)
SEEDED = written(
    "    torch.manual_seed(0)\n"
    "    images = images[torch.randperm(len(images))]\n"
    "    torch.manual_seed(0)\n"
    "    labels = labels[torch.randperm(len(labels))]",
    "    tf.random.set_seed(0)\n"
    "    images = tf.random.shuffle(images)\n"
    "    tf.random.set_seed(0)\n"
    "    labels = tf.random.shuffle(labels)",
    "    np.random.seed(0)\n"
    "    images = images[np.random.permutation(len(images))]\n"
    "    np.random.seed(0)\n"
    "    labels = labels[np.random.permutation(len(labels))]",
)
UNSHUFFLED = written("    pass", "    pass", "    pass")
ONLY_BATCHES = """
def batches(images, labels, batch_size):
    starts = list(range(0, len(labels), batch_size))
    for i in np.random.permutation(starts[:-1]).tolist() + starts[-1:]:
        yield images[i:i + batch_size], labels[i:i + batch_size]


check.shuffled_batches(batches)
"""

ANSWERS = {
    "group_guess": {
        "wrong": [
            ("check.group_guess(40)", "in per cent"),
            ("check.group_guess(0.1)", "among all classes"),
            ("check.group_guess(0.25)", "the group is known"),
            (
                "check.group_guess((1 / 3 + 1 + 1 + 1 / 5) / 4)",
                "as if they were equally frequent",
            ),
            ("check.group_guess(0.8)", "`accuracy` is not right"),
            ("check.group_guess('0.4')", "has to be a number"),
        ],
        "right": [
            "check.group_guess(0.3 / 3 + 0.1 + 0.1 + 0.5 / 5)",
            "check.group_guess(np.float32(4) / 10)",
        ],
    },
    "resize_matrix": {
        "wrong": [
            (
                "check.resize_matrix([[1, 0], [2/3, 1/3], [1/3, 2/3], "
                "[0, 1]])",
                "aligns the corners",
            ),
            (
                "check.resize_matrix([[1, 0], [1, 0], [0, 1], [0, 1]])",
                "repeats each pixel",
            ),
            (
                "check.resize_matrix([[5/4, -1/4], [3/4, 1/4], [1/4, 3/4], "
                "[-1/4, 5/4]])",
                "beyond the outermost centres",
            ),
            (
                "check.resize_matrix([[3/4, 0], [3/4, 1/4], [1/4, 3/4], "
                "[0, 3/4]])",
                "zeros outside the image",
            ),
            (
                "check.resize_matrix(np.transpose(A))",
                "one for each new pixel",
            ),
            (
                "check.resize_matrix([[1, 0], [3/4, 1/4], [1/4, 1/4], "
                "[0, 1]])",
                "the weights in `A[2]` sum to 0.5",
            ),
        ],
        "right": [
            "check.resize_matrix(np.array([[4, 0], [3, 1], [1, 3], [0, 4]]) "
            "/ 4)"
        ],
    },
    "mean_images": {
        "wrong": [
            (
                replace(
                    "images[labels == c].mean(axis=0)", "images.mean(axis=0)"
                ),
                "the mean of all images",
            ),
            (
                replace(".mean(axis=0) for", ".sum(axis=0) / len(labels) for"),
                "divided by the number of all examples",
            ),
            (
                replace(".mean(axis=0) for", ".sum(axis=0) for"),
                "not yet the means",
            ),
            (
                replace(
                    ".mean(axis=0) for",
                    ".sum(axis=0) / (len(labels) / 10) for",
                ),
                "assumed to be equally frequent",
            ),
            (
                replace(
                    "check.mean_images(mean_images)",
                    "check.mean_images(means)",
                ),
                "has to be a function",
            ),
            (
                "check.mean_images(lambda images, labels: np.stack("
                "[images[labels == c].mean() for c in range(10)]))",
                "one number per class",
            ),
            (
                """
check.mean_images(lambda images, labels: np.stack(
    [images[labels == c][:5].mean(axis=0) for c in range(10)]))
""",
                "entries of",
            ),
            (
                """
def sums_of_bytes(images, labels):
    total = np.zeros((10, 28, 28), images.dtype)
    for image, label in zip(images, labels):
        total[label] += image
    return total / np.bincount(labels)[:, None, None]


check.mean_images(sums_of_bytes)
""",
                "entries of",
            ),
            (
                """
total, counts = np.zeros((10, 28, 28)), np.zeros((10, 1, 1))


def running(images, labels):
    for image, label in zip(images, labels):
        total[label] += image
        counts[label] += 1
    return total / counts


check.mean_images(running)
""",
                "entries of",
            ),
        ],
        "right": [
            """
def by_product(images, labels):
    one_hot = np.eye(10)[labels]
    sums = np.tensordot(one_hot, images, (0, 0))
    return sums / one_hot.sum(axis=0).reshape(10, 1, 1)


check.mean_images(by_product)
"""
        ],
    },
    "shuffled_batches": {
        "wrong": [
            (APART, "the label of another image"),
            (SEEDED, "every pass has the same order"),
            (UNSHUFFLED, "nothing is shuffled"),
            (ONLY_BATCHES, "neighbours in the data set"),
            (
                replace(
                    "range(0, len(labels), batch_size)",
                    "range(0, len(labels) - batch_size + 1, batch_size)",
                ),
                "are missing",
            ),
            (
                replace_each(
                    (
                        "torch.randperm(len(labels))",
                        "torch.randint(len(labels), (len(labels),))",
                    ),
                    (
                        "tf.random.shuffle(tf.range(len(labels)))",
                        "np.random.randint(0, len(labels), len(labels))",
                    ),
                    (
                        "np.random.permutation(len(labels))",
                        "np.random.randint(0, len(labels), len(labels))",
                    ),
                ),
                "times in one pass, and others do not occur",
            ),
            (replace("yield images", "return images"), "a batch has to be"),
        ],
        "right": [
            {
                "pytorch": """
from torch.utils.data import DataLoader, TensorDataset


def load(images, labels, batch_size):
    return DataLoader(TensorDataset(images, labels), batch_size,
                      shuffle=True)


check.shuffled_batches(load)
""",
                "tensorflow": """
def load(images, labels, batch_size):
    pairs = tf.data.Dataset.from_tensor_slices((images, labels))
    return pairs.shuffle(len(labels)).batch(batch_size)


check.shuffled_batches(load)
""",
                "mxnet": """
from mxnet import gluon


def load(images, labels, batch_size):
    data = gluon.data.ArrayDataset(images, labels)
    return gluon.data.DataLoader(data, batch_size, shuffle=True)


check.shuffled_batches(load)
""",
            },
            """
def lists(images, labels, batch_size):
    left = list(range(len(labels)))
    np.random.shuffle(left)
    while left:
        now, left = left[:batch_size], left[batch_size:]
        yield (np.stack([d2l.numpy(images[i]) for i in now]),
               np.stack([d2l.numpy(labels[i]) for i in now]))


check.shuffled_batches(lists)
""",
        ],
    },
}
