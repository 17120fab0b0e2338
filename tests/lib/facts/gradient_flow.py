"""Measurements in the stacks and networks of `chapters/gradient_flow.md`."""

import importlib

import numpy as np

# Cells that train, and those that examine what was trained.
SKIPPED = ("d2l.fit(", "removed = [")


def stacks(book):
    """Return name → sizes, gradients and ratios, from another seed."""
    book.d2l.set_seed(1)
    found = {}
    for normalise in (False, True):
        branches = [book.branch(16, normalise) for _ in range(27)]
        for shortcut in (0, 1):
            name = ("plain", "residual")[shortcut] + ", BN" * normalise
            found[name] = book.measure(branches, shortcut)
    return found


def exact_shares(book, normalise):
    """Squared norm of the sum of all paths of each length, by exercise 7."""
    book.d2l.set_seed(0)
    branches = [book.branch(16, normalise) for _ in range(6)]
    xs, gs = [book.X0], [book.G]
    for f in branches:
        xs.append(xs[-1] + book.forward(f, xs[-1]))
    for f, x in zip(branches[::-1], xs[-2::-1], strict=True):
        through = [book.pull_back(f, x, g) for g in gs]
        middle = [a + b for a, b in zip(gs[1:], through[:-1], strict=True)]
        gs = [gs[0], *middle, through[-1]]
    squares = np.array([book.norm(g) ** 2 for g in gs])
    model = book.length_weights(book.measure(branches, 1)[2])
    return squares / squares.sum(), model


def lesions(book, make_step, block):
    """Return the accuracy of a trained network, and without one block."""
    book.d2l.set_seed(0)
    batches, _ = book.d2l.load_data_fashion_mnist(32, resize=8)
    net = book.SmallResNet(block, 2)
    if hasattr(net, "initialize"):
        net.initialize()
    step = make_step(net, 0.1)
    for _ in range(25):
        for X, y in batches:
            step(X, y)
    nets = [net, *(book.without(net, i) for i in (0, 1, 3, 5))]
    scores = [book.d2l.evaluate_accuracy(net, batches) for net in nets]
    return scores[0], scores[1:]


def measure(book, backend):
    models = importlib.import_module(f"d2lutils.models.{backend.row.module}")
    D = book.D
    return {
        "formulas": [
            np.abs(row - book.found["identity"]).max()
            for row in (book.product, book.telescoped, book.total)
        ],
        "errors": {name: list(pair) for name, pair in book.errors.items()},
        "direct": np.diag(D[0] @ D[1] @ D[2]),
        "relus": [np.diag(D_l) for D_l in D],
        "stacks": [book.measured, stacks(book)],
        "scaled": {
            s: curve[0] / book.curves[1][0] for s, curve in book.curves.items()
        },
        "share": book.share,
        "shares": [exact_shares(book, mode) for mode in (False, True)],
        "lesions": {
            "residual": lesions(book, models.make_step, book.BasicBlock),
            "plain": lesions(book, models.make_step, book.PlainBlock),
        },
    }
