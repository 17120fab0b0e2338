"""A regular block beside a residual block."""

from shapes import Box, Figure

WIDTH, HEIGHT = 452, 548
BOX = 136, 38
GAP = 24
LEFT, RIGHT = 112, 312


def block(
    figure: Figure, x: float, title: str, learns: str
) -> tuple[Box, Box, Box]:
    """Draw what both blocks share.

    Returns:
        The dotted frame, the last layer in it, and the one after it.
    """
    figure.label((x, 26), title, "strong")
    figure.label((x, 50), learns)
    figure.label((x, 84), "$x$")
    y = 148
    layers = []
    for text, kind in [
        ("weight layer", "conv"),
        ("activation", "act"),
        ("weight layer", "conv"),
    ]:
        layers.append(figure.box((x, y), BOX, text, kind))
        y += BOX[1] + GAP
    figure.arrow([(x, 97), layers[0].top])
    figure.chain(layers)
    frame = Box(x - 88, 132, 176, layers[-1].bottom[1] + 16 - 132)
    figure.rect(frame, "frame learned", 8)
    last = figure.box((x, 424), BOX, "activation", "act")
    figure.arrow([last.bottom, (x, last.bottom[1] + 28)])
    return frame, layers[-1], last


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "residual_block",
        "A regular block and a residual block",
        "Two blocks side by side, both read from top to bottom. Left, the "
        "regular block: the input x passes through a weight layer, an "
        "activation and a second weight layer, framed by a dotted line as "
        "the part that must learn f(x); an activation follows. Right, the "
        "residual block: the same layers in the dotted frame must learn "
        "only g(x) = f(x) − x, because a solid line, the shortcut, carries "
        "x around them to a plus sign, where g(x) + x = f(x) is formed; "
        "the activation follows the addition.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    _, last, after = block(figure, LEFT, "Regular block", "learns $f(x)$")
    figure.arrow([last.bottom, after.top])
    figure.label((LEFT + 12, 366), "$f(x)$", "start")

    frame, last, after = block(
        figure, RIGHT, "Residual block", "learns $g(x) = f(x) − x$"
    )
    add = figure.plus((RIGHT, 366))
    figure.arrow([last.bottom, add.top])
    figure.arrow([add.bottom, after.top])
    figure.label((RIGHT - 12, 342), "$g(x)$", "end")
    figure.label((RIGHT - 12, 398), "$g(x) + x = f(x)$", "end")
    start, side = (RIGHT, 114), frame.right[0] + 22
    figure.arrow(
        [start, (side, start[1]), (side, add.right[1]), add.right],
        "shortcut thick",
    )
    figure.dot(start, "shortcut")
    figure.label(((RIGHT + side) / 2 + 8, 101), "shortcut", "small")
    figure.label(((RIGHT + side) / 2 + 8, 354), "$x$")

    figure.rect(Box(109, 514, 30, 18), "frame learned", 4)
    figure.label((150, 523), "what the layers must learn", "small start")
    return figure
