"""Plots of what `results/` records, drawn as the figures are."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from shapes import Figure, Point, pair

RESULTS = Path(__file__).parents[1] / "results"


def runs(name: str) -> list[dict]:
    """Return the runs of a record, one per seed."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))["runs"]


class Axes:
    """A plane within a figure, with its ticks and curves.

    Args:
        figure: What is drawn on.
        corner: The plane's upper left corner, in pixels.
        size: Its width and height, in pixels.
        x: The first and last value of x.
        y: The lowest and highest value of y; no curve goes beyond.
    """

    def __init__(
        self,
        figure: Figure,
        corner: Point,
        size: tuple[float, float],
        x: tuple[float, float],
        y: tuple[float, float],
    ):
        self.figure, self.x, self.y = figure, x, y
        self.left, self.top = corner
        self.right, self.bottom = corner[0] + size[0], corner[1] + size[1]
        origin, end = (self.left, self.bottom), (self.right, self.bottom)
        figure.line([(self.left, self.top), origin], "outline")
        figure.line([origin, end], "outline")

    def at(self, x: float, y: float) -> Point:
        """Return where a point of the plane lies in the figure."""
        y = min(max(y, self.y[0]), self.y[1])  # a band may go beyond
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )

    def x_ticks(self, values: Sequence[float], name: str) -> None:
        """Mark values on the lower edge, and name what they are."""
        for value in values:
            x, y = self.at(value, self.y[0])
            self.figure.line([(x, y), (x, y + 4)], "outline")
            self.figure.label((x, y + 15), f"{value:g}", "small")
        middle = (self.left + self.right) / 2, self.bottom + 36
        self.figure.label(middle, name, "small muted")

    def y_ticks(self, values: Sequence[float], unit: str = "") -> None:
        """Mark values on the left edge."""
        for value in values:
            x, y = self.at(self.x[0], value)
            self.figure.line([(x - 4, y), (x, y)], "outline")
            self.figure.label((x - 8, y), f"{value:g}{unit}", "small end")

    def curve(
        self, x: Sequence[float], each: Sequence[Sequence[float]], cls: str
    ) -> Point:
        """Draw the mean of several runs in a band of its spread.

        The band reaches one standard deviation to either side.

        Args:
            x: One value per point.
            each: One sequence per run.
            cls: The curve's colour, and further classes.

        Returns:
            Where the curve ends.
        """
        columns = list(zip(*each, strict=True))
        means, spreads = map(mean, columns), map(stdev, columns)
        rows = [
            row
            for row in zip(x, means, spreads, strict=True)
            if self.y[0] <= row[1] <= self.y[1]
        ]
        band = [self.at(at, m + s) for at, m, s in rows]
        band += [self.at(at, m - s) for at, m, s in reversed(rows)]
        self.figure.add(
            "polygon",
            f"{cls.split(' ')[0]}-fill",
            points=" ".join(map(pair, band)),
            fill_opacity="0.2",
        )
        points = [self.at(at, m) for at, m, _ in rows]
        self.figure.line(points, cls, radius=0.01)
        return points[-1]
