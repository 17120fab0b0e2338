"""Load Fashion-MNIST, against d2l's loader, in PyTorch."""

from benchmarks import compare, peers
from d2lutils import torch as d2l

BOUNDS = {96: "≥ 6", 28: "≥ 20"}
PEERS = ("d2l", "torchvision", "pillow")


def rows():
    """Measure; return the rows."""
    peers.torchvision()  # d2l imports it
    peer = peers.d2l("torch")
    found = [
        compare.speed(
            f"load the training set at {size} px, batches of 256",
            f"d2l's loader ({peer.get_dataloader_workers()} processes)",
            bound,
            60_000,
            *peers.loaders(d2l, peer, size, 256),
            runs=5,
        )
        for size, bound in BOUNDS.items()
    ]
    return [*found, peers.pixels(d2l, 96)]
