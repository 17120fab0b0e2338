"""Measurements with the nested networks of `function_classes.md`."""

import numpy as np

# Cells that train, or show what was trained.
SKIPPED = ("= make_step(net", "parts = min(", "last = {", "def report(")


def on_the_path(weights):
    """Return how many layers with weights lie on the main path."""
    return sum(
        key.endswith("weight") and "bn" not in key and "downsample" not in key
        for key in weights
    )


def of_one_kind(book, block, X, y):
    """Train a small network; draw weights; embed it in a deeper one."""
    d2l = book.d2l
    d2l.set_seed(0)
    small = book.new_network(block, 1, 16)
    deep = book.new_network(block, 3, 16)
    step = book.make_step(small, 0.05)
    found = {"losses": [step(X, y) for _ in range(3)]}
    if block is book.PlainBlock:
        weights = book.embed(d2l.get_weights(small), d2l.get_weights(deep))
        d2l.set_weights(deep, weights)
        found["scores"] = [book.make_score(net)(X) for net in (small, deep)]
    fresh = d2l.get_weights(book.new_network(block, 1, 16))
    drawn = book.random_weights(fresh, np.random.default_rng(0))
    found["drawn"] = {key: abs(W).sum() for key, W in drawn.items()}
    found["spread"] = np.std(drawn["layer3.0.conv2.weight"])
    found["bound"] = abs(drawn["fc.weight"]).max()
    return found


def change_in_training(backend, block, weights):
    """Return how much a block with these weights changes an input ≥ 0."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(4, 64, 8, 8)).astype("float32")
    backend.forward(block, X)  # the first input makes the layers' weights
    backend.set_weights(block, weights)
    return abs(backend.forward(block, X, training=True) - X).max()


def identities(book, backend):
    """Return the changes of a plain and a residual block that do nothing."""
    d2l, prefix = book.d2l, "layer3.1."
    deep = d2l.get_weights(book.new_network(book.PlainBlock, 2, 16))
    shallow = d2l.get_weights(book.new_network(book.PlainBlock, 1, 16))
    embedded = {
        key.removeprefix(prefix): W
        for key, W in book.embed(shallow, deep).items()
        if key.startswith(prefix)
    }
    plain = book.PlainBlock(64, 64)
    residual = book.BasicBlock(64, 64)
    drawn = {
        key: W if not key.startswith("bn2.weight") else np.zeros_like(W)
        for key, W in embedded.items()
    }
    return {
        "plain changes": change_in_training(backend, plain, embedded),
        "residual changes": change_in_training(backend, residual, drawn),
    }


def after_training(book):
    """Train on one batch again and again, so that it takes seconds only."""
    X, y = next(iter(book.train_iter))
    for name, block, n in [
        ("shallow", book.PlainBlock, 1),
        ("deep", book.PlainBlock, 5),
        ("residual", book.BasicBlock, 5),
    ]:
        net, rng = book.new_network(block, n, 16), np.random.default_rng(0)
        weights = book.random_weights(book.d2l.get_weights(net), rng)
        book.d2l.set_weights(net, weights)
        step = book.make_step(net, book.lr)
        yield name, [step(X, y) for _ in range(30)][-1]


def measure(book, backend):
    images = np.random.default_rng(0).integers(256, size=(6, 28, 28))
    images, labels = images[:, None].astype(np.uint8), np.arange(6)
    X, y = next(iter(backend.batches(images, labels, 6, None)))
    small = book.new_network(book.BasicBlock, 1, 16)
    return {
        "nested": book.nested,
        "scattered": book.scattered,
        "networks": {
            name: [
                on_the_path(book.d2l.get_weights(net)),
                book.num_parameters(net),
            ]
            for name, net in book.nets.items()
        },
        "plain": of_one_kind(book, book.PlainBlock, X, y),
        "residual": of_one_kind(book, book.BasicBlock, X, y),
        "names": sorted(book.d2l.get_weights(small)),
        "shape": book.make_score(small)(X).shape,
        **identities(book, backend),
        "after training": dict(after_training(book)),
    }
