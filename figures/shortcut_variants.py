"""The basic block with an identity and with a projection shortcut."""

from shapes import Box, Figure

WIDTH, HEIGHT = 480, 592
BOX_WIDTH = 116
LEFT, RIGHT, SIDE = 82, 274, 400
TOP, BRANCH, FIRST = 88, 120, 138
TALL, LOW, GAP = 46, 34, 22


def main_path(
    figure: Figure, x: float, stride: int, shapes: tuple[str, str]
) -> tuple[list[Box], Box]:
    """Draw the layers of a block; return them and its plus sign."""
    y, layers = FIRST, []
    for text, kind in [
        (("3×3 conv", f"stride {stride}"), "conv"),
        ("batch norm", "norm"),
        ("ReLU", "act"),
        (("3×3 conv", "stride 1"), "conv"),
        ("batch norm", "norm"),
    ]:
        size = BOX_WIDTH, TALL if kind == "conv" else LOW
        layers.append(figure.box((x, y), size, text, kind))
        y = layers[-1].bottom[1] + GAP
    add = figure.plus((x, y + 20))
    last = figure.box((x, y + 54), (BOX_WIDTH, LOW), "ReLU", "act")
    bottom = last.bottom[1] + 28

    figure.label((x, TOP), shapes[0])
    figure.arrow([(x, TOP + 12), layers[0].top])
    figure.chain([*layers, add, last])
    figure.arrow([last.bottom, (x, bottom)])
    figure.label((x, bottom + 14), shapes[1])
    return layers, add


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "shortcut_variants",
        "A basic block with an identity or a projection shortcut",
        "Two basic blocks, read from top to bottom. Each main path is a "
        "3×3 convolution, batch normalisation, ReLU, a second 3×3 "
        "convolution and batch normalisation, then an addition and a last "
        "ReLU. Left, with stride 1, the input of shape 64×56×56 goes to the "
        "addition unchanged along a solid line, and the output has the same "
        "shape. Right, the first convolution has stride 2, so a dashed "
        "shortcut goes through a 1×1 convolution with stride 2 and batch "
        "normalisation: both paths turn 64×56×56 into 128×28×28.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()

    figure.label((103, 28), "Identity shortcut", "strong")
    figure.label((103, 52), "same shape", "small muted")
    layers, add = main_path(figure, LEFT, 1, ("64×56×56", "64×56×56"))
    side = layers[0].right[0] + 24
    figure.arrow(
        [(LEFT, BRANCH), (side, BRANCH), (side, add.right[1]), add.right],
        "shortcut thick",
    )
    figure.dot((LEFT, BRANCH), "shortcut")

    figure.label((337, 28), "Projection shortcut", "strong")
    figure.label((337, 52), "half the size, twice the channels", "small muted")
    layers, add = main_path(figure, RIGHT, 2, ("64×56×56", "128×28×28"))
    middle = layers[2].centre[1]
    conv = figure.box(
        (SIDE, middle - 56), (106, TALL), ("1×1 conv", "stride 2"), "conv"
    )
    norm = figure.box(
        (SIDE, conv.bottom[1] + GAP), (106, LOW), "batch norm", "norm"
    )
    style = "projection thick dashed"
    figure.arrow([(RIGHT, BRANCH), (SIDE, BRANCH), conv.top], style)
    figure.arrow([conv.bottom, norm.top], "projection thick")
    figure.arrow([norm.bottom, (SIDE, add.right[1]), add.right], style)
    figure.dot((RIGHT, BRANCH), "projection")
    figure.label((342, add.right[1] - 13), "128×28×28", "small muted")
    return figure
