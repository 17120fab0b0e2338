"""Measurements with the network, the loss and the format of `speedrun.md`."""

import importlib

import numpy as np

from d2lutils.models.common import draw_weights
from d2lutils.training import Options

SKIPPED = ()


def largest(X):
    return float(abs(X).max())


def by_definition(x):
    """Return an array as bfloat16 has it: 8 digits, halves to even."""
    fraction, exponent = np.frexp(np.float64(x))
    return np.ldexp(np.rint(fraction * 256) / 256, exponent)


def format_of_the_chapter(book, backend):
    """Compare `bfloat16` with the definition, and with the framework."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=2000) * 10.0 ** rng.integers(-30, 30, 2000)
    halves = 1 + np.arange(-255, 256, 2) / 256
    numbers = np.float32([0, *numbers, *halves, *-halves])
    found = book.bfloat16(numbers)
    right = (found == by_definition(numbers)).all()
    name = f"specifics.{backend.row.module}"
    specifics = importlib.import_module(name)
    if hasattr(specifics, "rounded"):
        right = right and (found == specifics.rounded(numbers)).all()
    w = np.float32(1)
    for _ in range(1000):
        w = book.bfloat16(w + np.float32(1e-3))[0]
    return {"bfloat16": bool(right), "grown": float(w)}


def smoothed_loss(book, backend, X):
    """Return a batch's scores, its labels and the sum of its losses."""
    net = book.QuickResNet()
    backend.get_weights(net)  # it makes them
    y = np.arange(len(X)).astype(backend.label_type)
    batches = [(backend.images(X), backend.tensor(y))]
    scores = backend.forward(net, X, training=True)
    options = Options(num_epochs=1, lr=0.1, label_smoothing=0.1)
    device = backend.try_gpu(99)  # the CPU: none has so many GPUs
    with backend.engine(net, device, batches, batches, options) as engine:
        engine.start()
        engine.step(*batches[0], 0.1)
        loss, *_ = engine.sums()
    return {"scores": (scores, y), "loss": loss}


def averages(book, backend, X):
    """Compare `FlipAverage` with the network inside."""
    inner = book.QuickResNet()
    weights = backend.get_weights(inner)
    backend.set_weights(inner, draw_weights(dict(sorted(weights.items()))))
    flip = book.FlipAverage(inner)
    mirror, upside_down = X[:, :, :, ::-1].copy(), X[:, :, ::-1].copy()

    def scores(net, images, training=False):
        return backend.forward(net, images, training)

    Y, logits = scores(flip, X), scores(inner, X)
    pairs = (flip, mirror), (flip, upside_down), (inner, mirror)
    return {
        "logits": logits,
        "size": largest(Y),
        "asymmetry": [
            largest(scores(net, X) - scores(net, other))
            for net, other in pairs
        ],
        "mean": largest(2 * Y - logits - scores(inner, mirror)),
        # The last, since it moves the running statistics.
        "training": largest(scores(flip, X, True) - scores(inner, X, True)),
    }


def measure(book, backend):
    X = np.random.default_rng(1).normal(size=(4, 1, 28, 28))
    X = X.astype("float32")
    shapes = {k: W.shape for k, W in backend.get_weights(book.quick).items()}
    return {
        "recipe": book.RECIPE,
        "history": book.history,
        "rates": book.rates,
        "shapes": shapes,
        **format_of_the_chapter(book, backend),
        **smoothed_loss(book, backend, X),
        **averages(book, backend, X),
    }
