"""Checks for the exercises on schedules, of the same chapter."""

import math

import numpy as np

from ._answer import Wrong, exercise
from ._compare import function, number
from ._values import plain


@exercise(
    label="ex-limping-cycle",
    hint="Print the learning rate at the start, after a quarter, at half and "
    "at the end, or plot it.",
    why="No framework complains when a schedule goes below zero. The loss "
    "does, but late: by then the network has been good, and one looks for "
    "the fault in the data or the model. A schedule is a function of one "
    "number, and plotting it costs a line. Read on in Fewer Epochs.",
)
def limping_cycle(one_cycle):
    """Check the learning rates of one-cycle, up to half a step."""
    function("one_cycle", one_cycle)
    for num_steps, lr in (200, 0.8), (1000, 3.0):
        rates = []
        for index in range(num_steps):
            found = plain(one_cycle(index, num_steps, lr))
            call = f"one_cycle({index}, {num_steps}, {lr})"
            rates.append(number(call, found, found))
        _compare_cycle(np.array(rates), num_steps, lr)


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
        "`warm_cosine` jumps after the first tenth: its cosine has begun "
        "with the training",
    ),
    (
        _warm(lambda rest: _half_cosine(0.9 * rest)),
        "`warm_cosine` does not arrive at 0: its cosine is as long as the "
        "whole training",
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
    hint="Two cases, and they meet at 1. In the second, first compute which "
    "share of the rest is done.",
    why="Most networks of today are trained with this schedule or a close "
    "relative of it; the cosine comes from Loshchilov and Hutter, SGDR "
    "(2017, arXiv:1608.03983). In which way the rate falls matters less than "
    "that it rises first, is large for long, and ends at zero. Whether one "
    "of two such schedules is better only several seeds can tell, with the "
    "largest rate chosen for each of them: read on in the next exercise.",
)
def warm_cosine(warm_cosine):
    """Check a schedule at some points (tolerance 0.001)."""
    function("warm_cosine", warm_cosine)
    shares = 0.0, 0.03, 0.07, 0.1, 0.25, 0.4, 0.55, 0.8, 1.0
    given = []
    for done in shares:
        found = plain(warm_cosine(done))
        given.append(number(f"warm_cosine({done})", found, found))

    def same(schedule):
        return np.abs(np.array([schedule(d) for d in shares]) - given) < 1e-3

    right = same(_warm(_half_cosine))
    if right.all():
        return
    for wrong, words in _SCHEDULE_MISTAKES:
        if same(wrong).all():
            raise Wrong(words)
    first = int(right.argmin())
    above = given[first] > _warm(_half_cosine)(shares[first])
    side = "large" if above else "small"
    raise Wrong(f"`warm_cosine({shares[first]})` is too {side}")
