"""The second block of the paper, made by the class of `inception.md`."""

import numpy as np

SKIPPED = ()


def measure(book, backend):
    blk = book.Inception(256, 128, (128, 192), (32, 96), 64)
    if hasattr(blk, "initialize"):
        blk.initialize()
    X = np.zeros((1, 256, 28, 28), dtype=np.float32)
    return {
        "shape": backend.forward(blk, X).shape,
        "parameters": book.num_parameters(blk),
    }
