"""Checks for the exercises of the chapter on a fast recipe."""

import importlib
import math

import numpy as np

from ._answer import Wrong, exercise
from ._compare import function, integer, number, same_results
from ._frameworks import adapter
from ._values import plain


@exercise(
    label="ex-smoothed-lead",
    hint="The chapter has a formula for the lead. The smallest loss follows "
    "from the two probabilities that belong to it: that of the right class, "
    "and that of each of the others.",
    why="The smallest loss is the entropy of the smoothed target, and no "
    "network gets below it. So losses with and without smoothing cannot be "
    "compared, and a training loss near 2 can be a very good one. The lead "
    "is what matters: it is finite, and an optimiser can get there. Szegedy "
    "et al., Rethinking the Inception Architecture (2016), Section 7.",
)
def smoothed_lead(lead, loss):
    """Check the best lead and the smallest loss, to one per cent."""
    number(
        "lead",
        lead,
        math.log(4001),
        {
            math.log(4): "`lead` lets the whole share ε go to one other "
            "class; over how many is it spread?",
            math.log(41): "`lead` is that of 10 classes",
            math.log(91): "`lead` is the chapter's, of 10 classes and "
            "another ε",
            math.log(9001): "`lead` belongs to another ε",
            math.log10(4001): "`lead` is a logarithm to the base 10; the "
            "softmax is made of powers of e",
            4001: "`lead` is the ratio of two probabilities; of what are "
            "they the exponentials?",
        },
        tolerance=0.01,
    )
    p, q = 0.8 + 0.2 / 1000, 0.2 / 1000
    right, other = -math.log(p), -math.log(q)
    entropy = p * right + 999 * q * other
    number(
        "loss",
        loss,
        entropy,
        {
            0: "`loss` is what cross-entropy tends to without smoothing",
            right: "`loss` is −log p of the right class alone",
            0.8 * right: "`loss` lacks the second term of the equation",
            0.8 * right + q * other: "`loss` counts one of the other "
            "classes, not all",
            entropy / math.log(2): "`loss` is in bits: the logarithm is the "
            "natural one",
            -0.8 * math.log(0.8) - 0.2 * math.log(0.2): "`loss` takes the "
            "other classes for a single one",
            math.log(1000): "`loss` is that of equal scores",
        },
        tolerance=0.01,
    )


def _log_softmax(scores):
    scores = np.asarray(scores, np.float64)
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def _terms(scores, labels):
    """Return −log p of the right classes, their mean over all, and K."""
    losses = -_log_softmax(scores)
    right = losses[np.arange(len(labels)), labels]
    return right, losses.mean(axis=1), losses.shape[1]


def _smoothed(scores, labels, epsilon):
    right, over, _ = _terms(scores, labels)
    return float(np.mean((1 - epsilon) * right + epsilon * over))


def _others_only(scores, labels, epsilon):
    right, over, k = _terms(scores, labels)
    others = (k * over - right) / (k - 1)
    return np.mean((1 - epsilon) * right + epsilon * others)


def _undivided(scores, labels, epsilon):
    right, over, k = _terms(scores, labels)
    return np.mean((1 - epsilon) * right + epsilon * k * over)


def _unreduced(scores, labels, epsilon):
    right, over, _ = _terms(scores, labels)
    return np.mean(right + epsilon * over)


_LOSS_MISTAKES = [
    (
        lambda s, y, e: _smoothed(s, y, 0),
        "`smoothed_loss` is the cross-entropy without smoothing",
    ),
    (
        lambda s, y, e: len(y) * _smoothed(s, y, e),
        "`smoothed_loss` returns the sum over the batch, not the mean",
    ),
    (
        lambda s, y, e: _smoothed(s, y, e) / np.shape(s)[1],
        "`smoothed_loss` divides by N · K instead of N",
    ),
    (
        lambda s, y, e: -_smoothed(s, y, e),
        "`smoothed_loss` has the wrong sign",
    ),
    (
        lambda s, y, e: _smoothed(s, y, 1 - e),
        "`smoothed_loss` has ε and 1 − ε in each other's place",
    ),
    (
        lambda s, y, e: _smoothed(np.exp(_log_softmax(s)), y, e),
        "in `smoothed_loss` the scores go through the softmax twice",
    ),
    (
        _others_only,
        "`smoothed_loss` spreads the share over the other classes only; in "
        "the equation the sum is over all of them",
    ),
    (
        lambda s, y, e: (1 - e) * _smoothed(s, y, 0),
        "`smoothed_loss` lacks the second term of the equation",
    ),
    (_undivided, "`smoothed_loss` adds up over the classes without the 1 / K"),
    (
        _unreduced,
        "in `smoothed_loss` the right class keeps its full share of 1",
    ),
]


