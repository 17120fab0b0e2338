"""The look of the book's figures, and the few shapes they are made of.

A figure is a list of SVG elements. Every colour is a CSS variable with a
fallback: a page that inlines the figure sets the variables (see
`figures.css`), and a stand-alone image falls back to the light palette.
Coordinates are in pixels at the figure's natural size, y pointing down.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from xml.etree import ElementTree

Point = tuple[float, float]

# name: (light, dark). The hues are those of Okabe and Ito, whom readers
# with any colour vision can tell apart; the fills are tints of them.
PALETTE = {
    "paper": ("#ffffff", "transparent"),
    "ink": ("#1b222b", "#e9edf2"),
    "muted": ("#4c5763", "#b3bdc8"),
    "line": ("#46515e", "#b9c3ce"),
    "outline": ("#7c8794", "#7c8794"),
    "shortcut": ("#0072b2", "#56b4e9"),
    "projection": ("#d55e00", "#e69f00"),
    "learned": ("#008a64", "#2fbf95"),
    "badge": ("#0072b2", "#0072b2"),
    "mark": ("#ffffff", "#ffffff"),
    "conv": ("#dcecf7", "#17394f"),
    "norm": ("#fdf1d7", "#483a18"),
    "act": ("#daf1e8", "#174436"),
    "pool": ("#f6e4ee", "#4a2a3e"),
    "dense": ("#e9edf1", "#2c3540"),
}
SIZES = {"text": 15, "small": 13.5, "strong": 16, "math": 17, "sub": 13.5}
SANS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
SERIF = "'STIX Two Text', Cambria, Georgia, 'Times New Roman', serif"
FILLS = ("conv", "norm", "act", "pool", "dense")
LINES = (
    "badge",
    "mark",
    "line",
    "outline",
    "shortcut",
    "projection",
    "learned",
)
HEAD = 9  # length of an arrowhead; it is as wide as it is long


def colour(name: str) -> str:
    """The CSS value of a palette entry: a variable with a fallback."""
    return f"var(--fig-{name}, {PALETTE[name][0]})"


def style_sheet() -> str:
    """The rules that every figure carries; harmless when repeated."""
    rules = {
        "text": f"font: {SIZES['text']}px {SANS}; text-anchor: middle; "
        f"fill: {colour('ink')}",
        ".small": f"font-size: {SIZES['small']}px",
        ".strong": f"font-size: {SIZES['strong']}px; font-weight: 600",
        ".muted": f"fill: {colour('muted')}",
        ".start": "text-anchor: start",
        ".end": "text-anchor: end",
        ".math": f"font-family: {SERIF}; font-size: {SIZES['math']}px",
        ".var": "font-style: italic",
        ".sub": f"font-size: {SIZES['sub']}px",
        ".paper": f"fill: {colour('paper')}",
        ".frame": "fill: none; stroke-width: 2.5; stroke-linecap: round; "
        "stroke-dasharray: 0.1 6",
        ".group": "fill: none",
        ".round": "fill: none; stroke-linecap: round",
        ".path": "fill: none; stroke-width: 2",
        ".thick": "stroke-width: 2.5",
        ".bold": "stroke-width: 4",
        ".dotted": "stroke-width: 1.5; stroke-dasharray: 2 3",
        ".region": f"fill: {colour('conv')}; fill-opacity: 0.5",
        ".dashed": "stroke-dasharray: 7 4",
        ".bar": f"fill: {colour('conv')}; stroke-width: 1.5",
        ".card": f"fill: {colour('paper')}; stroke-width: 1.5",
        ".box": f"stroke-width: 1.5; stroke: {colour('line')}",
    }
    rules |= {f".{name}": f"fill: {colour(name)}" for name in FILLS}
    for name in LINES:
        rules[f".{name}"] = f"stroke: {colour(name)}"
        rules[f".{name}-fill"] = f"fill: {colour(name)}"
    return "\n".join(f".bookfig {k} {{ {v}; }}" for k, v in rules.items())


def page_css() -> str:
    """What a page adds so that inlined figures follow its theme."""

    def block(selector: str, column: int, indent: str = "") -> str:
        values = {name: pair[column] for name, pair in PALETTE.items()}
        values["paper"] = "transparent"  # the page's own background shows
        lines = [f"  --fig-{name}: {v};" for name, v in values.items()]
        rows = [f"{selector} {{", *lines, "}"]
        return "\n".join(indent + row for row in rows)

    light = block('html,\nhtml[data-theme="light"]', 0)
    dark = block('html[data-theme="dark"]', 1, "  ")
    return (
        "/* Written by img/draw.py from the palette in img/style.py. */\n"
        ".bookfig { max-width: 100%; height: auto; }\n"
        f"{light}\n"
        "/* On paper the light palette holds. */\n"
        f"@media screen {{\n{dark}\n}}\n"
    )


def number(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    return f"{round(value, 2) + 0:g}"


@dataclass(frozen=True)
class Box:
    """A rectangle, and the points where lines meet it."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def top(self) -> Point:
        return self.centre[0], self.y

    @property
    def bottom(self) -> Point:
        return self.centre[0], self.y + self.height

    @property
    def left(self) -> Point:
        return self.x, self.centre[1]

    @property
    def right(self) -> Point:
        return self.x + self.width, self.centre[1]


