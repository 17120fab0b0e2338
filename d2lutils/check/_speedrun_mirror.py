"""Check the exercise on flip averaging."""

import numpy as np

from ._answer import Unanswered, Wrong, exercise
from ._frameworks import network
from ._function_classes import book, filled

_TOLERANCE = 1e-3  # relative to the largest score


class _Trial:
    """A small network with weights, and a reader's wrapper around it."""

    def __init__(self, make):
        self.fw, self.d2l, models = book(make)
        # Neither side is symmetric, and they are not alike.
        self.X = np.random.default_rng(1).standard_normal((4, 1, 8, 12))
        self.inner = models.QuickResNet(channels=4)
        filled(self.fw, self.d2l, self.inner, self.X)
        self.weights = self.d2l.get_weights(self.inner)
        self.net, _ = network(make, (self.inner,))

    def scores(self, net, X, training):
        """Return a network's scores, and the weights that it leaves."""
        self.d2l.set_weights(self.inner, self.weights)
        Y = self.fw.forward(net, X, training)
        return Y, self.d2l.get_weights(self.inner)

    def of_inner(self, training, *axes):
        """Return the inner network's scores of images that are reversed."""
        return self.scores(self.inner, np.flip(self.X, axes), training)[0]

    def compare(self, training, right, mistakes):
        """Raise `Wrong` unless the wrapper has the right scores."""
        mode = "training" if training else "evaluation"
        found, weights = self.scores(self.net, self.X, training)
        if found is ...:
            raise Unanswered
        if not isinstance(found, np.ndarray):
            raise Wrong(
                f"in {mode} mode the wrapper returns "
                f"{type(found).__name__}, not a tensor"
            )
        if found.shape != right.shape:
            raise Wrong(
                f"in {mode} mode the scores have the shape {found.shape}; "
                f"those of the network alone have {right.shape}"
            )
        if _like(found, right):
            return weights
        for wrong, words in mistakes:
            if _like(found, wrong):
                raise Wrong(f"in {mode} mode {words}")
        error = np.abs(found - right).max() / np.abs(right).max()
        raise Wrong(
            f"in {mode} mode the scores differ, by up to {error:.2g} times "
            "the largest"
        )


def _like(found, right):
    return np.allclose(found, right, atol=_TOLERANCE * np.abs(right).max())


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@exercise(
    label="ex-lying-mirror",
    hint="Name the four axes of a batch of images in your framework, and say "
    "along which of them a mirror image is reversed. In training the wrapper "
    "is as if it were not there, and the network inside knows its mode.",
    why="No error is raised, for an image that stands on its head has the "
    "same shape. An augmentation or an averaging is right only if its images "
    "could have come from the data: a mirrored shoe could, one that is upside "
    "down could not. So look at some of the images, as the chapter does "
    "above. Read on in More Images Than There Are.",
)
def lying_mirror(flip_average):
    """Check the wrapper that averages over an image and its mirror."""
    trial = _Trial(flip_average)
    one, mirror = trial.of_inner(False), trial.of_inner(False, 3)
    right = (one + mirror) / 2
    kept = trial.compare(
        False,
        right,
        [
            (
                one,
                "the scores are those of the image alone: along which axis "
                "is it reversed, if it is?",
            ),
            (
                (one + trial.of_inner(False, 2)) / 2,
                "the second image is not the mirror image: it stands on its "
                "head",
            ),
            (
                (one + trial.of_inner(False, 2, 3)) / 2,
                "the second image has been turned by half a turn",
            ),
            (
                (one + trial.of_inner(False, 0)) / 2,
                "the scores of an image are averaged with those of another "
                "image of the batch",
            ),
            (mirror, "the scores are those of the mirror image alone"),
            (2 * right, "the two scores are added and not halved"),
            (
                (_softmax(one) + _softmax(mirror)) / 2,
                "probabilities are averaged; scores are asked for",
            ),
            (
                (trial.of_inner(True) + trial.of_inner(True, 3)) / 2,
                "the network inside runs as if it were being trained",
            ),
            (
                trial.of_inner(True),
                "the network inside runs as if it were being trained",
            ),
        ],
    )
    _compare_weights(
        kept, trial.weights, "an evaluation changes the network: `{}`"
    )
    alone, wanted = trial.scores(trial.inner, trial.X, True)
    moved = trial.compare(
        True,
        alone,
        [
            (
                (alone + trial.of_inner(True, 3)) / 2,
                "the scores are averaged, too",
            ),
            (right, "the wrapper does the same as in evaluation mode"),
            (
                one,
                "the network inside does not know that it is being trained",
            ),
        ],
    )
    _compare_weights(
        moved,
        wanted,
        "after one step's forward pass `{}` is not what the network alone "
        "would have made of it",
    )


def _compare_weights(found, wanted, words):
    for name, W in wanted.items():
        if not np.allclose(found[name], W, rtol=1e-4, atol=1e-5):
            raise Wrong(words.format(name))
