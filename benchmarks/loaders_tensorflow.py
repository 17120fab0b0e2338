"""Load Fashion-MNIST, against d2l's loader, in TensorFlow."""

from benchmarks import compare, peers
from d2lutils import tensorflow as d2l

PEERS = ("d2l", "pillow")


def rows():
    """Measure; return the rows."""
    peer = peers.d2l("tensorflow")
    found = [
        compare.speed(
            f"load the training set at {size} px, batches of 256",
            "d2l's loader",
            bound,
            60_000,
            *peers.loaders(d2l, peer, size, 256),
            runs=15,
        )
        # At 28 px it hands out floats that it keeps, a batch as it lies there.
        for size, bound in ((96, "≥ 1.5"), (28, None))
    ]
    return [*found, peers.pixels(d2l, 96)]
