"""Weights under one set of names: torchvision's, as NumPy arrays.

A convolution's weight has the shape (out, in, height, width), a fully
connected layer's (out, in). The backends translate between this dictionary
and their own layouts, so that weights move from one framework to another.
"""

import numpy as np
from safetensors.numpy import load_file, save_file

# Counts batches in PyTorch's state_dict; no framework computes with it.
_COUNTER = "num_batches_tracked"


def canonical(name):
    """Return torchvision's name of a parameter of one of this book's nets."""
    return name.replace("shortcut.", "downsample.")


def check(weights, shapes):
    """Return the arrays that a network takes, after checking all of them.

    Args:
        weights: Name → array.
        shapes: Name → shape, of everything that the network has.

    Returns:
        Name → array, without what only PyTorch counts.

    Raises:
        ValueError: Entries are missing, surplus or of another shape; the
            message names every one of them.
    """
    arrays = {
        name: np.asarray(value)
        for name, value in weights.items()
        if not name.endswith(_COUNTER)
    }
    faults = [f"{name} is missing" for name in shapes if name not in arrays]
    for name, array in arrays.items():
        if name not in shapes:
            faults.append(f"{name} is surplus")
        elif array.shape != tuple(shapes[name]):
            faults.append(
                f"{name} has shape {array.shape}, not {tuple(shapes[name])}"
            )
    if faults:
        raise ValueError("the weights do not fit: " + "; ".join(faults))
    return arrays


def save(weights, path):
    """Write weights to a file in the safetensors format."""
    save_file(
        {name: np.ascontiguousarray(array) for name, array in weights.items()},
        path,
    )


def load(path):
    """Read the weights of a safetensors file: name → array."""
    return load_file(path)
