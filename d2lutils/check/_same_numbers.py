"""The checks of the chapter on the same numbers in three frameworks."""

import numpy as np

from ._answer import Wrong, exercise
from ._compare import integer, same_results
from ._same_layers import (
    kernel_layout,
    load_dense,
    moved_batch_norm,
    moved_conv,
)

__all__ = [
    "changed_rows",
    "kernel_layout",
    "largest_batch",
    "load_dense",
    "mistakes_found",
    "moved_batch_norm",
    "moved_conv",
    "unbiased_variance",
]

MISTAKES = ("projection", "padding", "epsilon")
ROWS = (
    "logits",
    "loss",
    "gradient",
    "weights after the step",
    "running mean",
    "running variance",
    "same, unbiased",
)


def _names(name, value, known):
    """Return the names in an answer, each of which has to be a known one."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        raise Wrong(
            f"`{name}` has to be a list of names, not the "
            f"{type(value).__name__} `{value!r}`"
        )
    found = set()
    for each in value:
        if each not in known:
            raise Wrong(
                f"`{name}` holds {each!r}; the names are "
                + ", ".join(repr(one) for one in known)
            )
        found.add(each)
    return found


@exercise(
    label="ex-same-numbers-found",
    hint="Ask of each mistake whether it changes the shape of anything, and "
    "whether it changes a number.",
    why="Most mistakes in moving a network leave all shapes as they are. "
    "Tests of shapes are cheap and find the gross ones; only numbers find "
    "the others, and they find all of them. Read on in Four Things to "
    "Compare.",
)
def mistakes_found(by_shapes, by_logits):
    """Check which mistakes shapes find, and which logits."""
    shapes = _names("by_shapes", by_shapes, MISTAKES)
    logits = _names("by_logits", by_logits, MISTAKES)
    if "padding" in shapes:
        raise Wrong(
            '`by_shapes` holds "padding": compute the size of the output '
            "with one zero at the end, and with one on each side"
        )
    if "epsilon" in shapes:
        raise Wrong(
            '`by_shapes` holds "epsilon", which changes the shape of nothing'
        )
    if not shapes:
        raise Wrong(
            "`by_shapes` is empty, but one of the mistakes leads to an "
            "addition of two different shapes"
        )
    for each in MISTAKES:
        if each not in logits:
            raise Wrong(
                f'`by_logits` leaves out "{each}": are the logits, if there '
                "are any, the same with this mistake as without it?"
            )


@exercise(
    label="ex-same-numbers-batch",
    hint="First find the largest n with n / (n − 1) − 1 above one thousandth; "
    "then count the positions that the last stage has for one image.",
    why="The larger the batch and the image, the less it matters how a "
    "variance is estimated. It matters where few values meet: in the last "
    "stages, with small images, in batches of two. Read on in The Proof, "
    "where eight small images make n = 32.",
)
def largest_batch(at_64, at_224):
    """Check from which batch on the two variances are alike."""
    for name, value, positions, less, more in [
        ("at_64", at_64, 4, 1, 16),
        ("at_224", at_224, 49, 9, 196),
    ]:
        sides = f"`{name}` takes the last stage to be"
        integer(
            name,
            value,
            1000 // positions,
            {
                1000 // less: f"{sides} half as high and wide as it is",
                1000 // more: f"{sides} twice as high and wide as it is",
                1000 // positions + 1: f"`{name}` is the first batch for "
                "which the difference is smaller",
                1000: f"`{name}` is a number of values of a channel, not of "
                "images",
                1001: f"`{name}` is a number of values of a channel, not of "
                "images",
            },
        )


@exercise(
    label="ex-same-numbers-rows",
    hint="Follow the epsilon, and then the weight of the new statistics, "
    "through evaluation, through training, and through the step.",
    why="An epsilon enters every output and so every row. The weight of the "
    "new statistics enters nothing but the running statistics: no "
    "comparison of outputs or gradients after one step can see it, and "
    "after an epoch it looks like overfitting. That is why the chapter "
    "compares four things and not one. Read on in Four Things to Compare.",
)
def changed_rows(epsilon, momentum):
    """Check which rows of the table two mistakes change."""
    running = set(ROWS[4:])
    for name, value, right in [
        ("epsilon", epsilon, set(ROWS)),
        ("momentum", momentum, running),
    ]:
        found = _names(name, value, ROWS)
        if surplus := found - right:
            first = next(row for row in ROWS if row in surplus)
            raise Wrong(
                f'`{name}` holds "{first}", which does not change: when are '
                "the running statistics used?"
            )
        if missing := right - found:
            which = (
                "a row that changes"
                if len(missing) == 1
                else f"{len(missing)} rows that change"
            )
            raise Wrong(f"`{name}` leaves out {which}")


def _unbiased(before, after, n):
    return 0.9 * before + (after - 0.9 * before) * n / (n - 1)


@exercise(
    label="ex-same-numbers-unbiased",
    hint="Take the new running variance apart: which part of it has been "
    "estimated from this batch?",
    why="A moving average mixes what was known with what is new, and only the "
    "new part was estimated in two ways. With this function the last row "
    "of the table agrees at every step of a training and not at the first "
    "only. Read on in The Proof.",
)
def unbiased_variance(unbiased):
    """Check the running variance after any step (tolerance 1e-6)."""
    rng = np.random.default_rng(0)
    before = rng.uniform(0.5, 2, 5)
    after = 0.9 * before + 0.1 * rng.uniform(0.1, 4, 5)
    same_results(
        "unbiased",
        unbiased,
        _unbiased,
        [(1.0, 1.2, 32), (2.0, 2.1, 4), (0.5, 0.6, 2), (before, after, 8)],
        mistakes=[
            (
                lambda before, after, n: after * n / (n - 1),
                "`unbiased` corrects the whole running variance, the part "
                "that was there before the batch included",
            ),
            (
                lambda before, after, n: 0.9 + (after - 0.9) * n / (n - 1),
                "`unbiased` does not use `before`: it is right only if that "
                "is 1",
            ),
            (
                lambda before, after, n: (
                    0.9 * before + (after - 0.9 * before) * (n - 1) / n
                ),
                "`unbiased` goes in the wrong direction: it makes a biased "
                "estimate of an unbiased one",
            ),
            (
                lambda before, after, n: (
                    0.1 * before + (after - 0.1 * before) * n / (n - 1)
                ),
                "`unbiased` takes the new statistics to have a weight of "
                "0.9; theirs is a tenth",
            ),
            (
                lambda before, after, n: (
                    (after - 0.9 * before) / 0.1 * n / (n - 1)
                ),
                "`unbiased` returns the batch's variance, not the running one",
            ),
        ],
        tolerance=1e-6,
    )
