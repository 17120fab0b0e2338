"""One step of data-parallel training, on four workers in a ring."""

from itertools import pairwise

from shapes import Box, Figure

WIDTH, HEIGHT = 476, 404
LEFT, SHARE = 18, 110  # the batch's left edge, and a shard's width
KINDS = ["conv", "norm", "act", "pool"]


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "data_parallel",
        "One step of data-parallel training",
        "A diagram read from top to bottom. One batch is cut into four "
        "shards. Each goes to one of four workers, all of which have the "
        "same weights. Each worker computes the gradient of its shard. The "
        "gradients travel around a ring from worker to worker, and the last "
        "worker is followed by the first, until every worker has the mean. "
        "Then all take the same step, so that their weights stay the same.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    figure.label((WIDTH / 2, 22), "one batch", "strong")
    gradients = []
    for i, kind in enumerate(KINDS):
        x = LEFT + SHARE * (i + 0.5)
        shard = Box(LEFT + SHARE * i, 40, SHARE, 34)
        figure.rect(shard, f"box {kind}", 0)
        figure.label(shard.centre, f"shard {i}")
        worker = figure.box(
            (x, 104), (102, 54), (f"worker {i}", "same weights"), "dense"
        )
        gradients.append(figure.box((x, 188), (60, 34), f"$g_{i}$", kind))
        figure.arrow([shard.bottom, worker.top])
        figure.arrow([worker.bottom, gradients[-1].top])
    for one, other in pairwise(gradients):
        figure.arrow([one.right, other.left], "shortcut")
    first, last = gradients[0], gradients[-1]
    y = first.bottom[1] + 30
    around = [last.right, (WIDTH - 16, last.right[1]), (WIDTH - 16, y)]
    around += [(16, y), (16, first.left[1]), first.left]
    figure.arrow(around, "shortcut")
    figure.label((WIDTH / 2, y + 20), "all-reduce around the ring", "strong")
    mean = figure.box(
        (WIDTH / 2, y + 68),
        (4 * SHARE, 60),
        ("the mean gradient, at every worker", "the same step everywhere"),
        "dense",
    )
    figure.arrow([(WIDTH / 2, y + 36), mean.top])
    return figure
