"""Load Fashion-MNIST, against d2l's loader, in TensorFlow."""

from benchmarks import compare, peers
from d2lutils import tensorflow as d2l


def rows():
    """Measure; return the rows."""
    peer = peers.d2l("tensorflow")
    found = [
        compare.speed(
            f"load the training set at {size} px, batches of 256",
            "d2l's loader",
            "≥ 1.5",
            60_000,
            *peers.loaders(d2l, peer, size, 256),
            runs=7,
        )
        for size in (96, 28)
    ]
    return [*found, peers.pixels(d2l, 96)]
