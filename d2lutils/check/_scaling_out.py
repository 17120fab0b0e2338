"""Checks for the exercises of the chapter on several workers."""

from ._answer import exercise
from ._compare import integer, number

PARAMETERS = 11_175_370  # of ResNet-18, with one channel and ten classes


@exercise(
    label="ex-scaling-out-bytes",
    hint="A number in single precision takes four bytes; a worker's gradient "
    "is cut into eight chunks, and seven of them go out in each round.",
    why="The load of the ring is nearly the same for two workers and for a "
    "thousand, that of a single server grows with each of them. That is why "
    "the frameworks add up gradients in rings or trees, and why large groups "
    "share the work of a parameter server among several. Read on in Around a "
    "Ring.",
)
def bytes_sent(ring, server):
    """Check the bytes that eight workers, or their server, handle."""
    n = 4 * PARAMETERS
    integer(
        "ring",
        ring,
        7 * n // 4,
        {
            7 * n // 8: "`ring` is that of one round; there are two",
            2 * n: "`ring`: in each round a worker sends seven of its eight "
            "chunks, not all",
            n: "`ring` is one gradient; the ring goes around twice",
            14 * n: "`ring` is what all workers send together",
            7 * n: "`ring` is what a worker would send if it sent its whole "
            "gradient to each of the others",
            7 * PARAMETERS // 4: "`ring` counts numbers, not bytes",
            15 * n // 8: "`ring` is that of sixteen workers",
        },
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
    why="Eight times fewer steps, each about eight times as long: that is "
    "all the rule says, and it holds while the gradient hardly changes "
    "within eight small steps. At the start it does change, hence the "
    "warm-up. Read on in A Larger Batch, a Larger Step.",
)
def eight_machines(lr, steps_before, steps_after):
    """Check the learning rate and the steps of an eightfold batch."""
    number(
        "lr",
        lr,
        0.8,
        {
            0.1: "`lr` is that of one machine; the batch is eight times as "
            "large now",
            0.1 * 8**0.5: "`lr` follows the square root of the batch, which "
            "is another rule",
            0.1 / 8: "`lr` became smaller, and the fewer steps would be "
            "shorter, too",
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
    why="Whether machines help is decided by one ratio, the time to compute a "
    "batch over the time to send a gradient, and it is worth a minute with "
    "a pencil before a cluster is rented. A larger batch, shorter numbers "
    "and an earlier start improve it. Read on in How Much Faster?",
)
def speed_up(two, eight, bandwidth):
    """Check speed-ups over a slow network, to one per cent."""
    c, send = 0.4, 45 / 125
    number(
        "two",
        two,
        c / (c / 2 + send),
        {
            2: "`two` forgets the time that the gradients take",
            (c / 2 + send) / c: "`two` is upside down: the time of one "
            "worker belongs above",
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
            8: "`eight` forgets the time that the gradients take",
            (c / 8 + 1.75 * send) / c: "`eight` is upside down: the time of "
            "one worker belongs above",
            c / (c / 8 + 2 * send): "`eight`: a worker sends a little less "
            "than two gradients",
            c / (c / 8 + send): "`eight` takes the sending of two workers",
            c / (c / 8 + 0.875 * send): "`eight` counts one of the two rounds",
            c / (c / 8 + 1.75 * send) / 8: "`eight` is the efficiency, not "
            "the speed-up",
            c / (c / 8 + 8 * send): "`eight`: in a ring the time of sending "
            "hardly grows with the workers",
        },
        tolerance=0.01,
    )
    number(
        "bandwidth",
        bandwidth,
        225,
        {
            112.5: "`bandwidth` leaves all of the 0.4 s for the sending, but "
            "half of them are needed for computing",
            450: "`bandwidth`: with two workers a ring sends one gradient in "
            "all",
            1800: "`bandwidth` is in megabits per second",
            0.225: "`bandwidth` is in gigabytes per second",
        },
        tolerance=0.01,
    )
