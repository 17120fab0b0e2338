"""Learning rates that change during a training, one value a step."""

import math


def constant(_done):
    """Return 1: the learning rate stays."""
    return 1.0


def cosine(done):
    """Fall from 1 to 0 along half a cosine (Loshchilov and Hutter, 2017)."""
    return (1 + math.cos(math.pi * done)) / 2


def step(done):
    """Return 1, a tenth after half and a hundredth after three quarters.

    After He et al. (2016), section 4.2: there after 32,000 and 48,000 of
    64,000 steps.
    """
    return 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01


def one_cycle(done):
    """Rise in a straight line for a quarter, then fall to 0 likewise.

    After Smith and Topin (2019), without their change of the momentum.
    """
    return 4 * done if done < 0.25 else (1 - done) * 4 / 3


SCHEDULES = {
    "constant": constant,
    "cosine": cosine,
    "step": step,
    "one_cycle": one_cycle,
}
"""Name → the factor of the learning rate.

Each is a function of the share of the training that is done, from 0 to 1.
"""


def learning_rate(name, lr, index, num_steps):
    """Return the learning rate of one step.

    Args:
        name: One of `SCHEDULES`.
        lr: The largest learning rate.
        index: The step's number, counted from 0 over all epochs.
        num_steps: Steps in the whole training.
    """
    # The middle of the step, so that no step has the learning rate 0.
    return lr * SCHEDULES[name]((index + 0.5) / num_steps)