@exercise(
    label="ex-smoothed-loss",
    hint="Take the logarithm of the softmax in one step, as your framework "
    "offers it. Of these logarithms you need one for each image and the mean "
    "over all classes.",
    why="A smoothed loss is the mixture of two cross-entropies, one with the "
    "label and one with the uniform distribution. Therefore a library that "
    "has only the first gets the second by one mean over the classes, which "
    "is how d2l.fit does it in TensorFlow and MXNet. That the logarithm and "
    "the softmax are taken in one step is not a detail: separately, a score "
    "of a thousand makes the loss infinite and the network NaN.",
)
def smoothed_loss(smoothed_loss):
    """Check the smoothed cross-entropy (tolerance 0.1 per cent)."""
    function("smoothed_loss", smoothed_loss)
    fw = adapter(smoothed_loss)

    def called(scores, labels, epsilon):
        found = plain(
            smoothed_loss(fw.tensor(scores), _whole(fw, labels), epsilon)
        )
        if np.size(found) == 1 and isinstance(found, np.ndarray):
            return found.item()
        if np.shape(found) == np.shape(labels):
            raise Wrong(
                "`smoothed_loss` returns a loss for each image; the mean "
                "over the batch is asked for"
            )
        return found

    rng = np.random.default_rng(0)
    cases = [
        (2 * rng.standard_normal((n, k)), rng.integers(0, k, n), epsilon)
        for n, k, epsilon in [(5, 4, 0.2), (3, 7, 0.1), (6, 10, 0.05)]
    ]
    same_results("smoothed_loss", called, _smoothed, cases, _LOSS_MISTAKES)
    large = 1000 * np.eye(3), np.array([0, 2, 2]), 0.1
    found = called(*large)
    if not np.isclose(found, _smoothed(*large), rtol=1e-3):
        raise Wrong(
            f"with scores of 1,000 `smoothed_loss` returns {found:.4g}, "
            "although all is right with small ones: the softmax has been "
            "rounded to 0 before its logarithm is taken"
        )


def _whole(fw, labels):
    """Return labels as a tensor of whole numbers."""
    tensor = fw.tensor(labels)
    if fw.NAME == "PyTorch":
        return tensor.long()
    if fw.NAME == "TensorFlow":
        return importlib.import_module("tensorflow").cast(tensor, "int32")
    return tensor.astype("int32")


@exercise(
    label="ex-whole-stem",
    hint="Write down height and width behind the stem and behind each stage, "
    "for both networks; a convolution costs its weights once for each of its "
    "output's positions.",
    why="One argument, and the network costs nearly four times as much, "
    "while not one parameter is added. That is the cheapest way to buy "
    "accuracy with time, or time with accuracy; what it buys here, the "
    "command `python -m benchmarks.speedrun --variant whole_stem` tells. Read "
    "on in A Network Cut to Size.",
)
def whole_stem(macs, ratio):
    """Check the cost of the network whose stem keeps all pixels."""

    def cost(sides, channels=1):
        first, second, third = (side**2 for side in sides)
        return (
            9 * 32 * channels * first
            + 2 * 9 * 32**2 * first
            + (9 * 32 * 64 + 9 * 64**2 + 32 * 64) * second
            + (9 * 64 * 128 + 9 * 128**2 + 64 * 128) * third
            + 128 * 10
        )

    right, small = cost((28, 14, 7)), cost((14, 7, 4))
    projections = 2 * 32 * 64 * 14**2
    integer(
        "macs",
        macs,
        right,
        {
            small: "`macs` is that of `QuickResNet()`",
            4 * small: "`macs` is four times that of `QuickResNet()`; do all "
            "sides double, and does every layer have one?",
            2 * right: "`macs` counts a multiplication and an addition as two",
            right - 1280: "`macs` lacks the fully connected layer",
            right - projections: "`macs` lacks the projections on the "
            "shortcuts",
            right - projections - 1280: "`macs` lacks the projections and "
            "the fully connected layer",
            right - 288 * 28**2: "`macs` lacks the stem",
            cost((28, 14, 7), 3): "`macs` is that of an image of three "
            "channels",
            cost((28, 28, 28)): "`macs` lets the stages keep all pixels, too",
        },
    )
    number(
        "ratio",
        ratio,
        right / small,
        {
            4: "`ratio` would be so if every side doubled: what is the side "
            "of the last stage in either network?",
            small / right: "`ratio` is upside down",
        },
        tolerance=0.01,
    )


@exercise(
    label="ex-next-bfloat16",
    hint="How many bits of the fraction are there behind the 1? A sum goes "
    "to the nearest number: compare the step with half of the distance to "
    "the next one.",
    why="The loss of the steps is complete, not gradual: below half a unit "
    "in the last place nothing arrives, and a thousand times nothing is "
    "nothing. Hence the weights of mixed precision are float32, although "
    "the products are not. Read on in More Operations a Second.",
)
def next_bfloat16(next_number, after_1000_steps):
    """Check the number after 1, and a sum that does not grow."""
    number(
        "next_number",
        next_number,
        1 + 2**-7,
        {
            1: "`next_number` is 1, or much closer to it than seven bits "
            "allow",
            1 + 2**-8: "`next_number` takes the fraction to have a bit more",
            1 + 2**-6: "`next_number` takes the fraction to have a bit less",
            1 + 2**-10: "`next_number` is that of float16, whose fraction "
            "has ten bits",
            1.001: "`next_number` is the exact sum of the first step",
            1.01: "`next_number` is a round decimal number; those of the "
            "format are sums of powers of 2",
        },
        tolerance=1e-6,
    )
    number(
        "after_1000_steps",
        after_1000_steps,
        1,
        {
            2: "`after_1000_steps` is the sum without any rounding",
            1 + 1000 / 128: "`after_1000_steps` rounds each sum up",
        },
        tolerance=1e-6,
    )
