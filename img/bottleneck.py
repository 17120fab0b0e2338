"""A basic block of 64 channels beside a bottleneck of 256."""

from shapes import Box, Figure, pair

WIDTH, HEIGHT = 480, 652
PER_CHANNEL = 1.14  # pixels of width for each channel
LEFT, RIGHT = 62, 286
TOP, BRANCH, FIRST = 88, 128, 146
TALL, LOW, GAP = 46, 26, 22
WIDE, NARROW = 256, 64


def conv(
    figure: Figure,
    top: tuple[float, float],
    kernel: int,
    channels: tuple[int, int],
) -> Box:
    """Draw a convolution, as wide above and below as its channels."""
    x, y = top
    above, below = (n * PER_CHANNEL / 2 for n in channels)
    corners = [
        (x - above, y),
        (x + above, y),
        (x + below, y + TALL),
        (x - below, y + TALL),
    ]
    figure.add("polygon", "box conv", points=" ".join(map(pair, corners)))
    figure.label((x, y + TALL / 2), f"{kernel}×{kernel}")
    return Box(x - below, y, 2 * below, TALL)


def main_path(
    figure: Figure, x: float, layers: list[tuple[int, tuple[int, int]]]
) -> tuple[Box, float]:
    """Draw the layers of a block; return its plus sign and its end."""
    y = FIRST
    figure.arrow([(x, TOP + 12), (x, y)])
    for index, (kernel, channels) in enumerate(layers, start=1):
        bottom = conv(figure, (x, y), kernel, channels).bottom
        width = channels[1] * PER_CHANNEL
        norm = figure.box((x, bottom[1]), (width, LOW), "BN", "norm")
        end = norm.bottom
        if index < len(layers):
            act = figure.box(end, (width, LOW), "ReLU", "act")
            end = act.bottom
            figure.label((x + 12, end[1] + GAP / 2), f"{channels[1]}", "start")
        y = end[1] + GAP
        if index < len(layers):
            figure.arrow([end, (x, y)])
    add = figure.plus((x, y + 14))
    figure.arrow([end, add.top])
    last = figure.box(
        (x, add.bottom[1] + 18), (channels[1] * PER_CHANNEL, LOW), "ReLU", "act"
    )
    figure.arrow([add.bottom, last.top])
    out = last.bottom[1] + 30
    figure.arrow([last.bottom, (x, out)])
    figure.label((x, out + 13), f"{channels[1]}")
    return add, out + 13


def block(
    figure: Figure,
    x: float,
    name: str,
    layers: list[tuple[int, tuple[int, int]]],
    widest: int,
) -> None:
    """Draw a block with its title, its shortcut and its weights."""
    figure.label((x, 28), name, "strong")
    figure.label((x, TOP), f"{layers[0][1][0]}")
    add, end = main_path(figure, x, layers)
    side = x + widest * PER_CHANNEL / 2 + 18
    figure.arrow(
        [(x, BRANCH - 12), (side, BRANCH - 12), (side, add.right[1]), add.right],
        "shortcut thick",
    )
    figure.dot((x, BRANCH - 12), "shortcut")
    weights = sum(k * k * a * b for k, (a, b) in layers)
    figure.label((x, end + 34), f"{weights:,}", "strong")
    figure.label((x, end + 54), "weights", "small muted")


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "bottleneck",
        "A basic block and a bottleneck block of about equal cost",
        "Two blocks",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    same = NARROW, NARROW
    block(figure, LEFT, "Basic block", [(3, same), (3, same)], NARROW)
    layers = [(1, (WIDE, NARROW)), (3, same), (1, (NARROW, WIDE))]
    block(figure, RIGHT, "Bottleneck", layers, WIDE)
    return figure
