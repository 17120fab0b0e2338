"""The shapes that figures are made of, drawn as SVG.

Coordinates are pixels at a figure's natural size, y pointing down.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from xml.etree import ElementTree

from style import SIZES, style_sheet

Point = tuple[float, float]
HEAD = 9  # length and width of an arrowhead


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{round(value, 2) + 0:.6g}"


def pair(point: Point) -> str:
    """A point, as paths and polygons write it."""
    return f"{number(point[0])} {number(point[1])}"


def towards(start: Point, end: Point, distance: float) -> Point:
    """The point at a distance from the start on the way to the end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    t = distance / hypot(dx, dy)
    return start[0] + t * dx, start[1] + t * dy


class Box:
    """A rectangle, and the points where lines meet it."""

    def __init__(self, x: float, y: float, width: float, height: float):
        self.x, self.y, self.width, self.height = x, y, width, height
        self.centre = x + width / 2, y + height / 2
        self.top = self.centre[0], y
        self.bottom = self.centre[0], y + height
        self.left = x, self.centre[1]
        self.right = x + width, self.centre[1]


class Figure:
    """An SVG drawing with a title and a description for screen readers."""

    def __init__(
        self, name: str, title: str, desc: str, width: float, height: float
    ):
        self.name, self.width, self.height = name, width, height
        self.root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": "bookfig",
                "viewBox": f"0 0 {pair((width, height))}",
                "width": number(width),
                "height": number(height),
                "role": "img",
                "aria-labelledby": f"{name}-title {name}-desc",
            },
        )
        self.add("title", id=f"{name}-title").text = title
        self.add("desc", id=f"{name}-desc").text = desc
        self.add("style").text = f"\n{style_sheet()}\n"

    def add(self, tag: str, cls: str = "", **attributes):
        """Append an element of a CSS class; numbers are rounded."""
        element = ElementTree.SubElement(self.root, tag)
        if cls:
            element.set("class", cls)
        for name, value in attributes.items():
            text = value if isinstance(value, str) else number(value)
            element.set(name.replace("_", "-"), text)
        return element

    def rect(self, box: Box, cls: str, radius: float = 6) -> None:
        """Draw a rectangle with rounded corners."""
        shape = {"width": box.width, "height": box.height, "rx": radius}
        self.add("rect", cls, x=box.x, y=box.y, **shape)

    def paper(self) -> None:
        """Lay a background under the figure."""
        self.rect(Box(0, 0, self.width, self.height), "paper")

    def label(self, at: Point, text: str, cls: str = "") -> None:
        """Write one line of text, centred vertically on a point.

        Between dollar signs is a formula: its letters are italic, and an
        underscore makes a subscript of the next character: `"$F_1(x)$"`.
        """
        size = SIZES.get(cls.split(" ")[0], SIZES["text"])
        element = self.add("text", cls, x=at[0], y=at[1] + 0.35 * size)
        parts = text.split("$")
        element.text = parts[0]
        for formula, tail in zip(parts[1::2], parts[2::2], strict=True):
            add_formula(element, formula)
            element[-1].tail = tail

    def box(
        self,
        top: Point,
        size: tuple[float, float],
        lines: str | Sequence[str],
        kind: str,
    ) -> Box:
        """Draw a labelled box.

        Args:
            top: The middle of its top edge.
            size: Its width and height.
            lines: Its text; a second line is set smaller.
            kind: The colour it is filled with.
        """
        box = Box(top[0] - size[0] / 2, top[1], *size)
        self.rect(box, f"box {kind}")
        x, y = box.centre
        if isinstance(lines, str):
            self.label((x, y), lines)
        else:
            self.label((x, y - 8.5), lines[0])
            self.label((x, y + 9.5), lines[1], "small muted")
        return box

    def dot(self, at: Point, cls: str = "line") -> None:
        """Mark where a line branches off."""
        self.add("circle", f"{cls}-fill", cx=at[0], cy=at[1], r=3.5)

    def plus(self, centre: Point, radius: float = 12) -> Box:
        """Draw the sign of an elementwise addition."""
        x, y = centre
        arm = radius * 0.58
        self.add("circle", "box dense", cx=x, cy=y, r=radius)
        self.line([(x - arm, y), (x + arm, y)])
        self.line([(x, y - arm), (x, y + arm)])
        return Box(x - radius, y - radius, 2 * radius, 2 * radius)

    def line(
        self, points: Sequence[Point], cls: str = "line", radius: float = 10
    ) -> None:
        """Draw a line through points; its right angles are rounded."""
        d = f"M{pair(points[0])}"
        for i in range(1, len(points) - 1):
            before, corner, after = points[i - 1 : i + 2]
            (ax, ay), (bx, by) = before, corner
            turn = (bx - ax) * (after[1] - by) - (by - ay) * (after[0] - bx)
            d += f"L{pair(towards(corner, before, radius))}"
            d += f"A{pair((radius, radius))} 0 0 {int(turn > 0)} "
            d += pair(towards(corner, after, radius))
        self.add("path", f"path {cls}", d=f"{d}L{pair(points[-1])}")

    def arrow(
        self, points: Sequence[Point], cls: str = "line", radius: float = 10
    ) -> None:
        """Draw a line with a head whose tip is the last point."""
        tip, before = points[-1], points[-2]
        self.line([*points[:-1], towards(tip, before, HEAD - 1)], cls, radius)
        x, y = towards(tip, before, HEAD)
        dx, dy = (tip[0] - x) / 2, (tip[1] - y) / 2
        corners = tip, (x - dy, y + dx), (x + dy, y - dx)
        fill = f"{cls.split(' ')[0]}-fill"
        self.add("polygon", fill, points=" ".join(map(pair, corners)))

    def chain(self, boxes: Sequence[Box]) -> None:
        """Draw an arrow from each box down to the next."""
        for above, below in pairwise(boxes):
            self.arrow([above.bottom, below.top])

    def svg(self) -> str:
        """The file's text, one element a line."""
        for element in (self.root, *self.root):
            element.tail = "\n"
        self.root.text = "\n"
        return ElementTree.tostring(self.root, encoding="unicode")


def add_formula(element: ElementTree.Element, formula: str) -> None:
    """Append a formula to a text element: letters italic, the rest not."""
    drop = 0
    for token in re.findall(r"_.|[^\W\d_]+|[\W\d]+", formula):
        kind = "math var" if token[0].isalpha() else "math"
        depth = 4 if token[0] == "_" else 0
        if depth:
            kind, token = "math sub", token[1:]
        part = ElementTree.SubElement(element, "tspan", {"class": kind})
        if depth != drop:
            part.set("dy", number(depth - drop))
        part.text, drop = token, depth
