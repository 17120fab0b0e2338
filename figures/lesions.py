"""The recorded test accuracies of networks that lack one block."""

from statistics import mean

from plot import Axes, runs
from shapes import Figure

WIDTH, HEIGHT = 480, 300
STYLES = {"residual": "shortcut", "plain": "projection"}


def draw() -> Figure:
    """Return the figure."""
    figure = Figure(
        "lesions",
        "Test accuracy without one block",
        "A plot of the test accuracy over the block that is removed. The "
        "residual networks lose most without block 0 and next to nothing "
        "without block 8; the plain networks are near one in ten without "
        "any.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    axes = Axes(figure, (58, 20), (316, 226), (-0.4, 8.4), (0, 100))
    axes.x_ticks(range(9), "block that is removed")
    axes.y_ticks(range(0, 101, 20), " %")
    for kind, style in STYLES.items():
        found = runs(f"lesions/{kind}")
        removed = sorted(map(int, found[0]["test_acc_without_block"]))
        whole = mean(run["history"]["test_acc"][-1] for run in found)
        ends = [axes.at(x, 100 * whole) for x in axes.x]
        figure.line(ends, f"{style} dotted")
        accuracy = [
            [100 * run["test_acc_without_block"][str(i)] for i in removed]
            for run in found
        ]
        for each in accuracy:
            for i, value in zip(removed, each, strict=True):
                figure.dot(axes.at(i, value), style)
        means = map(mean, zip(*accuracy, strict=True))
        points = [axes.at(*p) for p in zip(removed, means, strict=True)]
        figure.line(points, style, radius=0.01)
        figure.label((382, points[-1][1]), kind, "small start")
    return figure
