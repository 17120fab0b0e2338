"""Checks for the exercises of the chapter on several workers."""

from collections.abc import Callable

import numpy as np

from d2lutils.check.answer import Wrong, exercise
from d2lutils.check.compare import (
    array,
    function,
    integer,
    number,
    same_again,
    same_results,
)

PARAMETERS = 11_175_370  # of ResNet-18, with one channel and ten classes


@exercise(
    label="ex-scaling-out-bytes",
    hint="A number in single precision takes four bytes; a worker's gradient "
    "is cut into eight chunks, and seven of them go out in each round.",
    second_hint="In each of the two rounds a worker sends seven eighths of "
    "its gradient of 4 bytes per parameter. The server receives the whole "
    "gradient from each of the eight.",
    why="In a ring, a worker sends at most twice as much with a thousand "
    "workers as with two, while the load of a single server grows with every "
    "worker. That is why frameworks sum gradients in rings or trees, and why "
    "large groups use several parameter servers. Read on in Around a Ring.",
    read="scaling_out#around-a-ring",
)
def bytes_sent(ring: int, server: int) -> None:
    """Check the bytes that eight workers, or their server, handle."""
    n = 4 * PARAMETERS
    number(
        "ring",
        ring,
        7 * n // 4,
        {
            7 * n // 8: "`ring` is that of one round; there are two",
            2 * n: "`ring`: in each round a worker sends seven of its eight "
            "chunks, not all of them",
            n: "`ring` is one gradient; the ring goes around twice",
            14 * n: "`ring` is what all workers send together",
            7 * n: "`ring` is what a worker would send if it sent its whole "
            "gradient to each of the others",
            7 * PARAMETERS // 4: "`ring` counts numbers, not bytes",
            15 * n // 8: "`ring` is that of sixteen workers",
        },
        tolerance=1e-6,  # chunks of unequal size, or filled up
    )
    integer(
        "server",
        server,
        8 * n,
        {
            8 * PARAMETERS: "`server` counts numbers, not bytes",
            7 * n: "`server` is right for a server that is one of the "
            "workers; this one is separate",
            16 * n: "`server` counts what it sends back, too",
            n: "`server` is the gradient of one worker",
        },
    )


@exercise(
    label="ex-scaling-out-linear",
    hint="How many images does the group see in one step?",
    second_hint="The batch becomes eight times as large, and by the rule the "
    "learning rate does as well. The steps are the images divided by the "
    "batch, rounded up.",
    why="There are eight times fewer steps, each about eight times as long. "
    "The rule says no more than that, and it holds while the gradient hardly "
    "changes within eight small steps. At the start it does change, which is "
    "why there is a warm-up. Read on in A Larger Batch, a Larger Step.",
    read="scaling_out#a-larger-batch-a-larger-step",
)
def eight_machines(lr: float, steps_before: int, steps_after: int) -> None:
    """Check the learning rate and the steps of an eightfold batch."""
    number(
        "lr",
        lr,
        0.8,
        {
            0.1: "`lr` is the rate for one machine; the batch is eight times "
            "as large now",
            0.1 * 8**0.5: "`lr` follows the square root of the batch, which "
            "is another rule",
            0.1 / 8: "`lr` became smaller: there would be fewer steps, and "
            "they would be shorter, too",
        },
    )
    integer(
        "steps_before",
        steps_before,
        235,
        {
            234: "`steps_before` leaves out the last, smaller batch",
            1875: "`steps_before` is for batches of 32",
        },
    )
    integer(
        "steps_after",
        steps_after,
        30,
        {
            29: "`steps_after` leaves out the last, smaller batch",
            235: "`steps_after`: the group sees eight shards in each step",
            1880: "`steps_after`: more machines do not mean more steps",
        },
    )


