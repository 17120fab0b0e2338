"""The post-activation block beside the pre-activation block."""

from shapes import Figure

WIDTH, HEIGHT = 480, 616
LEFT, RIGHT = 60, 300  # of the direct paths
BRANCH = 104  # from the direct path to the layers
BOX_WIDTH, BOX_HEIGHT, GAP = 116, 36, 18
TOP, FIRST = 100, 146
KINDS = {"3×3 conv": "conv", "batch norm": "norm", "ReLU": "act"}


def block(
    figure: Figure, x: float, layers: list[str], after: str = ""
) -> None:
    """Draw a block: a straight direct path, and the layers beside it."""
    figure.label((x, TOP - 16), "$x$")
    y, boxes = FIRST, []
    for text in layers:
        size = BOX_WIDTH, BOX_HEIGHT
        boxes.append(figure.box((x + BRANCH, y), size, text, KINDS[text]))
        y += BOX_HEIGHT + GAP
    start, end = (x, FIRST - 24), FIRST + 6 * (BOX_HEIGHT + GAP) + 8
    add = figure.plus((x, end))
    side = x + BRANCH
    figure.arrow([start, (side, start[1]), boxes[0].top])
    figure.chain(boxes)
    figure.arrow([boxes[-1].bottom, (side, end), add.right])
    figure.arrow([(x, TOP - 2), add.top], "shortcut bold")
    figure.dot(start, "shortcut")
    last, bottom = add, HEIGHT - 34
    if after:
        size = 76, BOX_HEIGHT
        last = figure.box((x, end + 32), size, after, KINDS[after])
        figure.arrow([add.bottom, last.top], "shortcut bold")
    figure.arrow([last.bottom, (x, bottom)], "shortcut bold")
    figure.label((x, HEIGHT - 18), "$y$")


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "preactivation",
        "A post-activation block and a pre-activation block",
        "Two residual blocks, read from top to bottom; a thick straight "
        "line is the direct path from input to output, and the layers stand "
        "beside it. Left, post-activation: 3×3 convolution, batch "
        "normalisation, ReLU, 3×3 convolution and batch normalisation lead "
        "to a plus sign on the direct path, and after the plus sign a ReLU "
        "stands on the path itself. Right, pre-activation: batch "
        "normalisation, ReLU, 3×3 convolution, batch normalisation, ReLU and "
        "3×3 convolution lead to the plus sign, and nothing else stands on "
        "the direct path.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    conv, norm, relu = KINDS
    figure.label((LEFT + 62, 28), "Post-activation", "strong")
    figure.label((LEFT + 62, 52), "a ReLU on the path", "small muted")
    block(figure, LEFT, [conv, norm, relu, conv, norm], after=relu)
    figure.label((RIGHT + 62, 28), "Pre-activation", "strong")
    figure.label((RIGHT + 62, 52), "a clean path", "small muted")
    block(figure, RIGHT, [norm, relu, conv] * 2)
    return figure
