"""Checks for the exercises of the chapter on a fast recipe."""

import functools
import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from d2lutils.check.answer import Unanswered, Wrong, exercise
from d2lutils.check.compare import (
    function,
    integer,
    number,
    same_again,
    same_results,
    trainable,
)
from d2lutils.check.gradients import by_shape, compare_sums, weight_of
from d2lutils.check.models import book, filled
from d2lutils.check.recognise import backend_of, network
from d2lutils.check.values import plain


@exercise(
    label="ex-smoothed-lead",
    hint="The chapter has a formula for the lead. The smallest loss follows "
    "from the two probabilities that belong to it: one for the right class, "
    "and one for each of the others.",
    second_hint="The right class gets 1 − ε + ε / K, each other one ε / K. "
    "The lead is the logarithm of their ratio; the loss is the sum of −p · "
    "log p over all K classes.",
    why="The smallest loss is the entropy of the smoothed target, and no "
    "network gets below it. So losses with and without smoothing cannot be "
    "compared, and a training loss near 2 can be a very good one. The lead "
    "is what matters: it is finite, and an optimiser can get there. Szegedy "
    "et al., Rethinking the Inception Architecture (2016), Section 7.",
    read="speedrun#targets-that-can-be-reached",
)
def smoothed_lead(lead: float, loss: float) -> None:
    """Check the best lead and the smallest loss, to one per cent."""
    number(
        "lead",
        lead,
        math.log(4001),
        {
            math.log(4): "`lead` lets the whole share ε go to one other "
            "class; over how many is it spread?",
            math.log(41): "`lead` belongs to 10 classes",
            math.log(91): "`lead` is the chapter's, of 10 classes and "
            "another ε",
            math.log(9001): "`lead` belongs to another ε",
            math.log10(4001): "`lead` is a logarithm to the base 10; the "
            "softmax uses powers of e",
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
        "`smoothed_loss` exchanges ε and 1 − ε",
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
    (_undivided, "`smoothed_loss` sums over the classes without the 1 / K"),
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
    second_hint="Take (1 − ε) times −log p of the right class plus ε times "
    "the mean of −log p over all classes, then the mean over the images; −log "
    "p is the logarithm of a softmax in one call.",
    why="A smoothed loss is the mixture of two cross-entropies, one with the "
    "label and one with the uniform distribution. So if a library has only "
    "the first, one mean over the classes gives the second, which is how "
    "d2l.fit does it in TensorFlow and MXNet. It matters that the logarithm "
    "and the softmax are computed in one step: separately, a score of a "
    "thousand makes the loss infinite and the network NaN.",
    read="speedrun#targets-that-can-be-reached",
)
def smoothed_loss(smoothed_loss: Callable) -> None:
    """Check the smoothed cross-entropy (tolerance 0.1 per cent)."""
    function("smoothed_loss", smoothed_loss)
    backend = backend_of(smoothed_loss)

    def called(scores, labels, epsilon):
        tensors = (
            backend.tensor(np.float32(scores)),
            backend.tensor(labels.astype(backend.label_type)),
        )
        found = plain(smoothed_loss(*tensors, epsilon))
        if np.size(found) == 1 and isinstance(found, np.ndarray):
            return found.item()
        if np.shape(found) == np.shape(labels):
            raise Wrong(
                "`smoothed_loss` returns a loss for each image; it should "
                "return the mean over the batch"
            )
        return found

    rng = np.random.default_rng(0)
    cases = [
        (2 * rng.standard_normal((n, k)), rng.integers(0, k, n), epsilon)
        for n, k, epsilon in [
            *((5, 4, 0.2), (3, 7, 0.1), (6, 10, 0.05)),
            *((1, 2, 0.5), (40, 30, 0.9), (17, 100, 0.01)),
        ]
    ]
    same_results(
        "smoothed_loss",
        called,
        _smoothed,
        cases[:3],
        _LOSS_MISTAKES,
        more=cases[3:],
    )
    for factor in (1000, -1000):
        large = factor * np.eye(3), np.array([0, 2, 2]), 0.1
        found = called(*large)
        if np.isclose(found, _smoothed(*large), rtol=1e-3):
            continue
        raise Wrong(
            f"with scores of {factor:,} `smoothed_loss` returns {found:.4g}, "
            "although all is right with small ones: the softmax has been "
            "rounded to 0 before its logarithm is taken"
        )
    scores, labels, epsilon = cases[0]
    labels = backend.tensor(labels.astype(backend.label_type))
    net = backend.wrap(lambda S: smoothed_loss(S, labels, epsilon), [])
    trainable(backend, net, scores)


@exercise(
    label="ex-whole-stem",
    hint="Write down height and width after the stem and after each stage, "
    "for both networks; a convolution costs its weights once for each "
    "position of its output.",
    second_hint="The sides are 28, 14 and 7 instead of 14, 7 and 4. Go "
    "through the layers of each stage, projections and the last layer "
    "included.",
    why="One argument makes the network cost nearly four times as much "
    "without adding a parameter. So it is a simple way to trade time for "
    "accuracy, or accuracy for time; the command `python -m "
    "benchmarks.speedrun --variant whole_stem` measures what it gains here. "
    "Read on in A Network Cut to Size.",
    read="speedrun#a-network-cut-to-size",
)
def whole_stem(macs: int, ratio: float) -> None:
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
            cost((28, 14, 7), 3): "`macs` belongs to an image with three "
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
    hint="How many bits does the fraction have after the 1? A sum is rounded "
    "to the nearest number: compare the step with half the distance to the "
    "next one.",
    second_hint="bfloat16 keeps seven bits after the 1. A sum is rounded to "
    "the nearest number: is a thousandth more than half the distance to the "
    "next one?",
    why="Steps below half a unit in the last place are lost completely: a "
    "thousand of them change nothing. That is why mixed precision keeps the "
    "weights in float32, although the products are in bfloat16. Read on in "
    "More Operations per Second.",
    read="speedrun#more-operations-per-second",
)
def next_bfloat16(next_number: float, after_1000_steps: float) -> None:
    """Check the number after 1, and a sum that does not grow."""
    number(
        "next_number",
        next_number,
        1 + 2**-7,
        {
            1: "`next_number` is 1, or much closer to it than seven bits "
            "allow",
            1 + 2**-8: "`next_number` gives the fraction one bit too many",
            1 + 2**-6: "`next_number` gives the fraction one bit too few",
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


_TOLERANCE = 1e-3  # relative to the largest score


# Neither side is symmetric, and they are not alike.
_IMAGES = [
    np.random.default_rng(1).standard_normal(shape)
    for shape in ((4, 1, 8, 12), (7, 1, 10, 17))
]


def _small_network(backend, models):
    """Return a network; its weights are always the same."""
    return filled(backend, models.QuickResNet(channels=4), _IMAGES[0])


@functools.cache
def _own_network(backend, models):
    """Return a network that no reader gets hold of, and its weights."""
    net = _small_network(backend, models)
    return net, backend.get_weights(net)


@functools.cache
def _scores(backend, models, which, training, axes):
    """Return the network's scores of images that are reversed."""
    net, weights = _own_network(backend, models)
    backend.set_weights(net, weights)
    return backend.forward(net, np.flip(_IMAGES[which], axes), training)


class _Trial:
    """A small network with weights, and a reader's wrapper around it."""

    def __init__(self, make, which):
        self.backend, self.models = book(make)
        self.which, self.X = which, _IMAGES[which]
        self.inner = _small_network(self.backend, self.models)
        self.weights = self.backend.get_weights(self.inner)
        self.net, _ = network(make, (self.inner,))

    def scores(self, net, X, training):
        """Return a network's scores, and the weights that it leaves."""
        self.backend.set_weights(self.inner, self.weights)
        Y = self.backend.forward(net, X, training)
        return Y, self.backend.get_weights(self.inner)

    def of_inner(self, training, *axes):
        """Return the inner network's scores of images that are reversed."""
        return _scores(self.backend, self.models, self.which, training, axes)

    def compare_parameters(self):
        """Raise `Wrong` unless the wrapper has those of the network."""
        found, wanted = (
            Counter(v.key for v in self.backend.parameters(net))
            for net in (self.net, self.inner)
        )
        if found != wanted:
            lacks = "lacks" if wanted - found else "has more than"
            raise Wrong(
                f"the wrapper {lacks} the parameters of the network inside: "
                "an optimiser is given those of the wrapper"
            )

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
    "changes nothing, and the network inside has to know its mode.",
    second_hint="A mirror image exchanges left and right, so only the width "
    "axis is reversed. Is it the last one in your framework?",
    why="No error is raised, because an upside-down image has the same "
    "shape. An augmentation or an averaging is right only if its images "
    "could have come from the data: a mirrored shoe could, one that is "
    "upside down could not. So look at some of the images, as the chapter "
    "does above. Read on in More Images Than There Are.",
    read="speedrun#more-images-than-there-are",
)
def lying_mirror(flip_average: Callable) -> None:
    """Check the wrapper that averages over an image and its mirror."""
    for which in range(len(_IMAGES)):
        _compare_mirror(_Trial(flip_average, which))


def _compare_mirror(trial):
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
                "the second image is not the mirror image: it is upside down",
            ),
            (
                (one + trial.of_inner(False, 2, 3)) / 2,
                "the second image has been rotated by half a turn",
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
                "probabilities are averaged; it should be scores",
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
    trial.compare_parameters()
    for training in False, True:
        _compare_gradients(trial, training)


def _compare_gradients(trial, training):
    def gradients(net, X):
        trial.backend.set_weights(trial.inner, trial.weights)
        weight = weight_of((len(X), 10))
        return by_shape(trial.backend, net, X, weight, training)

    found, right = (
        gradients(trial.net, trial.X),
        gradients(trial.inner, trial.X),
    )
    if not training:
        mirrored = gradients(trial.inner, np.flip(trial.X, 3))
        mirrored[""] = np.flip(mirrored[""], 3)
        right = {
            shape: (right[shape] + mirrored[shape]) / 2 for shape in right
        }
    mode = "training" if training else "evaluation"
    compare_sums(found, right, f"in {mode} mode")


def _compare_weights(found, wanted, words):
    for name, W in wanted.items():
        if not np.allclose(found[name], W, rtol=1e-4, atol=1e-5):
            raise Wrong(words.format(name))


@exercise(
    label="ex-limping-cycle",
    hint="Print the learning rate at the start, after a quarter, at half and "
    "at the end, or plot it.",
    second_hint="After the first quarter, three quarters are left: the "
    "finished share of the rest is (done − 1/4) / (3/4), and the rate is one "
    "minus this share, times `lr`.",
    why="No framework complains when a schedule goes below zero. The loss "
    "shows it, but late: by then the network has been good, and you may look "
    "for the bug in the data or the model. A schedule is a function of one "
    "number, and one line plots it. Read on in Fewer Epochs.",
    read="speedrun#fewer-epochs",
)
def limping_cycle(one_cycle: Callable) -> None:
    """Check the learning rates of one-cycle, up to half a step."""
    function("one_cycle", one_cycle)
    rng = np.random.default_rng(0)
    for num_steps, lr in (200, 0.8), (1000, 3.0), (90, 0.05), (1357, 7.5):
        rates = np.zeros((2, num_steps))
        orders = np.arange(num_steps), rng.permutation(num_steps)
        for found, order in zip(rates, orders, strict=True):
            for index in order.tolist():
                rate = plain(one_cycle(index, num_steps, lr))
                call = f"one_cycle({index}, {num_steps}, {lr})"
                found[index] = number(call, rate, rate)
        _compare_cycle(rates[0], num_steps, lr)
        same_again(f"one_cycle(…, {num_steps}, {lr})", *rates, 1e-6)


def _compare_cycle(rates, num_steps, lr):
    done = (np.arange(num_steps) + 0.5) / num_steps
    right = lr * np.interp(done, [0, 0.25, 1], [0, 1, 0])
    half_a_step = 2.1 * lr / num_steps  # where the line is steepest
    wrong = np.abs(rates - right) > half_a_step
    if not wrong.any():
        return
    where = f"of {num_steps} with `lr = {lr}`"
    if (rates < -half_a_step).any():
        first = int((rates < 0).argmax())
        raise Wrong(
            f"from step {first} {where} the learning rate is negative: such "
            "a step goes uphill"
        )
    peak = int(rates.argmax())
    if abs(peak - num_steps / 4) > 2:
        raise Wrong(f"the learning rate is largest at step {peak} {where}")
    largest = rates.max() / lr
    if abs(largest - 1) > 0.03:
        raise Wrong(f"the largest learning rate is {largest:.3g} times `lr`")
    if rates[-1] > 2 * half_a_step:
        raise Wrong(
            f"the last step {where} still has {rates[-1] / lr:.0%} of the "
            "largest learning rate"
        )
    first = int(wrong.argmax())
    side = "large" if rates[first] > right[first] else "small"
    raise Wrong(f"at step {first} {where} the learning rate is too {side}")


def _warm(fall, rise=10.0):
    """Return a schedule: a line for a tenth, then a function of the rest."""

    def schedule(done):
        return rise * done if done < 0.1 else fall((done - 0.1) / 0.9)

    return schedule


def _half_cosine(rest):
    return (1 + math.cos(math.pi * rest)) / 2


_SCHEDULE_MISTAKES = [
    (_half_cosine, "`warm_cosine` has no warm-up"),
    (
        lambda done: 10 * done if done < 0.1 else _half_cosine(done),
        "`warm_cosine` jumps after the first tenth: its cosine begins with "
        "the run",
    ),
    (
        _warm(lambda rest: _half_cosine(0.9 * rest)),
        "`warm_cosine` does not reach 0: its cosine is as long as the whole "
        "run",
    ),
    (
        _warm(lambda rest: _half_cosine(2 * rest)),
        "`warm_cosine` goes along a whole cosine and is 1 again at the end",
    ),
    (
        _warm(lambda rest: math.cos(math.pi * rest)),
        "`warm_cosine` falls below 0",
    ),
    (
        _warm(lambda rest: math.cos(math.pi * rest / 2)),
        "`warm_cosine` falls along a quarter of a cosine",
    ),
    (_warm(lambda rest: 1 - rest), "`warm_cosine` falls in a straight line"),
    (
        _warm(lambda rest: 1 - _half_cosine(rest)),
        "`warm_cosine` rises where it should fall",
    ),
    (
        _warm(_half_cosine, rise=1.0),
        "the straight line of `warm_cosine` does not reach 1",
    ),
]


@exercise(
    label="ex-warm-cosine",
    hint="There are two cases, and they meet at 1. In the second, first "
    "compute which share of the rest is done.",
    second_hint="Up to a tenth return 10 · done. After it let r = (done − "
    "0.1) / 0.9 and return (1 + cos(π · r)) / 2.",
    why="Most networks of today are trained with this schedule or a close "
    "relative of it; the cosine comes from Loshchilov and Hutter, SGDR "
    "(2017, arXiv:1608.03983). To say whether one of two such schedules is "
    "better, you need several seeds, and the largest rate has to be chosen "
    "for each schedule: read on in the next exercise.",
    read="speedrun#fewer-epochs",
)
def warm_cosine(warm_cosine: Callable) -> None:
    """Check a schedule at some points (tolerance 0.001)."""
    function("warm_cosine", warm_cosine)
    shares = [0.0, 0.03, 0.07, 0.1, 0.25, 0.4, 0.55, 0.8, 1.0]
    shares += np.random.default_rng(0).random(60).round(4).tolist()

    def asked(done):
        found = plain(warm_cosine(done))
        return number(f"warm_cosine({done})", found, found)

    given = [asked(done) for done in shares]
    again = [asked(done) for done in reversed(shares)][::-1]

    def same(schedule):
        return np.abs(np.array([schedule(d) for d in shares]) - given) < 1e-3

    right = same(_warm(_half_cosine))
    if right.all():
        for done, *both in zip(shares, given, again, strict=True):
            same_again(f"warm_cosine({done})", *both, 1e-6)
        return
    for wrong, words in _SCHEDULE_MISTAKES:
        if same(wrong).all():
            raise Wrong(words)
    first = int(right.argmin())
    above = given[first] > _warm(_half_cosine)(shares[first])
    side = "large" if above else "small"
    raise Wrong(f"`warm_cosine({shares[first]})` is too {side}")