@exercise(
    label="ex-scaling-out-speed",
    hint="Write T(2): a worker computes half the batch and then sends one "
    "gradient in all, half of it in each round.",
    second_hint="With K workers, a step takes 0.4 / K seconds and the time to "
    "send 2 · (K − 1) / K gradients. For the bandwidth, set T(2) equal to 0.4 "
    "s.",
    why="Whether more machines help depends on one ratio, the time to "
    "compute a batch over the time to send a gradient. Work it out before "
    "you rent a cluster. A larger batch, shorter numbers and sending earlier "
    "improve it. Read on in How Much Faster?",
    read="scaling_out#how-much-faster",
)
def speed_up(two: float, eight: float, bandwidth: float) -> None:
    """Check speed-ups over a slow network, to one per cent."""
    c, send = 0.4, 45 / 125
    number(
        "two",
        two,
        c / (c / 2 + send),
        {
            2: "`two` leaves out the time to send the gradients",
            (c / 2 + send) / c: "`two` is upside down: the time of one "
            "worker is the numerator",
            c / (c + send): "`two`: each worker computes only half of the "
            "batch",
            c / (c / 2 + 2 * send): "`two`: with two workers a ring sends "
            "half a gradient in each of the two rounds",
            c / (c / 2 + send / 2): "`two` counts one of the two rounds",
            c / (c / 2 + send) / 2: "`two` is the efficiency, not the "
            "speed-up",
        },
        tolerance=0.01,
    )
    number(
        "eight",
        eight,
        c / (c / 8 + 1.75 * send),
        {
            8: "`eight` leaves out the time to send the gradients",
            (c / 8 + 1.75 * send) / c: "`eight` is upside down: the time of "
            "one worker is the numerator",
            c / (c / 8 + 2 * send): "`eight`: a worker sends a little less "
            "than two gradients",
            c / (c / 8 + send): "`eight` uses the sending time of two workers",
            c / (c / 8 + 0.875 * send): "`eight` counts one of the two rounds",
            c / (c / 8 + 1.75 * send) / 8: "`eight` is the efficiency, not "
            "the speed-up",
            c / (c / 8 + 8 * send): "`eight`: in a ring the sending time "
            "hardly grows with the number of workers",
        },
        tolerance=0.01,
    )
    number(
        "bandwidth",
        bandwidth,
        225,
        {
            112.5: "`bandwidth` uses all of the 0.4 s for sending, but "
            "computing takes half of them",
            450: "`bandwidth`: with two workers a ring sends one gradient in "
            "all",
            1800: "`bandwidth` is in megabits per second",
            0.225: "`bandwidth` is in gigabytes per second",
        },
        tolerance=0.01,
    )


def _gradient(X, y):
    """Return the gradient of a mean loss: that of a small regression."""
    weights = np.cos(1 + np.arange(X.shape[1]))
    return (np.tanh(X @ weights - y)[:, None] * X).mean(axis=0)


def _parts(X, y, size):
    cuts = range(0, len(X), size)
    parts = [_gradient(X[i : i + size], y[i : i + size]) for i in cuts]
    return parts, [min(size, len(X) - i) for i in cuts]


def _plain_mean(X, y, size):
    return np.mean(_parts(X, y, size)[0], axis=0)


def _plain_sum(X, y, size):
    return np.sum(_parts(X, y, size)[0], axis=0)


