"""A basic block of 64 channels beside a bottleneck of 256."""

from shapes import Box, Figure, Point, pair

WIDTH, HEIGHT = 480, 720
PER_CHANNEL = 1.14  # pixels of width
WIDE, NARROW = 256, 64
LEFT, RIGHT = 66, 290
TALL, LOW = 46, 26  # of a convolution, of what follows it
SEAM, GAP = 3, 34
COSTS = 668

Layers = list[tuple[int, int, int]]  # kernel size, channels in and out
BASIC: Layers = [(3, NARROW, NARROW), (3, NARROW, NARROW)]
BOTTLENECK: Layers = [
    (1, WIDE, NARROW),
    (3, NARROW, NARROW),
    (1, NARROW, WIDE),
]


def funnel(figure: Figure, top: Point, layer: tuple[int, int, int]) -> Point:
    """Draw a convolution, on either side as wide as its channels.

    Returns:
        The middle of its lower edge.
    """
    (x, y), (kernel, before, after) = top, layer
    above, below = before * PER_CHANNEL / 2, after * PER_CHANNEL / 2
    corners = [
        (x - above, y),
        (x + above, y),
        (x + below, y + TALL),
        (x - below, y + TALL),
    ]
    figure.add("polygon", "box conv", points=" ".join(map(pair, corners)))
    figure.label((x, y + TALL / 2 - 8.5), f"{kernel}×{kernel}")
    figure.label((x, y + TALL / 2 + 9.5), "conv", "small muted")
    return x, y + TALL


def bar(figure: Figure, top: Point, channels: int, text: str) -> Point:
    """Draw what works on each channel; return its lower edge's middle."""
    width = channels * PER_CHANNEL
    box = Box(top[0] - width / 2, top[1], width, LOW)
    figure.rect(box, "box norm" if text == "BN" else "box act", 2)
    figure.label(box.centre, text)
    return box.bottom


def main_path(figure: Figure, start: Point, layers: Layers) -> Box:
    """Draw a block but for its shortcut; return its plus sign."""
    x, y = start
    figure.label((x, y), f"{layers[0][1]} channels")
    end = x, y + 12
    for index, layer in enumerate(layers, start=1):
        top = x, end[1] + GAP + (10 if index == 1 else 0)
        figure.arrow([end, top])
        end = funnel(figure, top, layer)
        end = bar(figure, (x, end[1] + SEAM), layer[2], "BN")
        if index < len(layers):
            end = bar(figure, (x, end[1] + SEAM), layer[2], "ReLU")
            middle = x + 12, end[1] + GAP / 2
            figure.label(middle, f"{layer[2]}", "start")
    add = figure.plus((x, end[1] + GAP + 6))
    figure.arrow([end, add.top])
    top = x, add.bottom[1] + GAP - 6
    figure.arrow([add.bottom, top])
    end = bar(figure, top, layers[-1][2], "ReLU")
    figure.arrow([end, (x, end[1] + GAP)])
    figure.label((x, end[1] + GAP + 13), f"{layers[-1][2]} channels")
    return add


def block(figure: Figure, start: Point, title: str, layers: Layers) -> None:
    """Draw a block with its title, its shortcut and its weights."""
    x, y = start
    figure.label((x, 28), title, "strong")
    add = main_path(figure, start, layers)
    branch = x, y + 24
    side = x + layers[0][1] * PER_CHANNEL / 2 + 18
    corners = (side, branch[1]), (side, add.right[1])
    figure.arrow([branch, *corners, add.right], "shortcut thick")
    figure.dot(branch, "shortcut")
    weights = sum(k * k * before * after for k, before, after in layers)
    figure.label((x, COSTS), f"{weights:,}", "strong")
    figure.label((x, COSTS + 22), "weights", "small muted")


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "bottleneck",
        "A basic block and a bottleneck of about the same cost",
        "Two blocks side by side, read from top to bottom, in which the "
        "width of a layer shows its number of channels. Left, the basic "
        "block, 64 channels wide throughout: a 3×3 convolution, batch "
        "normalisation (BN), ReLU, a second 3×3 convolution and batch "
        "normalisation; the shortcut adds the input, and a ReLU follows. "
        "Right, the bottleneck, which begins and ends with 256 channels: a "
        "1×1 convolution narrows them to 64, a 3×3 convolution keeps 64, "
        "and a 1×1 convolution widens them to 256; batch normalisation "
        "follows each, ReLU the first two; then the shortcut adds the "
        "input, and a ReLU follows. The basic block has 73,728 weights in "
        "its convolutions, the bottleneck 69,632.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    block(figure, (LEFT, 136), "Basic block", BASIC)
    block(figure, (RIGHT, 66), "Bottleneck", BOTTLENECK)
    return figure
