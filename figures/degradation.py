"""The recorded training errors of plain and residual networks."""

from plot import Axes, runs
from shapes import Figure

WIDTH, HEIGHT = 480, 312
TOP = 50.0  # per cent
STYLES = {
    20: "shortcut thick",
    32: "learned thick",
    44: "projection thick",
    56: "line thick",
}
KINDS = ("plain", 46), ("residual", 310)


def draw() -> Figure:
    """Return the figure."""
    figure = Figure(
        "degradation",
        "Training errors of plain and residual networks by depth",
        "Two plots of the training error over 24 epochs. On the left, plain "
        "networks: the deeper, the larger is the error at the end. On the "
        "right, residual networks of the same depths, which end close "
        "together.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    for kind, left in KINDS:
        axes = Axes(figure, (left, 42), (158, 216), (1, 24), (0, TOP))
        figure.label((left + 79, 18), f"{kind} networks", "strong")
        axes.x_ticks((1, 6, 12, 18, 24), "epoch")
        axes.y_ticks(range(0, 51, 10), " %" if kind == "plain" else "")
        taken = HEIGHT  # by the last label
        for depth, style in STYLES.items():
            errors = [
                [100 * (1 - a) for a in run["history"]["train_acc"]]
                for run in runs(f"degradation/{kind}_{depth}")
            ]
            x, y = axes.curve(range(1, 25), errors, style)
            if kind == "plain":  # the others end too close together
                taken = min(y, taken - 15)
                words = f"{depth} layers" if depth == 56 else str(depth)
                figure.label((x + 7, taken), words, "small start")
    return figure