def _full_only(X, y, size):
    kept = max(len(X) // size, 1) * size
    return _gradient(X[:kept], y[:kept])


def _full_divided(X, y, size):
    parts, sizes = _parts(X, y, size)
    full = [g * n for g, n in zip(parts, sizes, strict=True) if n == size]
    return np.sum(full, axis=0) / len(X)


def _weighted_sum(X, y, size):
    return _gradient(X, y) * len(X)


def _as_if_full(X, y, size):
    return _plain_sum(X, y, size) * size / len(X)


_ACCUMULATED = [
    (
        _plain_mean,
        "`accumulate` returns the plain mean of the parts' gradients, which "
        "is right only if all parts have the same size",
    ),
    (_plain_sum, "`accumulate` adds the parts' gradients without weights"),
    (_full_only, "`accumulate` leaves out the last, smaller part"),
    (
        _full_divided,
        "`accumulate` leaves out the last, smaller part, but counts it",
    ),
    (
        _weighted_sum,
        "`accumulate` returns the gradient of the sum of the losses, not of "
        "their mean",
    ),
    (
        _as_if_full,
        "`accumulate` gives the last part the weight of a full one",
    ),
]


@exercise(
    label="ex-scaling-out-accumulate",
    hint="If `gradient` returns the gradient of the mean over a part, what "
    "is the gradient of the sum?",
    second_hint="Multiply the result of `gradient` for each part by the "
    "part's number of examples, add the products, and divide by the number "
    "of all examples.",
    why="With accumulated gradients, one small machine computes what a large "
    "one, or a group, computes: time limits the batch and no longer memory. "
    "Only batch normalisation makes a difference, because it takes its "
    "statistics from each part. Read on in Batch Normalisation Sees Its "
    "Shard.",
    read="scaling_out#batch-normalisation-sees-its-shard",
)
def accumulated(accumulate: Callable) -> None:
    """Check a gradient that is computed in parts."""
    accumulate = function("accumulate", accumulate)
    rng = np.random.default_rng(5)
    cases = [(10, 4, 3), (12, 4, 3), (7, 7, 3), (3, 5, 3), (5, 1, 3)]
    cases += [tuple(rng.integers(1, most)) for most in [(60, 13, 9)] * 12]
    for count, size, features in cases:
        X, y = rng.normal(size=(count, features)), rng.normal(size=count)
        case = f"with {count} examples and `size={size}`"
        seen = []

        def gradient(X, y, case=case, size=size, seen=seen):
            seen.append(len(X))
            if len(X) != len(y):
                raise Wrong(
                    f"{case}: `gradient` gets {len(X)} images and {len(y)} "
                    "labels"
                )
            if not 0 < len(X) <= size:
                raise Wrong(f"{case}: `gradient` gets {len(X)} at once")
            return _gradient(X, y)

        found, again = (
            accumulate(gradient, X.copy(), y.copy(), size) for _ in range(2)
        )
        array(
            f"accumulate(…) {case}",
            found,
            _gradient(X, y),
            tolerance=1e-6,
            mistakes=[
                (wrong(X, y, size), f"{words} ({case})")
                for wrong, words in _ACCUMULATED
                if not np.allclose(wrong(X, y, size), _gradient(X, y))
            ],
        )
        if not seen:
            raise Wrong("`accumulate` does not call `gradient`")
        same_again(f"accumulate(…) {case}", found, again, 1e-6)


def _step(w, sums, count, lr, decay):
    return w - lr * (sum(sums) / count + decay * w)


@exercise(
    label="ex-scaling-out-decay",
    hint="Write down the gradient that one worker would use if it had all "
    "the examples; how often does the decay occur in it?",
    second_hint="Write w − lr · (sum of all sums / count + decay · w). How "
    "often does your step subtract lr · decay · w?",
    why="If the workers' terms are summed, each worker must contribute only "
    "its share. The same holds for everything that a step adds to the "
    "gradient of the data, so the TensorFlow engine, which is printed in In "
    "This Book's Programs, has to take care of it here.",
    read="scaling_out#in-this-book-s-programs",
)
def decayed_step(step: Callable) -> None:
    """Check a step of several workers with weight decay."""
    rng = np.random.default_rng(6)
    cases = [
        (rng.normal(size=4), list(rng.normal(size=(K, 4))), count, lr, decay)
        for K, count, lr, decay in (
            (1, 8, 0.1, 0.5),
            (4, 32, 0.1, 0.5),
            (3, 10, 0.2, 0.3),
        )
    ]
    drawn = []
    for _ in range(9):
        K, size, count = (int(n) for n in rng.integers(1, (10, 8, 4000)))
        lr, decay = (float(each) for each in rng.uniform(0.01, 1, 2).round(3))
        w, sums = rng.normal(size=size), list(rng.normal(size=(K, size)))
        drawn.append((w, sums, count, lr, decay))
    same_results(
        "step",
        step,
        _step,
        cases,
        mistakes=[
            (
                lambda w, sums, count, lr, decay: (
                    w - lr * (sum(sums) / count + len(sums) * decay * w)
                ),
                "`step` adds the decay once for each worker",
            ),
            (
                lambda w, sums, count, lr, decay: w - lr * sum(sums) / count,
                "the weights no longer decay at all",
            ),
            (
                lambda w, sums, count, lr, decay: (
                    w - lr * (sum(sums) / count / len(sums) + decay * w)
                ),
                "`step` divides the examples' gradients by the number of "
                "workers, although `count` holds the examples of all shards",
            ),
            (
                lambda w, sums, count, lr, decay: (
                    w - lr * (sum(sums) + decay * w) / count
                ),
                "`step` divides the decay by the number of examples",
            ),
            (
                lambda w, sums, count, lr, decay: (
                    w - lr * (sum(sums) / count + decay * w / len(sums))
                ),
                "`step` adds a worker's share of the decay, but only once",
            ),
            (
                lambda w, sums, count, lr, decay: (
                    w - lr * (sum(sums) / count - decay * w)
                ),
                "the decay has the wrong sign: the weights grow",
            ),
        ],
        tolerance=1e-6,
        more=drawn,
    )


def _combine(means, variances, sizes):
    means, weights = np.array(means), np.array(sizes) / np.sum(sizes)
    mean = weights @ means
    return np.array(
        [mean, weights @ variances + weights @ (means - mean) ** 2]
    )


def _no_spread(means, variances, sizes):
    weights = np.array(sizes) / np.sum(sizes)
    return np.array([weights @ means, weights @ variances])


def _no_sizes(means, variances, sizes):
    return np.array([np.mean(means), np.mean(variances) + np.var(means)])


def _no_sizes_in_spread(means, variances, sizes):
    mean, variance = _no_spread(means, variances, sizes)
    return np.array([mean, variance + np.var(means)])


def _neither(means, variances, sizes):
    return np.array([np.mean(means), np.mean(variances)])


def _unbiased(means, variances, sizes):
    mean, variance = _combine(means, variances, sizes)
    return np.array([mean, variance * sum(sizes) / (sum(sizes) - 1)])


def _swapped(means, variances, sizes):
    return _combine(means, variances, sizes)[::-1]


@exercise(
    label="ex-scaling-out-statistics",
    hint="Work with sums: what are the sum of a shard's values and the sum "
    "of their squares?",
    second_hint="A shard of n values with mean m and variance v has the sum n "
    "· m and the sum of squares n · (v + m²). Add both over the shards, "
    "divide by the number of all values, and subtract the squared mean.",
    why="Synchronised batch normalisation needs no more than this from the "
    "other workers: two numbers per channel and the sizes, in every layer. "
    "The same formula merges the statistics of any two sets without their "
    "data; for equal shards it is the one in Batch Normalisation Sees Its "
    "Shard.",
    read="scaling_out#batch-normalisation-sees-its-shard",
)
def whole_statistics(combine: Callable) -> None:
    """Check the mean and variance of several shards together."""
    rng = np.random.default_rng(7)
    cases = [
        ([1.0, 3.0], [2.0, 2.0], [5, 5]),
        ([0.0, 4.0, -1.0], [1.0, 2.0, 0.5], [8, 2, 6]),
        ([2.5], [0.7], [3]),
        ([100.0, 101.0], [0.0, 0.0], [1, 3]),
    ]
    drawn = []
    for K in (2, 3, 4, 5, 7, 8, 12):
        means, variances = rng.normal(size=K), rng.uniform(0.1, 3, K)
        sizes = rng.integers(1, 900, K)
        drawn.append((means.tolist(), variances.tolist(), sizes.tolist()))
    same_results(
        "combine",
        combine,
        _combine,
        cases,
        mistakes=[
            (
                _no_spread,
                "`combine` leaves out how far apart the shards' means are",
            ),
            (_no_sizes, "`combine` does not use the sizes"),
            (
                _no_sizes_in_spread,
                "the variance of the means counts every shard alike, "
                "whatever its size",
            ),
            (
                _neither,
                "`combine` averages means and variances: it uses neither the "
                "sizes nor how far apart the means are",
            ),
            (_unbiased, "`combine` returns the unbiased variance"),
            (_swapped, "`combine` returns the variance first"),
        ],
        tolerance=1e-6,
        more=drawn,
    )
