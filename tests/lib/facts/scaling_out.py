"""Measurements with the gradients and the ring of `scaling_out.md`."""

import numpy as np

SKIPPED = ()


def errors_of_shards(book):
    """Return how wrong the mean of 1, 2, 4 and 8 shards' gradients is."""
    net = book.SmallResNet(book.BasicBlock, num_blocks=1)
    if hasattr(net, "initialize"):
        net.initialize()
    start = book.draw_weights(book.d2l.get_weights(net))
    book.d2l.set_weights(net, start)
    found = []
    for K in (1, 2, 4, 8):
        shards = [(book.X[i::K], book.y[i::K]) for i in range(K)]
        parts = [book.gradient(net, X, y) for X, y in shards]
        found.append(book.error(np.mean(parts, axis=0), book.whole))
    return found


def rings(book):
    rng = np.random.default_rng(0)
    for K, n in (1, 5), (2, 7), (3, 3), (5, 2), (8, 100):
        arrays = [rng.normal(size=n) for _ in range(K)]
        kept = [array.copy() for array in arrays]
        sums, sent = book.ring_all_reduce(arrays)
        untouched = [
            bool((a == b).all()) for a, b in zip(arrays, kept, strict=True)
        ]
        yield {
            "wrong": np.abs(sums - np.sum(kept, axis=0)).max(),
            "kinds": len({tuple(s) for s in sums}),
            "sent": sent.sum(),
            "formula": 2 * (K - 1) * n,
            "untouched": all(untouched),
        }


def measure(book, backend):
    return {"K": errors_of_shards(book), "ring": list(rings(book))}
