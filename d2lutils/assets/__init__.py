"""What the package carries: a sample of Fashion-MNIST and small weights.

The sample is balanced. It holds the first 400 training and the first 100
test images of each class, in their original order: 4,000 and 1,000 images.
`python -m d2lutils.assets` makes it anew from the full data.
"""

from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("fashion_mnist.npz")
TRAINED = PATH.with_name("small_resnet.safetensors")
"""Weights of a `SmallResNet` with one block a stage, trained in PyTorch.

`python -m benchmarks.hand_over` trains it anew.
"""
NAMES = ("train_images", "train_labels", "test_images", "test_labels")
PER_CLASS = {"train": 400, "test": 100}


def load_sample():
    """Return the sample's four uint8 arrays.

    Returns:
        Training images (4000, 28, 28) and labels (4000,), test images
        (1000, 28, 28) and labels (1000,).
    """
    with np.load(PATH) as file:
        return tuple(file[name] for name in NAMES)


def same_numbers():
    """Return what PyTorch computed in the chapter `same_numbers`.

    Returns:
        Kind and name of a quantity → norm and first entries of its array.
        `python -m benchmarks.same_numbers --write` computes them anew.
    """
    with np.load(PATH.with_name("same_numbers.npz")) as file:
        return dict(file)


def select(labels, per_class):
    """Return the numbers, ascending, of each class's first examples.

    Args:
        labels: Class numbers, shape (N,).
        per_class: How many examples to take of each class.
    """
    firsts = [
        np.flatnonzero(labels == c)[:per_class] for c in np.unique(labels)
    ]
    return np.sort(np.concatenate(firsts))
