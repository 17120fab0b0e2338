"""Compare a reader's training step with the same step in NumPy.

The network is batch normalisation, global average pooling and a dense layer
of zeros: small enough for its gradients to be written down.
"""

from collections.abc import Callable

import numpy as np

from .answer import Unanswered, Wrong
from .recognise import backend_of

_RUNS = (  # classes, channels, side, learning rate, sizes of the batches
    (4, 3, 4, 0.5, (12, 12, 12)),
    (6, 5, 3, 0.2, (12, 9, 15, 7, 15)),
)


def _batches(classes, channels, side, sizes):
    """Return the batches of a run: pairs of images and labels."""
    rng = np.random.default_rng(3)
    images = rng.standard_normal((classes, channels, 1, 1))
    first = np.array([1, 1, 1, 1, 1, 3, 3, 3, 2, 2, 0, 0])
    batches = []
    for size in sizes:
        y = first if not batches else rng.integers(0, classes, size)
        X = images[y] + rng.standard_normal((size, channels, side, side))
        batches.append((np.float32(2 * X + 5), y))
    return batches


class _Simulation:
    """The network in NumPy, and what a step changes."""

    def __init__(self, classes, channels, lr, unbiased):
        self.lr, self.unbiased = lr, unbiased
        self.running = np.zeros(channels), np.ones(channels)
        self.gamma, self.beta = np.ones(channels), np.zeros(channels)
        self.W = np.zeros((classes, channels))
        self.b = np.zeros(classes)

    def take(self, X, y):
        """Take a batch, for the next step."""
        self.X, self.y = np.float64(X), y
        axes, count = (0, 2, 3), X[:, 0].size
        self.batch = self.X.mean(axes), self.X.var(axes)
        factor = count / (count - 1) if self.unbiased else 1
        self.new = self.batch[0], self.batch[1] * factor

    def features(self, mean, var):
        pixels = self.X.mean(axis=(2, 3))
        return (pixels - mean) / np.sqrt(var + 1e-5)

    def scores(self, training):
        m = self.features(*(self.batch if training else self.running))
        return (self.gamma * m + self.beta) @ self.W.T + self.b

    def accuracy(self, training):
        return (self.scores(training).argmax(axis=1) == self.y).mean()

    def step(self):
        m = self.features(*self.batch)
        h = self.gamma * m + self.beta
        P = np.exp(h @ self.W.T + self.b)
        P /= P.sum(axis=1, keepdims=True)
        P[np.arange(len(self.y)), self.y] -= 1
        P *= self.lr / len(self.y)
        dh = P @ self.W
        self.W, self.b = self.W - P.T @ h, self.b - P.sum(axis=0)
        self.gamma = self.gamma - (dh * m).sum(axis=0)
        self.beta = self.beta - dh.sum(axis=0)
        self.running = tuple(
            0.9 * old + 0.1 * new
            for old, new in zip(self.running, self.new, strict=True)
        )


def _network(backend, X, classes):
    """Return the network, as it is before the first step."""
    dense = backend.dense(X.shape[1], classes)
    for variable in backend.parameters(dense):
        variable.write(np.zeros(variable.shape, np.float32))
    norm = backend.batch_norm(X.shape[1])
    net = backend.sequential(norm, backend.global_avg_pool(), dense)
    backend.forward(net, X)  # it makes what waits for an input
    return net


def compare_steps(make: Callable) -> None:
    """Raise `Wrong` for the first thing in which the steps differ.

    Args:
        make: `make(net, lr)` returns `step(X, y)`, which takes a step and
            returns the accuracy on the batch after it, in evaluation mode.
    """
    backend = backend_of(make)
    for classes, channels, side, lr, sizes in _RUNS:
        batches = _batches(classes, channels, side, sizes)
        net = _network(backend, batches[0][0], classes)
        right = _Simulation(classes, channels, lr, backend.unbiased_variance)
        step = make(net, lr)
        if step is ...:
            raise Unanswered
        if not callable(step):
            raise Wrong("`make_step_and_test` has to return a function")
        _compare_run(backend, net, right, step, batches)


def _compare_run(backend, net, right, step, batches):
    for index, (X, y) in enumerate(batches, 1):
        right.take(X, y)
        before = right.accuracy(False), right.b, right.running[0]
        inputs = backend.images(X)
        labels = backend.tensor(y.astype(backend.label_type))
        found = step(inputs, labels)
        if found is ...:
            raise Unanswered
        right.step()
        _compare_mean(index, _mean(backend, net), right, before[2])
        _compare_weights(index, backend, net, right, before[1])
        _compare_accuracy(index, backend, found, right, before[0])


def _mean(backend, net):
    return next(v.read() for v in backend.statistics(net) if v.kind == "mean")


def _close(a, b):
    return np.allclose(a, b, rtol=1e-3, atol=1e-4)


def _compare_mean(index, mean, right, before):
    if _close(mean, right.running[0]):
        return
    if _close(mean, before):
        raise Wrong(
            f"in step {index} the running mean does not move: the step is "
            "not taken in training mode"
            + (", although the one before was" if index > 1 else "")
        )
    twice = 0.9 * right.running[0] + 0.1 * right.batch[0]
    if _close(mean, twice):
        raise Wrong(
            f"in step {index} the running mean moves twice: the accuracy is "
            "measured in training mode, too"
        )
    raise Wrong(
        f"after step {index} the running mean is not what one step in "
        "training mode makes of it"
    )


def _compare_weights(index, backend, net, right, before):
    found = {v.key: v.read() for v in backend.parameters(net)}
    W, b = found[right.W.shape], found[right.b.shape]
    if _close(W, right.W) and _close(b, right.b):
        return
    moved, wanted = b - before, right.b - before
    if not np.any(moved):
        raise Wrong(f"in step {index} the parameters do not move")
    factor = float(moved @ wanted / (wanted @ wanted))
    words = f"after step {index} the parameters are not right"
    if np.allclose(moved, factor * wanted, rtol=0.02, atol=1e-4):
        if factor < 0:
            words = f"step {index} goes along the gradient, not against it"
        elif abs(factor - len(right.y)) < 0.1 * factor:
            words = (
                f"step {index} is too long by a factor of the batch's size: "
                "it follows the sum of the losses, not their mean"
            )
        elif abs(factor - 1) > 0.05:
            side = "long" if factor > 1 else "short"
            ratio = max(factor, 1 / factor)
            words = (
                f"step {index} is too {side}, by a factor of about "
                f"{ratio:.3g}: does it use `lr`?"
            )
    elif index > 1:
        words += (
            ", although the first step was right: are the gradients of the "
            "steps before still in them?"
        )
    raise Wrong(words)


def _compare_accuracy(index, backend, found, right, before):
    found = backend.numpy(found)
    try:
        value = float(found)
    except (TypeError, ValueError):
        raise Wrong(
            f"`step(X, y)` has to return a number, the accuracy, and returns "
            f"{type(found).__name__}"
        ) from None
    if _close(value, right.accuracy(False)):
        return
    words = f"the accuracy that step {index} returns is not right"
    if _close(value, right.accuracy(False) * len(right.y)):
        words = "a step returns the number of right answers, not their share"
    elif _close(value, right.accuracy(True)):
        words = (
            f"the accuracy that step {index} returns is that of training mode"
        )
    elif _close(value, before):
        words = (
            f"the accuracy that step {index} returns is that before the step"
        )
    raise Wrong(words)
