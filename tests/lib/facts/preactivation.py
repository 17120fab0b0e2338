"""Measurements with the blocks and networks of `preactivation.md`."""

import numpy as np

# Cells that train, or show what was trained.
SKIPPED = ("def first_steps", "plt.subplots", "post, pre = SmallResNet")


def switch_off(backend, block, name):
    """Set one of a block's weights to zero."""
    weights = backend.get_weights(block)
    weights[name] = np.zeros_like(weights[name])
    backend.set_weights(block, weights)


def part_names(net):
    """Return the names of a network's parts, in their order."""
    if hasattr(net, "named_children"):
        return [name for name, _ in net.named_children()]
    if hasattr(net, "layers"):
        return [layer.name for layer in net.layers]
    return list(net._children)


def epochs(book, backend, net, count):
    """Return the losses of some epochs, from weights drawn alike."""
    d2l = book.d2l
    backend.forward(net, np.zeros((1, 1, 8, 8), dtype=np.float32))
    step, weights = book.make_step(net, 0.1), d2l.get_weights(net)
    d2l.set_weights(net, book.draw_weights(weights))
    d2l.set_seed(0)
    batches, _ = d2l.load_data_fashion_mnist(32, resize=8)
    return [step(X, y) for _ in range(count) for X, y in batches]


def exact_identities(book, backend, X):
    """Switch blocks off; return how much they change X and a gradient."""
    post, pre = book.BasicBlock(3, 3), book.PreActBlock(3, 3)
    found = {}
    for name, block, last in (
        ("post", post, "bn2.weight"),
        ("pre", pre, "conv2.weight"),
    ):
        backend.forward(block, X)  # the first input makes the weights
        switch_off(backend, block, last)
        Y = backend.forward(block, X, training=True)
        _, gradient, _ = backend.gradients(block, X, X, training=True)
        found[name] = [abs(Y - X).max(), abs(gradient - X).max()]
    Y = backend.forward(post, X, training=True)
    found["cut"] = abs(Y - np.maximum(X, 0)).max()
    return found


def projection(book, backend, X):
    """Return a strided block's shape, and how far it is from its shortcut."""
    block = book.PreActBlock(3, 6, 2)
    backend.forward(block, X)
    switch_off(backend, block, "conv2.weight")
    Y = backend.forward(block, X, training=True)
    normalised = backend.forward(block.bn1, X, training=True)
    activated = np.maximum(normalised, 0)
    expected = backend.forward(block.projection, activated)
    return {"projection": abs(Y - expected).max(), "shape": Y.shape}


def measure(book, backend):
    X = np.random.default_rng(0).normal(size=(4, 3, 6, 6)).astype("float32")
    nets = {
        "small": book.SmallResNet(book.BasicBlock, 3),
        "pre": book.PreActResNet(3),
        "control": book.normalise_sum(book.SmallResNet(book.BasicBlock, 1)),
        "whole": book.PreActResNet(1),
        "bare": book.bare_sum(book.PreActResNet(1)),
    }
    for net in nets.values():
        backend.forward(net, np.zeros((1, 1, 8, 8), dtype=np.float32))
    net = book.PreActResNet(1)
    losses = epochs(book, backend, net, 3)
    return {
        "share": book.share,
        **exact_identities(book, backend, X),
        **projection(book, backend, X),
        "names": part_names(nets["pre"]),
        "parameters": {
            name: book.num_parameters(net) for name, net in nets.items()
        },
        "losses": losses,
        "moved": [
            bool((s.read() != 0).all())
            for s in backend.statistics(net)
            if s.kind == "mean"
        ],
        "control": epochs(book, backend, nets["control"], 1),
        "bare": epochs(book, backend, nets["bare"], 1),
    }
