"""Which weights of the last stage a 32×32 image can move the scores with."""

import re

import numpy as np

SKIPPED = ("train_ch6",)  # takes long; nothing here is trained


def measure(book, backend):
    """Fill the idle weights with noise, then all others."""
    book.d2l.set_seed(0)
    net = book.resnet18()
    if hasattr(net, "initialize"):
        net.initialize()
    rng = np.random.default_rng(0)
    X = rng.random((1, 1, 32, 32), dtype=np.float32)
    before = backend.forward(net, X)
    weights = backend.get_weights(net)
    count, filled, others = 0, dict(weights), dict(weights)
    for name, W in weights.items():
        if re.search(r"layer4\..*conv", name) and W.shape[2:] == (3, 3):
            idle = np.ones((3, 3), bool)
            first = W.shape[0] != W.shape[1]  # stride 2, on 2×2 positions
            idle[1:, 1:] = not first
            idle[1, 1] = False
            noise = rng.normal(size=W.shape).astype(W.dtype)
            filled[name] = np.where(idle, noise, W)
            others[name] = np.where(idle, W, noise)
            count += W.shape[0] * W.shape[1] * idle.sum()
    found = []
    for changed in filled, others:
        backend.set_weights(net, changed)
        found.append(abs(backend.forward(net, X) - before).max())
    return {
        "idle": count,
        "parameters": book.num_parameters(net),
        "moved by the idle": found[0],
        "moved by the others": found[1],
    }