class Figure:
    """An SVG drawing with a title and a description for screen readers."""

    def __init__(
        self, name: str, title: str, desc: str, width: float, height: float
    ):
        self.name = name
        ids = f"{name}-title", f"{name}-desc"
        self.root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": "bookfig",
                "viewBox": f"0 0 {number(width)} {number(height)}",
                "width": number(width),
                "height": number(height),
                "role": "img",
                "aria-labelledby": " ".join(ids),
            },
        )
        self.add("title", id=ids[0]).text = title
        self.add("desc", id=ids[1]).text = desc
        self.add("style").text = f"\n{style_sheet()}\n"

    def add(self, tag: str, **attributes) -> ElementTree.Element:
        """Append an element; numbers are rounded, `cls` is the class."""
        named = {
            "class" if k == "cls" else k: v for k, v in attributes.items()
        }
        return ElementTree.SubElement(
            self.root,
            tag,
            {
                k.replace("_", "-"): v if isinstance(v, str) else number(v)
                for k, v in named.items()
            },
        )

    def paper(self) -> None:
        """Lay a background under the figure."""
        _, _, width, height = map(float, self.root.get("viewBox").split())
        self.add("rect", cls="paper", width=width, height=height, rx=6)

    def label(self, at: Point, text: str, cls: str = "") -> None:
        """Write one line of text, centred vertically on a point.

        Between dollar signs letters are set as variables: `"$f(x)$"`; an
        underscore makes a subscript of the next character.
        """
        size = SIZES.get(cls.split(" ")[0], SIZES["text"])
        element = self.add("text", x=at[0], y=at[1] + 0.35 * size)
        if cls:
            element.set("class", cls)
        parts = text.split("$")
        element.text = parts[0]
        for i, part in enumerate(parts[1:], start=1):
            if i % 2:
                add_formula(element, part)
            else:
                element[-1].tail = part

    def rect(self, box: Box, cls: str, radius: float = 6) -> None:
        """Draw a rectangle with rounded corners."""
        shape = {"width": box.width, "height": box.height, "rx": radius}
        self.add("rect", cls=cls, x=box.x, y=box.y, **shape)

    def box(
        self,
        top: Point,
        size: tuple[float, float],
        lines: str | Sequence[str],
        kind: str,
    ) -> Box:
        """Draw a labelled box that hangs from the middle of its top edge.

        Args:
            top: The middle of the top edge.
            size: Width and height.
            lines: Its text; a second line is set smaller.
            kind: The fill, one of `FILLS`.
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

    def frame(self, box: Box, radius: float = 8) -> None:
        """Draw a dotted frame around what is learned."""
        self.rect(box, "frame learned", radius)

    def dot(self, at: Point, cls: str = "line", radius: float = 3.5) -> None:
        """Mark where a line branches off."""
        self.add("circle", cls=f"{cls}-fill", cx=at[0], cy=at[1], r=radius)

    def plus(self, centre: Point, radius: float = 12) -> Box:
        """Draw the sign of an elementwise addition."""
        x, y = centre
        arm = radius * 0.58
        self.add("circle", cls="box dense", cx=x, cy=y, r=radius)
        d = f"M{number(x - arm)} {number(y)}H{number(x + arm)}"
        d += f"M{number(x)} {number(y - arm)}V{number(y + arm)}"
        self.add("path", cls="path line", d=d)
        return Box(x - radius, y - radius, 2 * radius, 2 * radius)

    def line(
        self, points: Sequence[Point], cls: str = "line", radius: float = 10
    ) -> None:
        """Draw a line through points, its corners rounded to right angles."""
        d = f"M{number(points[0][0])} {number(points[0][1])}"
        for before, corner, after in zip(points, points[1:], points[2:]):
            a = towards(corner, before, radius)
            b = towards(corner, after, radius)
            turn = (corner[0] - before[0]) * (after[1] - corner[1])
            turn -= (corner[1] - before[1]) * (after[0] - corner[0])
            r = number(radius)
            d += f"L{number(a[0])} {number(a[1])}A{r} {r} 0 0 {int(turn > 0)} "
            d += f"{number(b[0])} {number(b[1])}"
        d += f"L{number(points[-1][0])} {number(points[-1][1])}"
        self.add("path", cls=f"path {cls}", d=d)

    def arrow(
        self, points: Sequence[Point], cls: str = "line", radius: float = 10
    ) -> None:
        """Draw a line whose head touches the last point with its tip."""
        tip = points[-1]
        neck = towards(tip, points[-2], HEAD)
        stop = towards(tip, points[-2], HEAD - 1)
        self.line([*points[:-1], stop], cls, radius)
        dx, dy = (tip[0] - neck[0]) / 2, (tip[1] - neck[1]) / 2
        corners = (
            tip,
            (neck[0] - dy, neck[1] + dx),
            (neck[0] + dy, neck[1] - dx),
        )
        text = " ".join(f"{number(x)},{number(y)}" for x, y in corners)
        colour_name = cls.split(" ")[0]
        self.add("polygon", cls=f"{colour_name}-fill", points=text)

    def svg(self) -> str:
        """The file's text, one element a line."""
        head, tail = ElementTree.tostring(
            ElementTree.Element("svg", self.root.attrib),
            encoding="unicode",
            short_empty_elements=False,
        ).split("></")
        rows = [ElementTree.tostring(e, encoding="unicode") for e in self.root]
        return "\n".join([f"{head}>", *rows, f"</{tail}"]) + "\n"


def add_formula(element: ElementTree.Element, formula: str) -> None:
    """Append a formula to a text element: letters italic, the rest not."""
    drop = 0
    for token in re.findall(r"_.|[^\W\d_]+|[\W\d]+", formula):
        kind, shift = "math", -drop
        if token[0] == "_":
            token, kind, shift = token[1:], "math sub", 4 - drop
        elif token[0].isalpha():
            kind = "math var"
        drop += shift
        part = ElementTree.SubElement(element, "tspan", {"class": kind})
        if shift:
            part.set("dy", number(shift))
        part.text = token


def towards(start: Point, end: Point, distance: float) -> Point:
    """The point at a distance from the start on the way to the end."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    t = distance / length
    return (
        start[0] + t * (end[0] - start[0]),
        start[1] + t * (end[1] - start[1]),
    )
