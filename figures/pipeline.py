"""How the book is made: one chapter, three notebooks, one page."""

from shapes import Box, Figure

from d2lutils.frameworks import FRAMEWORKS as TABLE

WIDTH, HEIGHT = 440, 756
X = WIDTH / 2
PLACES = ("conv", 80), ("norm", X), ("act", 360)
FRAMEWORKS = [  # an error if there is no place for one
    (row.name, kind, x)
    for row, (kind, x) in zip(TABLE.values(), PLACES, strict=True)
]


def prose(figure: Figure, x: float, y: float, *widths: float) -> None:
    """Draw strokes that stand for lines of text."""
    for i, width in enumerate(widths):
        shape = {"x": x, "y": y + 10 * i, "width": width, "height": 4}
        figure.add("rect", cls="outline-fill", rx=2, **shape)


def chapter(figure: Figure, top: float) -> Box:
    """Draw a chapter: prose, and a cell for each framework."""
    sheet = Box(X - 95, top, 190, 190)
    figure.rect(sheet, "box paper")
    figure.label((X, top + 22), "one chapter", "strong")
    figure.label((X, top + 43), "in Markdown", "small muted")
    prose(figure, sheet.x + 20, top + 60, 150, 116)
    for i, (name, kind, _) in enumerate(FRAMEWORKS):
        figure.box((X, top + 86 + 31 * i), (150, 25), name, kind)
    return sheet


def notebook(
    figure: Figure, x: float, top: float, name: str, kind: str
) -> Box:
    """Draw a notebook that holds one framework's cells."""
    sheet = Box(x - 62, top, 124, 110)
    figure.rect(sheet, "box paper")
    figure.label((x, top + 20), "notebook", "strong")
    prose(figure, x - 48, top + 40, 96, 72)
    cell = figure.box((x, top + 62), (96, 26), name, kind)
    prose(figure, x - 48, cell.bottom[1] + 8, 60)
    return sheet


def kernel(figure: Figure, x: float, top: float) -> Box:
    """Draw the process that runs one notebook."""
    pill = Box(x - 62, top, 124, 32)
    figure.rect(pill, "box dense", 16)
    figure.label((x + 9, top + 16), "own kernel", "small")
    left, y = pill.x + 14, top + 16
    points = f"{left},{y - 6} {left + 10},{y} {left},{y + 6}"
    figure.add("polygon", cls="learned-fill", points=points)
    return pill


def page(figure: Figure, top: float) -> None:
    """Draw the page, with the code and output under its first tab."""
    sheet = Box(X - 170, top, 340, 192)
    figure.rect(sheet, "box paper")
    figure.label((X, top + 22), "one page, three tabs", "strong")
    left = sheet.x + 20
    prose(figure, left, top + 42, 300, 236)
    for i, (name, kind, _) in enumerate(FRAMEWORKS):
        x, y = left + 100 * i, top + 68
        outline = f"M{x:g} {y + 28:g}v-22q0 -6 6 -6h88q6 0 6 6v22z"
        figure.add("path", cls=f"box {kind}", d=outline)
        figure.label((x + 50, y + 14), name)
    panel = Box(left, top + 96, 300, 80)
    figure.rect(panel, "box paper", 0)
    figure.line(
        [(left, panel.y - 2), (left + 100, panel.y - 2)], "learned bold"
    )
    prose(figure, left + 14, top + 116, 112, 88, 100, 64)
    x, y = left + 160, panel.y + 66
    figure.line([(x, y - 52), (x, y), (x + 124, y)], radius=0.1)
    figure.add(
        "path",
        cls="path shortcut",
        d=f"M{x + 6:g} {y - 48:g}c16 36 40 40 112 42",
    )


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "pipeline",
        "How the book is made",
        "A diagram read from top to bottom. One chapter holds prose and, "
        "for each step, a cell in PyTorch, TensorFlow and MXNet. It is "
        "split into three notebooks, one for each framework. Each is run "
        "in a kernel of its own. The results are merged into one page "
        "that shows the three frameworks in three tabs.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    sheet = chapter(figure, 20)
    sheets = [notebook(figure, x, 286, n, k) for n, k, x in FRAMEWORKS]
    pills = [kernel(figure, x, 440) for _, _, x in FRAMEWORKS]
    split, merge, top = 248, 506, 544
    for above, below in zip(sheets, pills, strict=True):
        x = above.top[0]
        figure.arrow([above.bottom, below.top])
        if x == X:
            figure.arrow([sheet.bottom, above.top])
            figure.arrow([below.bottom, (X, top)])
        else:
            figure.arrow([(X, split - 12), (X, split), (x, split), above.top])
            figure.line(
                [below.bottom, (x, merge), (X, merge), (X, merge + 12)]
            )
    for y, verb in [(228, "split"), (418, "run"), (525, "merge")]:
        figure.label((X + 14, y), verb, "strong start")
    page(figure, top)
    return figure
