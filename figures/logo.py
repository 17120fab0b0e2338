"""The book's mark: a residual block."""

from shapes import Box, Figure


def mark(name: str, size: float, stroke: float) -> Figure:
    """Draw a line through a box into a plus sign, and an arc over the box.

    Args:
        name: The figure's name.
        size: Its natural width and height.
        stroke: The width of its lines, on a grid of 64 by 64.
    """
    figure = Figure(
        name,
        "The mark of the book",
        "A residual block, white on blue: a line runs through a box into a "
        "plus sign in a circle, and an arc leads over the box to the sign.",
        64,
        64,
    )
    figure.root.set("width", f"{size:g}")
    figure.root.set("height", f"{size:g}")
    figure.rect(Box(0, 0, 64, 64), "badge-fill", 13)
    width = f"{stroke:g}"
    path = "M5 43H59M10 43V32A18.5 18.5 0 0 1 47 32V43"
    figure.add("path", cls="round mark", d=path, stroke_width=width)
    figure.add("rect", cls="mark-fill", x=17, y=34, width=16, height=18, rx=2)
    figure.add("circle", cls="mark-fill", cx=47, cy=43, r=10)
    plus = "M41.5 43H52.5M47 37.5V48.5"
    figure.add("path", cls="round badge", d=plus, stroke_width=width)
    return figure


def draw() -> Figure:
    """Draw the figure."""
    return mark("logo", 128, 4)
